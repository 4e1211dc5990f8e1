"""The network that is trained, in torch: an encoder, mean pooling, one head for labels and one for flags."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from plaudit.scores import FLAGS, LABELS


class CommentNetwork(nn.Module):
    """Encoder with a softmax head over labels and a sigmoid head over flags.

    Shape: (batch, tokens) ids and mask in; (batch, 3) label logits and (batch, 3) flag logits out.
    """

    def __init__(self, encoder: Any, *, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        width = int(encoder.config.hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.label_head = nn.Linear(width, len(LABELS))
        self.flag_head = nn.Linear(width, len(FLAGS))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return label logits and flag logits."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * weight).sum(1) / weight.sum(1)
        pooled = self.dropout(pooled)
        return self.label_head(pooled), self.flag_head(pooled)
