"""A gate as JUnit XML: one test case for each limit."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from aligntax.experiment.gate.judging import Judged, Standing
from aligntax.experiment.gate.words import forced_lines, judged_headline, judged_sentence

__all__ = ["junit"]

_NO_XML = re.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def junit(judged: Judged) -> str:
    """Return JUnit XML. A limit that cannot be told is skipped, unless it is taken as failed or passed.

    Shape: https://github.com/testmoapp/junitxml, which is what GitLab, Jenkins and GitHub's reporters read, and within
    what the schema of Jenkins's xUnit plugin allows (junit-10.xsd), which refuses a whole file for one attribute.
    """
    taken = [judged.taken_for(judgement) for judgement in judged.judgements]
    counts = {
        "tests": str(len(taken)),
        "failures": str(taken.count(Standing.FAILED)),
        "errors": "0",
    }
    root = ET.Element("testsuites", {"name": "aligntax gate", **counts})
    skipped = str(taken.count(Standing.CANNOT_TELL))  # Jenkins's schema knows it of a suite, and not of all of them
    suite = ET.SubElement(root, "testsuite", {"name": _xml(judged.measured.name), **counts, "skipped": skipped})
    properties = ET.SubElement(suite, "properties")
    facts = {
        "result": str(judged.measured.path),
        "budget": str(judged.budget.path),
        "verdict": judged_headline(judged),
        "forced": str(bool(judged.differences)).lower(),
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", {"name": name, "value": _xml(value)})
    for judgement, standing in zip(judged.judgements, taken, strict=True):
        case = ET.SubElement(
            suite,
            "testcase",
            {"classname": _xml(judged.measured.name), "name": _xml(judgement.limit.title), "time": "0"},
        )
        sentence = _xml(judged_sentence(judgement))
        if standing is Standing.FAILED:
            ET.SubElement(case, "failure", {"message": sentence, "type": judgement.standing.value})
        elif standing is Standing.CANNOT_TELL:
            ET.SubElement(case, "skipped", {"message": sentence})
        ET.SubElement(case, "system-out").text = "\n".join((*map(_xml, forced_lines(judged.differences)), sentence))
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"


def _xml(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
