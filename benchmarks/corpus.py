"""Texts and patterns for the filter benchmarks, made from what every Python installation has: its documentation."""

from __future__ import annotations

import ast
import random
import re
import sysconfig
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pydoc_data import topics

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@cache
def english(size: int) -> str:
    """Return ASCII text of `size` characters: the language reference and the standard library's docstrings, shuffled.

    About two megabytes differ; beyond that, paragraphs come again in another order.
    """
    paragraphs = [paragraph for paragraph in _paragraphs() if paragraph.isascii()]
    order = random.Random(1)
    chosen: list[str] = []
    length = 0
    while length < size:
        order.shuffle(paragraphs)
        for paragraph in paragraphs:
            chosen.append(paragraph)
            length += len(paragraph) + 2
    return "\n\n".join(chosen)[:size]


@cache
def words(count: int, text_size: int) -> tuple[str, ...]:
    """Return pseudo-words of 5 to 14 letters that look like English, of which one in a hundred is in `english`.

    Made by a chain of letter triples over the words of the text: their grams are as frequent in it as those of words
    that one would really block, which makes them harder to tell from it than random letters.
    """
    text = english(text_size).lower()
    choose = random.Random(2)
    chain = defaultdict(list)
    known = set(re.findall(r"[a-z]{3,}", text))
    for word in sorted(known):
        padded = f"^^{word}$"
        for at in range(len(padded) - 2):
            chain[padded[at : at + 2]].append(padded[at + 2])
    absent: set[str] = set()
    present: set[str] = set()
    wanted = max(1, count // 100)
    while len(absent) < count - wanted or len(present) < wanted:
        word = _pseudo_word(chain, choose)
        if not 5 <= len(word) <= 14 or word in known:
            continue
        seen = text.count(word)
        if not seen and len(absent) < count - wanted:
            absent.add(word)
        elif 0 < seen <= 3 and len(present) < wanted:
            present.add(word)
    return tuple(sorted(absent | present))


@cache
def phrases(count: int, text_size: int) -> tuple[str, ...]:
    """Return phrases of two words of the text that do not follow each other in it."""
    known = sorted(set(re.findall(r"[a-z]{4,12}", english(text_size).lower())))
    choose = random.Random(3)
    found: set[str] = set()
    while len(found) < count:
        found.add(f"{choose.choice(known)} {choose.choice(known)}")
    return tuple(sorted(found))


@cache
def random_letters(count: int) -> tuple[str, ...]:
    """Return strings of 8 to 16 random letters, which are easy to tell from English."""
    choose = random.Random(4)
    found: set[str] = set()
    while len(found) < count:
        found.add("".join(choose.choices(_LETTERS, k=choose.randint(8, 16))))
    return tuple(sorted(found))


def _pseudo_word(chain: dict[str, list[str]], choose: random.Random) -> str:
    word = "^^"
    while len(word) < 20:
        letter = choose.choice(chain[word[-2:]])
        if letter == "$":
            break
        word += letter
    return word[2:]


def _paragraphs() -> Iterator[str]:
    for topic in topics.topics.values():
        yield from re.split(r"\n\s*\n", topic)
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.relative_to(library).parts):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                documentation = ast.get_docstring(node)
                if documentation:
                    yield from re.split(r"\n\s*\n", documentation)
