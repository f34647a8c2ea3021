"""token_bytes against the tokenizers' own encoding and decoding, and bans of bytes on top of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from aligntax_kernels import tokens

TEXTS = ["The ban must hold, the ban must hold.", "Ünïcode 漢字 and 🙂🙃 emoji", "bad badly badge abad a bad b ad"] * 3
SPECIAL = "<|end|>"


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=[SPECIAL],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.add_tokens(["<keep this>"])
    return tokenizer


def byte_fallback():
    pieces = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "b", "a", "d", "ba", "▁ba", "▁bad", "漢"]
    merges = [("b", "a"), ("▁", "ba"), ("▁ba", "d")]
    vocabulary = {piece: token for token, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([SPECIAL])
    return tokenizer


def metaspace():
    pieces = [("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in "abd"), ("▁bad", -1.0), ("ad", -2.5)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="never")
    return tokenizer


ANY_TEXT = st.text(st.one_of(st.sampled_from("bad ab.🙂漢é"), st.characters(exclude_categories=["Cs"])), max_size=20)
SPELLERS = {"byte level": (byte_level(), ANY_TEXT), "byte fallback": (byte_fallback(), ANY_TEXT.filter("▁".__ne__))}
SPELLERS["metaspace"] = (metaspace(), st.text(st.sampled_from("bad "), max_size=20))


@pytest.mark.parametrize(("tokenizer", "texts"), SPELLERS.values(), ids=SPELLERS.keys())
def test_the_bytes_of_the_tokens_of_a_text_are_the_text(tokenizer, texts):
    table = tokens.token_bytes(tokenizer)
    assert len(table) == tokenizer.get_vocab_size()

    @settings(max_examples=150, deadline=None)
    @given(texts)
    def check(text):
        text = text.replace("▁", "_")
        spelled = b"".join(table[token] for token in tokenizer.encode(text).ids)
        assert spelled == text.encode()

    check()


def test_special_tokens_add_nothing_and_added_ones_their_text():
    tokenizer = byte_level()
    table = tokens.token_bytes(PreTrainedTokenizerFast(tokenizer_object=tokenizer), 500)
    assert table[tokenizer.token_to_id(SPECIAL)] is None
    assert table[tokenizer.token_to_id("<keep this>")] == b"<keep this>"
    assert len(table) == 500
    assert table[tokenizer.get_vocab_size() :] == [None] * (500 - tokenizer.get_vocab_size())


@pytest.mark.parametrize(("tokenizer", "mark"), [(byte_level(), "Ġ"), (byte_fallback(), "▁"), (metaspace(), "▁")])
def test_the_marks_in_added_tokens_are_decoded_as_in_others(tokenizer, mark):
    added = [f"{mark}worse", f"a{mark}b", "plain"]
    assert tokenizer.add_tokens(added) == 3
    table = tokens.token_bytes(tokenizer)
    for piece in added:
        token = tokenizer.token_to_id(piece)
        said = [tokenizer.token_to_id("b"), token]  # what is decoded first may lose its space
        assert (table[said[0]] + table[token]).decode() == tokenizer.decode(said)


def test_a_banned_text_is_in_no_text_that_random_tokens_spell():
    tokenizer = byte_level()
    bans = tokens.TokenBans.from_bytes([" bad", "漢"], tokens.token_bytes(tokenizer))
    rng = np.random.default_rng(3)
    likely = [token for text in TEXTS for token in tokenizer.encode(text).ids]
    likely += [tokenizer.token_to_id(piece) for piece in ("Ġ", "b", "a", "d", "Ġb", "æ", "¼", "¢")]
    state, said = bans.start(1), []
    for token in rng.choice(likely, 3_000).tolist():
        logits = np.zeros((1, bans.vocab_size), np.float32)
        bans.apply(logits, state)
        if logits[0, token] == 0:
            said.append(token)
            bans.advance(state, np.array([token]))
    text = tokenizer.decode(said)
    assert " bad" not in text
    assert "漢" not in text
    assert 2_000 < len(said) < 3_000


def word_piece():
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def replacing(pattern, content):
    tokenizer = byte_fallback()
    tokenizer.decoder = decoders.Sequence([decoders.Replace(pattern, content), decoders.Fuse()])
    return tokenizer


def stripping(*steps):
    tokenizer = byte_fallback()
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), *steps])
    return tokenizer


def test_a_decoder_may_strip_the_text_that_tokens_were_fused_to():
    tokenizer = stripping(decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0))
    assert tokens.token_bytes(tokenizer) == tokens.token_bytes(byte_fallback())


REFUSED = [
    (
        "tokens stripped, then fused",
        stripping(decoders.Strip(" ", 1, 0), decoders.Fuse()),
        ValueError,
        "'Strip'.*by hand",
    ),
    ("tokens stripped", stripping(decoders.Strip(" ", 1, 0)), ValueError, "'Strip'.*by hand"),
    ("word pieces", word_piece(), ValueError, r"decodes by \['WordPiece'\].*by hand"),
    ("no decoder", Tokenizer(models.BPE()), ValueError, "decodes by nothing"),
    ("another replacement", replacing("b", "x"), ValueError, "by 'x' when it decodes"),
    ("no tokenizer", "gpt2", TypeError, "tokenizer: got a str"),
]


@pytest.mark.parametrize(
    ("tokenizer", "error", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_what_has_no_table_is_refused_with_the_mend(tokenizer, error, message):
    with pytest.raises(error, match=message):
        tokens.token_bytes(tokenizer)


def test_a_vocabulary_too_small_is_refused():
    with pytest.raises(ValueError, match="vocab_size is 7, and the tokenizer has tokens up to"):
        tokens.token_bytes(byte_level(), 7)
