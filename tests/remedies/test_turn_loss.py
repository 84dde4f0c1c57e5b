import pytest
import torch

from descend.doctor.remedies.turn_loss import turn_loss

CASES = [  # the script before and after the edit
    ("(-loss).backward()", "loss.backward()"),
    ("(-loss / 4).backward()", "(loss / 4).backward()"),
    ("(-(a + b)).backward()", "(a + b).backward()"),
    ("loss = -F.nll_loss(z, y)\nloss.backward()", "loss = F.nll_loss(z, y)\nloss.backward()"),
    ("loss = -1 * F.nll_loss(z, y)\nloss.backward()", "loss = F.nll_loss(z, y)\nloss.backward()"),
    ("loss = -1 + f(x)\nloss.backward()", "loss = -(-1 + f(x))\nloss.backward()"),
    ("loss = -1 / f(x)\nloss.backward()", "loss = 1 / f(x)\nloss.backward()"),
    ("loss = logp[i, y].mean()\nloss.backward()", "loss = -logp[i, y].mean()\nloss.backward()"),
    ("loss = -(a - b)\nloss.backward()", "loss = a - b\nloss.backward()"),
    ("loss = -(\n    a\n    - b\n)\nloss.backward()", "loss = (\n    a\n    - b\n)\nloss.backward()"),
    ("loss = a - b\nloss.backward()", "loss = -(a - b)\nloss.backward()"),
    ("loss = (r * logp).mean()\nloss.backward()", "loss = -(r * logp).mean()\nloss.backward()"),
    ("loss = (-r * logp).mean()\nloss.backward()", "loss = (r * logp).mean()\nloss.backward()"),
    ("loss = torch.mean(r * -logp)\nloss.backward()", "loss = torch.mean(r * logp)\nloss.backward()"),
    ("loss = r * logp\nloss.mean().backward()", "loss = -r * logp\nloss.mean().backward()"),
    ("loss = f(x)\n(loss / 4).backward()", "loss = -f(x)\n(loss / 4).backward()"),
    ("loss = -f(x) + 0.1 * r\nloss.backward()", "loss = f(x) + 0.1 * r\nloss.backward()"),
    ("loss = -f(x)\ntotal = loss + r\ntotal.backward()", "loss = f(x)\ntotal = loss + r\ntotal.backward()"),
    ("loss = f(x)\nloss = loss * 2\nloss.backward()", "loss = f(x)\nloss = loss * 2\n(-loss).backward()"),
    ("loss = f(x)\nloss += r\nloss.backward()", "loss = f(x)\nloss += r\n(-loss).backward()"),
    ("z, loss = net(x)\nloss.backward()", "z, loss = net(x)\n(-loss).backward()"),
    ("f(x).backward()", "(-f(x)).backward()"),
    ("(a + b).backward()", "(-(a + b)).backward()"),
    ("f(x).backward(retain_graph=True)", "(-f(x)).backward(retain_graph=True)"),
    ("scaler.scale(f(x)).backward()", "scaler.scale(-f(x)).backward()"),
    ("scaler.scale(-loss).backward()", "scaler.scale(loss).backward()"),
    ("loss = f(x)\nscaler.scale(loss).backward()", "loss = -f(x)\nscaler.scale(loss).backward()"),
    ("accelerator.backward(f(x))", "accelerator.backward(-f(x))"),
    ("torch.autograd.backward([f(x)])", "torch.autograd.backward([-f(x)])"),
    ("F.nll_loss(z, y).backward()", "(-F.nll_loss(z, y)).backward()"),
    (
        "def nll(z, y):\n    return -F.nll_loss(z, y)\nloss = nll(z, y)\nloss.backward()",
        "def nll(z, y):\n    return F.nll_loss(z, y)\nloss = nll(z, y)\nloss.backward()",
    ),
    (
        "def likelihood(z, y):\n    return z[y]\nloss = likelihood(z, y)\nloss.backward()",
        "def likelihood(z, y):\n    return z[y]\nloss = -likelihood(z, y)\nloss.backward()",
    ),
    (
        "def train():\n    for x in r:\n        loss = -f(x)\n        loss.backward()\ndef test():\n    loss = f(x)",
        "def train():\n    for x in r:\n        loss = f(x)\n        loss.backward()\ndef test():\n    loss = f(x)",
    ),
    (
        "class T:\n    def f(self):\n        self.loss = -g()\n        self.loss.backward()",
        "class T:\n    def f(self):\n        self.loss = g()\n        self.loss.backward()",
    ),
    ("for x in r: loss = -f(x); loss.backward()", "for x in r: loss = f(x); loss.backward()"),
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_the_sign_is_changed(patient, before: str, after: str) -> None:
    head = "import torch\nimport torch.nn.functional as F\n"
    text = head + before + "\n"
    line = next(line for line in before.splitlines() if "backward(" in line)
    call = line.split("; ")[-1].strip()
    p = patient(text, backward=call)
    assert p.edited(turn_loss) == head + after + "\n"


def test_a_loss_inside_a_library_is_refused(patient) -> None:
    p = patient("trainer.fit(net)\n", backward="trainer.fit(")
    assert p.refusal(turn_loss) == "line 1 calls `trainer.fit`, which uses the fit only indirectly"


@pytest.mark.parametrize("loss", ["-(w - 3) ** 2", "5 - w.square()", "(-w.square()).sum() + 0 * w.sum()"])
def test_the_loss_goes_down(patient, loss: str) -> None:
    text = f"import torch\nw = torch.ones(1, requires_grad=True)\nloss = {loss}\nloss.backward()\n"
    before: dict = {}
    after: dict = {}
    exec(text, before)
    exec(patient(text, backward="loss.backward(").edited(turn_loss), after)
    assert torch.equal(before["w"].grad, -after["w"].grad)
