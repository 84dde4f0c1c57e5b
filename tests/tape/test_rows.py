"""The number of rows of the network's input: a sequence is one row, however many tokens have targets."""

import pytest
import torch
import torch.nn.functional as F
from taping import tape_step
from torch import Tensor, nn

TOKENS = torch.randint(7, (12, 32))


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(7, 8), nn.Linear(8, 7)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embedding(tokens))


@pytest.mark.parametrize("is_flat", [True, False])
def test_a_sequence_counts_as_one_row(is_flat: bool) -> None:
    net = Reader()

    def loss() -> Tensor:
        if is_flat:
            return F.cross_entropy(net(TOKENS).flatten(0, 1), TOKENS.flatten())
        return F.cross_entropy(net(TOKENS).movedim(-1, 1), TOKENS)

    recording = tape_step(loss, tuple(net.parameters())).recording
    assert recording.input_rows == 12 and recording.batch_size == (384 if is_flat else 12)
