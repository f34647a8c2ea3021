"""Models in files: what was saved comes back, and nothing else is accepted."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest

from aligntax_kernels import linear
from aligntax_kernels.linear import storage

TEXTS = ["", "one two", "Three é FOUR 漢字 the", "x" * 50]


@pytest.fixture
def saved(tmp_path, make_pipeline_of):
    path = tmp_path / "model.npz"
    linear.load(make_pipeline_of(n_features=64)).save(path)
    return path


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"classes": 3, "ngram_range": (1, 2), "stop_words": ["the", "é"], "strip_accents": "unicode"},
        {"analyzer": "char_wb", "norm": None, "binary": True, "lowercase": False, "encoding": "latin-1"},
        {"loss": "modified_huber", "classes": 5, "n_features": 7, "norm": "l1", "alternate_sign": False},
    ],
    ids=str,
)
def test_what_was_saved_comes_back(settings, backend, tmp_path, make_pipeline_of):
    pipeline = make_pipeline_of(**settings)
    scorer = linear.load(pipeline)
    scorer.save(str(tmp_path / "model"))
    again = linear.read(str(tmp_path / "model"), backend=backend)
    assert again.features == scorer.features
    assert again.classes.tolist() == scorer.classes.tolist()
    assert np.abs(again.probabilities_batch(TEXTS) - pipeline.predict_proba(TEXTS)).max() < 1e-9
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("labels", [np.array(["nein", "ja 漢"]), np.array([False, True]), np.array([0.5, 1.5])])
def test_labels_come_back(labels, tmp_path, make_pipeline_of):
    pipeline = make_pipeline_of()
    pipeline[-1].classes_ = labels
    linear.load(pipeline).save(tmp_path / "model")
    again = linear.read(tmp_path / "model").classes
    assert again.dtype == labels.dtype
    assert again.tolist() == labels.tolist()


def test_a_missing_file_is_reported_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        linear.read(tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", pickle.dumps({"a": 1}), b"\x93NUMPY\x01\x00"])
def test_a_foreign_file_is_refused(content, tmp_path):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=r"is no model that Scorer\.save wrote, or is damaged: .+"):
        linear.read(tmp_path / "file")


def test_any_damaged_byte_is_noticed_or_without_effect(saved, tmp_path):
    content = saved.read_bytes()
    expected = linear.read(saved, backend="reference").probabilities_batch(TEXTS)
    refused = 0
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            scorer = linear.read(tmp_path / "damaged", backend="reference")
        except ValueError:
            refused += 1
        else:  # a time stamp, or another field that nothing depends on
            assert np.array_equal(scorer.probabilities_batch(TEXTS), expected)
    assert refused > len(content) * 0.7


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_another_compression_is_refused(method, saved, tmp_path):
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(tmp_path / "other", "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(ValueError, match="expected deflate"):
        linear.read(tmp_path / "other")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_refused(share, saved, tmp_path):
    content = saved.read_bytes()
    (tmp_path / "short").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="is damaged"):
        linear.read(tmp_path / "short")


def rewritten(saved, target, **changes):
    """The archive with members replaced: by arrays, by raw bytes, or by None for none at all."""
    with np.load(saved) as archive:
        members = dict(archive)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in {**members, **changes}.items():
            if isinstance(value, bytes):
                archive.writestr(f"{name}.npy", value)
            elif value is not None:
                buffer = io.BytesIO()
                np.save(buffer, value)
                archive.writestr(f"{name}.npy", buffer.getvalue())
    return target


def settings_of(saved, **changes):
    with np.load(saved) as archive:
        settings = json.loads(archive["settings"].tobytes())
    features = {**settings["features"], **changes.pop("features", {})}
    return np.frombuffer(json.dumps({**settings, "features": features, **changes}).encode(), np.uint8)


def header(shape, dtype="<f8"):
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"shape": shape, "fortran_order": False, "descr": dtype})
    return buffer.getvalue()


def test_the_archive_rewritten_without_change_is_read(saved, tmp_path):
    again = linear.read(rewritten(saved, tmp_path / "same", settings=settings_of(saved)))
    assert again.features == linear.read(saved).features


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": None}, "it holds .*expected"),
        ({"more": np.zeros(1)}, "it holds .*more.npy"),
        ({"coefficients": np.zeros((1, 65))}, r"coefficients have shape \(65, 1\)"),
        ({"coefficients": np.zeros((1, 64), np.float32)}, "coefficients are float32"),
        ({"coefficients": np.full((1, 64), np.nan)}, "coefficients hold NaN"),
        ({"intercepts": np.zeros(2)}, r"intercepts have shape \(2,\)"),
        ({"intercepts": np.full(1, np.inf)}, "intercepts hold NaN or infinity"),
        ({"classes": np.array([1])}, "at least two labels"),
        ({"classes": np.zeros((2, 1))}, "one axis"),
        ({"classes": b"not an array"}, "magic string"),
        ({"classes": header((2,), "|O") + pickle.dumps(["a", "b"])}, "dtype object"),
        ({"classes": header((2,), [("a", "<i4")]) + bytes(8)}, "dtype"),
        ({"coefficients": header((1, 2**28)) + bytes(8)}, "not of the .* bytes that their shape"),
        ({"coefficients": header((1, 2**50)) + bytes(8)}, "coefficients take 9007199254740992 bytes; at most"),
        ({"coefficients": header((2**40, 2**40)) + bytes(8)}, "coefficients take .* bytes; at most"),
        ({"coefficients": header((1, -64)) + bytes(8)}, "coefficients take -512 bytes"),
        ({"coefficients": b"\x93NUMPY\x01\x00\x02\x00(\n"}, "damaged"),
        ({"coefficients": header((1, 64)) + bytes(64 * 8 + 1)}, "not of the 512 bytes"),
        ({"coefficients": header((1, 64)) + bytes(64 * 8 - 1)}, "not of the 512 bytes"),
        ({"coefficients": b"\x93NUMPY\x03\x00" + bytes(10)}, r"array format is \(3, 0\)"),
        ({"settings": np.frombuffer(b"not json", np.uint8)}, "damaged"),
        ({"settings": np.frombuffer(b"[" * 100_000, np.uint8)}, "damaged"),
        ({"settings": np.frombuffer(b"[]", np.uint8)}, "its format is None; this version reads 'aligntax.linear/1'"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused(changes, message, saved, tmp_path):
    with pytest.raises(ValueError, match=message):
        linear.read(rewritten(saved, tmp_path / "changed", **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "aligntax.linear/2"}, "its format is 'aligntax.linear/2'"),
        ({"link": "probit"}, "link='probit'"),
        ({"features": {"analyzer": "regex"}}, "analyzer='regex'"),
        ({"features": {"ngram_range": [1]}}, "damaged"),
        ({"features": {"ngram_range": [1, "2"]}}, "ngram_range"),
        ({"features": {"ngram_range": [1, 1.5]}}, "ngram_range"),
        ({"features": {"ngram_range": [1, 2**70]}}, "ngram_range"),
        ({"features": {"columns": 0}}, "n_features=0"),
        ({"features": {"columns": "64"}}, "n_features='64'"),
        ({"features": {"encoding": "no-such"}}, "encoding='no-such'"),
        ({"features": {"encoding": 5}}, "encoding"),
        ({"features": {"stop_words": [5]}}, "stop_words"),
        ({"features": {"lowercase": "yes"}}, "lowercase='yes'"),
        ({"features": {"unknown": 1}}, "its features are not the expected"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes, message, saved, tmp_path):
    changed = rewritten(saved, tmp_path / "changed", settings=settings_of(saved, **changes))
    with pytest.raises(ValueError, match=message):
        linear.read(changed)


def test_an_array_that_is_too_large_is_neither_written_nor_unpacked(saved, tmp_path, monkeypatch):
    scorer = linear.read(saved)
    monkeypatch.setattr(storage, "MOST_BYTES", 511)
    with pytest.raises(ValueError, match=r"coefficients take 512 bytes; at most 511"):
        linear.read(saved)
    with pytest.raises(ValueError, match=r"coefficients take 512 bytes; at most 511"):
        scorer.save(tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
