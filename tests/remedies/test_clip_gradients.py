import pytest
import torch

from descend.doctor.remedies.clip_gradients import clip_gradients

CLIP = "torch.nn.utils.clip_grad_norm_"
STYLES = {
    "plain": "        CLIP(model.parameters(), 1.5)",
    "crlf": "        CLIP(model.parameters(), 1.5)",
    "main": "        CLIP(model.parameters(), 1.5)",
    "trainer": "        CLIP(self.net.parameters(), 1.5)",
    "slices": "loss.backward(); CLIP(model.parameters(), 1.5); opt.step()",
    "one_line": "loss.backward(); CLIP(model.parameters(), 1.5); optimizer.step()",
    "dict": "            CLIP(modèle.parameters(), 1.5)",
    "tabs": "\t\t\t\tCLIP(model.parameters(), 1.5)",
    "scaler": "    scaler.unscale_(opt)\n    CLIP(net[1].parameters(), 1.5)\n    scaler.step(opt)",
}


def test_every_style(styled, style: str) -> None:
    if style == "closure":
        assert "backward pass is in the source" in styled.refusal(clip_gradients, max_norm=1.5)
        return
    text = styled.edited(clip_gradients, max_norm=1.5).replace("\r\n", "\n")
    assert STYLES[style].replace("CLIP", CLIP) in text
    exec(compile(text, style, "exec"), {"__name__": style})


HEAD = "import torch\n"
GROUPS = '([p for g in o.param_groups for p in g["params"]], 1.0)'
PLACES = {  # the script, the optimizer, and the line before the step
    "two models": ("o = SGD([*a.parameters(), *b.parameters()])\no.step()\n", GROUPS),
    "a list of parameters": ("o = SGD(weights)\no.step()\n", GROUPS),
    "a part": ("o = SGD(net.head.parameters())\no.step()\n", "(net.head.parameters(), 1.0)"),
    "another name": (
        "def f(m, opt):\n    opt.step()\nnet = N()\no = SGD(net.parameters())\nf(net, o)\n", "(m.parameters(), 1.0)"
    ),
    "out of sight": (
        "def f(opt):\n    opt.step()\ndef main():\n    net = N()\n    o = SGD(net.parameters())\n    f(o)\n",
        '([p for g in opt.param_groups for p in g["params"]], 1.0)',
    ),
    "kept by a trainer": (
        "class T:\n    def __init__(self, model):\n        self.net = model\n        self.o = SGD(model.parameters())\n"
        "    def f(self):\n        self.o.step()\n",
        "(self.net.parameters(), 1.0)",
    ),
    "a condition": ("o = SGD(n.parameters())\nif i % 4 == 0: o.step()\n", "(n.parameters(), 1.0); "),
}  # fmt: skip


@pytest.mark.parametrize("case", PLACES)
def test_the_gradients_of_the_optimizers_model_are_clipped(patient, case: str) -> None:
    text, arguments = PLACES[case]
    step = next(line for line in text.splitlines() if ".step()" in line).split()[-1]
    edited = patient(HEAD + text, optimizer="SGD(", step=step).edited(clip_gradients, max_norm=1.0)
    expected = step.replace(step, CLIP + arguments)
    assert expected in edited
    assert edited.index(expected) < edited.index(step)


CLOSURE = "o = SGD(net.parameters())\ndef closure():\n    l = f()\n    l.backward()\n    return l\no.step(closure)\n"


def test_a_closure_clips_after_its_backward_pass(patient) -> None:
    p = patient(HEAD + CLOSURE, optimizer="SGD(", step="o.step(", backward="l.backward(")
    line = f"    l.backward()\n    {CLIP}(net.parameters(), 0.5)\n"
    assert p.edited(clip_gradients, max_norm=0.5) == HEAD + CLOSURE.replace("    l.backward()\n", line)


def test_gradients_that_are_unscaled_already_are_not_unscaled_again(patient) -> None:
    text = HEAD + "o = SGD(n.parameters())\nscaler.unscale_(o)\nscaler.step(o)\n"
    p = patient(text, optimizer="SGD(", step="scaler.step(")
    assert p.changes(clip_gradients, max_norm=1.0) == [f"+{CLIP}(n.parameters(), 1.0)"]


def test_torch_is_imported(patient) -> None:
    text = "from torch import nn\no = SGD(n.parameters())\no.step()\n"
    p = patient(text, optimizer="SGD(", step="o.step(")
    assert p.changes(clip_gradients, max_norm=1.0) == ["+import torch", f"+{CLIP}(n.parameters(), 1.0)"]


def test_clipped_gradients_are_not_clipped_again(patient) -> None:
    text = HEAD + "o = SGD(n.parameters())\nclip_grad_norm_(n.parameters(), 1)\no.step()\n"
    p = patient(text, optimizer="SGD(", step="o.step(", clip="clip_grad_norm_(")
    assert p.refusal(clip_gradients, max_norm=1.0) == "line 3 already clips the gradients"


def test_a_backward_pass_outside_the_closure_is_refused(patient) -> None:
    text = CLOSURE.replace("    l.backward()\n", "") + "l.backward()\n"
    p = patient(text, optimizer="SGD(", step="o.step(", backward="l.backward(")
    assert p.refusal(clip_gradients, max_norm=1.0) == "line 6 is not in the closure of the optimizer's step"


def test_no_step_is_longer_than_the_rate_times_the_norm(patient) -> None:
    text = (
        "import torch\nnet = torch.nn.Linear(2, 1)\no = torch.optim.SGD(net.parameters(), lr=0.1)\n"
        "before = net.weight.detach().clone()\n(net(torch.ones(4, 2)) * 1e4).sum().backward()\no.step()\n"
    )
    p = patient(text, optimizer="torch.optim.SGD(", step="o.step(")
    names: dict[str, torch.Tensor] = {}
    exec(p.edited(clip_gradients, max_norm=0.5), names)
    assert 0 < (names["net"].weight - names["before"]).norm() <= 0.05 + 1e-6
