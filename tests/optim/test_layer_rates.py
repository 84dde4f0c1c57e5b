"""Learning rates that decrease from the output of a network to its inputs."""

import pytest
import torch
from torch import nn

from descend.optim import SGD, fine_tuning_groups


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5)), nn.Linear(5, 2))


def test_each_earlier_layer_has_a_smaller_learning_rate():
    model = network()
    groups = fine_tuning_groups([model[0], model[2], model[3]], lr=0.1, factor=2.0)
    assert [(len(g["params"]), g["lr"]) for g in groups] == [(2, 0.025), (4, 0.05), (2, 0.1)]
    assert [id(p) for g in groups for p in g["params"]] == [id(p) for p in model.parameters()]
    optimizer = SGD(groups, lr=1.0)
    assert [g["lr"] for g in optimizer.param_groups] == [0.025, 0.05, 0.1]


def test_only_the_last_trained_layers_change():
    model = network()
    [group] = fine_tuning_groups(model, lr=0.1, trained=1)
    assert [p.requires_grad for p in model.parameters()] == [False] * 6 + [True] * 2
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = SGD([group], lr=0.1)
    model(torch.randn(8, 3)).square().sum().backward()
    optimizer.step()
    assert [torch.equal(p, old) for p, old in zip(model.parameters(), before)] == [True] * 6 + [False] * 2
    assert len(fine_tuning_groups(model, lr=0.1, trained=2)) == 2
    assert [p.requires_grad for p in model.parameters()] == [False] * 2 + [True] * 6


def test_layers_without_parameters_do_not_count():
    model = network().append(nn.Softmax(1))
    groups = fine_tuning_groups(model, lr=0.1, factor=2.0)
    assert [g["lr"] for g in groups] == [0.025, 0.05, 0.1]
    assert len(fine_tuning_groups(model, lr=0.1, trained=1)) == 1


def test_a_shared_weight_belongs_to_the_later_layer():
    embedding, head = nn.Embedding(9, 8), nn.Linear(8, 9)
    head.weight = embedding.weight
    [group] = fine_tuning_groups([embedding, head], lr=0.1)
    assert len(group["params"]) == 2
    fine_tuning_groups([embedding, head], lr=0.1, trained=1)
    assert head.weight.requires_grad


@pytest.mark.parametrize("options", [{"lr": 0}, {"lr": 0.1, "factor": 0.5}, {"lr": 0.1, "trained": 0}])
def test_numbers_out_of_range_are_rejected(options):
    with pytest.raises(ValueError, match="lr > 0, factor >= 1 and trained >= 1"):
        fine_tuning_groups(network(), **options)


def test_layers_without_parameters_are_rejected():
    with pytest.raises(ValueError, match="no parameters"):
        fine_tuning_groups([nn.ReLU()], lr=0.1)


def test_a_network_that_is_no_sequence_of_layers_is_rejected():
    with pytest.raises(TypeError, match="pass a list of the layers of Bilinear"):
        fine_tuning_groups(nn.Bilinear(2, 2, 1), lr=0.1)
