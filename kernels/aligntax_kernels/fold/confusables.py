"""Characters that look like an ASCII letter or digit, by script: one character for one.

Shape decides, not sound or value, so that capitals and small letters are entered apart. A letter with an accent, a
stroke, a hook or a descender is another letter: U+00F8 is not o, as U+00E9 is not e. What NFKC turns into ASCII (full
width, mathematical and enclosed letters, Roman numerals) is not repeated here, and no character with a canonical
decomposition is entered: the result would depend on the normal form that a text was given in.

Where only the capital has a look-alike, the small letter is entered with it, so that a script's own words are found
whatever their case. The Greek nu and upsilon are the exception, since both cases look like letters, and like different
ones: N and v, Y and u. `aligntax_kernels.fold.spellings` gives the folded forms of a pattern that has them.

The shapes are those of the charts in the Unicode Standard and of UTS 39's confusables.txt; the selection and the
arrangement are ours.
"""

from __future__ import annotations

from string import ascii_uppercase

__all__ = ["CONFUSABLES"]

_GREEK = {
    "A": "\u0391", "a": "\u03b1", "B": "\u0392", "b": "\u03b2", "C": "\u03f9", "c": "\u03f2", "E": "\u0395",
    "e": "\u03b5", "F": "\u03dc", "f": "\u03dd", "H": "\u0397", "h": "\u03b7", "I": "\u0399", "i": "\u03b9",
    "J": "\u037f", "j": "\u03f3", "K": "\u039a", "k": "\u03ba", "M": "\u039c\u03fa", "m": "\u03bc\u03fb",
    "N": "\u039d", "O": "\u039f", "o": "\u03bf", "P": "\u03a1", "p": "\u03c1", "T": "\u03a4", "t": "\u03c4",
    "u": "\u03c5", "v": "\u03bd", "w": "\u03c9", "X": "\u03a7", "x": "\u03c7", "Y": "\u03a5", "y": "\u03b3",
    "Z": "\u0396", "z": "\u03b6",
}  # fmt: skip

_COPTIC = {
    "A": "\u2c80", "a": "\u2c81", "B": "\u2c82", "b": "\u2c83", "C": "\u2ca4", "c": "\u2ca5", "e": "\u2c88\u2c89",
    "H": "\u2c8e", "h": "\u2c8f", "I": "\u2c92", "i": "\u2c93", "K": "\u2c94", "k": "\u2c95", "M": "\u2c98",
    "m": "\u2c99", "N": "\u2c9a", "n": "\u2c9b", "O": "\u2c9e", "o": "\u2c9f", "P": "\u2ca2", "p": "\u2ca3",
    "r": "\u2c84\u2c85", "T": "\u2ca6", "t": "\u2ca7", "w": "\u2cb0\u2cb1", "X": "\u2cac", "x": "\u2cad",
    "Y": "\u2ca8", "y": "\u2ca9", "Z": "\u2c8c", "z": "\u2c8d",
}  # fmt: skip

_CYRILLIC = {
    "A": "\u0410", "a": "\u0430", "B": "\u0412", "b": "\u0432\u042c\u044c", "C": "\u0421", "c": "\u0441",
    "d": "\u0500\u0501", "E": "\u0415", "e": "\u0435\u04bc\u04bd", "G": "\u050c", "g": "\u050d", "H": "\u041d",
    "h": "\u043d\u04ba\u04bb", "I": "\u0406", "i": "\u0456\ua646\ua647", "J": "\u0408", "j": "\u0458",
    "K": "\u041a", "k": "\u043a", "l": "\u04c0\u04cf", "M": "\u041c", "m": "\u043c", "n": "\u041f\u043f",
    "O": "\u041e", "o": "\u043e", "P": "\u0420", "p": "\u0440", "Q": "\u051a", "q": "\u051b", "r": "\u0413\u0433",
    "S": "\u0405", "s": "\u0455", "T": "\u0422", "t": "\u0442", "V": "\u0474", "v": "\u0475", "W": "\u051c",
    "w": "\u051d\u0460\u0461", "X": "\u0425", "x": "\u0445", "Y": "\u0423\u04ae", "y": "\u0443\u04af",
    "2": "\ua644\ua645", "3": "\u0417\u0437\u04e0\u04e1", "6": "\u0411\u0431",
}  # fmt: skip

