"""Edits of an expression or statement that a measurement suspects."""

from dataclasses import replace

import pytest

from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.suspected_site import is_inserted_by_edit
from descend.doctor.record import Record, Site
from descend.doctor.remedies import REMEDIES, apply_remedy
from descend.doctor.remedies.exchange_arguments import exchange_arguments
from descend.doctor.remedies.leave_out import leave_out
from descend.doctor.remedies.skip_call import skip_call
from descend.doctor.remedies.transform import transform
from descend.doctor.remedies.turn_term import turn_term

AT = {"kind": "on_loss", "place": "0"}


SKIPPED = [  # source, expression, its recorded function, edited source
    ("y = net(x.round())", "x.round()", "round", "y = net(x)"),
    ("y = net(x[order], t)", "x[order]", "__getitem__", "y = net(x, t)"),
    ("import torch\ny = net(torch.flip(x, (-1,)))", "torch.flip(x, (-1,))", "flip", "import torch\ny = net(x)"),
    ("y = net(self.jitter(x, 3))", "self.jitter(x, 3)", "add", "y = net(x)"),
    ("y = net(x * 0)", "x * 0", "mul", "y = net(x)"),
    (
        "loss = f(z, 2 * t - 1)",
        "2 * t - 1",
        "sub",
        "loss = f(z, t)",
    ),  # The whole expression has one variable, so it becomes that variable.
    ("loss = f(z, (t + 1) % (t.max() + 1))", "(t + 1) % (t.max() + 1)", "remainder", "loss = f(z, t)"),
    ("y = net((x - mean) / std)", "(x - mean) / std", "div", "y = net(x - mean)"),
    ("y = net(0.5 * x)", "0.5 * x", "mul", "y = net(x)"),
    ("y = net(x + 3 * torch.randn_like(x))", "x + 3 * torch.randn_like(x)", "add", "y = net(x)"),
    ("loss = -(a * b).sum()", "-(a * b).sum()", "neg", "loss = (a * b).sum()"),
    ("x = x.roll(1, 0)\ny = net(x)", "x.roll(1, 0)", "roll", "y = net(x)"),
]
TURNED = [
    ("loss = a - b * c", "a - b * c", "loss = a + b * c"),
    ("loss = (1 + s - m**2 - s.exp()).sum()", "1 + s - m**2", "loss = (1 + s + m**2 - s.exp()).sum()"),
    ("loss = a + b - c", "a + b", "loss = a - b - c"),
    ("loss -= weight * entropy", "loss -= weight * entropy", "loss += weight * entropy"),
]


@pytest.mark.parametrize(("before", "at", "function", "after"), SKIPPED)
def test_a_call_is_replaced_by_its_argument(pointed_at, before, at, function, after):
    assert pointed_at(before + "\n", at, function=function).edited(skip_call, **AT) == after + "\n"


def test_an_in_place_change_is_removed(pointed_at):
    patient = pointed_at("loss = f(x)\nloss /= 256\nloss.backward()\n", "loss /= 256", function="div")
    assert patient.edited(skip_call, **AT) == "loss = f(x)\nloss.backward()\n"


def test_several_calls_are_replaced_one_after_another(pointed_at):
    patient = pointed_at("y = net(x.flip(0).flip(1))\n", "x.flip(0).flip(1)", "x.flip(0)", function="flip")
    assert patient.edited(skip_call, kind="on_loss", places=["0", "1"]) == "y = net(x)\n"
    assert "did not show where" in patient.refusal(skip_call, kind="on_loss", places=["0", "7"])


@pytest.mark.parametrize(("before", "at", "after"), TURNED)
def test_a_term_gets_the_other_sign(pointed_at, before, at, after):
    assert pointed_at(before + "\n", at).edited(turn_term, **AT) == after + "\n"


def test_the_operand_of_a_minus_keeps_its_parentheses(pointed_at):
    edited = pointed_at("loss = a + (b - c)\n", "a + (b - c)").edited(turn_term, **AT)
    scope = {"a": 1, "b": 10, "c": 100}
    exec(edited, scope)
    assert scope["loss"] == 91


def test_two_arguments_are_exchanged(pointed_at):
    text = "loss = triplet(net(a), net(p), net(n), margin=0.2)\n"
    patient = pointed_at(text, text[7:-1])
    assert "triplet(net(a), net(n), net(p), margin=0.2)" in patient.edited(exchange_arguments, **AT, argument=1)
    assert "does not contain both" in patient.refusal(exchange_arguments, **AT, argument=2)


