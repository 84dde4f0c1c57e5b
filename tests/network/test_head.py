"""A new output layer, and nothing else, is replaced."""

import pytest
import torch
from torch import nn

from descend.network import replace_head


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.head = nn.ModuleDict({"out": nn.Linear(8, 3, bias=False, dtype=torch.float64)})


def test_the_last_linear_layer_is_replaced_and_the_others_keep_their_values():
    model = Net()
    before = model.body[0].weight
    new = replace_head(model, 5)
    assert model.head["out"] is new and model.body[0].weight is before
    assert new.weight.shape == (5, 8) and new.weight.dtype == torch.float64 and new.bias is None


@pytest.mark.parametrize(
    ("model", "outputs", "message"),
    [
        (nn.Sequential(nn.ReLU()), 2, "no linear layer"),
        (nn.Linear(2, 2), 2, "no linear layer"),
        (Net(), 0, "at least 1"),
    ],
)
def test_a_model_without_a_head_is_refused(model, outputs, message):
    with pytest.raises(ValueError, match=message):
        replace_head(model, outputs)
