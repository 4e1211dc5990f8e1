"""An unread language has to show clearly; a short or slangy text is never called an exotic one."""

from __future__ import annotations

import json
import random
import socket
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import vernacular
from plaudit.language import NOTHING, READ, UNSURE, bare, identify
from plaudit.training.obfuscation import KINDS, obfuscate
from tests.tiny import example_texts

FOREIGN = {
    code: lines.strip().splitlines()
    for code, lines in tomllib.loads(
        Path(__file__).with_name("foreign_comments.toml").read_text("utf-8")
    ).items()
}
MAIN_FOREIGN = ("it", "tr", "nl", "pl", "ja", "ar", "hi")
LABELS = Path(__file__).parents[2] / "shared" / "data" / "labels"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)  # lone surrogates too

UNSEEN = {
    code: lines.strip().splitlines()
    for code, lines in tomllib.loads(
        Path(__file__).with_name("unread_comments.toml").read_text("utf-8")
    ).items()
}
READ_COMMENTS = """
lol nice
omg queen
soooo cuteee
yasss slay
Nike Air Max ❤️
first!!
W take bro
ngl this slaps fr fr
iconic
Paris 2024
gm
rip legend
no way lmaooo
Messi GOAT
dis da bomb yo
wanna collab? hmu
same tbh
2nd verse tho
imma cop these rn
Ferrari > Lamborghini
bonita foto
que linda
top demais
kkkkk amei
jajaja me muero
trop belle
mdr trop fort
sehr geil
alles gute
keren banget bang
mantap gan
wkwkwk lucu anjir
gas terus min
pelan pelan aja bang santai
""".strip().splitlines()


def unread(code: str) -> bool:
    return code not in (*READ, NOTHING, UNSURE)


@pytest.mark.parametrize("code", MAIN_FOREIGN)
def test_main_unread_languages_are_seen(code: str) -> None:
    codes = identify(FOREIGN[code])
    assert sum(map(unread, codes)) >= 0.95 * len(codes), list(zip(FOREIGN[code], codes, strict=True))
    assert codes.count(code) >= 0.85 * len(codes)


@pytest.mark.parametrize("change", [str, str.upper, bare, lambda text: f"@anna.b {text} 😍😂 #love"])
@pytest.mark.parametrize("code", MAIN_FOREIGN)
def test_comments_that_chose_no_threshold_are_seen_too(code: str, change: Callable[[str], str]) -> None:
    codes = identify([change(text) for text in UNSEEN[code]])
    assert len(codes) >= 30
    assert sum(map(unread, codes)) >= 0.95 * len(codes), list(zip(UNSEEN[code], codes, strict=True))


def test_the_comments_that_chose_thresholds_are_others() -> None:
    assert not {text for texts in UNSEEN.values() for text in texts} & {
        t for ts in FOREIGN.values() for t in ts
    }


@pytest.mark.parametrize("kind", KINDS)
def test_disguises_are_not_exotic(kind: str) -> None:
    draw = random.Random(1)
    codes = identify([obfuscate(text, kind, draw) for text in example_texts()])
    assert sum(map(unread, codes)) <= 0.02 * len(codes)


def test_other_unread_languages_are_seen() -> None:
    codes = identify([text for code, texts in FOREIGN.items() if code not in MAIN_FOREIGN for text in texts])
    assert sum(map(unread, codes)) >= 0.95 * len(codes)


@pytest.mark.parametrize("text", READ_COMMENTS)
def test_short_and_slangy_texts_are_not_exotic(text: str) -> None:
    assert not unread(identify([text])[0])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("this is what they said about you", "en"),
        ("no sé por qué pero me gusta mucho", "es"),
        ("não sei porque mas gostei muito", "pt"),
        ("je ne sais pas pourquoi mais j'adore", "fr"),
        ("ich weiß nicht warum, aber das ist schön", "de"),
        ("gak tau kenapa tapi aku suka banget sih", "id"),
        ("これ欲しい", "ja"),
        ("iPhone 15 Pro Maxのケースが欲しい", "ja"),
        ("好看の衣服在哪里可以买到啊", "zh"),
        ("진짜 예쁘다", "ko"),
        ("ช่วยด้วย", "th"),
        ("தமிழ் மக்கள்", "ta"),
    ],
)
def test_language_is_named(text: str, code: str) -> None:
    assert identify([text]) == [code]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "😍😍",
        "100",
        "@anna.b @bob",
        "https://a.example/x?y=1",
        "#love #ootd",
        "!!! ❤️ 10/10",
        "👍🏽 ❤️‍🔥 1️⃣ 🇮🇹",
        "©️ ®️ ™️ ℹ️ Ⓜ️ 🅰️",
        "㊗️ ㊙️ 🈁 🈵",
        "\u200b",
    ],
)
def test_nothing_linguistic(text: str) -> None:
    assert identify([text]) == [NOTHING]


