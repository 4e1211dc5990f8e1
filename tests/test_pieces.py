"""In pieces or whole: whatever is asked of a text, the answer is the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plaudit import artifact, pieces
from plaudit.inference import load_tokenizer
from plaudit.language import identify
from plaudit.legible import legible, skeleton
from plaudit.letters import letters_of
from plaudit.linguistics import Wording, describe
from plaudit.passages import passages_of
from plaudit.pieces import MAX_LETTERS, PiecedTexts, gathered, pieced, pieces_of
from plaudit.text import fingerprint
from plaudit.tokens import TokenIds

# What stands between blanks, and whatever else decides how a text is read, or not.
PIECES = """
the The "the" video, video! don't don’t Mum's was: it; (so) “nice” nice... great!!! great!!
!great soooo gooood sooo!!!! I a i x ' ’ ! ? - . ... !! 5 50% 1:47 3D 4K gr3at p0st w3 n1ce
@w3some @anna @Bob.B, @a.b-c: @ me@mail.example #fire #1 & and/or 1/2 w/ :) ;-) <3 =D :D:D x:)
word:) word.:) <3<3 ¯\\_(ツ)_/¯ ಠ_ಠ shop.com Shop.COM! youtu.be/x?y=1 great.so e.g. v1.2 a.b.c.
g.r.e.a.t g-r-e-a-t https://a.example/x http www.x.y ?a=b x?a=b a=b http:// wwww. www www. httpx
😂 😂😂 ❤️ ❤ 🔥wow wow🔥 a😂 😂a😂b ☺️☺️ 👍🏽 👨‍👩‍👧 1️⃣ 🇮🇹 ©️ ™ ️ \u200b \u200d a\u200bb \u0301 e\u0301 é
É ÇOK İYİ ışık ß ſ ﬁ ½ … a…b ´ don´t « » “ ” ‘ ’ — – µm ΔT привет nісe Аpple 𝓷𝓲𝓬𝓮 ＨＩ ᴀʙ これは 는
que la de muy bonito obrigado nicht der ist yang itu haha jajaja lol LOL lmaooo xd hmmm je suis
très mwah _ __ a_b Xxx xxx XXX iii wWw. co-op non-stop what?? wow!?! (i.e. ''She she'' "'a'"
HTTP Https hTTp! $500 $o a$ap 100k 7h15 15 \x00 a\x00b \x1f \x7f
""".split()
BLANKS = [" ", " ", " ", " ", "  ", "\n", "\t", "\u00a0", "\u2028", "\x85", "\x1c", "   "]
ROWS = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(BLANKS)), max_size=14)
TEXT = (
    ROWS.map(lambda rows: "".join(piece + blank for piece, blank in rows))
    | ROWS.map(lambda rows: " ".join(piece for piece, _ in rows))
    | st.text(st.sampled_from("aabBé .,!?'’-@#:;)<3=/1$\n😂\ufe0fwhtp"), max_size=30)
    | st.text(st.characters(exclude_categories=()), max_size=20)
)
TEXTS = st.lists(TEXT, min_size=1, max_size=12)
many = settings(max_examples=300, deadline=None)
knotty = example(
    [
        "I a b", "a 😂 b c d", "x @anna y z", ":) a b", "great.so 😂", "😂 shop.com", "@anna @bob",
        "#fire @x", "http", "http tt", "@user r", "Aaand", "Aaand, that",
        "❤️ gooood", "sooo ❤️", "?a=b here", "see. ?a=b", "http here.", "", " ", "\n", "a" * 239 + " bcd efg",
        "word " * 47 + "@anna http", "the @bob " * 40, "I I I I", "g r e a t", "well… so",
        "a\u00a0b\u00a0c\u00a0d", "HTTP is great you know", "@anna http", "@anna HTTP",
        "gooood\u00a0www ", "gooood www",
    ]
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def few() -> Iterator[None]:
    """Take even few texts apart."""
    before, pieces._FEW = pieces._FEW, 1
    yield
    pieces._FEW = before


def whole(*texts: str) -> PiecedTexts:
    """Return texts that are left whole."""
    found = PiecedTexts(texts)
    found.pieces = pieces._all_whole(texts)
    return found


@pytest.fixture(scope="module")
def token_ids() -> TokenIds:
    return TokenIds(load_tokenizer(artifact.current() / artifact.TOKENIZER))


@many
@given(TEXTS)
@knotty
def test_the_pieces_read_make_the_text_read(texts: list[str]) -> None:
    found = pieces_of(texts)
    read = [*found.read, *map(legible, found.whole)]
    joined = [
        " ".join([read[at] for at in found.at[start:end]])
        for start, end in zip(found.ends[:-1], found.ends[1:], strict=True)
    ]
    assert joined == list(map(legible, texts))
    assert all(" " not in each for each in found.read)


@many
@given(TEXTS)
@knotty
def test_the_language_is_the_same(texts: list[str]) -> None:
    alone = [identify(whole(text))[0] for text in texts]
    assert identify(texts) == identify(whole(*texts)) == alone


@many
@given(TEXTS)
@knotty
def test_the_words_are_the_same(texts: list[str]) -> None:
    together, alone = describe(texts), Wording.concat([describe(whole(text)) for text in texts])
    for other in (alone, describe(whole(*texts))):
        for field in fields(Wording):
            assert getattr(together, field.name).tolist() == getattr(other, field.name).tolist(), field.name


@many
@given(TEXTS)
@knotty
def test_the_letters_are_the_same(texts: list[str]) -> None:
    found, skeletons = letters_of(texts), list(map(skeleton, texts))
    assert found.grams.to_pylist() == letters_of(whole(*texts)).grams.to_pylist()
    assert found.fingerprint.tolist() == [fingerprint(each) if each else 0 for each in skeletons]
    assert found.n.tolist() == list(map(len, skeletons))


@many
@given(TEXTS)
@knotty
def test_the_passages_are_the_same(texts: list[str]) -> None:
    alone = [passages_of(whole(text)).to_pylist()[0] for text in texts]
    assert passages_of(texts).to_pylist() == passages_of(whole(*texts)).to_pylist() == alone


@many
@given(texts=TEXTS)
@knotty
def test_the_tokens_are_the_same(token_ids: TokenIds, texts: list[str]) -> None:
    found = pieces_of(texts)
    ids = token_ids.of_pieces(found, list(map(legible, found.whole)))
    assert ids == token_ids.of(list(map(legible, texts)))
    left = whole(*texts).pieces
    assert token_ids.of_pieces(left, list(map(legible, left.whole))) == ids


def test_most_of_an_ordinary_text_is_in_pieces() -> None:
    texts = [
        "what a nice video, thanks",
        "@anna I don’t know 😂 3:15",
        "sí, muy bonito!!!",
        "love it ❤️ #diy",
    ] * 2
    found = pieces_of(texts)
    assert found.whole == []
    assert found.read.count("video,") == 1
    assert found.said[found.read.index("video,")] == "video"
    assert found.row.tolist() == np.repeat(np.arange(8), [5, 6, 3, 4] * 2).tolist()


@pytest.mark.parametrize("text", ["g r e a t", "gr3at video", "привет there", "x " * MAX_LETTERS, "\ud800"])
def test_what_only_the_whole_text_tells_is_left_whole(text: str) -> None:
    texts = ["a plain text"] * 8 + [text, text]
    found = pieces_of(texts)
    assert found.is_whole.tolist()[-2:] == [True, True]
    assert found.whole[-1] == text
    assert len(set(found.different)) == len(found.different)


def test_texts_are_left_whole_where_asked_for() -> None:
    texts = ["aa b", "cc d", "aa b", "", "привет", "e", "ee f", "f"]
    rows = np.array([True, False, True, True, True, False, False, True])
    found = pieces_of(texts).with_whole(rows, texts)
    assert found.is_whole.tolist() == rows.tolist()
    assert sorted(found.whole) == sorted({"aa b", "", "привет", "f"})
    expected = ["aa b", "cc", "d", "aa b", "", "привет", "e", "ee", "f", "f"]
    assert [found.different[at] for at in found.at] == expected


def test_few_texts_are_left_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_FEW", 3)
    assert pieces_of(["a b", "c"]).whole == ["a b", "c"]
    assert pieces_of(["aa b", "c", "d"]).whole == []
    assert pieces_of(["a", "a"]).at.tolist() == [0, 0]


def test_pieces_are_found_once() -> None:
    texts = pieced(["a b"] * 9)
    assert pieced(texts) is texts
    assert texts.pieces is texts.pieces


def test_what_is_forgotten_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{a}oo{b}" for a in "abcdef" for b in "ghijkl"] * 2
    first = pieces_of(texts).read
    monkeypatch.setattr(pieces._READ, "most", 3)
    pieces._READ.clear()
    assert pieces_of(texts).read == pieces_of(texts).read == first
    assert len(pieces._READ) <= 3


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=6), st.data())
def test_ragged_rows_are_gathered_in_any_order(rows: list[list[int]], data: st.DataObject) -> None:
    at = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=9))
    values = np.array([value for row in rows for value in row], np.int64)
    lengths = np.array(list(map(len, rows)), np.int64)
    found, n = gathered(values, lengths, np.array(at, np.int64))
    assert found.tolist() == [value for i in at for value in rows[i]]
    assert n.tolist() == [len(rows[i]) for i in at]
