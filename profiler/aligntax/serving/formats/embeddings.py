"""The embeddings API: `/v1/embeddings`. Its answers have no text.

See https://platform.openai.com/docs/api-reference/embeddings.
"""

from __future__ import annotations

from typing import Any

from aligntax.serving.formats.chat import read_messages
from aligntax.serving.formats.place import Prompt

__all__ = ["prompt"]


def prompt(document: dict[str, Any]) -> Prompt:
    """Return what the model is given: a text, texts, or parts; vLLM takes messages as well."""
    found = Prompt()
    found.content(document, "input")
    if "messages" in document:
        read_messages(found, document)
    return found