_ARMENIAN = {
    "g": "\u0551\u0581", "h": "\u0540\u0570", "j": "\u0545\u0575", "L": "\u053c", "l": "\u056c",
    "n": "\u0548\u0578\u054c\u057c", "O": "\u0555", "o": "\u0585", "q": "\u0533\u0563\u0536\u0566", "S": "\u054f",
    "s": "\u057f", "U": "\u054d", "u": "\u057d", "w": "\u0531\u0561",
}  # fmt: skip

# The small letters are the capitals, drawn smaller.
_CHEROKEE = {
    "A": "\u13aa", "a": "\uab7a", "B": "\u13f4", "b": "\u13fc\u13cf\uab9f", "C": "\u13df", "c": "\uabaf",
    "D": "\u13a0", "d": "\uab70\u13e7\uabb7", "E": "\u13ac", "e": "\uab7c", "G": "\u13c0\u13f3",
    "g": "\uab90\u13fb", "H": "\u13bb", "h": "\uab8b\u13c2\uab92", "i": "\u13a5\uab75", "J": "\u13ab",
    "j": "\uab7b", "K": "\u13e6", "k": "\uabb6", "L": "\u13de", "l": "\uabae", "M": "\u13b7", "m": "\uab87",
    "P": "\u13e2", "p": "\uabb2", "R": "\u13a1\u13d2", "r": "\uab71\uaba2", "S": "\u13d5\u13da",
    "s": "\uaba5\uabaa", "T": "\u13a2", "t": "\uab72", "V": "\u13d9", "v": "\uaba9", "W": "\u13b3\u13d4",
    "w": "\uab83\uaba4", "Y": "\u13a9\u13bd", "y": "\uab79\uab8d", "Z": "\u13c3", "z": "\uab93",
    "4": "\u13ce\uab9e", "6": "\u13ee\uabbe",
}  # fmt: skip

# Small capitals, phonetic letters, dotless and archaic forms; letters that other orthographies use with a shape of
# ASCII.
_LATIN = {
    "a": "\u0251\u1d00\u2c6d", "B": "\ua7b4", "b": "\u0184\u0185\u0299\ua7b5", "c": "\u1d04", "d": "\u1d05",
    "E": "\u0190", "e": "\u025b\u1d07\uab32", "f": "\ua730\uab35", "g": "\u0261\u0262\ua7ac", "h": "\u029c",
    "I": "\ua7fe", "i": "\u0131\u0196\u0269\u026a\ua7ae", "j": "\u0237\u1d0a", "k": "\u1d0b", "l": "\u01c0\u029f",
    "m": "\u1d0d", "n": "\u0274", "o": "\u1d0f\u1d11\uab3d", "p": "\u1d18", "q": "\ua7af",
    "r": "\u01a6\u0280\uab47\uab48", "s": "\ua731", "t": "\u1d1b", "u": "\u1d1c\uab4e\uab52", "v": "\u1d20",
    "w": "\u019c\u026f\u1d21", "X": "\ua7b3", "x": "\uab53", "y": "\u0194\u0263\u028f\u1efe\u1eff\uab5a",
    "z": "\u1d22", "2": "\u01a7\u01a8", "3": "\u01b7\u0292\u021c\u021d\ua7ab\u025c", "5": "\u01bc\u01bd",
    "8": "\u0222\u0223", "9": "\ua76e\ua76f",
}  # fmt: skip

_LISU = {
    "A": "\ua4ee", "B": "\ua4d0", "C": "\ua4da", "D": "\ua4d3", "d": "\ua4d2", "E": "\ua4f0", "F": "\ua4dd",
    "G": "\ua4d6", "H": "\ua4e7", "I": "\ua4f2", "J": "\ua4d9", "K": "\ua4d7", "L": "\ua4e1", "M": "\ua4df",
    "N": "\ua4e0", "O": "\ua4f3", "P": "\ua4d1", "R": "\ua4e3", "S": "\ua4e2", "T": "\ua4d4", "U": "\ua4f4",
    "V": "\ua4e6", "W": "\ua4ea", "X": "\ua4eb", "Y": "\ua4ec", "Z": "\ua4dc",
}  # fmt: skip

