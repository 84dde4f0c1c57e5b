"""Gradients that are cleared before a step uses them are counted, unless the script uses them in another way."""

import pytest

from descend.doctor.record import facts
from descend.doctor.script.script import Script

PROGRAM = """import torch
from torch import nn

x, y = torch.randn(64, 6), torch.randn(64, 1)
batches = list(zip(x.split(8), y.split(8)))
names = "cleared in the loop, cleared after it, accumulated, attack, sharpness, projected, closure".split(", ")
nets = [nn.Linear(6, 1) for name in names]
made = [torch.optim.SGD(net.parameters(), lr=0.01) for net in nets[:-1]] + [torch.optim.LBFGS(nets[-1].parameters())]


def loss_of(net, x, y):
    return nn.functional.mse_loss(net(x), y)


for epoch in range(8):
    net, optimizer = nets[0], made[0]
    for i, (a, b) in enumerate(batches):
        optimizer.zero_grad()
        loss_of(net, a, b).backward()
        if i % 4 == 3:
            optimizer.step()

    net, optimizer = nets[1], made[1]
    for i, (a, b) in enumerate(batches):
        loss_of(net, a, b).backward()
        if i % 2:
            optimizer.step()
        optimizer.zero_grad()

    net, optimizer = nets[2], made[2]
    for i, (a, b) in enumerate(batches):
        loss_of(net, a, b).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()

    net, optimizer = nets[3], made[3]
    for a, b in batches:
        moved = a.clone().requires_grad_()
        for _ in range(3):
            optimizer.zero_grad()
            loss_of(net, moved, b).backward()
            moved = (moved + 0.01 * moved.grad.sign()).detach().requires_grad_()
        optimizer.zero_grad()
        loss_of(net, moved.detach(), b).backward()
        optimizer.step()

    net, optimizer = nets[4], made[4]
    for a, b in batches:
        for sign in (1, -1):
            optimizer.zero_grad()
            loss_of(net, a, b).backward()
            with torch.no_grad():
                for p in net.parameters():
                    p.add_(p.grad, alpha=0.01 * sign)
        optimizer.step()

    net, optimizer = nets[5], made[5]
    for a, b in batches:
        kept = []
        for part in range(2):
            optimizer.zero_grad()
            loss_of(net, a[part::2], b[part::2]).backward()
            kept.append([p.grad.clone() for p in net.parameters()])
        for p, one, other in zip(net.parameters(), *kept):
            p.grad = one + other
        optimizer.step()

    net, optimizer = nets[6], made[6]
    for a, b in batches[:2]:
        def closure():
            optimizer.zero_grad()
            loss = loss_of(net, a, b)
            loss.backward()
            return loss
        optimizer.step(closure)

# An optimizer holds copies in a higher precision, and the script writes them back.
net = nn.Linear(6, 1).bfloat16()
masters = [p.detach().float().requires_grad_() for p in net.parameters()]
optimizer = torch.optim.SGD(masters, lr=0.01)
for a, b in batches:
    net.zero_grad()
    nn.functional.mse_loss(net(a.bfloat16()).float(), b).backward()
    for master, p in zip(masters, net.parameters()):
        master.grad = p.grad.float()
    optimizer.step()
    with torch.no_grad():
        for master, p in zip(masters, net.parameters()):
            p.copy_(master)
"""


@pytest.mark.slow
def test_gradients_that_no_step_uses_are_counted(observe, tmp_path) -> None:
    path = tmp_path / "train.py"
    path.write_text(PROGRAM)
    record = observe(Script(path, tmp_path), steps=200, seconds=100)
    lost = {key: {step.fact.lost for step in record.history(facts.Wiring, key)} for key in map(str, range(7))}
    copies = [step.fact for step in record.history(facts.Wiring, "7")]
    assert all(step.gradients_cleared for step in copies) and any(step.rewritten for step in copies)
    assert lost == {"0": {3}, "1": {1}, "2": {0}, "3": {0}, "4": {0}, "5": {0}, "6": {0}}
