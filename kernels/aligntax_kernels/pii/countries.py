"""What the countries' numbers look like: the structures of IBANs, and the lengths of phone numbers by calling code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

__all__ = ["calling_codes", "iban_structures"]

_IBAN_STRUCTURES = """
    AD8n12c AE19n AL8n16c AT16n AZ4a20c BA16n BE12n BG4a6n8c BH4a14c BI23n BR23n1a1c BY4c4n16c CH5n12c CR18n
    CY8n16c CZ20n DE18n DJ23n DK14n DO4c20n EE16n EG25n ES20n FI14n FK2a12n FO14n FR10n11c2n GB4a14n GE2a16n
    GI4a15c GL14n GR7n16c GT24c HN4a20n HR17n HU24n IE4a14n IL19n IQ4a15n IS22n IT1a10n12c JO4a4n18c KW4a22c
    KZ3n13c LB4n20c LC4a24c LI5n12c LT16n LU3n13c LV4a13c LY21n MC10n11c2n MD20c ME18n MK3n10c2n MN16n MR23n
    MT4a5n18c MU4a19n3a NI4a20n NL4a10n NO11n OM3n16c PK4a16c PL24n PS4a21c PT21n QA4a21c RO4a16c RS18n RU14n15c
    SA2n18c SC4a20n3a SD14n SE20n SI15n SK20n SM1a10n12c SO19n ST21n SV4a20n TL19n TN20n TR6n16c UA6n19c VA18n
    VG4a16n XK16n YE4a4n18c
"""
"""What follows the two check digits, by country. Source: the IBAN registry of ISO 13616, release 101."""

_CALLING_CODES = """
    4-5: 290. 4-7: 690. 4-7 10: 98. 4-11: 352. 4-13: 43 598. 4-15: 49. 4 7: 683. 5: 500 682. 5-6: 247. 5-7: 688.
    5-6 8-14: 82. 5-7 10: 685. 5-8: 386. 5-9 11: 852. 5-10: 27 64. 5-10 12: 61. 5-11: 31. 5-12: 358 971. 5 7: 676 677
    678. 5 8: 47 686. 6: 298 299 672 687. 6-7: 597. 6-7 9: 421. 6-8 10: 53. 6-9: 252 355. 6-9 12: 359. 6-10: 48 95
    880. 6-10 12: 46. 6-11: 375 595. 6-12: 39 381. 6 8-9: 376 689. 6 8-13: 63. 6 9: 40 508 681. 7: 238 239 246 248 269
    291 297 592 673 674 680 691 692. 7-8: 241 599 670 675 853 961 965 975. 7-8 10: 230 267 372. 7-8 10-11: 507. 7-8
    11: 503. 7-9: 231 385 967 968. 7-9 11: 974. 7-10: 84 243 254 353. 7-11: 886. 7-12: 86 882 972. 7-17: 62. 7 9: 220
    245 265 354 423. 7 9-10: 44 263. 7 10: 1 960. 7 10 12-13: 90. 7 11: 501 679. 8: 45 216 222 223 226 227 228 232 235
    236 253 257 266 350 356 357 370 371 373 374 389 505 509 800 808 973 993. 8-9: 32 36 51 213 224 233 237 250 258 264
    268 377 382 387 591 962 963. 8-10: 20 60 855 856 964 970 976. 8-11: 55 593. 8-12: 92 383 883. 8-13: 91. 8-17: 81.
    8 10: 378 506 850. 8 10-11: 57 65 977. 8 11: 502 504. 8-10 13: 66. 9: 33 34 93 94 211 212 218 221 240 242 244 249
    251 255 256 260 261 262 351 590 594 596 979 992 994 995 998. 9-10: 380 881 966 996. 9-11: 56. 9-12: 420. 9 12: 41
    870. 10: 52 58 225 229. 10 14: 7. 10-11: 54. 10-12: 30. 10-14: 234. 11: 888. 12: 878.
"""
"""How many digits may follow which calling codes. Source: ITU-T E.164 and the national numbering plans (E.129)."""


@cache
def iban_structures() -> Mapping[str, str]:
    """Return, by country, the class of each character after the check digits.

    Returns:
        `n` is a digit, `a` a letter, `c` either; `{"NO": "nnnnnnnnnnn", ...}`.
    """
    return {
        item[:2]: "".join(kind * int(count) for count, kind in re.findall(r"(\d+)([nac])", item[2:]))
        for item in _IBAN_STRUCTURES.split()
    }


@cache
def calling_codes() -> Mapping[int, frozenset[int]]:
    """Return, by country calling code, how many digits the national number may have.

    No calling code begins another one, so that the digits after a `+` have one reading at most.
    """
    found = {}
    for entry in _CALLING_CODES.strip().rstrip(".").split("."):
        lengths, _, codes = entry.partition(":")
        spans = [list(map(int, span.split("-"))) for span in lengths.split()]
        allowed = frozenset(length for span in spans for length in range(span[0], span[-1] + 1))
        found.update({int(code): allowed for code in codes.split()})
    return found
