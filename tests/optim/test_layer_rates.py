"""One learning rate for each layer: inverse to its curvature, or decreasing from the output to the inputs."""

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from descend.optim import SGD, fine_tuning_groups, layer_rates


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


@pytest.mark.slow
def test_layers_of_a_deep_linear_net_learn_at_the_same_speed():
    torch.manual_seed(0)
    net = nn.Sequential(*(nn.Linear(4, 4, bias=False) for _ in range(3)))
    with torch.no_grad():
        for layer, gain in zip(net, (2.0, 1.0, 0.25), strict=True):  # the lower, the less curved
            layer.weight.copy_(gain * torch.eye(4))
    x = torch.randn(256, 4)

    def loss():
        return mse_loss(net(x), 0.9 * 0.5 * x)

    groups = layer_rates(net, loss)
    rates = [group["lr"] for group in groups]
    assert rates[0] > rates[1] > rates[2]
    before = loss().item()
    left = []
    for chosen in ([groups[0]], [groups[1]], [groups[2]], groups):  # each layer by itself, then all together
        held = [p.detach().clone() for p in net.parameters()]
        optimizer = SGD([dict(group) for group in chosen])
        net.zero_grad()
        loss().backward()
        optimizer.step()
        left.append(loss().item() / before)
        for parameter, old in zip(net.parameters(), held, strict=True):
            parameter.data.copy_(old)
    *alone, together = left
    assert max(alone) - min(alone) < 0.01 and max(alone) < 0.6 and together < 0.1


@pytest.mark.slow
def test_the_rates_of_all_layers_together_are_a_share_of_the_stable_ones():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh())
    net.append(nn.Linear(5, 2)).double()
    x, y = torch.randn(40, 6).double(), torch.randn(40, 2).double()
    parameters = list(net.parameters())
    shapes = [p.shape for p in parameters]

    def loss(flat):
        parts = [part.view(shape) for part, shape in zip(flat.split([s.numel() for s in shapes]), shapes)]
        names = dict(net.named_parameters())
        return mse_loss(torch.func.functional_call(net, dict(zip(names, parts)), x), y)

    groups = layer_rates(net, lambda: mse_loss(net(x), y), share=0.25)
    rates = torch.cat([torch.full((p.numel(),), group["lr"]) for group in groups for p in group["params"]]).double()
    hessian = torch.autograd.functional.hessian(loss, torch.cat([p.detach().flatten() for p in parameters]))
    top = torch.linalg.eigvalsh(rates.sqrt()[:, None] * hessian * rates.sqrt()).max()
    assert top == pytest.approx(2 * 0.25, rel=0.01)
