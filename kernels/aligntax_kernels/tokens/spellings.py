"""What the tokens of a tokenizer add to a text, as bytes: the table that bans of byte strings need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

__all__ = ["token_bytes"]

_BYTE_PIECES = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}


def token_bytes(tokenizer: Any, vocab_size: int | None = None) -> list[bytes | None]:
    """Return for each token of a tokenizer the bytes that it adds to a text.

        joined = b"".join(table[token] or b"" for token in tokens)
        joined is what the tokenizer decodes `tokens` to, as UTF-8, but for what it strips at the ends

    Args:
        tokenizer: a `tokenizers.Tokenizer`, or a fast tokenizer of transformers, that decodes byte by byte, as GPT-2's
            does, or by pieces with a mark for spaces, as those that SentencePiece trained.
        vocab_size: how many entries to return, such as the width of a model's logits; without it, as many as there are
            tokens. Ids without a token add nothing.

    Returns:
        The bytes of each token, by id; None for special tokens, which are no text.

    Raises:
        TypeError: for another kind of object.
        ValueError: for a tokenizer that decodes in another way, such as WordPiece, which puts spaces between tokens;
            for a vocabulary that is too small for its tokens.
    """
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(backend, "to_str"):
        raise TypeError(
            f"tokenizer: got a {type(tokenizer).__name__}; "
            "pass a tokenizers.Tokenizer or a fast tokenizer of transformers"
        )
    said = json.loads(backend.to_str())
    decoders = list(_steps(said["decoder"]))
    kinds = {decoder["type"] for decoder in decoders}
    marks = {mark for decoder in decoders for mark in _space_marks(decoder)}
    known = {"ByteLevel", "ByteFallback", "Fuse", "Strip", "Metaspace", "Replace"}
    if (
        _strips_tokens(decoders)
        or not kinds <= known
        or not ("ByteLevel" in kinds or marks)
        or ("ByteLevel" in kinds and marks)
    ):
        raise ValueError(
            f"tokenizer decodes by {sorted(kinds) or 'nothing'}, of which the bytes of one token do not follow; "
            "make the table by hand: for each token the bytes that it adds to a text"
        )

    def spelling(piece: str) -> bytes:
        return _byte_level(piece) if "ByteLevel" in kinds else _marked(piece, marks, "ByteFallback" in kinds)

    spelled: dict[int, bytes | None] = {token: spelling(piece) for piece, token in _pieces(said["model"])}
    for added in said["added_tokens"]:  # the decoder makes no difference between these and the pieces of the model
        spelled[added["id"]] = None if added["special"] else spelling(added["content"])
    size = max(spelled, default=-1) + 1
    if vocab_size is not None and vocab_size < size:
        raise ValueError(
            f"vocab_size is {vocab_size}, and the tokenizer has tokens up to {size - 1}; pass at least {size}"
        )
    return [spelled.get(token) for token in range(vocab_size or size)]


def _steps(decoder: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if decoder is None:
        return
    if decoder["type"] != "Sequence":
        yield decoder
        return
    for step in decoder["decoders"]:
        yield from _steps(step)


def _strips_tokens(decoders: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether spaces are stripped from each token, and not only from the text that all of them are fused to."""
    kinds = [decoder["type"] for decoder in decoders]
    return "Strip" in kinds and "Fuse" not in kinds[: kinds.index("Strip")]


def _space_marks(decoder: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a step of the decoder turns into a space."""
    if decoder["type"] == "Metaspace":
        yield decoder["replacement"]
    elif decoder["type"] == "Replace":
        mark = decoder["pattern"].get("String")
        if mark is None or decoder["content"] != " ":
            raise ValueError(
                f"tokenizer replaces {decoder['pattern']} by {decoder['content']!r} when it decodes, "
                "which may reach over tokens; make the table by hand: for each token the bytes that it adds to a text"
            )
        yield mark


def _pieces(model: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        return vocabulary.items()
    return ((piece, token) for token, (piece, _) in enumerate(vocabulary))


def _marked(piece: str, marks: Iterable[str], has_bytes: bool) -> bytes:
    if has_bytes and piece in _BYTE_PIECES:
        return _BYTE_PIECES[piece]
    for mark in marks:
        piece = piece.replace(mark, " ")
    return piece.encode()


def _byte_level(piece: str) -> bytes:
    """Return what a piece spells whose characters stand for a byte each; one with other characters spells itself."""
    alphabet = _byte_alphabet()
    found = [alphabet.get(character) for character in piece]
    return piece.encode() if None in found else bytes(byte for byte in found if byte is not None)


@cache
def _byte_alphabet() -> dict[str, int]:
    """Return which byte a character stands for in byte-level tokenizers: itself if it is printable Latin-1.

    The others follow from 256 on, in order. Source: GPT-2's encoder (Radford et al. 2019).
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}
