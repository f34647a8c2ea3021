"""A classifier that ONNX Runtime computes, with settings that suit a server."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aligntax.guards.arguments import chosen, listed, require_text
from aligntax.guards.classifier import Classifier
from aligntax.guards.guard import OnError
from aligntax.trace import Stage

__all__ = ["OnnxClassifier", "Tokenizer"]

Tokenizer = Callable[[str], Mapping[str, NDArray[Any]]]
"""From a text to what the graph's inputs are fed with, by their names: a batch of one."""

Activation = Literal["none", "sigmoid", "softmax"]

# Graphs that add up float32 shares, as a forest of trees does, end a little above 1 where they are surest.
_ROUNDING = 1e-5


class OnnxClassifier(Classifier):
    """Blocks a text to which a graph gives a high probability.

        probability = activation(session.run([output], tokenizer(text)))[0, index]
        block if probability >= threshold; else allow

    The session computes on the calling thread: one thread within an operation and between operations, and none that
    spins while it waits, which would take time from the model beside it. It has run once when it has been made.

    Args:
        model: an ONNX file, or its content.
        tokenizer: a function from a text to the graph's inputs. Called from several threads at once.
        threshold: probability from which on a text is blocked, 0 to 1.
        output: name of the output that holds the scores, (1, classes), (1,) or (); the first one where None.
        index: which of the classes is blocked, counted from 0, or from the end as -1.
        activation: what makes probabilities of the scores: "none", "sigmoid" or "softmax".
        label: what a hit is called.
        providers: ONNX Runtime's execution providers.
        on_hit: "block"; there is nothing to redact.
        name, stage, on_error: see `Guard`. A score that is no probability, such as NaN, is an error.

    Raises:
        ModuleNotFoundError: without ONNX Runtime; names the install command.
        TypeError, ValueError: for an argument that it cannot have, a file that ONNX Runtime cannot load, or a graph
            that does not go with the tokenizer and the settings.
    """

    def __init__(
        self,
        model: str | Path | bytes,
        tokenizer: Tokenizer,
        *,
        threshold: float = 0.5,
        output: str | None = None,
        index: int = -1,
        activation: Activation = "none",
        label: str = "hit",
        providers: Sequence[str] = ("CPUExecutionProvider",),
        on_hit: Literal["block"] = "block",
        name: str = "onnx_classifier",
        stage: Stage = "parallel",
        on_error: OnError = "closed",
    ) -> None:
        super().__init__(threshold, on_hit, name, stage, on_error)
        if not callable(tokenizer):
            raise TypeError(f"tokenizer: got a {type(tokenizer).__name__}; pass a function from a text to inputs")
        self._tokenizer = tokenizer
        if isinstance(index, bool) or not isinstance(index, int):
            raise TypeError(f"index: got {index!r}; pass the number of a class, from 0 on or from the end as -1")
        require_text(label, "label")
        self._index = index
        self._activation: Activation = chosen("activation", activation, ("none", "sigmoid", "softmax"))
        self._labels = (label,)
        self._session = _session(model, providers)
        outputs = [node.name for node in self._session.get_outputs()]
        self._outputs = [outputs[0] if output is None else chosen("output", output, outputs)]
        self._warm()

    def probability(self, text: str) -> float:
        """Return the probability that the graph gives to a text.

        Raises:
            ValueError: if what the graph returns is no probability of one text.
            Exception: of the tokenizer, or of ONNX Runtime.
        """
        (found,) = self._session.run(self._outputs, self._tokenizer(text))
        scores = np.asarray(found, dtype=np.float64)
        classes = scores.shape[-1] if scores.ndim > 1 else scores.size
        if scores.size != classes or not -classes <= self._index < classes:
            raise ValueError(
                f"output {self._outputs[0]!r} has shape {scores.shape}, which is not one text with a class "
                f"{self._index}; choose another output or index"
            )
        probability = _probability(scores.reshape(-1), self._index, self._activation)
        if not -_ROUNDING <= probability <= 1 + _ROUNDING:
            raise ValueError(
                f"output {self._outputs[0]!r} gave {probability}, which is no probability; activation='sigmoid' or "
                "'softmax' makes one of a finite score"
            )
        return min(max(probability, 0.0), 1.0)

    def _warm(self) -> None:
        try:
            self.probability("warm up")
        except ValueError:
            raise  # says already what does not fit
        except Exception as error:
            raise ValueError(
                f"the model does not run on what the tokenizer gives ({type(error).__name__}: {error}); its inputs are "
                f"{', '.join(f'{node.name} {node.type} {node.shape}' for node in self._session.get_inputs())}"
            ) from error


def _probability(scores: NDArray[np.float64], index: int, activation: Activation) -> float:
    score = float(scores[index])
    if activation == "none" or math.isnan(score):
        return score
    if activation == "sigmoid":
        return 1 / (1 + math.exp(-score)) if score > -700 else 0.0  # beyond, the exponential overflows
    with np.errstate(invalid="ignore"):  # of infinite scores: the result is NaN, which is refused
        exponentials = np.exp(scores - scores.max())
    return float(exponentials[index] / exponentials.sum())


def _session(model: str | Path | bytes, providers: Sequence[str]) -> Any:
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "OnnxClassifier needs onnxruntime; install it with: pip install 'aligntax[onnx]'", name="onnxruntime"
        ) from error
    # ONNX Runtime would go on without a provider whose name it does not know.
    wanted, known = listed("providers", providers), onnxruntime.get_all_providers()
    for provider in wanted:
        if provider not in known:
            raise ValueError(f"providers: {provider!r} is unknown; use any of {', '.join(map(repr, known))}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    given = model if isinstance(model, bytes) else str(model)
    try:
        return onnxruntime.InferenceSession(given, options, providers=wanted)
    except Exception as error:
        shown = f"{len(given):,} bytes" if isinstance(given, bytes) else given
        raise ValueError(f"model: ONNX Runtime cannot load {shown} ({error}); pass an ONNX file") from error