@pytest.mark.parametrize("text", ["hahaha", "kkkkkk", "mmm", "jajaja", "x"])
def test_sounds_are_no_language(text: str) -> None:
    assert identify([text]) == [UNSURE]


@pytest.mark.parametrize(
    "text",
    [
        r"idk ¯\_(ツ)_/¯",
        "(☞ﾟヮﾟ)☞",
        "ಠ_ಠ really",
        "the ΔT is small",
        "аmаzing соntent, dm mе",  # look-alike Cyrillic letters inside words
        "so nice, sее уоu сооn",
        "𝓼𝓸 𝓫𝓮𝓪𝓾𝓽𝓲𝓯𝓾𝓵",
        "g\u200br\u200beat v\u200bideo",
        "watch youtube.com/channel/UC0vTt9uTr8xWz",
    ],
)
def test_marks_and_disguises_are_not_exotic(text: str) -> None:
    assert not unread(identify([text])[0])


def test_whole_words_of_another_script_are_not_a_disguise() -> None:
    assert unread(identify(["привет из Казани"])[0])
    assert identify(["thanks for such a nice video, привет"]) == ["en"]


def test_turkish_capitals_are_turkish() -> None:
    assert identify(["ÇOK GÜZEL OLMUŞ ELLERİNE SAĞLIK"]) == ["tr"]


def test_repeating_a_word_makes_no_language_of_it() -> None:
    assert not unread(identify(["your pure pure pure pure pure pure pure evil"])[0])


@settings(max_examples=200, deadline=None)
@given(st.lists(ANY_TEXT, max_size=4))
def test_any_text_has_a_code_that_its_neighbours_do_not_change(texts: list[str]) -> None:
    codes = identify(texts)
    assert codes == [identify([text])[0] for text in texts]
    assert all(code.isascii() and 2 <= len(code) <= 3 for code in codes)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "ha",
        "!",
        ".",
        "a.",
        "a/",
        "@-",
        "#a",
        "😂",
        "я",
        "あ",
        "\n",
        "\x00",
        "\ud800",
        "a ",
        "?a=",
        "wwww.",
    ],
)
def test_very_long_texts_are_quick(unit: str) -> None:
    started = time.perf_counter()
    identify([unit * (100_000 // len(unit))])
    assert time.perf_counter() - started < 20  # a quadratic walk would take minutes; a busy machine does not


def test_newlines_do_not_matter() -> None:
    assert (
        identify(["ciao\nbella\r\ncome\u2028stai\x85oggi"])
        == identify(["ciao bella come stai oggi"])
        == ["it"]
    )


@pytest.fixture
def cold() -> Iterator[None]:
    """Start as a fresh process does: nothing is loaded."""
    for cached in (vernacular._model, vernacular.small_words, vernacular._spoken_in):
        cached.cache_clear()
    yield
    for cached in (vernacular._model, vernacular.small_words, vernacular._spoken_in):
        cached.cache_clear()


@pytest.mark.usefixtures("cold")
def test_threads_agree_from_a_cold_start() -> None:
    texts = [text for texts in FOREIGN.values() for text in texts] + READ_COMMENTS
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(identify, [texts] * 16))
    assert all(answer == identify(texts) for answer in answers)


@pytest.mark.usefixtures("cold")
def test_nothing_is_downloaded_or_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    assert identify(["non vedo l'ora che esca il prossimo"]) == ["it"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not LABELS.is_dir(), reason="needs the labelled comments beside the project (../shared)")
@pytest.mark.parametrize("name", ["train", "multilingual"])
def test_at_most_two_percent_of_read_comments_are_called_unread(name: str) -> None:
    texts = defaultdict(list)
    for line in (LABELS / f"{name}.jsonl").read_text("utf-8").split("\n"):
        row = json.loads(line) if line else {"flags": ["not_english"]}
        if "not_english" not in row["flags"]:
            texts[row["language"]].append(row["text"])
    shares = {code: sum(map(unread, identify(some))) / len(some) for code, some in texts.items()}
    assert max(shares.values()) <= 0.02, shares