LEFT_OUT = [
    ("for p in ps:\n    p.grad.neg_()\nopt.step()", "p.grad.neg_()", "opt.step()"),
    ("a()\n[p.mul_(0.9) for p in ps]\nb()", "p.mul_(0.9)", "a()\nb()"),
    ("if x:\n    clip(ps)\nelse:\n    b()", "clip(ps)", "if x:\n    pass\nelse:\n    b()"),
    (
        "x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=f)",
        "torch.tensor((x - x.mean(0)) / x.std(0), dtype=f)",
        "x = torch.tensor(x, dtype=f)",
    ),
    (
        "x = (torch.from_numpy(x).float()[:, None] - 0.5) * 2",
        "(torch.from_numpy(x).float()[:, None] - 0.5) * 2",
        "x = torch.from_numpy(x).float()",
    ),
    (
        "s.x = torch.tensor(scale(s.x)).unsqueeze(1)",
        "torch.tensor(scale(s.x)).unsqueeze(1)",
        "s.x = torch.tensor(s.x).unsqueeze(1)",
    ),
    ("y = torch.tensor(scale(x))\nb()", "torch.tensor(scale(x))", "b()"),
    ("x, y = torch.tensor(x), torch.tensor(y)\nb()", "torch.tensor(x)", "b()"),
]


@pytest.mark.parametrize(("before", "at", "after"), LEFT_OUT)
def test_a_statement_is_removed_with_its_loop(pointed_at, before, at, after):
    assert pointed_at(before + "\n", at).edited(leave_out, **AT).strip() == after


def test_a_statement_that_only_converts_cannot_be_removed(pointed_at):
    assert "only creates a tensor" in pointed_at("x = torch.tensor(x)\n", "torch.tensor(x)").refusal(leave_out, **AT)


def test_two_edits_of_one_script(pointed_at):
    """The first edit has moved the place of the second one."""
    patient = pointed_at("a()\nb()\nloss = c - d\nb()\n", "a()", "c - d")
    first = apply_remedy(leave_out, patient.script, patient.record, AT)
    second = apply_remedy(turn_term, first, patient.record, {"kind": "on_loss", "place": "1"})
    assert second.read(second.path) == "b()\nloss = c + d\nb()\n"


def test_an_expression_changed_by_an_earlier_edit_is_not_edited(pointed_at):
    patient = pointed_at("b()\nb()\n", "b()")
    once = apply_remedy(leave_out, patient.script, patient.record, AT)
    with pytest.raises(NotApplicable, match="changed by an earlier edit"):
        apply_remedy(leave_out, once, patient.record, AT)


NOT_THERE = {
    "leave_out": "",
    "skip_call": "line 1 does not contain",
    "turn_term": "line 1 does not contain",
    "exchange_arguments": "there is no call between the network and the loss at train.py:1",
}


@pytest.mark.parametrize("remedy", NOT_THERE)
def test_a_missing_expression_is_reported(pointed_at, remedy):
    patient = pointed_at("x = y\n", "y")
    arguments = {**AT, "argument": 0}
    assert "did not show where" in patient.refusal(REMEDIES[remedy], kind="on_loss", place="7", argument=0)
    if remedy != "leave_out":
        assert NOT_THERE[remedy] in patient.refusal(REMEDIES[remedy], **arguments)


def test_a_second_fit_becomes_a_transform(pointed_at):
    text = "a = coder.fit_transform(x)\nb = coder.fit_transform(y)\nc = coder.transform(z)\n"
    edited = pointed_at(text, "coder.fit_transform(y)").edited(transform, **AT)
    assert edited == text.replace("fit_transform(y)", "transform(y)")
    assert "does not call" in pointed_at(text, "coder.transform(z)").refusal(transform, **AT)


SHARED = [  # function that computes the loss
    "def error(a, b):\n    return a - b\nerror(x, y).backward()\n",
    "class E(nn.Module):\n    def forward(self, a, b):\n        return a - b\nerror = E()\nerror(x, y).backward()\n",
]


@pytest.mark.parametrize("made", SHARED)
def test_the_evaluation_metric_is_not_edited(pointed_at, made):
    """An error that is smaller because it is measured in another way proves nothing."""
    text = "from torch import nn\n" + made
    twice = pointed_at(text + "print(error(u, v))\n", "a - b")
    assert "also computes the script's evaluation metric" in twice.refusal(turn_term, **AT, is_judged_by_error=True)
    refused = twice.refusal(turn_term, **AT, is_judged_by_likelihood=True)
    assert "also computes the script's evaluation metric" in refused
    assert "a + b" in twice.edited(turn_term, **AT)  # The metric is not an error, so other code computes it.
    assert "a + b" in pointed_at(text, "a - b").edited(turn_term, **AT, is_judged_by_error=True)


