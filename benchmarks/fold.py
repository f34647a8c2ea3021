"""What folding a text costs, with and without the map to its original bytes, against unicodedata, which has no map."""

from __future__ import annotations

import importlib
import random
import sys
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter_ns
from typing import Any

import measure
import result
from measure import Arm, Float64Array
from result import Result, Row

from aligntax_kernels import fold
from aligntax_kernels.fold import Folding, tables

ROUNDS, QUICK_ROUNDS = 41, 3
BYTES, QUICK_BYTES = 250_000, 50_000
PROMPT_BYTES, PROMPTS = 200, 1_000
MARKS = 50_000
REFERENCE_CHARACTERS = 2_000
FOLD_LIMIT, PLAIN_LIMIT = 1_000, 200
"""Microseconds for a megabyte of ASCII: 1 and 5 GB/s."""
LINEAR_LIMIT = 2.2
TABLES_LIMIT_MS = 1_000
RESOLUTION = 0.01

PEER = f"unicodedata {unicodedata.unidata_version}, NFKC and casefold of a str"
CASELESS = Folding(confusables=False, invisible=False)
"""The steps that the peer takes too."""

# ruff: noqa: RUF001 (the texts are in other scripts)
# The first article of the Universal Declaration of Human Rights, and the first verse of Genesis.
SENTENCES = {
    "English, curly quotes": (
        "All human beings are born \u201cfree\u201d and equal in dignity \u2014 and rights. They\u2019re endowed with "
        "reason and conscience and should act towards one another in a spirit of brotherhood."
    ),
    "French": (
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués de raison et de "
        "conscience et doivent agir les uns envers les autres dans un esprit de fraternité."
    ),
    "Russian": (
        "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и "
        "должны поступать в отношении друг друга в духе братства."
    ),
    "Greek": (
        "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι προικισμένοι με "
        "λογική και συνείδηση και οφείλουν να συμπεριφέρονται μεταξύ τους με πνεύμα αδελφοσύνης."
    ),
    "Chinese": "人人生而自由， 在尊严和权利上一律平等。 他们赋有理性和良心， 并应以兄弟关系的精神相对待。",
    "Korean": (
        "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. 인간은 천부적으로 이성과 양심을 "
        "부여받았으며 서로 형제애의 정신으로 행동하여야 한다."
    ),
    "Hindi": (
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है। उन्हें बुद्धि और अन्तरात्मा की "
        "देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए।"
    ),
    "Vietnamese": (
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người đều được tạo hoá "
        "ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu."
    ),
    "Hebrew with points": "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ",
}
DECOMPOSED = ("French", "Vietnamese")
PLAIN = ("English, curly quotes", "French", "Korean")
"""Of which folding changes nothing but the case of ASCII, so that it need not be done."""
PROMPTS_IN = ("ASCII", "French", "Russian", "Vietnamese, decomposed")


