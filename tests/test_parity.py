"""The service gives the library's answers, number for number, whatever comes and in whatever company."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plaudit.errors import PlauditError
from plaudit.items import Item, results
from plaudit.pipeline import Pipeline
from tests.live import living

CLASSIFY, STREAM = "/v1/classify", "/v1/classify/stream"
MARGIN = 1e-4

WORDS = {
    "en": "which glue did you use for the oak shelf I sanded mine twice thanks love this so much how long",
    "de": "welchen Leim hast du für das Regal genommen ich habe meins zweimal geölt danke wie lange trocknet",
    "es": "qué pegamento usaste para la mesa yo lijé la mía dos veces gracias me encanta cuánto tarda",
    "fr": "quelle colle as-tu prise pour l'étagère j'ai poncé la mienne deux fois merci c'est très beau",
    "pt": "que cola você usou na estante eu lixei a minha duas vezes obrigado adorei quanto tempo demora",
    "id": "lem apa yang kamu pakai untuk rak itu aku sudah amplas dua kali makasih bagus banget berapa lama",
    "pl": "jakiego kleju użyłeś do półki szlifowałem swoją dwa razy dzięki świetna robota jak długo schnie",
    "ru": "каким клеем ты собирал полку я шлифовал свою дважды спасибо очень красиво сколько сохнет",
    "ar": "أي غراء استعملت للرف لقد صقلت رفي مرتين شكرا جميل جدا كم يحتاج ليجف",
    "hi": "आपने शेल्फ़ के लिए कौन सा गोंद लिया मैंने अपनी दो बार घिसी धन्यवाद बहुत सुंदर",
    "ja": "棚にはどの接着剤を使いましたか 私は二回やすりました ありがとう とてもきれい 何時間で乾きますか",
    "zh": "架子用的是什么胶 我的打磨了两次 谢谢 太好看了 要干多久",
}
EMOJI = ["❤️", "🔥", "😂", "👏🏽", "👩‍👧‍👦", "🇧🇷", "1️⃣", "😮‍💨", "✨", "🫠"]
AROUND = [
    "{}?",
    "{}!!!",
    "{} 🔥",
    "@anna_k {}",
    "{} https://example.org/a?b=c",
    "#oak {}",
    '"{}"',
    "{}...",
    "{}",
]


def _lookalikes(text: str) -> str:
    return text.translate(str.maketrans("aceopx", "асеорх"))  # Cyrillic


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def _mathematical(text: str) -> str:
    return "".join(chr(0x1D41A + ord(sign) - ord("a")) if "a" <= sign <= "z" else sign for sign in text)


DISGUISES = [
    str.upper,
    " ".join,
    "\u200b".join,
    "\u0336".join,
    lambda text: text.translate(str.maketrans("aeiost", "4310$7")),
    lambda text: "".join(sign * 3 for sign in text),
    _lookalikes,
    _fullwidth,
    _mathematical,
]

plain = st.sampled_from([words.split() for words in WORDS.values()]).flatmap(
    lambda words: st.lists(st.sampled_from(words), min_size=1, max_size=12).map(" ".join)
)
adorned = st.builds(str.format, st.sampled_from(AROUND), plain)
macaronic = st.lists(plain, min_size=2, max_size=4).map(" ".join)
emoji = st.lists(st.sampled_from(EMOJI), min_size=1, max_size=9).map("".join)
disguised = st.builds(lambda disguise, text: disguise(text), st.sampled_from(DISGUISES), plain)
truncated = st.builds(lambda text, times: f"{text} " * times, macaronic, st.integers(40, 120))
next_to_nothing = st.sampled_from(["", " ", "\n\t", "\u200b\ufeff", "\x00", ".", "\u202e", "?", "\ufe0f"])
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.one_of(
    adorned, adorned, macaronic, emoji, disguised, disguised, truncated, next_to_nothing, anything
)
REQUESTS = st.lists(
    st.tuples(st.sampled_from([CLASSIFY, STREAM]), st.lists(TEXTS, min_size=1, max_size=12)),
    min_size=1,
    max_size=6,
)


def _loaded() -> Pipeline:
    try:
        return Pipeline.load(threads=1)
    except PlauditError as error:
        pytest.skip(f"no model: {error}")


def _forget(pipeline: Pipeline) -> None:
    pipeline.classifier._model._cache.__init__(100_000)  # or the first company would answer for all others


@pytest.fixture(scope="module")
def library():
    return _loaded()


@pytest.fixture(scope="module")
def served():
    pipeline = _loaded()
    with living(lambda: pipeline) as live, ThreadPoolExecutor(4) as pool:
        yield pipeline, live.client, pool


def ask(client, path, texts):
    """Return the answers to texts whose ids are their places, from 1."""
    comments = [{"id": str(place), "text": text} for place, text in enumerate(texts, start=1)]
    if path == CLASSIFY:
        found = client.post(path, json={"comments": comments})
        answers = found.json()["results"]
    else:
        lines = "".join(json.dumps(each) + "\n" for each in comments)
        found = client.post(path, content=lines, headers={"Content-Type": "application/x-ndjson"})
        answers = [json.loads(line) for line in found.text.split("\n")[:-1]]
    assert found.status_code == 200
    return answers


def alike(one, two):
    """Tell whether two answers are the same but for the last digits."""
    if "error" in one or "error" in two:
        return one == two
    numbers = [one[part][name] - two[part][name] for part in ("probabilities", "flags") for name in one[part]]
    *_, second, first = sorted(one["probabilities"].values())
    is_close = first - second < 2 * MARGIN
    same = [name for name in ("id", "language", "supported", "truncated") if one[name] == two[name]]
    return len(same) == 4 and max(map(abs, numbers)) < MARGIN and (one["label"] == two["label"] or is_close)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(requests=REQUESTS, order=st.randoms(use_true_random=False))
def test_the_service_answers_as_the_library_does(library, served, requests, order):
    pipeline, client, pool = served
    _forget(library)
    _forget(pipeline)
    asked = [(path, texts) for path, texts in requests]
    alone = [(which, place) for which, (_, texts) in enumerate(asked) for place in range(len(texts))]
    order.shuffle(alone)  # to the library they come all at once, in another order
    items = [Item.of(asked[which][1][place], id=str(place + 1)) for which, place in alone]
    told = pool.submit(lambda: list(results(items, library)))
    answered = list(pool.map(lambda request: ask(client, *request), asked))
    assert [len(each) for each in answered] == [len(texts) for _, texts in asked]
    expected = dict(zip(alone, told.result(), strict=True))
    off = [
        (asked[which][1][place], answered[which][place], expected[which, place])
        for which, place in alone
        if not alike(answered[which][place], expected[which, place])
    ]
    assert off == []


def test_what_is_sent_holds_all_kinds(library):
    """The property means something: such texts are cut, unreadable, empty, and read, each of them."""
    texts = ["welchen Leim? " * 200, "каким клеем ты собирал полку", "\u200b", "wh1ch glu3 d1d y0u u$3?"]
    found = list(results([Item.of(text, id=str(place)) for place, text in enumerate(texts)], library))
    assert [each.get("truncated") for each in found] == [True, False, None, False]
    assert [each.get("supported") for each in found] == [True, False, None, True]
