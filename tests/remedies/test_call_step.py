import pytest

from descend.doctor.remedies.call_step import call_step

HEAD = "opt = optim.SGD(net.parameters(), lr=0.1)\n"
LOOP = HEAD + "for x in r:\n    opt.zero_grad()\n    loss = f(x)\n    loss.backward()\n    log(loss)\n"
SCALER = HEAD + "for x in r:\n    opt.zero_grad()\n    scaler.scale(f(x)).backward()\n"
CASES = {  # the script, the backward pass, a part of the script, and the edited part
    "a loop": (LOOP, "loss.backward(", "loss.backward()", "loss.backward()\n    opt.step()"),
    "nothing clears": (
        LOOP.replace("    opt.zero_grad()\n", ""),
        "loss.backward(",
        "loss.backward()",
        "loss.backward()\n    opt.step()\n    opt.zero_grad()",
    ),
    "cleared by hand": (
        HEAD + "for x in r:\n    w.grad = None\n    f(x).backward()\n",
        "f(x).backward(",
        "f(x).backward()",
        "f(x).backward()\n    opt.step()",
    ),
    "cleared in place": (
        HEAD + "for x in r:\n    w.grad.zero_()\n    f(x).backward()\n",
        "f(x).backward(",
        "f(x).backward()",
        "f(x).backward()\n    opt.step()",
    ),
    "one line": (
        HEAD + "for x in r: opt.zero_grad(); f(x).backward()\n",
        "f(x).backward(",
        "backward()",
        "backward(); opt.step()",
    ),
    "clipping": (
        LOOP.replace("    log", "    nn.utils.clip_grad_norm_(net.parameters(), 1.0)  # c\n    log"),
        "loss.backward(",
        "1.0)  # c",
        "1.0)  # c\n    opt.step()",
    ),
    "two passes": (
        LOOP.replace("    log", "    g(x).backward()\n    log"),
        "loss.backward(",
        "g(x).backward()",
        "g(x).backward()\n    opt.step()",
    ),
    "a scaler": (
        SCALER,
        "scaler.scale(f(x)).backward(",
        ".backward()",
        ".backward()\n    scaler.step(opt)\n    scaler.update()",
    ),
    "a scaler that is updated": (
        SCALER + "    scaler.update()\n",
        "scaler.scale(f(x)).backward(",
        ".backward()",
        ".backward()\n    scaler.step(opt)",
    ),
    "an engine": (
        LOOP.replace("loss.backward()", "accelerator.backward(loss)"),
        "accelerator.backward(",
        "backward(loss)",
        "backward(loss)\n    opt.step()",
    ),
    "no parentheses": (
        LOOP.replace("    log(loss)", "    opt.step  # go"),
        "loss.backward(",
        "opt.step  # go",
        "opt.step()  # go",
    ),
    "no parentheses, nothing clears": (
        LOOP.replace("    opt.zero_grad()\n", "").replace("log(loss)", "opt.step"),
        "loss.backward(",
        "opt.step",
        "opt.step()\n    opt.zero_grad()",
    ),
    "windows": (
        LOOP.replace("\n", "\r\n"),
        "loss.backward(",
        "loss.backward()",
        "loss.backward()\r\n    opt.step()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_step_follows_the_backward_pass(patient, case: str) -> None:
    text, backward, before, after = CASES[case]
    p = patient(text, backward=backward, optimizer="optim.SGD(")
    assert text.count(before) == 1
    assert p.edited(call_step, optimizer="0") == text.replace(before, after)


TRAIN = "def train(net, loader, o):\n    for x in loader:\n        o.zero_grad()\n        f(x).backward()\n"
NAMED = {  # the script, and the optimizer's name at the backward pass
    "a parameter": (TRAIN + "def main():\n    opt = optim.SGD(p)\n    train(net, loader, opt)\n", "o"),
    "a keyword": (TRAIN + "opt = optim.SGD(p)\ntrain(net, loader=loader, o=opt)\n", "o"),
    "given at once": (TRAIN + "train(net, loader, optim.SGD(p))\n", "o"),
    "a global name": ("opt = optim.SGD(p)\ndef step(x):\n    f(x).backward()\nopt.zero_grad()\n", "opt"),
    "an attribute": (
        "class T:\n    def __init__(self):\n        self.opt = optim.SGD(p)\n"
        "    def step(self, x):\n        f(x).backward()\nT().opt.zero_grad()\n",
        "self.opt",
    ),
    "an attribute of what it is given to": (
        "class T:\n    def __init__(self, net, rule):\n        self.net = net\n        self.rule = rule\n"
        "    def step(self, x):\n        self.rule.zero_grad()\n        f(x).backward()\n"
        "def main():\n    opt = optim.SGD(p)\n    T(net, opt).step(x)\n",
        "self.rule",
    ),
    "an attribute from outside": (
        "class T:\n    def __init__(self):\n        self.opt = optim.SGD(p)\nt = T()\n"
        "for x in r:\n    t.opt.zero_grad()\n    f(x).backward()\n",
        "t.opt",
    ),
    "returned": (
        "def make():\n    return optim.SGD(p)\nrule = make()\nfor x in r:\n    net.zero_grad()\n    f(x).backward()\n",
        "rule",
    ),
    "returned by name, as one of two": (
        "def make():\n    net = Net()\n    o = optim.SGD(p)\n    return net, o\nnet, rule = make()\n"
        "for x in r:\n    net.zero_grad()\n    f(x).backward()\n",
        "rule",
    ),
    "not followed, but cleared": (
        "o = {'a': optim.SGD(p)}\ndef train(optimizer):\n    for x in r:\n        optimizer.zero_grad()\n"
        "        net.zero_grad()\n        y = net(x)\n        f(x).backward()\n",
        "optimizer",
    ),
}


@pytest.mark.parametrize("case", NAMED)
def test_the_step_uses_the_optimizers_name_in_its_scope(patient, case: str) -> None:
    text, name = NAMED[case]
    p = patient(text, backward="f(x).backward(", optimizer="optim.SGD(")
    (added,) = p.changes(call_step, optimizer="0")
    assert added.strip("+ ") == f"{name}.step()"


GAN = """
d = optim.SGD(a)
g = optim.SGD(b)
for x in r:
    d.zero_grad()
    real(x).backward()
    fake(x).backward()
    d.step()
    g.zero_grad()
    fool(x).backward()
"""


def test_the_step_of_one_of_two_optimizers_is_added(patient) -> None:
    p = patient(GAN, backward="real(x).backward(", optimizer="optim.SGD(a", optimizer__1="optim.SGD(b")
    assert p.edited(call_step, optimizer="1") == GAN + "    g.step()\n"


def test_an_ambiguous_backward_pass_is_refused(patient) -> None:
    text = GAN.replace("    g.zero_grad()\n", "")
    p = patient(text, backward="real(x).backward(", optimizer="optim.SGD(a", optimizer__1="optim.SGD(b")
    assert "which of several backward passes belongs to `g`" in p.refusal(call_step, optimizer="1")


@pytest.mark.parametrize(
    ("text", "backward", "reason"),
    [
        (HEAD + "trainer.fit(net)\n", "trainer.fit(", "line 2 calls `trainer.fit`, which uses the fit only indirectly"),
        (
            "f({'o': optim.SGD(p)})\nloss.backward()\n",
            "loss.backward(",
            "it is unclear which variable holds the optimizer in line 2",
        ),
        (HEAD + "def f():\n    return loss.backward()\n", "loss.backward(", "leaves the function"),
    ],
)
def test_refusals_say_why(patient, text: str, backward: str, reason: str) -> None:
    assert reason in patient(text, backward=backward, optimizer="optim.SGD(").refusal(call_step)


@pytest.mark.parametrize("step", ["opt.step()", "if i % 8 == 7:\n        opt.step()", "scaler.step(opt)"])
def test_a_conditional_step_is_reported(patient, step: str) -> None:
    text = LOOP + f"    {step}\n"
    line = text[: text.index("step(opt)" if "scaler" in step else "opt.step")].count("\n") + 1
    p = patient(text, backward="loss.backward(", optimizer="optim.SGD(")
    assert p.refusal(call_step) == f"line {line} already steps `opt`, but only under a condition"


def test_the_parameters_move(patient) -> None:
    text = """
import torch
net = torch.nn.Linear(1, 1)
before = net.weight.item()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(3):
    net(torch.ones(1, 1)).sum().backward()
"""
    p = patient(text, backward="net(torch.ones(1, 1)).sum().backward(", optimizer="torch.optim.SGD(")
    names: dict = {}
    exec(p.edited(call_step), names)
    assert abs(names["before"] - names["net"].weight.item() - 0.3) < 1e-6


@pytest.mark.parametrize(
    ("branches", "after"),
    [
        (
            "    if s:\n        s.step()\n    else:\n        opt.step()\n",
            "    if s:\n        opt.step()\n        s.step()\n    else:\n        opt.step()\n",
        ),
        (
            "    if a:\n        opt.step()\n    else:\n        s.step()\n",
            "    if a:\n        opt.step()\n    else:\n        opt.step()\n        s.step()\n",
        ),
    ],
)
def test_a_step_in_one_branch_is_added_to_the_other(patient, branches: str, after: str) -> None:
    p = patient(LOOP + branches, backward="loss.backward(", optimizer="optim.SGD(")
    assert p.edited(call_step) == LOOP + after
