"""Texts in the definitions of tools and of the form of an answer, which reach the model with the prompt."""

from __future__ import annotations

from typing import Any

from aligntax.serving.formats.place import Place, strings, table_of, tables_of, texts

__all__ = ["schema_texts", "tool_texts"]

_SCHEMAS = ("parameters", "input_schema", "output_schema", "schema")
_PROSE = frozenset(("description", "title", "$comment"))
_VALUES = frozenset(("const", "default", "enum", "example", "examples"))


def tool_texts(tools: Any) -> list[Place]:
    """Return the texts of a list of tools: of OpenAI's chat and responses APIs, and of the older functions.

    Names are not texts: a tool is called by its name, which must stay what it is.
    """
    found: list[Place] = []
    for _, tool in tables_of(tools):
        inner = [each for _, each in tables_of(tool.get("tools"))]  # of a namespace, or of a server
        for each in (tool, table_of(tool, "function"), table_of(tool, "custom"), *inner):
            found += texts(each, "description", "server_description")
            for name in _SCHEMAS:
                found += schema_texts(each, name)
            form = table_of(each, "format")
            found += texts(form, "definition")
            found += texts(table_of(form, "grammar"), "definition")
    return found


def schema_texts(holder: dict[str, Any], name: str) -> list[Place]:
    """Return the texts of a JSON schema under a name: what it says of a value, and values that it gives."""
    found: list[Place] = []
    pending: list[Any] = [holder.get(name)]
    while pending:
        schema = pending.pop()
        if isinstance(schema, list):
            pending += schema
        elif isinstance(schema, dict):
            for key, value in schema.items():
                if key in _VALUES or (key in _PROSE and not isinstance(value, dict)):
                    found += strings(schema, key)
                else:
                    pending.append(value)
    return found
