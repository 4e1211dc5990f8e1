from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from plaudit.comment_network import CommentNetwork
from plaudit.errors import TrainingDataError
from tests.tiny import encoder, needs_torch, tiny_tokenizer

needs_torch()

import torch  # noqa: E402

from plaudit.training import network  # noqa: E402

__all__ = ["encoder"]


def test_shapes_and_indifference_to_padding(encoder: Path) -> None:
    net = network.build(str(encoder), dropout=0.1).eval()
    ids, mask = torch.tensor([[2, 9, 8, 3]]), torch.ones(1, 4, dtype=torch.long)
    longer = torch.cat([ids, torch.zeros(1, 5, dtype=torch.long)], 1)
    longer_mask = torch.cat([mask, torch.zeros(1, 5, dtype=torch.long)], 1)
    with torch.inference_mode():
        plain, padded = net(ids, mask), net(longer, longer_mask)
    assert plain[0].shape == plain[1].shape == (1, 3)
    torch.testing.assert_close(plain, padded, atol=1e-5, rtol=0)


def test_a_new_vocabulary_keeps_the_old_rows(encoder: Path) -> None:
    old = network.build(str(encoder), dropout=0.1).encoder.get_input_embeddings().weight
    net = network.build(str(encoder), dropout=0.1, origin=[(0,), (7,), (7,), (5, 6)])
    new = net.encoder.get_input_embeddings().weight
    assert new.shape == (4, 32)
    assert torch.equal(new[:2], old[[0, 7]])
    assert not torch.equal(new[2], new[1])  # twins are parted
    torch.testing.assert_close(new[3], old[5:7].mean(0), atol=0.2, rtol=0)
    again = network.build(str(encoder), dropout=0.1, origin=[(0,), (7,), (7,), (5, 6)])
    assert torch.equal(new, again.encoder.get_input_embeddings().weight)


def test_weighed_rows_are_as_long_as_usual(encoder: Path) -> None:
    old = network.build(str(encoder), dropout=0.1).encoder.get_input_embeddings().weight.detach()
    net = network.build(str(encoder), dropout=0.1, origin=[(0,), (5, 6)], weights=[(1.0,), (0.75, 0.25)])
    row = net.encoder.get_input_embeddings().weight.detach()[1]
    mean = 0.75 * old[5] + 0.25 * old[6]
    torch.testing.assert_close(row / row.norm(), mean / mean.norm(), atol=1e-5, rtol=0)
    assert mean.norm() < row.norm() <= 1.61 * mean.norm()
    kept = net.encoder.get_input_embeddings().weight.detach()[0]
    assert kept.norm() >= old[0].norm()  # a row that is kept is not made shorter


def test_a_new_vocabulary_moves_the_padding(tmp_path: Path) -> None:
    """XLM-R counts places from what is no padding: the unknown word must not be taken for it."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    shape = XLMRobertaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=40,
    )  # fmt: skip
    XLMRobertaModel(shape, add_pooling_layer=False).save_pretrained(tmp_path)
    origin = [(1,), (3,), (0,), (2,), (7,), (8,)]
    net = network.build(str(tmp_path), dropout=0.0, origin=origin).eval()
    ids = torch.tensor([[2, 4, 1, 5, 3]])
    longer = torch.cat([ids, torch.zeros(1, 3, dtype=torch.long)], 1)
    seen = []
    net.encoder.embeddings.position_embeddings.register_forward_hook(
        lambda _, given, __: seen.append(given[0])
    )
    with torch.inference_mode():
        net(longer, (longer > 0).long())
    assert seen[0].tolist() == [[1, 2, 3, 4, 5, 0, 0, 0]]


def test_layers_and_places_that_stay(encoder: Path) -> None:
    whole = network.build(str(encoder), dropout=0.0).eval()
    n_layers = len(whole.encoder.encoder.layer)
    ids, mask = torch.tensor([[2, 9, 8, 3]]), torch.ones(1, 4, dtype=torch.long)
    short = network.build(str(encoder), dropout=0.0, n_layers=n_layers, max_tokens=8).eval()
    assert short.encoder.config.max_position_embeddings == 8
    short.load_state_dict({**short.state_dict(), **_heads(whole)})
    with torch.inference_mode():
        torch.testing.assert_close(whole(ids, mask), short(ids, mask))
    one = network.build(str(encoder), dropout=0.0, n_layers=1)
    assert len(one.encoder.encoder.layer) == one.encoder.config.num_hidden_layers == 1
    with pytest.raises(TrainingDataError, match=rf"asks for 99 layers and encoder .* has {n_layers} layers"):
        network.build(str(encoder), dropout=0.0, n_layers=99)
    with pytest.raises(TrainingDataError, match=r"max_tokens is 100000 and encoder .* knows"):
        network.build(str(encoder), dropout=0.0, max_tokens=100_000)


def _heads(net: CommentNetwork) -> dict[str, torch.Tensor]:
    return {name: value for name, value in net.state_dict().items() if "head" in name}


def test_an_encoder_without_a_pooling_layer(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    shape = DistilBertConfig(vocab_size=50, dim=16, n_layers=1, n_heads=2, hidden_dim=32)
    DistilBertModel(shape).save_pretrained(tmp_path)
    net = network.build(str(tmp_path), dropout=0.1)
    assert net(torch.ones(1, 4, dtype=torch.long), torch.ones(1, 4, dtype=torch.long))[0].shape == (1, 3)


def test_encoders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="no installed package 'no_such_encoder'"):
        network.build("no_such_encoder", dropout=0.1)
    with pytest.raises(TrainingDataError, match="There is no folder"):
        network.load_tokenizer(str(tmp_path / "nowhere"))
    with pytest.raises(TrainingDataError, match="cannot be loaded"):
        network.build(str(tmp_path), dropout=0.1)
    with pytest.raises(TrainingDataError, match=r"no tokenizer\.json"):
        network.load_tokenizer(str(tmp_path))


def test_weights_that_do_not_fit_their_description(encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(encoder, tmp_path / "deeper")
    settings = tmp_path / "deeper" / "config.json"
    settings.write_text(settings.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    with pytest.raises(TrainingDataError, match=r"lack 16 tensors, encoder\.layer\.2"):
        network.build(str(tmp_path / "deeper"), dropout=0.1)


def test_a_tokenizer_neither_pads_nor_truncates(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(4)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(network.load_tokenizer(str(tmp_path)).encode("a b c d e").ids) == 7