def run(quick: bool) -> Result:
    """Check that the folded texts are those of unicodedata, then fold them in turns."""
    built_ms = _milliseconds_to_build()
    size = QUICK_BYTES if quick else BYTES
    texts = _texts(size)
    arms: dict[str, Arm] = {}
    for name, text in texts.items():
        data = text.encode()
        arms |= {
            f"fold {name}": _per_megabyte(partial(fold.fold, data, CASELESS), len(data)),
            f"bytes {name}": _per_megabyte(partial(fold.fold_bytes, data, CASELESS), len(data)),
            f"peer {name}": _per_megabyte(partial(_peer, text), len(data)),
        }
    for name in ("ASCII", *PLAIN):
        data = texts[name].encode()
        arms[f"plain {name}"] = _per_megabyte(partial(fold.is_plain, data, Folding()), len(data))
    for name in PROMPTS_IN:
        arms |= _prompt_arms(name, texts[name])
    data = texts["Russian"].encode()
    arms["all steps"] = _per_megabyte(partial(fold.fold, data, Folding()), len(data))
    for count in (MARKS, 2 * MARKS):
        data = ("a" + "\u0301\u0316" * (count // 2)).encode()
        arms[f"{count} marks"] = _per_megabyte(partial(fold.fold, data, Folding()), 1_000_000)
    agree = all(_agrees(text) for text in texts.values()) and all(
        fold.is_plain(texts[name].encode(), Folding()) for name in PLAIN
    )
    with measure.frozen_heap():
        said = measure.interleave(arms, QUICK_ROUNDS if quick else ROUNDS)
    more = {"versions": result.versions("numba", "numpy", "llvmlite"), "unicode": unicodedata.unidata_version}
    return Result([*_rows(texts, said), _linear_row(said), _tables_row(built_ms)], agree, more)


def _rows(texts: Mapping[str, str], said: Mapping[str, Float64Array]) -> list[Row]:
    rows = [
        _limited("ASCII: is it plain", said["plain ASCII"], PLAIN_LIMIT),
        _limited("ASCII, with the map", said["fold ASCII"], FOLD_LIMIT),
    ]
    for name in texts:
        theirs = said[f"peer {name}"]
        rows += [
            result.compared(f"{name}, with the map", said[f"fold {name}"], PEER, theirs, "us/MB", 1.0),
            result.compared(f"{name}, without", said[f"bytes {name}"], PEER, theirs, "us/MB", 1.0),
        ]
    rows += [
        result.compared(f"{name}: is it plain", said[f"plain {name}"], PEER, said[f"peer {name}"], "us/MB")
        for name in PLAIN
    ]
    rows.append(
        result.compared(
            "Russian, with the map, look-alikes and all", said["all steps"], PEER, said["peer Russian"], "us/MB"
        )
    )
    for name in PROMPTS_IN:
        case = f"{name}, {PROMPT_BYTES} bytes a call"
        theirs = said[f"peer prompt {name}"]
        rows += [
            result.compared(f"{case}, with the map", said[f"prompt {name}"], PEER, theirs, "us"),
            result.compared(f"{case}, without", said[f"bytes prompt {name}"], PEER, theirs, "us"),
        ]
    return rows


def _limited(case: str, ours: Float64Array, limit: float) -> Row:
    return result.limited(case, measure.median(ours), limit, "us/MB", RESOLUTION)


def _linear_row(said: Mapping[str, Float64Array]) -> Row:
    ratio = measure.ratio_of_medians(said[f"{2 * MARKS} marks"], said[f"{MARKS} marks"])
    case = f"{2 * MARKS:,} marks on one letter, times the time of {MARKS:,}"
    return result.limited(case, ratio, LINEAR_LIMIT, "times", RESOLUTION)


def _tables_row(built_ms: float) -> Row:
    built = measure.Estimate(built_ms, None)
    return result.limited("tables of the default steps, at their first use", built, TABLES_LIMIT_MS, "ms", RESOLUTION)


def _texts(size: int) -> dict[str, str]:
    """Return texts of words in random order, since a sentence repeated would be learnt by the branch predictor."""
    texts = {"ASCII": _text(SENTENCES["English, curly quotes"].encode("ascii", "ignore").decode(), size)}
    texts |= {name: _text(sentence, size) for name, sentence in SENTENCES.items()}
    for name in DECOMPOSED:
        texts[f"{name}, decomposed"] = _text(unicodedata.normalize("NFD", SENTENCES[name]), size)
    return texts


def _text(sentence: str, size: int) -> str:
    chosen = random.Random(1).choices(sentence.split(), k=size // 2)
    return " ".join(chosen).encode()[:size].decode(errors="ignore")


def _prompt_arms(name: str, text: str) -> dict[str, Arm]:
    """Return arms for a short text, which is mostly the cost of calling."""
    data = text.encode()[:PROMPT_BYTES]
    prompt = data.decode(errors="ignore")
    data = prompt.encode()
    return {
        f"prompt {name}": _per_call(partial(fold.fold, data, CASELESS)),
        f"bytes prompt {name}": _per_call(partial(fold.fold_bytes, data, CASELESS)),
        f"peer prompt {name}": _per_call(partial(_peer, prompt)),
    }


def _peer(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _agrees(text: str) -> bool:
    """Tell whether both fold a text alike, and each folded character came from what its map says."""
    data = text.encode()
    folded, starts, ends = fold.fold(data, CASELESS)
    letters = folded[:1000].decode(errors="ignore")
    offsets = [len(letters[:index].encode()) for index in range(len(letters))]
    led_back = "".join(data[starts[at] : ends[at]].decode() for at in offsets)
    return (
        folded.decode() == _peer(text)
        and fold.fold_bytes(data, CASELESS) == folded
        and _peer(led_back) == letters
        and _all_steps_agree(text[:REFERENCE_CHARACTERS].encode())
    )


def _all_steps_agree(data: bytes) -> bool:
    """Tell whether what the peer has no answer to, look-alikes and all, is what our reference says."""
    ours, reference = (fold.fold(data, Folding(), backend=backend) for backend in ("cpu", "reference"))
    return (
        ours.data == reference.data == fold.fold_bytes(data, Folding())
        and list(ours.starts) == list(reference.starts)
        and list(ours.ends) == list(reference.ends)
    )


def _milliseconds_to_build() -> float:
    """Return how long a process waits for the tables at the first use, with everything read from `unicodedata`."""
    fold.warm()
    for name in ("composition", "tables"):
        importlib.reload(sys.modules[f"aligntax_kernels.fold.{name}"])
    start_ns = perf_counter_ns()
    tables.tables(Folding())
    return (perf_counter_ns() - start_ns) / 1e6


def _per_megabyte(call: Callable[[], Any], size: int) -> Arm:
    def once() -> float:
        start_ns = perf_counter_ns()
        call()
        return (perf_counter_ns() - start_ns) / 1e3 / (size / 1e6)

    return once


def _per_call(call: Callable[[], Any]) -> Arm:
    @measure.own_code
    def batch() -> float:
        start_ns = perf_counter_ns()
        for _ in range(PROMPTS):
            call()
        return (perf_counter_ns() - start_ns) / 1e3 / PROMPTS

    return batch
