"""Who caused how much of a request's delay: a pure function from a `Trace` to an `Attribution`."""

from __future__ import annotations

from aligntax.attribution.attribute import Attribution, LayerAttribution, attribute

__all__ = ["Attribution", "LayerAttribution", "attribute"]
