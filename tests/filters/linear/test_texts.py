"""What a text may be: str, bytes in an encoding, long, many, shared by threads; and what is refused."""

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer

from aligntax_kernels import linear
from aligntax_kernels.linear import cpu, preparation

BACKENDS = ("reference", "cpu")
LONG = cpu._LONG_RUN_BYTES


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "cp1252", "utf-16", "utf-7", "shift_jis"])
def test_bytes_are_decoded_as_the_vectorizer_is_set(encoding, backend, make_pipeline_of):
    pipeline = make_pipeline_of(encoding=encoding, ngram_range=(1, 2))
    scorer = linear.load(pipeline, backend=backend)
    for text in ("plain ASCII +AGE- ~{ text", "", "+ - over"):
        data = text.encode(encoding)
        assert abs(scorer.score(data) - pipeline.predict_proba([data])[0, 1]) < 1e-9
        assert abs(scorer.score(text) - pipeline.predict_proba([text])[0, 1]) < 1e-9
        assert np.array_equal(scorer.probabilities_batch([data, text]), [scorer.probabilities(t) for t in (data, text)])


@settings(max_examples=200, deadline=None)
@given(
    data=st.one_of(st.binary(max_size=30), st.text(alphabet="aé漢😀\ud800 ", max_size=9)),
    decode_error=st.sampled_from(["strict", "replace", "ignore"]),
    analyzer=st.sampled_from(["word", "char", "char_wb"]),
)
def test_texts_that_scikit_learn_refuses_are_refused(make_pipeline_of, data, decode_error, analyzer):
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    pipeline = make_pipeline_of(n_features=256, decode_error=decode_error, analyzer=analyzer, ngram_range=(1, 2))
    for given_text in {text, data}:
        try:
            expected = pipeline.predict_proba([given_text])
        except UnicodeError:
            expected = None
        for backend in BACKENDS:
            scorer = linear.load(pipeline, backend=backend)
            for call in (scorer.probabilities, lambda t: scorer.probabilities_batch([t]), scorer.score):  # noqa: B023
                if expected is None:
                    with pytest.raises(ValueError, match=r"^text: (not valid utf-8|a lone surrogate at position \d)"):
                        call(given_text)
                else:
                    assert (
                        np.abs(call(given_text) - (expected[0, 1] if call == scorer.score else expected)).max() < 1e-9
                    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", [b"the secret \xff", "the secret \ud800"])
def test_no_text_travels_in_an_exception(text, backend, make_pipeline_of):
    scorer = linear.load(make_pipeline_of(analyzer="char"), backend=backend)
    with pytest.raises(ValueError, match=r" 11( has|;)") as caught:
        scorer.score(text)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", [None, 3, ["text"], bytearray(b"text"), memoryview(b"text"), np.array(["text"])])
def test_anything_but_a_text_is_refused(text, backend, make_pipeline_of):
    scorer = linear.load(make_pipeline_of(), backend=backend)
    for call in (scorer.score, scorer.probabilities, lambda value: scorer.probabilities_batch(["text", value])):
        with pytest.raises(TypeError, match=f"text: got a {type(text).__name__}; pass str or bytes"):
            call(text)


@pytest.mark.parametrize("text", ["one text", b"one text", None, 3])
def test_one_text_is_no_batch(text, make_pipeline_of):
    with pytest.raises(TypeError, match=f"^texts: got one {type(text).__name__}; pass a list"):
        linear.load(make_pipeline_of()).probabilities_batch(text)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("classes", [2, 4])
def test_an_empty_batch_has_no_rows(classes, backend, make_pipeline_of):
    scorer = linear.load(make_pipeline_of(classes=classes), backend=backend)
    assert scorer.probabilities_batch([]).shape == (0, classes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_score_needs_two_classes(backend, make_pipeline_of):
    with pytest.raises(ValueError, match=r"3 classes; use probabilities\(\)"):
        linear.load(make_pipeline_of(classes=3), backend=backend).score("text")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("classes", [2, 3])
def test_scores_that_overflow_are_no_verdict(classes, backend, make_pipeline_of):
    pipeline = make_pipeline_of(classes=classes, n_features=1, norm=None, alternate_sign=False)
    pipeline[-1].coef_[:] = 1.7e308
    pipeline[-1].intercept_[:] = 0
    pipeline[-1].coef_[-1] = -1.7e308
    scorer = linear.load(pipeline, backend=backend)
    with np.errstate(all="ignore"):
        assert scorer.probabilities("one").tolist() == pytest.approx(pipeline.predict_proba(["one"])[0].tolist())
        for call in (scorer.probabilities, lambda text: scorer.probabilities_batch(["one", text, "one"])):
            with pytest.raises(ValueError, match="text: its scores overflow"):
                call("one two three")
        if classes == 2:
            with pytest.raises(ValueError, match="text: its scores overflow"):
                scorer.score("one two three")


def test_a_sum_that_overflowed_on_the_way_is_no_verdict(make_pipeline_of):
    pipeline = make_pipeline_of(n_features=2**10, alternate_sign=False)
    column = {word: HashingVectorizer(n_features=2**10).transform([word]).indices[0] for word in ("good", "evil")}
    pipeline[-1].coef_[0, column["evil"]] = 1.2e308
    pipeline[-1].coef_[0, column["good"]] = -1.2e308
    # Of the whole text the score would be negative; the compiled sum is infinite before it gets there.
    with pytest.raises(ValueError, match="text: its scores overflow"):
        linear.load(pipeline).score("evil evil good good good")


@pytest.mark.parametrize("length", [LONG - 1, LONG, LONG + 1])
@pytest.mark.parametrize("letter", ["a", "é"])
def test_both_sides_of_the_length_that_releases_the_gil(letter, length, make_pipeline_of):
    pipeline = make_pipeline_of(classes=2, analyzer="char", ngram_range=(2, 3))
    whole = (f"{letter} word, " * length)[: length if letter == "a" else length // 2]
    scorer = linear.load(pipeline)
    expected = pipeline.predict_proba([whole])[0]
    assert np.abs(scorer.probabilities(whole) - expected).max() < 1e-9
    assert abs(scorer.score(whole) - expected[1]) < 1e-9
    assert abs(scorer.score(whole.encode()) - expected[1]) < 1e-9


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("text", ["ab " * 350_000, "a" * 1_000_000, " " * 1_000_000, "\u3000é" * 200_000])
def test_a_line_of_a_megabyte(text, analyzer, make_pipeline_of):
    pipeline = make_pipeline_of(analyzer=analyzer, ngram_range=(2, 2))
    assert abs(linear.load(pipeline).score(text) - pipeline.predict_proba([text])[0, 1]) < 1e-9


@pytest.mark.parametrize("strip_accents", ["ascii", "unicode"])
@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0f73"], ids=ascii)
def test_a_flood_of_marks_is_stripped_in_linear_time(marks, strip_accents, make_pipeline_of, monkeypatch):
    """The time of `unicodedata.normalize` is quadratic in a run of marks, so that it must not be given a long one."""
    pipeline = make_pipeline_of(strip_accents=strip_accents, analyzer="char", ngram_range=(1, 3))
    texts = [f"caf\u00e9 {marks * count}e\u0301t\u00e9 \ufb01n" for count in (1, 31, 32, 33, 300)]
    for backend in BACKENDS:
        scores = linear.load(pipeline, backend=backend).probabilities_batch(texts)
        assert np.abs(scores - pipeline.predict_proba(texts)).max() < 1e-9
    lengths = []

    def normalize(form, text):
        lengths.append(len(text))
        return unicodedata.normalize(form, text)

    spied = SimpleNamespace(normalize=normalize, combining=unicodedata.combining)
    monkeypatch.setattr(preparation, "unicodedata", spied)
    scorer = linear.load(pipeline)
    assert scorer.score(f"a{marks * 10_000}b") == scorer.score("ab")
    assert max(lengths) < 100


def test_threads_share_a_scorer(make_pipeline_of):
    pipeline = make_pipeline_of(ngram_range=(1, 3), classes=3)
    scorer = linear.load(pipeline)
    texts = [f"text {number} of many é " * (1 + number % 7) + "and more " * (number % 3 * 3000) for number in range(60)]
    expected = scorer.probabilities_batch(texts)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(scorer.probabilities, texts * 5))
        batches = list(pool.map(scorer.probabilities_batch, [texts] * 6))
    assert np.abs(np.array(found) - np.tile(expected, (5, 1))).max() < 1e-12
    assert all(np.array_equal(batch, expected) for batch in batches)
    assert np.abs(expected - pipeline.predict_proba(texts)).max() < 1e-9


def test_a_batch_mixes_str_bytes_and_scripts(make_pipeline_of):
    pipeline = make_pipeline_of(strip_accents="unicode", ngram_range=(1, 2))
    texts = ["Plain TEXT here", b"Plain BYTES here", "Ünïcode TEXT ℡", "Ünïcode BYTES".encode(), "", b""]
    expected = pipeline.predict_proba(texts)
    for backend in BACKENDS:
        assert np.abs(linear.load(pipeline, backend=backend).probabilities_batch(texts) - expected).max() < 1e-9
    assert np.abs(linear.load(pipeline).probabilities_batch(tuple(texts)) - expected).max() < 1e-9
