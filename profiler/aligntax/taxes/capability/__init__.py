"""The capability tax: how much less varied a model's answers are after alignment, and how often it refuses for nothing.

    record = capability_tax(Path("raw.jsonl"), Path("aligned.jsonl"), Settings(k=4))

Needs the extra `taxes`: sacrebleu for self-BLEU, scikit-learn for the default embedding.
"""

from aligntax.taxes.capability.compression import Compressed, compression
from aligntax.taxes.capability.distinct import distinct, expectation_adjusted_distinct
from aligntax.taxes.capability.lines import Fields
from aligntax.taxes.capability.measure import capability_tax
from aligntax.taxes.capability.refusing import PHRASES, Detector
from aligntax.taxes.capability.self_bleu import self_bleu
from aligntax.taxes.capability.settings import Settings
from aligntax.taxes.capability.tokens import tokenizer
from aligntax.taxes.capability.vendi import vendi, vendi_of_vectors

__all__ = [
    "PHRASES",
    "Compressed",
    "Detector",
    "Fields",
    "Settings",
    "capability_tax",
    "compression",
    "distinct",
    "expectation_adjusted_distinct",
    "self_bleu",
    "tokenizer",
    "vendi",
    "vendi_of_vectors",
]
