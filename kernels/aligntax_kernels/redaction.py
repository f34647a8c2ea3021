"""What stands in the place of a hit, and the text with it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aligntax_kernels.text import Text, decoded, encoded, replaced

__all__ = ["Replacement", "redacted", "replacer"]

Replacement = str | Callable[[str, str], str]
"""A fixed string, or a function of the type and the value of a hit."""


def replacer(replacement: Replacement | None, makers: str) -> Callable[[str, bytes], bytes]:
    """Return the function of type and value that a caller's replacement means; None is the type in brackets.

    Args:
        replacement: what the caller gave.
        makers: which replacements the kernel has of its own, for the message of an error.

    Raises:
        TypeError: if it is neither a string nor callable nor None.
    """
    if replacement is None:
        return _label
    if isinstance(replacement, str):
        mark = encoded(replacement)
        return lambda _kind, _value: mark
    if not callable(replacement):
        raise TypeError(
            f"replacement: got a {type(replacement).__name__}; pass a str, {makers} or a function of type and value"
        )

    def called(kind: str, value: bytes) -> bytes:
        # Hits are UTF-8, except that what stands in the block of a private key may be anything.
        return encoded(replacement(kind, value.decode("utf-8", "backslashreplace")), "replacement")

    return called


def redacted(
    text: Text, data: bytes, hits: Sequence[tuple[int, int, str, float]], replace: Callable[[str, bytes], bytes]
) -> Text:
    """Return a text with its hits replaced; itself where there are none.

    Args:
        text: as the caller gave it.
        data: the same in UTF-8.
        hits: start, end, type and confidence, by bytes; sorted, none overlapping another.
        replace: what `replacer` returned.
    """
    if not hits:
        return text
    changed = replaced(data, [(start, end, replace(kind, data[start:end])) for start, end, kind, _ in hits])
    return changed if isinstance(text, bytes) else decoded(changed)


def _label(kind: str, value: bytes) -> bytes:  # noqa: ARG001 (every replacement is called alike)
    return f"[{kind}]".encode()
