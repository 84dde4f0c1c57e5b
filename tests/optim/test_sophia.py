"""Sophia-G: its estimate of the curvature, and the step that the curvature clips."""

import pytest
import torch
from rules import tensors, train
from torch.nn.functional import cross_entropy

from descend import optim


def linear_model(rows: int = 5, classes: int = 3):
    """Return inputs, a weight and the function that maps the weight to logits."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, 2, generator=generator, dtype=torch.float64)
    weight = torch.randn(classes, 2, generator=generator, dtype=torch.float64).requires_grad_()
    return inputs, weight


def test_the_mean_estimate_is_the_diagonal_of_the_hessian():
    """For a linear model, the Gauss-Newton matrix of the cross-entropy is the Hessian, whatever the labels are."""
    inputs, weight = linear_model()
    optimizer = optim.SophiaG([weight], betas=(0.9, 0.998))
    generator = torch.Generator().manual_seed(1)
    draws = 1500
    for _ in range(draws):
        optimizer.update_curvature(inputs @ weight.T, generator)
    found = optimizer.state[weight]["hessian"] / (1 - 0.998**draws)
    labels = torch.zeros(5, dtype=torch.long)
    hessian = torch.func.hessian(lambda w: cross_entropy(inputs @ w.T, labels))(weight.detach())
    diagonal = hessian.reshape(6, 6).diagonal().view(3, 2)
    # The running mean has the precision of about 1,000 draws; the relative standard deviation of one is about 1.5.
    assert torch.allclose(found, diagonal, rtol=0.2)


def test_the_estimate_is_a_running_mean_and_leaves_gradients_alone():
    inputs, weight = linear_model(rows=1, classes=2)
    weight.grad = torch.full_like(weight, 7.0)
    optimizer = optim.SophiaG([weight], betas=(0.9, 0.75))
    expected = torch.zeros_like(weight)
    for seed in range(4):
        optimizer.update_curvature((inputs @ weight.T).view(1, 1, 2), torch.Generator().manual_seed(seed))
        chance = (inputs @ weight.T).softmax(-1).detach()
        label = torch.multinomial(chance.float(), 1, generator=torch.Generator().manual_seed(seed))[0]
        slope = (chance - torch.nn.functional.one_hot(label, 2)).T @ inputs  # of the cross-entropy, one row
        expected = 0.75 * expected + 0.25 * slope**2
    assert torch.allclose(optimizer.state[weight]["hessian"], expected)
    assert torch.equal(weight.grad, torch.full_like(weight, 7.0))


def test_the_number_of_rows_scales_the_squared_gradient():
    """B·ĝ² for the mean over B equal rows with equal labels is B times the estimate of one row."""
    inputs, weight = linear_model(rows=1, classes=2)
    weight.data *= 100  # the labels are certain
    found = []
    for rows in (1, 6):
        optimizer = optim.SophiaG([weight], betas=(0.9, 0.0))
        logits = (inputs @ weight.T).expand(rows, 2)
        optimizer.update_curvature(logits)
        found.append(optimizer.state[weight]["hessian"].clone())
    assert torch.allclose(found[1], 6 * found[0])


def test_a_step_is_momentum_over_curvature_where_it_is_not_clipped():
    weight = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = optim.SophiaG([weight], lr=0.1, betas=(0.0, 0.9), gamma=0.5, weight_decay=0.0)
    weight.grad = torch.tensor([1.0, -1.0, 0.25], dtype=torch.float64)
    with pytest.warns(UserWarning, match="update_curvature"):
        optimizer.step()
    assert weight.tolist() == pytest.approx([-0.1, 0.1, -0.1])  # no curvature
    optimizer.state[weight]["hessian"].copy_(torch.tensor([8.0, 1.0, 1.0]))
    optimizer.param_groups[0]["curvature_updates"] = 1
    optimizer.step()
    assert optimizer.engine == "native"
    assert weight.tolist() == pytest.approx([-0.1 - 0.1 / 4, 0.2, -0.1 - 0.1 * 0.5])


def test_training_with_the_estimate_reduces_the_loss_and_its_state_can_be_saved():
    torch.manual_seed(0)
    inputs = torch.randn(64, 4)
    labels = (inputs.sum(1) > 0).long()
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    optimizer = optim.SophiaG(model.parameters(), lr=0.02, weight_decay=0.0)
    losses = []
    for step in range(60):
        if step % 10 == 0:
            optimizer.update_curvature(model(inputs))
        optimizer.zero_grad()
        loss = cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    again = optim.SophiaG(model.parameters(), lr=0.02)
    again.load_state_dict(optimizer.state_dict())
    assert again.param_groups[0]["curvature_updates"] == 6
    for parameter in model.parameters():
        assert torch.equal(again.state[parameter]["hessian"], optimizer.state[parameter]["hessian"])


def test_the_first_step_without_a_curvature_warns():
    parameters = tensors((6,))
    optimizer = optim.SophiaG(parameters)
    with pytest.warns(UserWarning, match=r"SophiaG: without update_curvature\(logits\) before the first step"):
        train(optimizer, parameters, 1)


@pytest.mark.parametrize(
    "logits", [torch.zeros(4, 3), torch.zeros(3, requires_grad=True)], ids=["without a graph", "without rows"]
)
def test_logits_without_a_graph_or_without_rows_are_rejected(logits):
    with pytest.raises(ValueError, match=r"update_curvature needs logits of shape \(…, classes\)"):
        optim.SophiaG(tensors((6,))).update_curvature(logits)


def test_logits_of_another_model_are_rejected():
    inputs, weight = linear_model()
    with pytest.raises(ValueError, match="the logits do not depend on the optimizer's parameters"):
        optim.SophiaG(tensors((6,))).update_curvature(inputs @ weight.T)


def test_the_sparse_gradient_of_an_embedding_gives_the_estimate_of_a_dense_one():
    found = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Embedding(6, 4, sparse=sparse), torch.nn.Linear(4, 3))
        optimizer = optim.SophiaG(model.parameters(), lr=0.1)
        for seed in range(3):
            classes = torch.tensor([2, 5, 2])  # one of them twice: its gradients are summed
            optimizer.update_curvature(model(classes), torch.Generator().manual_seed(seed))
            optimizer.zero_grad()
            cross_entropy(model(classes), torch.zeros(3, dtype=torch.long)).backward()
            optimizer.step()
        found.append(optimizer.state[model[0].weight]["hessian"])
    assert found[0].sum(1).nonzero().flatten().tolist() == [2, 5]
    assert torch.allclose(found[1], found[0])


def test_the_curvature_of_a_complex_weight_is_that_of_its_parts():
    inputs, weight = linear_model()
    parts = torch.stack([weight.detach(), -weight.detach()], -1).requires_grad_()
    complex_weight = torch.view_as_complex(parts.detach().clone()).requires_grad_()
    first, second = optim.SophiaG([parts]), optim.SophiaG([complex_weight])
    first.update_curvature(inputs @ (parts[..., 0] - parts[..., 1]).T, torch.Generator().manual_seed(0))
    logits = inputs @ (complex_weight.real - complex_weight.imag).T
    second.update_curvature(logits, torch.Generator().manual_seed(0))
    found = torch.view_as_real(second.state[complex_weight]["hessian"])
    assert torch.allclose(found, first.state[parts]["hessian"])


def test_a_negative_gamma_is_named():
    with pytest.raises(ValueError, match="SophiaG: gamma must be a finite number of at least 0, not -1"):
        optim.SophiaG(tensors((6,)), gamma=-1)
