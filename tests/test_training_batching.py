from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.tiny import needs_torch, tiny_tokenizer

needs_torch()

import torch  # noqa: E402

from plaudit.training import batching, config  # noqa: E402
from plaudit.training.dataset import LabelledComment  # noqa: E402

KNOBS = config.load().train
ALWAYS = replace(KNOBS, handle_drop=1.0, question_mark_drop=1.0)
NEVER = replace(KNOBS, handle_drop=0.0, question_mark_drop=0.0)
TOKENIZER = tiny_tokenizer()


def shown(
    text: str, *, label: str = "genuine", flags: tuple[str, ...] = (), knobs: config.TrainConfig
) -> str:
    comment = LabelledComment(text=text, label=label, flags=frozenset(flags))
    return batching.augment(comment, config=knobs, draw=random.Random(0))


def test_augmentation_drops_leading_handles_and_question_marks() -> None:
    assert shown("@ann_b @carl so true", knobs=ALWAYS) == "so true"
    assert shown("how?? come?", label="question", knobs=ALWAYS) == "how come"
    assert shown("really?", knobs=ALWAYS) == "really?"  # not a question
    assert shown("@ann how?", label="question", knobs=NEVER) == "@user how?"


def test_augmentation_leaves_what_decides() -> None:
    assert shown("@ann so true", flags=("addressed",), knobs=ALWAYS) == "@user so true"
    assert shown("@ann", knobs=ALWAYS) == "@user"
    assert shown("???", label="question", knobs=ALWAYS) == "???"


def test_augmentation_happens_as_often_as_asked() -> None:
    comment = LabelledComment(text="how?", label="question")
    draw = random.Random(1)
    n = sum(batching.augment(comment, config=KNOBS, draw=draw) == "how" for _ in range(2000))
    assert abs(n / 2000 - KNOBS.question_mark_drop) < 0.05


@given(st.lists(st.integers(1, 90), max_size=300), st.integers(1, 40), st.integers(0, 3))
def test_batches_hold_every_row_once(lengths: list[int], size: int, seed: int) -> None:
    found = batching.batches(len(lengths), lengths=lengths, size=size, draw=random.Random(seed))
    assert sorted(row for batch in found for row in batch) == list(range(len(lengths)))
    assert len(found) == -(-len(lengths) // size)
    assert all(1 <= len(batch) <= size for batch in found)


def test_batches_hold_texts_of_alike_length() -> None:
    lengths = [random.Random(i).randrange(5, 100) for i in range(1000)]
    found = batching.batches(1000, lengths=lengths, size=10, draw=random.Random(0))
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in found)
    assert padded < 1.1 * sum(lengths)


def test_padding_and_cutting() -> None:
    encodings = TOKENIZER.encode_batch(["a b c d e f g h i j", "a"])
    ids, mask = batching.padded(encodings, max_tokens=8)
    assert ids.shape == mask.shape == (2, 8)
    assert mask.sum(1).tolist() == [8, 3]
    assert ids[0, -1] == TOKENIZER.token_to_id("[SEP]")
    assert ids[1, 3:].eq(0).all()


def test_an_epoch_is_the_same_whatever_was_drawn_before() -> None:
    comments = [LabelledComment(text=f"@ann text {i}?", label="question") for i in range(20)]
    epochs = []
    for disturbance in (1, 2):
        torch.manual_seed(disturbance)
        epoch = batching.epoch_of(comments, TOKENIZER, epoch=1, config=KNOBS, max_tokens=32)
        epochs.append([[part.tolist() for part in batch] for batch in epoch])
        epochs[-1].append(torch.rand(3).tolist())
    assert epochs[0] == epochs[1]
    other = batching.epoch_of(comments, TOKENIZER, epoch=2, config=KNOBS, max_tokens=32)
    assert [[part.tolist() for part in batch] for batch in other] != epochs[0][:-1]
