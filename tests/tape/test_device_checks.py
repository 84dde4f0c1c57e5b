"""A GPU breaks the process where a CPU raises an error, so a replay on a GPU checks calls on the CPU first."""

import pytest
import torch
import torch.nn.functional as F
from taping import tape_step

from descend.doctor.tape import device_checks, recording

ROWS = torch.tensor([0, 2])
CALLS = {  # name of a call -> (function, valid arguments, invalid arguments)
    "binary_cross_entropy": (
        F.binary_cross_entropy,
        (torch.tensor([0.2, 1.0]), torch.ones(2)),
        (torch.tensor([1.2]), torch.ones(1)),
    ),
    "cross_entropy": (F.cross_entropy, (torch.randn(2, 3), ROWS), (torch.randn(2, 2), ROWS)),
    "nll_loss": (
        F.nll_loss,
        (torch.randn(2, 3), torch.tensor([-100, 1])),
        (torch.randn(2, 3), torch.tensor([-1, 1])),
    ),
    "embedding": (F.embedding, (ROWS, torch.randn(3, 4)), (ROWS, torch.randn(2, 4))),
    "gather": (torch.gather, (torch.randn(3, 3), 0, ROWS[None]), (torch.randn(2, 3), 0, ROWS[None])),
    "__getitem__": (torch.Tensor.__getitem__, (torch.randn(3), ROWS), (torch.randn(2), ROWS)),
    "index_add_": (
        torch.Tensor.index_add_,
        (torch.zeros(3), 0, ROWS, torch.ones(2)),
        (torch.zeros(2), 0, ROWS, torch.ones(2)),
    ),
    "bernoulli": (torch.bernoulli, (torch.tensor([0.0, 1.0]),), (torch.tensor([-0.5, 1.0]),)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_check_raises_the_same_errors_as_the_cpu(name):
    func, taken, refused = CALLS[name]
    before = [value.clone() for value in taken if isinstance(value, torch.Tensor)]
    device_checks.check_on_cpu(name, func, taken, {})
    assert all(map(torch.equal, before, [value for value in taken if isinstance(value, torch.Tensor)]))
    with pytest.raises((IndexError, RuntimeError)):
        device_checks.check_on_cpu(name, func, refused, {})


def test_a_replay_on_a_gpu_checks_on_the_cpu_first(monkeypatch):
    weight, rows = torch.randn(3, 2, requires_grad=True), torch.tensor([0, 2])
    loss = lambda: F.binary_cross_entropy(F.embedding(rows, weight).sigmoid(), torch.ones(2, 2))  # noqa: E731
    made = tape_step(loss, [weight]).recording
    asked = []
    monkeypatch.setattr(recording, "is_on_gpu", lambda tensors: True)
    monkeypatch.setattr(recording, "check_on_cpu", lambda name, *call: asked.append(name))
    made.run({})
    assert {"embedding", "binary_cross_entropy"} <= set(asked)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_value_outside_the_domain_does_not_break_the_gpu():
    weight = torch.randn(3, 2, device="cuda", requires_grad=True)
    targets = torch.ones(3, 2, device="cuda")
    loss = lambda: F.binary_cross_entropy(weight.sigmoid(), targets)  # noqa: E731
    made = tape_step(loss, [weight]).recording
    slot = next(op for op in made.ops if op.name == "sigmoid").outputs[0]
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        made.run({}, replace={slot: lambda value: value + 2})
    assert float(torch.ones(2, device="cuda").sum()) == 2
