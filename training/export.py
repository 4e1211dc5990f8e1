"""From the trained network to ONNX."""

from __future__ import annotations

import io
import warnings

import onnx
import torch
from torch import Tensor, nn

from plaudit.comment_network import CommentNetwork

OPSET = 17


class _Exported(nn.Module):
    """The network as the service calls it: int64 ids and mask in.

    Pooling is a product of matrices a text, and each head a sum a text: the kernels that would be taken
    for a plain sum and a linear layer round otherwise for one text than for several.
    """

    def __init__(self, network: CommentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        encoded = self.network.encoder(input_ids=input_ids, attention_mask=attention_mask)
        mask = attention_mask.to(torch.float32)
        weight = mask / mask.sum(1, keepdim=True)
        pooled = torch.matmul(weight.unsqueeze(1), encoded.last_hidden_state)
        return _head(self.network.label_head, pooled), _head(self.network.flag_head, pooled)


def _head(linear: nn.Linear, pooled: Tensor) -> Tensor:
    return (pooled * linear.weight).sum(-1) + linear.bias


def to_onnx(network: nn.Module) -> onnx.ModelProto:
    """Return a network of ids and mask as a float32 ONNX graph with dynamic batch and length."""
    network = network.float().cpu().eval()
    served = _Exported(network) if isinstance(network, CommentNetwork) else network
    ids = torch.ones(2, 8, dtype=torch.long)
    mask = torch.ones(2, 8, dtype=torch.long)
    mask[1, 5:] = 0
    buffer = io.BytesIO()
    axes = {0: "batch", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracer warnings about shapes the encoder checks
        torch.onnx.export(
            served,
            (ids, mask),
            buffer,  # type: ignore[arg-type]  # the stub of 2.13 forgets file objects
            input_names=["input_ids", "attention_mask"],
            output_names=["label_logits", "flag_logits"],
            dynamic_axes={
                "input_ids": axes,
                "attention_mask": axes,
                "label_logits": {0: "batch"},
                "flag_logits": {0: "batch"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())
