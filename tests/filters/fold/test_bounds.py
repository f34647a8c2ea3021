"""What keeps the work linear and the hold-back of a stream finite, and what long texts fold to."""

import pytest

from aligntax_kernels import fold
from aligntax_kernels.fold import Folding
from aligntax_kernels.fold.chain import LONGEST_GAP, MOST_MARKS

BACKENDS = ("reference", "cpu")
ACUTE, BELOW, IOTA = "\u0301", "\u0316", "\u0345"
GAP = "\u00ad" * (LONGEST_GAP // 2)
MILLION = 1_000_000


def folded(text, backend="cpu"):
    return fold.fold(text.encode(), Folding(), backend=backend).data.decode()


@pytest.mark.parametrize("backend", BACKENDS)
def test_marks_are_ordered_up_to_the_limit_and_left_alone_beyond_it(backend):
    half = MOST_MARKS // 2
    within = "q" + ACUTE * half + BELOW * half
    assert folded(within, backend) == "q" + BELOW * half + ACUTE * half
    assert folded(within + BELOW, backend) == within + BELOW
    assert folded(within + BELOW + "q" + ACUTE + BELOW, backend) == within + BELOW + "q" + BELOW + ACUTE


@pytest.mark.parametrize("backend", BACKENDS)
def test_marks_compose_up_to_the_limit(backend):
    rest = BELOW * (MOST_MARKS - 1)
    assert folded("e" + rest + ACUTE, backend) == "\u00e9" + rest
    assert folded("e" + rest + BELOW + ACUTE, backend) == "e" + rest + BELOW + ACUTE
    assert folded("\u00e9" + rest, backend) == "\u00e9" + rest
    assert folded("\u00e9" + rest + BELOW, backend) == "e" + ACUTE + rest + BELOW


@pytest.mark.parametrize("backend", BACKENDS)
def test_iota_under_is_a_letter_up_to_the_limit(backend):
    rest = BELOW * (MOST_MARKS - 1)
    assert folded("q" + IOTA + rest, backend) == "q" + rest + "i"
    assert folded("q" + IOTA + rest + BELOW, backend) == "q" + IOTA + rest + BELOW


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_mark_of_two_can_pass_the_limit(backend):
    rest = BELOW * (MOST_MARKS - 2)
    assert folded("q\u0344" + rest, backend) == "q" + rest + "\u0308\u0301"
    assert folded("q\u0344" + rest + BELOW, backend) == "q\u0308\u0301" + rest + BELOW


@pytest.mark.parametrize("backend", BACKENDS)
def test_characters_compose_across_removed_ones_up_to_the_limit(backend):
    assert folded("e" + GAP + ACUTE, backend) == "\u00e9"
    assert folded("e" + GAP + "\u00ad" + ACUTE, backend) == "e" + ACUTE
    assert folded("e" + BELOW + GAP + ACUTE + GAP + "\u0327", backend) == "\u0229" + BELOW + ACUTE
    assert folded("\u1100" + GAP + "\u1161" + GAP + "\u00ad\u11a8", backend) == "\uac00\u11a8"
    # From the last character that is kept, not from the base.
    assert folded("a" + GAP + BELOW + GAP + ACUTE, backend) == "\u00e1" + BELOW


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pattern_is_folded_until_nothing_changes(backend):
    text = "e" + GAP + GAP + ACUTE
    assert folded(text, backend) == "e" + ACUTE
    assert fold.fold_text(text, Folding()) == "\u00e9"


@pytest.mark.parametrize(
    "text",
    [
        "a" + ACUTE,
        "a" + ACUTE + BELOW,
        BELOW + ACUTE,
        IOTA,
        "\u0344",
        "\u1161",
        "\u11a8",
        "\u1100\u1161",
        "\u200b",
        "\u0cc6\u0cc2",
    ],
    ids=ascii,
)
def test_floods_are_folded_and_cut_in_one_pass(text):
    """Were the work quadratic, each would take hours."""
    repeated = MILLION // len(text)
    result = fold.fold((text * repeated).encode(), Folding())
    assert len(result.data) == len(result.starts) == len(result.ends)
    single = fold.fold_bytes((text * 200).encode(), Folding())
    assert result.data[: len(single) // 2] == single[: len(single) // 2]
    held = len((text * repeated).encode()) - fold.boundary((text * repeated).encode(), Folding())
    assert held <= 4 * 2 * (MOST_MARKS + 1)


@pytest.mark.parametrize("mark", [ACUTE, BELOW, IOTA, "\u0344", "\u05b0", "\u3099"], ids=ascii)
def test_a_million_marks_on_one_letter_stay_as_they_are(mark):
    text = "a" + mark * MILLION
    assert folded(text) == text.replace("\u0344", "\u0308\u0301")


@pytest.mark.parametrize("text", ["\ufdfa", "\u0390", "\u1e9e", "\u3300", "\U0001f130\ufdfa"], ids=ascii)
@pytest.mark.parametrize("repeated", [1, 40, 3000])
def test_text_that_grows_finds_room(text, repeated):
    """U+FDFA becomes 18 characters, eleven times its bytes."""
    data = (text * repeated).encode()
    one = fold.fold(text.encode(), Folding(), backend="reference")
    result = fold.fold(data, Folding())
    assert result.data == one.data * repeated == fold.fold_bytes(data, Folding())
    size = len(text.encode())
    assert result.starts.tolist() == [at + size * index for index in range(repeated) for at in one.starts]
    assert result.ends.tolist() == [at + size * index for index in range(repeated) for at in one.ends]


def test_a_run_of_marks_that_grows_finds_room():
    data = ("q" + "\u0f73" * 50_000).encode()
    result = fold.fold(data, Folding())
    assert result.data == ("q" + "\u0f71\u0f72" * 50_000).encode()
    assert result.ends[-1] == len(data)


@pytest.mark.parametrize("length", [1 << 11, (1 << 11) + 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 9])
@pytest.mark.parametrize("folding", [Folding(), Folding(leet=True), Folding(case=False)], ids=str)
def test_long_ascii(length, folding):
    data = (b"The 4 Quick @ Brown; " * (length // 20 + 1))[:length]
    result = fold.fold(data, folding)
    lower = data.lower() if folding.case else data
    leet = bytes.maketrans(b"4@iI", b"aall")
    assert result.data == (lower.translate(leet) if folding.leet else lower)
    assert (result.starts[0], result.starts[-1], result.ends[0], result.ends[-1]) == (0, length - 1, 1, length)
    assert (result.ends - result.starts == 1).all()


@pytest.mark.parametrize("length", [1000, 1 << 20])
def test_a_long_line_folds_to_what_its_pieces_do(length):
    line = "The Quick \u0411\u0443\u0440\u0430\u044f \u201clisa\u201d e\u0301te\u0301 \u05d1\u05bc \u4e2d \ufb03 \u200b"
    repeated = length // len(line.encode()) + 1
    one, many = fold.fold(line.encode(), Folding()), fold.fold((line * repeated).encode(), Folding())
    assert many.data == one.data * repeated
    shift = len(line.encode()) * (repeated - 1)
    assert many.ends[-len(one.data) :].tolist() == (one.ends + shift).tolist()
