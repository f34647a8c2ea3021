"""Where a text lies among others: by TF-IDF, which needs no download, or by any function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from aligntax.taxes.capability.functions import named_function

__all__ = ["BATCH", "Embedding", "Foreign", "TfIdf", "embedding", "unit_vectors"]

BATCH = 256
FEATURES = 2**18


class Embedding(Protocol):
    """What turns texts into vectors.

    Attributes:
        name: for the record.
        learns: whether it wants to see every sample of both arms before it embeds the first one.
    """

    name: str
    learns: bool

    def learn(self, tokens: Sequence[list[str]]) -> None:
        """Take some samples of either arm in."""

    def __call__(self, texts: Sequence[str], tokens: Sequence[list[str]]) -> Any:
        """Return a vector of length 1 for each text: shape (n, d), an array or a scipy.sparse matrix."""


class TfIdf:
    """TF-IDF of hashed tokens, fitted on the samples of both arms together, so that neither is measured by the other's.

        weight = count * (1 + ln((1 + samples) / (1 + samples with the token)))

    scikit-learn's `HashingVectorizer` and `TfidfTransformer`; tokens are hashed into 2^18 features, so that what it
    keeps does not grow with the vocabulary. It sees which words two texts share, and nothing of their meaning.
    """

    name = "TF-IDF of tokens, fitted on both arms together"
    learns = True

    def __init__(self) -> None:
        try:
            from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"the default embedding needs {error.name}, which is not installed; run: pip install 'aligntax[taxes]'",
                name=error.name,
            ) from error
        self._count = HashingVectorizer(analyzer=_as_they_are, n_features=FEATURES, norm=None, alternate_sign=False)
        self._weigh = TfidfTransformer(norm=None)
        self._samples = 0
        self._samples_with = np.zeros(FEATURES, dtype=np.int64)

    def learn(self, tokens: Sequence[list[str]]) -> None:
        """Count in how many samples each token is."""
        self._samples += len(tokens)
        self._samples_with += np.bincount(self._count.transform(tokens).indices, minlength=FEATURES)

    def __call__(self, texts: Sequence[str], tokens: Sequence[list[str]]) -> Any:  # noqa: ARG002 (as the protocol has it)
        """Return the vectors, as a scipy.sparse matrix of shape (n, 2^18 + 1)."""
        self._weigh.idf_ = np.log((1 + self._samples) / (1 + self._samples_with)) + 1
        return unit_vectors(self._weigh.transform(self._count.transform(tokens)))


class Foreign:
    """A function of the user's, which takes a list of texts and returns a row of numbers for each.

    Args:
        reference: the function, or `package.module:function`. Importing runs that module's code.

    Raises:
        ValueError: if there is no such function.
    """

    learns = False

    def __init__(self, reference: str | Callable[[list[str]], Any]) -> None:
        self._function, self.name = named_function(reference, "embedding", "a list of texts")
        self._width: int | None = None

    def learn(self, tokens: Sequence[list[str]]) -> None:
        """Do nothing: it comes fitted."""

    def __call__(self, texts: Sequence[str], tokens: Sequence[list[str]]) -> Any:  # noqa: ARG002 (as the protocol has it)
        """Return the vectors that the function gave, at length 1.

        Raises:
            ValueError: if it raised, or returned anything but a row of finite numbers for each text.
        """
        parts = [self._rows(list(texts[start : start + BATCH])) for start in range(0, len(texts), BATCH)]
        return unit_vectors(np.concatenate(parts))

    def _rows(self, texts: list[str]) -> Any:
        mend = "return one row of finite numbers for each text, all of the same length"
        try:
            found = self._function(texts)
            rows = np.asarray(found.toarray() if hasattr(found, "toarray") else found, dtype=np.float64)
        except Exception as error:  # its message may quote a text
            raise ValueError(f"the embedding {self.name} failed with a {type(error).__name__}; {mend}") from error
        if (
            rows.ndim != 2
            or len(rows) != len(texts)
            or not rows.shape[1]
            or rows.shape[1] != (self._width or rows.shape[1])
        ):
            raise ValueError(f"the embedding {self.name} returned shape {rows.shape} for {len(texts)} texts; {mend}")
        if not np.isfinite(rows).all():
            raise ValueError(f"the embedding {self.name} returned a number that is not finite; {mend}")
        self._width = rows.shape[1]
        return rows


def embedding(reference: str | Callable[[list[str]], Any] | None) -> Embedding:
    """Return the embedding that a user asked for, a function or `package.module:function`; TF-IDF for None.

    Raises:
        ValueError: as `Foreign`.
        ModuleNotFoundError: as `TfIdf` needs scikit-learn.
    """
    return TfIdf() if reference is None else Foreign(reference)


def unit_vectors(rows: Any) -> Any:
    """Return rows at length 1, with one more column: 1 for what had no length, so that empty texts are alike.

    Args:
        rows: shape (n, d); an array or a scipy.sparse matrix.

    Returns:
        Shape (n, d + 1), of the same kind.
    """
    from scipy import sparse

    if sparse.issparse(rows):
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        scaled = sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ rows
        return sparse.hstack((scaled, sparse.csr_array((lengths == 0).astype(np.float64)[:, None])), format="csr")
    largest = np.abs(rows).max(axis=1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1)  # so that huge and tiny ones can be squared
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.hstack((scaled / np.where(lengths > 0, lengths, 1), lengths == 0))


def _as_they_are(tokens: list[str]) -> list[str]:
    return tokens