def test_a_function_called_only_by_a_shared_function_is_shared(pointed_at):
    text = "def inner(a, b):\n    return a - b\ndef error(a, b):\n    return inner(a, b)\nerror(x, y).backward()\n"
    twice = pointed_at(text + "print(error(u, v))\n", "a - b")
    assert "also computes the script's evaluation metric" in twice.refusal(turn_term, **AT, is_judged_by_error=True)
    assert "a + b" in pointed_at(text, "a - b").edited(turn_term, **AT, is_judged_by_error=True)
    in_a_ring = "def inner(a, b):\n    error(a, b)\n    return a - b\ndef error(a, b):\n    return inner(a, b)\n"
    assert "a + b" in pointed_at(in_a_ring, "a - b").edited(turn_term, **AT, is_judged_by_error=True)


TRAINS = (
    "def run(data):\n    for x in data:\n        loss = net(x.roll(1))\n        {}loss.backward()\nrun(a)\nrun(b)\n"
)


@pytest.mark.parametrize(("chosen", "is_shared"), [("", False), ("if training: ", True)])
def test_a_function_that_always_trains_is_not_shared(pointed_at, chosen, is_shared):
    patient = pointed_at(TRAINS.format(chosen), "x.roll(1)", function="roll")
    site = replace(patient.record.sites[0], kind="on_inputs")
    backward = replace(site, kind="backward", line=4, end_line=4)
    patient = replace(patient, record=Record(sites=[site, backward]))
    if is_shared:
        assert "also computes the script's evaluation metric" in patient.refusal(skip_call, kind="on_inputs", place="0")
    else:
        assert "net(x)" in patient.edited(skip_call, kind="on_inputs", place="0")


def test_a_network_is_not_part_of_the_metric(pointed_at):
    text = (
        "from torch import nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.inner = nn.Linear(2, 2)\n    def forward(self, x):\n        return self.inner(x) - x\n"
        "net = Net()\nnet(x).backward()\nprint(net(u))\n"
    )
    flow = pointed_at(text, "self.inner(x) - x")
    assert "+ x" in flow.edited(turn_term, **AT, is_judged_by_error=True)
    # A likelihood depends on the layers, so an edit of them would change the metric.
    assert "also computes the script's evaluation metric" in flow.refusal(turn_term, **AT, is_judged_by_likelihood=True)


@pytest.mark.parametrize(("calls", "is_shared"), [("x = made(9)\n", False), ("x, test = made(9), made(5)\n", True)])
def test_a_function_that_also_prepares_evaluation_data_is_not_edited(pointed_at, calls, is_shared):
    patient = pointed_at("def made(n):\n    return draw(n).roll(1)\n" + calls, "draw(n).roll(1)", function="roll")
    site = replace(patient.record.sites[0], kind="on_inputs")
    patient = replace(patient, record=Record(sites=[site]))
    if is_shared:
        assert "also computes the script's evaluation metric" in patient.refusal(skip_call, kind="on_inputs", place="0")
    else:
        assert "return draw(n)\n" in patient.edited(skip_call, kind="on_inputs", place="0")


PUT_IN = "import a\n\n\ndef h(x):\n    return x - 1\n\n\nopt = Adam(net, lr=0.01)\nh(net)\nloss = f(net(x) * 2)\n"


def test_lines_inserted_by_an_edit_are_not_edited(patient):
    p = patient("import a\nopt = SGD(net, lr=0.1)\nloss = f(net(x))\n")
    cured = p.script.edit(p.script.path, PUT_IN).with_examined_edits()
    lines = [
        line for line in range(1, 11) if is_inserted_by_edit(cured, Site("on_inputs", "0", str(p.script.path), line))
    ]
    assert {4, 5, 9} <= set(lines) and not {1, 8, 10} & set(lines)
    assert not is_inserted_by_edit(p.script, Site("on_inputs", "0", str(p.script.path), 1))
    p.record.sites.append(Site("on_inputs", "0", str(p.script.path), 5, 11, 5, 16))
    with pytest.raises(NotApplicable, match="was inserted by an earlier edit"):
        apply_remedy(skip_call, cured, p.record, {"kind": "on_inputs", "place": "0"})
