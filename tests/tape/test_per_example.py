"""A recorded step on single examples and on other batches, compared with a direct computation."""

import pytest
import torch
import torch.nn.functional as F
from taping import new_tape
from torch import Tensor, nn

from descend.doctor.tape import Recording
from descend.doctor.tape.per_example import NotSeparable, check_mean, example_losses, with_batch
from descend.landscape import part_gradients
from descend.landscape.loss import Loss

X, Y = torch.randn(12, 4), torch.randint(3, (12,))


def recorded(net: nn.Module, x: Tensor = X, y: Tensor = Y, *, loader: bool = False, loss=F.cross_entropy) -> Recording:
    tape = new_tape()
    tape.start()
    if loader:
        tape.delivered.update({id(t): (t, "0") for t in (x, y)})
    return tape.finalise(loss(net(x), y))


def classifier(*extra: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), *extra, nn.Tanh(), nn.Linear(8, 3))


def rows(recording: Recording, net: nn.Module) -> Tensor:
    parameters = list(net.parameters())
    parts = example_losses(recording, parameters, evaluation=False)
    return part_gradients(Loss(parts), [p.detach() for p in parameters]).rows


def whole(recording: Recording, net: nn.Module) -> Tensor:
    parameters = list(net.parameters())
    return torch.cat([g.flatten() for g in recording.loss(parameters).gradient(parameters)])


def alone(net: nn.Module, k: int) -> Tensor:
    gradients = torch.autograd.grad(F.cross_entropy(net(X[k : k + 1]), Y[k : k + 1]), list(net.parameters()))
    return torch.cat([g.flatten() for g in gradients])


def test_each_example_has_the_same_gradient_as_in_a_batch_of_its_own() -> None:
    net = classifier()
    recording = recorded(net)
    found = rows(recording, net)
    assert torch.allclose(found, torch.stack([alone(net, k) for k in range(12)]), atol=1e-6)
    check_mean(found, whole(recording, net))


def test_examples_selected_during_the_step_have_their_own_gradients() -> None:
    net, chosen = classifier(), torch.randperm(12)[:5]
    tape = new_tape()
    tape.start()
    recording = tape.finalise(F.cross_entropy(net(X[chosen]), Y[chosen]))
    assert torch.allclose(rows(recording, net), torch.stack([alone(net, int(k)) for k in chosen]), atol=1e-6)


def test_steps_that_mix_or_weight_examples_are_not_separable() -> None:
    weighted = classifier()
    weights = torch.tensor([1.0, 5.0, 0.2])
    recording = recorded(weighted, loss=lambda o, t: F.cross_entropy(o, t, weight=weights))
    with pytest.raises(NotSeparable, match="differs from the batch gradient by"):
        check_mean(rows(recording, weighted), whole(recording, weighted))
    summed = recorded(weighted, loss=lambda o, t: F.cross_entropy(o, t, reduction="sum"))
    with pytest.raises(NotSeparable, match=r"by 0\.92 of"):  # 11 of 12
        check_mean(rows(summed, weighted), whole(summed, weighted))


def test_a_step_is_replayed_on_another_batch_of_the_loader() -> None:
    net = classifier()
    x, y = torch.randn(12, 4), torch.randint(3, (12,))
    there = with_batch(recorded(net, loader=True), [x, y])
    assert float(there.run({}).detach()) == pytest.approx(float(F.cross_entropy(net(x), y).detach()), abs=1e-7)
    fewer = with_batch(there, [x[:5], y[:5]])
    assert float(fewer.run({}).detach()) == pytest.approx(float(F.cross_entropy(net(x[:5]), y[:5]).detach()), abs=1e-7)


def test_a_batch_with_indistinguishable_tensors_is_refused() -> None:
    net = nn.Linear(4, 4)
    recording = recorded(net, X, torch.randn(12, 4), loader=True, loss=F.mse_loss)
    with pytest.raises(NotSeparable, match="cannot be matched by type and shape"):
        with_batch(recording, [X, X])
    with pytest.raises(NotSeparable, match="do not come from a DataLoader"):
        with_batch(recorded(classifier()), [X, Y])
