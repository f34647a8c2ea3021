"""Characters that show nothing of their own."""

from __future__ import annotations

__all__ = ["INVISIBLE"]

# Default_Ignorable_Code_Point of DerivedCoreProperties.txt (Unicode 14 to 16), and U+FFF9 to U+FFFB. The property keeps
# ranges of unassigned characters, so that a text folds alike whichever version of Unicode wrote it.
_RANGES = (
    (0x00AD, 0x00AD),  # soft hyphen
    (0x034F, 0x034F),  # combining grapheme joiner
    (0x061C, 0x061C),  # Arabic letter mark
    (0x115F, 0x1160),  # Hangul fillers
    (0x17B4, 0x17B5),  # Khmer inherent vowels
    (0x180B, 0x180F),  # Mongolian variation selectors and vowel separator
    (0x200B, 0x200F),  # zero-width space, joiners, direction marks
    (0x202A, 0x202E),  # bidirectional embeddings and overrides
    (0x2060, 0x206F),  # word joiner, invisible operators, isolates
    (0x3164, 0x3164),  # Hangul filler
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # halfwidth Hangul filler
    (0xFFF0, 0xFFFB),  # reserved, and the anchors of interlinear annotation
    (0x1BCA0, 0x1BCA3),  # shorthand format controls
    (0x1D173, 0x1D17A),  # musical beams, ties, slurs, phrases
    (0xE0000, 0xE0FFF),  # tags, more variation selectors, reserved
)

INVISIBLE = frozenset(chr(code) for first, last in _RANGES for code in range(first, last + 1))
