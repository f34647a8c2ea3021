"""All taxes of a deployment in one: records and results are read, joined, and set on one scale; see `join`."""

from aligntax.taxes.whole.inputs import Inputs, read_inputs
from aligntax.taxes.whole.joining import SCHEMA, join

__all__ = ["SCHEMA", "Inputs", "join", "read_inputs"]
