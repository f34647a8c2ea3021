"""Every backend against the case table and against SciPy in float64."""

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aligntax_kernels import entropy
from aligntax_kernels.entropy import blocks, nucleus

BACKENDS = ("reference", "cpu", "auto")
INFINITY = math.inf


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    logits: list
    top_p: float
    entropy: float
    size: int
    mass: float


def two_tokens(depth):
    """The entropy of two tokens whose logits differ by `depth`."""
    return math.log1p(math.exp(-depth)) + depth * math.exp(-depth) / (1 + math.exp(-depth))


CASES = [
    Case("one token", [-7.5], 0.9, 0, 1, 1),
    Case("one token, whatever is asked for", [0], 1.0, 0, 1, 1),
    Case("two alike", [3, 3], 0.5, math.log(2), 1, 0.5),
    Case("two alike, a little more", [3, 3], 0.51, math.log(2), 2, 1),
    Case("ten alike, seven tenths", [1] * 10, 0.7, math.log(10), 7, 0.7),
    Case("ten alike, thrice a tenth", [1] * 10, 0.1 + 0.1 + 0.1, math.log(10), 3, 0.3),
    Case("ten alike, all", [1] * 10, 1.0, math.log(10), 10, 1),
    Case("a hundred thousand alike", [-80] * 100_000, 0.25, math.log(100_000), 25_000, 0.25),
    Case("ties at the edge of the nucleus", [math.log(4), 0, 0, 0, 0], 0.6, math.log(8) - math.log(4) / 2, 2, 0.625),
    Case("masked tokens", [-INFINITY, 2, -INFINITY, 2], 0.9, math.log(2), 2, 1),
    Case("all but one masked", [-INFINITY, -100, -INFINITY], 0.9, 0, 1, 1),
    Case("both zeros are one number", [0.0, -0.0, -INFINITY], 1.0, math.log(2), 2, 1),
    Case("certain", [0, 1000], 0.99, 0, 1, 1),
    Case("certain beyond float32", [-3e38, 3e38], 1.0, 0, 1, 1),
    Case("huge and alike", [3e38, 3e38, -3e38], 0.9, math.log(2), 2, 1),
    Case("subnormal", [1e-45, -1e-45, 0], 1.0, math.log(3), 3, 1),
    *(Case(f"nearly certain, {depth}", [0, -depth], 0.9, two_tokens(depth), 1, 1) for depth in (5, 17, 40, 70, 85)),
    *(
        Case(f"nearly certain at {at}", [at, at - 24], 0.9, two_tokens(24), 1, 1)
        for at in (-255, 257, 4096, -70_000, 1e8)
    ),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_table(case, backend):
    logits = np.array(case.logits, np.float32)
    found = entropy.statistics(logits, top_p=case.top_p, backend=backend)
    assert found.entropy == pytest.approx(case.entropy, rel=1e-6, abs=0)
    assert found.perplexity == pytest.approx(math.exp(case.entropy), rel=1e-6)
    assert found.nucleus_size == case.size
    assert found.nucleus_mass == pytest.approx(case.mass, abs=0.01 if case.name.startswith("nearly") else 1e-6)
    assert (found.entropy.shape, found.nucleus_size.shape) == ((), ())


def test_an_entropy_below_what_float32_can_be_is_nothing():
    assert entropy.statistics(np.array([0, -120], np.float32), backend="cpu").entropy == 0


any_logit = st.one_of(
    st.floats(-30, 30, width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([-INFINITY, 0.0, 1.0, 5.0]),
)


@st.composite
def rows_of_logits(draw):
    rows, vocabulary = draw(st.integers(1, 3)), draw(st.integers(1, 200))
    logits = draw(
        arrays(np.float32, (rows, vocabulary), elements=draw(st.sampled_from([any_logit, st.floats(-9, 9, width=32)])))
    )
    logits[np.isneginf(logits).all(axis=1), 0] = 1
    return logits


shares = st.one_of(st.sampled_from([1.0, 0.5, 0.9, 1e-7, 1 - 1e-7]), st.floats(1e-9, 1))


@settings(max_examples=300, deadline=None)
@given(logits=rows_of_logits(), top_p=st.one_of(st.none(), shares))
def test_every_backend_says_what_scipy_says(check_statistics, logits, top_p):
    before = logits.copy()
    for backend in BACKENDS:
        check_statistics(entropy.statistics(logits, top_p=top_p, backend=backend), logits, top_p)
    assert np.array_equal(logits, before)


def drawn(shape, vocabulary, random):
    """Logits of one kind; several are hard on a sum, a shift of the largest logit or a histogram."""
    normal = random.normal(size=vocabulary)
    return {
        "flat": normal * 0.01,
        "normal": normal,
        "wide": normal * 30,
        "ascending": np.sort(normal) * 4,
        "descending": -np.sort(-normal) * 4,
        "steep": np.linspace(-3000, 3000, vocabulary),
        "few values": np.round(normal * 2) / 2,
        "one on top": np.append(normal[1:], 19),
        "half masked": np.where(random.random(vocabulary) < 0.5, -INFINITY, normal * 3),
        "nearly all masked": np.where(np.arange(vocabulary) % 999 == 3, normal, -INFINITY),
        "far from zero": normal * 2 + 200,
        "farther": normal * 2 - 300,
        "of a language model": np.where(random.random(vocabulary) < 0.002, normal * 3 + 14, normal * 2),
        "one in a band apart": np.concatenate([np.full(vocabulary // 2, 5.0), normal[vocabulary // 2 :]]),
        "ties overtaken": np.where(np.arange(vocabulary) < vocabulary // 2, 3, np.linspace(-5, 4, vocabulary)),
        "close together": 10 + np.arange(vocabulary) * 1e-6,
    }[shape]


SHAPES = (
    "flat",
    "normal",
    "wide",
    "ascending",
    "descending",
    "steep",
    "few values",
    "one on top",
    "half masked",
    "nearly all masked",
    "far from zero",
    "farther",
    "of a language model",
    "one in a band apart",
    "ties overtaken",
    "close together",
)


@pytest.mark.parametrize("top_p", [None, 0.05, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("vocabulary", [1003, blocks.BLOCK, 3 * blocks.BLOCK + nucleus._GROUP + 1, 128_000])
@pytest.mark.parametrize("shape", SHAPES)
def test_large_vocabularies(shape, vocabulary, top_p, check_statistics):
    logits = drawn(shape, vocabulary, np.random.default_rng(vocabulary))[np.newaxis].astype(np.float32)
    check_statistics(entropy.statistics(logits, top_p=top_p, backend="cpu"), logits, top_p)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_nucleus_of_the_compiled_version_is_the_references(shape):
    logits = drawn(shape, 4001, np.random.default_rng(3))[np.newaxis].astype(np.float32)
    for top_p in (0.1, 0.63, 0.97):
        ours, reference = (entropy.statistics(logits, top_p=top_p, backend=name) for name in ("cpu", "reference"))
        # One token more or less where its own probability decides, by less than float32 can say.
        assert abs(ours.nucleus_size - reference.nucleus_size) <= (0 if shape != "close together" else 1)
        np.testing.assert_allclose(ours.nucleus_mass, reference.nucleus_mass, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("vocabulary", [1, 70, 9001])
def test_torch_tensors_of_each_type(vocabulary, dtype, backend, check_statistics):
    generator = torch.Generator().manual_seed(vocabulary)
    logits = (torch.randn(3, vocabulary, generator=generator) * 6).to(dtype)
    logits[0, 1::3] = -INFINITY
    logits[1, 0] = torch.finfo(dtype).min
    found = entropy.statistics(logits, top_p=0.9, backend=backend)
    check_statistics(found, logits.double().numpy(), 0.9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_numpy_arrays_of_half_precision(backend, check_statistics):
    logits = np.random.default_rng(1).normal(size=(2, 500)) * 4
    for dtype in (np.float16, ml_dtypes.bfloat16):
        halves = logits.astype(dtype)
        found = entropy.statistics(halves, top_p=0.8, backend=backend)
        check_statistics(found, halves.astype(np.float64), 0.8)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "take",
    [
        lambda a: a[:, -1, :90],
        lambda a: a[::-2, 0],
        lambda a: a[0],
        lambda a: a[:, 0, ::3],
        lambda a: a[0].T,
        lambda a: a[:, 0, ::-1],
        lambda a: np.broadcast_to(a[0, 0], (4, 100)),
        lambda a: np.frombuffer(b"." + a[0].tobytes(), a.dtype, offset=1).reshape(a[0].shape),
    ],
    ids=["last position", "reversed", "two rows", "columns apart", "transposed", "backwards", "broadcast", "unaligned"],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_any_layout(take, dtype, backend, check_statistics):
    whole = (np.random.default_rng(2).normal(size=(3, 2, 100)) * 5).astype(dtype)
    logits = take(whole)
    assert logits.ndim == 2
    check_statistics(entropy.statistics(logits, top_p=0.7, backend=backend), logits, 0.7)


@pytest.mark.parametrize("backend", BACKENDS)
def test_read_only_logits_and_tensors_in_inference_mode(backend, check_statistics):
    frozen = np.random.default_rng(2).normal(size=(2, 30)).astype(np.float32)
    frozen.flags.writeable = False
    check_statistics(entropy.statistics(frozen, backend=backend), frozen)
    with torch.inference_mode():
        output = torch.randn(2, 4, 30)
        check_statistics(entropy.statistics(output[:, -1], backend=backend), output[:, -1].numpy())


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("top_p", [None, 0.9])
def test_no_rows_have_no_statistics(top_p, backend):
    found = entropy.statistics(np.zeros((0, 7), np.float32), top_p=top_p, backend=backend)
    assert found.entropy.shape == found.perplexity.shape == found.largest_probability.shape == (0,)
    assert (found.nucleus_size is None) == (top_p is None)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("top_p", [None, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([math.nan], "row 2 holds NaN or plus infinity"),
        ([-math.nan, 1e4], "row 2 holds NaN"),
        ([INFINITY], "row 2 holds NaN or plus infinity"),
        ([INFINITY, math.nan, -INFINITY], "row 2 holds NaN"),
        (None, "row 2 is minus infinity throughout.*one at least must be left"),
    ],
)
@pytest.mark.parametrize("at", [0, 37, 4999])
def test_rows_that_are_no_distribution_are_refused_by_name(at, bad, message, dtype, top_p, backend):
    logits = torch.zeros(4, 5000).to(dtype)
    if bad is None:
        logits[2] = -INFINITY
    else:
        for value in bad:
            logits[2, at if value == bad[0] else 5] = value
        if bad[0] != bad[0]:
            logits[2, at] = math.copysign(math.nan, bad[0])
    with pytest.raises(ValueError, match=message):
        entropy.statistics(logits, top_p=top_p, backend=backend)


def signs_of_nan():
    for bits in (0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0xFFFFFFFF):
        yield np.array([0, bits, 0], np.uint32).view(np.float32)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("logits", list(signs_of_nan()), ids=lambda logits: hex(logits.view(np.uint32)[1]))
def test_no_kind_of_nan_is_missed(logits, backend):
    with pytest.raises(ValueError, match="row 0 holds NaN"):
        entropy.statistics(logits, backend=backend)


ROW = np.zeros((2, 5), np.float32)
REJECTED = [
    ("float64", ROW.astype(float), {}, TypeError, r"logits are float64; convert them with \.astype\(np\.float32\)"),
    ("integers", ROW.astype(np.int32), {}, TypeError, "logits are int32; convert"),
    ("swapped bytes", ROW.astype(">f4"), {}, TypeError, ">f4; convert"),
    ("list", [[1.0]], {}, TypeError, "logits: got a list; pass a numpy array or a torch tensor"),
    ("requires grad", torch.ones(2, 5, requires_grad=True), {}, TypeError, r"logits\.detach\(\)"),
    ("elsewhere", torch.ones(2, 5, device="meta"), {}, TypeError, r"on meta.*\.cpu\(\)"),
    ("no axis", np.zeros((), np.float32), {}, ValueError, r"shape \(\); expected \(rows, vocabulary\)"),
    ("three axes", np.zeros((1, 2, 3), np.float32), {}, ValueError, r"shape \(1, 2, 3\); expected"),
    ("no vocabulary", np.zeros((2, 0), np.float32), {}, ValueError, r"shape \(2, 0\); .* with some tokens"),
    ("nothing at all", np.zeros(0, np.float32), {}, ValueError, r"shape \(0,\)"),
    ("top_p of 0", ROW, {"top_p": 0}, ValueError, "top_p=0: expected more than 0 and at most 1"),
    ("top_p above 1", ROW, {"top_p": 1.01}, ValueError, r"top_p=1\.01"),
    ("top_p below 0", ROW, {"top_p": -0.5}, ValueError, r"top_p=-0\.5"),
    ("top_p NaN", ROW, {"top_p": math.nan}, ValueError, "top_p=nan"),
    ("top_p text", ROW, {"top_p": "most"}, TypeError, "top_p: got a str; pass a number"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("logits", "options", "error", "message"), [case[1:] for case in REJECTED], ids=[case[0] for case in REJECTED]
)
def test_what_cannot_be_measured_is_refused_with_the_mend(logits, options, error, message, backend):
    with pytest.raises(error, match=message):
        entropy.statistics(logits, backend=backend, **options)


def test_an_unknown_backend_is_named():
    with pytest.raises(
        ValueError, match="backend 'gpu' is unknown here; use one of 'auto', 'reference', 'cpu', 'cuda'"
    ):
        entropy.statistics(ROW, backend="gpu")
