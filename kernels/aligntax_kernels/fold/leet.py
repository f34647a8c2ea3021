"""Digits and signs that are read as letters."""

from __future__ import annotations

__all__ = ["LEET"]

LEET = str.maketrans(
    {
        "0": "o",
        # 1 is read as i and as l, so that all three are one letter. So are the strokes that are written for them.
        "1": "l",
        "i": "l",
        "I": "l",
        "!": "l",
        "|": "l",
        "2": "z",
        "3": "e",
        "4": "a",
        "5": "s",
        "6": "g",
        "7": "t",
        "8": "b",
        "9": "g",
        "@": "a",
        "$": "s",
        # currency signs, which are letters with strokes, and the section sign
        "\u20b3": "a",
        "\u0e3f": "b",
        "\u00a2": "c",
        "\u20b5": "c",
        "\u20ac": "e",
        "\u20a3": "f",
        "\u20b2": "g",
        "\u20ad": "k",
        "\u20a5": "m",
        "\u20a6": "n",
        "\u20b1": "p",
        "\u00a7": "s",
        "\u20b4": "s",
        "\u20ae": "t",
        "\u20a9": "w",
        "\u00a5": "y",
    }
)
"""One character for one; ASCII for ASCII, so that a folded ASCII text keeps its length."""