_CANADIAN_SYLLABICS = {
    "A": "\u15c5\u15e9", "B": "\u15f7", "b": "\u1472\u15af", "C": "\u1455", "D": "\u15de\u15ea", "F": "\u15b4",
    "H": "\u157c", "J": "\u148d", "L": "\u14aa", "M": "\u15f0", "N": "\u144e", "P": "\u146d", "R": "\u1587",
    "S": "\u1515", "U": "\u144c", "V": "\u142f", "W": "\u15ef", "X": "\u166d", "x": "\u1541\u157d\u166e",
    "Z": "\u1614",
}  # fmt: skip

# Scripts of the ancient Mediterranean: Lycian, Carian, Old Italic, Runic; and Deseret, Osage, Elbasan, Miao.
_RARE = {
    "A": "\U000102a0\U00016f40", "B": "\U00010282\U000102a1\U00010301",
    "C": "\U000102a2\U00010302\U00010415\U0001051c", "c": "\U0001043d", "E": "\U00010286",
    "F": "\U00010287\U000102a5\U00010525", "H": "\U000102cf", "K": "\u16d5\U00010518",
    "L": "\U0001041b\U00010526\U00016f16", "l": "\u16c1\U0001028a\U00010309\U00010320\U00010443\U00016f28",
    "M": "\u16d6\U000102b0\U00010311", "N": "\U00010513",
    "O": "\U00010292\U000102ab\U00010404\U000104c2\U00010516", "o": "\U0001042c\U000104ea", "P": "\U00010295",
    "R": "\U000104b4\U00016f35", "r": "\U000104dc", "S": "\U00010296\U00010420\U00016f3a", "s": "\U00010448",
    "T": "\U00010297\U000102b1\U00010315\U00016f0a", "U": "\U000104ce\U00016f42", "u": "\U000104f6",
    "V": "\U00016f08", "X": "\u16b7\U00010290\U000102b4\U00010317\U00010322\U00010527",
    "Y": "\U000102b2\U00016f43", "3": "\U00016f3b", "7": "\U000104d2\U000104fa", "8": "\U0001031a",
}  # fmt: skip

# Tifinagh, Ethiopic, Georgian, Myanmar, N'Ko and Bamum.
_OTHER_SCRIPTS = {
    "E": "\u2d39", "l": "\u2d4f\u07ca", "O": "\u2d54\u12d0", "o": "\u101d\u10ff\u1cbf", "Q": "\u2d55",
    "U": "\u1200", "V": "\u2d38\ua6df", "X": "\u2d5d", "y": "\u10e7\u1ca7", "2": "\ua6ef",
}  # fmt: skip

# The digit nought of the scripts that draw it as a ring: it has both the shape and the value.
_NOUGHTS = {
    "0": "\u07c0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u1040\u1090\u17e0\u24ff"
    "\U0001f10b\U0001f10c"
}

_SYMBOLS = {
    "a": "\u237a", "E": "\u22ff", "e": "\u212e", "i": "\u2373", "l": "\u2223\u2502\u23fd", "p": "\u2374",
    "T": "\u22a4", "U": "\u222a\u22c3", "u": "\u00b5", "v": "\u2228", "w": "\u2375", "X": "\u2573",
    "x": "\u00d7\u292b\u292c\u2a2f",
}  # fmt: skip

# Runs of consecutive characters that stand for consecutive ASCII: letters white on black, in a circle and in a
# square; regional indicators, which are shown as letters where no flag is drawn; digits in circles that NFKC leaves.
_RUNS = (
    (0x1F150, ascii_uppercase),
    (0x1F170, ascii_uppercase),
    (0x1F1E6, ascii_uppercase),
    (0x24F5, "123456789"),
    (0x2776, "123456789"),
    (0x2780, "123456789"),
    (0x278A, "123456789"),
)

_SCRIPTS = (
    _GREEK, _COPTIC, _CYRILLIC, _ARMENIAN, _CHEROKEE, _LATIN, _LISU, _CANADIAN_SYLLABICS, _RARE, _OTHER_SCRIPTS,
    _NOUGHTS, _SYMBOLS,
)  # fmt: skip

CONFUSABLES = {
    ord(character): letter for script in _SCRIPTS for letter, characters in script.items() for character in characters
} | {first + index: letter for first, letters in _RUNS for index, letter in enumerate(letters)}
"""Code point to the ASCII character it looks like; in the form that `str.translate` takes."""
