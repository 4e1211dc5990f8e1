"""Batches, padding and the cache never show in an answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plaudit import inference
from plaudit.errors import ArtifactError
from plaudit.inference import LogitModel, Stage, batches, load_tokenizer, padded_lengths
from plaudit.sureness import Sureness, margins
from plaudit.tokens import ID_BYTES
from tests.artifacts import MAX_TOKENS, WORDS, tiny_graph, tiny_tokenizer

TEXTS = st.lists(st.lists(st.sampled_from([*WORDS[4:], "unheard"]), max_size=30).map(" ".join), max_size=12)


@pytest.fixture(scope="module")
def graph() -> bytes:
    return tiny_graph()


def model(graph: bytes, *, threads: int = 1) -> LogitModel:
    return LogitModel(graph, tiny_tokenizer(), max_tokens=MAX_TOKENS, threads=threads)


def alone(graph: bytes, texts: Sequence[str]) -> np.ndarray:
    return np.array([model(graph).logits([text])[0][0] for text in texts])


def test_answers_lie_on_a_grid_far_coarser_than_the_order_of_sums(graph: bytes) -> None:
    logits, _ = model(graph).logits([" ".join(WORDS[4 : 4 + n]) for n in range(1, 9)])
    assert np.array_equal(logits * 8192, np.rint(logits * 8192))
    assert len(np.unique(logits)) > 8


@settings(deadline=None)
@given(st.integers(1, 600))
def test_padding_is_a_function_of_the_text_alone(n_tokens: int) -> None:
    (length, again) = padded_lengths(np.array([n_tokens, padded_lengths(np.array([n_tokens]))[0]]))
    assert n_tokens <= length < n_tokens + 16
    assert again == length


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 500))
def test_batches_hold_one_length_and_every_row_once(n_tokens: list[int], budget: int) -> None:
    lengths = padded_lengths(np.array(n_tokens, np.int64))
    order = np.argsort(lengths, kind="stable")
    found = list(batches(order, lengths, budget=budget))
    assert [row for rows in found for row in rows] == order.tolist()
    for rows in found:
        assert len({lengths[row] for row in rows}) == 1
        assert len(rows) == 1 or len(rows) * lengths[rows[0]] <= budget


@settings(deadline=None)
@given(TEXTS)
def test_neighbours_order_and_copies_do_not_matter(graph: bytes, texts: list[str]) -> None:
    together, cut = model(graph).logits([*texts, *texts[::-1]])
    np.testing.assert_array_equal(together[: len(texts)], alone(graph, texts).reshape(-1, 6))
    np.testing.assert_array_equal(together[: len(texts)], together[len(texts) :][::-1])
    np.testing.assert_array_equal(cut[: len(texts)], [len(text.split()) + 2 > MAX_TOKENS for text in texts])


@settings(deadline=None)
@given(TEXTS)
def test_the_cache_does_not_show(graph: bytes, texts: list[str]) -> None:
    tried = model(graph)
    first = tried.logits(texts)
    again = tried.logits(texts)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])


def test_the_cache_forgets_in_two_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = inference._Cache(2)
    for text in "abcde":
        cache.put([(text.encode(), (text.encode(), 0))])
    assert [text for text in "abcde" if cache.get(text.encode())] == ["c", "d", "e"]


def test_long_texts_are_not_kept(graph: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = model(graph)
    monkeypatch.setattr(inference, "_MAX_CACHED", 4 * ID_BYTES)
    tried.logits(["great", "mine broke great"])
    assert list(tried._cache._young) == tried._token_ids.of(["great"])


def test_no_texts_are_no_rows(graph: bytes) -> None:
    logits, cut = model(graph).logits([])
    assert (logits.shape, cut.shape) == ((0, 6), (0,))


@pytest.mark.parametrize("text", ["", " ", "\u200b", "\ud800", "@", "\x00", "\U0010ffff"])
def test_odd_texts_get_finite_logits(graph: bytes, text: str) -> None:
    assert np.isfinite(model(graph).logits([text])[0]).all()


def test_what_is_too_long_is_cut_and_told(graph: bytes) -> None:
    texts = [
        "great",
        "mine " * 14,
        "mine " * 15,
        "mine " * 5000,
        "\u200b" * 9000 + "great",
        " " * 70_000 + "great",
    ]
    logits, cut = model(graph).logits(texts)
    assert cut.tolist() == [False, False, True, True, False, True]
    np.testing.assert_array_equal(logits[4], logits[0])
    np.testing.assert_array_equal(logits[2], logits[3])


def test_a_stage_passes_on_flags_it_is_unsure_of(graph: bytes) -> None:
    texts = [" ".join(WORDS[at : at + 1 + n]) for at in range(4, 9) for n in range(3)]
    first = model(graph).logits(texts)[0]
    exact = tiny_graph(weight=0.5)
    low, high = np.quantile(first[:, 4], (0.3, 0.7)).tolist()
    for ranges in ((), ((0.0, 0.0), (low, high), (0.0, 0.0))):
        stage = Stage(model=graph, sureness=Sureness(least_margin=0.0, unsure_flags=ranges))
        found = LogitModel(exact, tiny_tokenizer(), max_tokens=MAX_TOKENS, stages=[stage], threads=1).answers(
            texts
        )
        passed = (first[:, 4] > low) & (first[:, 4] < high) if ranges else np.zeros(len(texts), bool)
        assert passed.any() == bool(ranges)
        assert (found.stage == passed).all()
        second = LogitModel(exact, tiny_tokenizer(), max_tokens=MAX_TOKENS, threads=1).logits(texts)[0]
        np.testing.assert_array_equal(found.values, np.where(passed[:, None], second, first))


def test_a_stage_asks_more_of_short_texts_than_of_long_ones(graph: bytes) -> None:
    texts = [" ".join(WORDS[4 : 5 + n]) for n in range(len(WORDS) - 4)]
    tried = model(graph)
    lengths, lead = tried.lengths(texts), margins(tried.logits(texts)[0])
    assert lengths.tolist() == padded_lengths(np.arange(len(texts)) + 3).tolist()
    sureness = Sureness(least_margin=float(np.median(lead)), slack_per_doubling=2.0)
    whole = LogitModel(
        tiny_graph(weight=0.5),
        tiny_tokenizer(),
        max_tokens=MAX_TOKENS,
        stages=[Stage(model=graph, sureness=sureness)],
        threads=1,
    )
    stage = whole.answers(texts).stage
    np.testing.assert_array_equal(stage == 0, sureness.of(tried.logits(texts)[0], lengths))
    assert (stage != (lead < np.median(lead))).any()  # lengths are looked at


def test_threads_share_one_model(graph: bytes) -> None:
    shared = model(graph, threads=2)
    texts = [f"{a} {b}" for a in WORDS[4:] for b in WORDS[4:]]
    expected = alone(graph, texts)
    found: list[np.ndarray] = []

    def work(start: int) -> None:
        turned = texts[start:] + texts[:start]
        found.append(np.roll(shared.logits(turned)[0], start, axis=0))

    workers = [threading.Thread(target=work, args=(start,)) for start in range(0, 64, 8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == len(workers)
    for each in found:
        np.testing.assert_allclose(each, expected, atol=1e-5)


def test_a_file_that_is_no_tokenizer_is_told(tmp_path) -> None:
    path = tmp_path / "tokenizer.json"
    for content in ("", "[]", '{"model": 3}'):
        path.write_text(content)
        with pytest.raises(ArtifactError, match=r"tokenizer\.json: expected.*found"):
            load_tokenizer(path)


def test_a_tokenizer_that_pads_is_stopped(tmp_path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(load_tokenizer(tmp_path / "tokenizer.json").encode("mine broke which glue").ids) == 6
