import pytest

from descend.remedies.keep_graph import keep_graph

HEAD = "import torch\nfrom torch.autograd import Variable\n"
CASES = [  # the script, and what it becomes
    ("torch.tensor(loss.item(), requires_grad=True).backward()", "loss.backward()"),
    ("l = torch.tensor(a.item() + b.item(), requires_grad=True)\nl.backward()", "l = (a + b)\nl.backward()"),
    ("l = torch.tensor(float(f(x)), requires_grad=True)\nl.backward()", "l = f(x)\nl.backward()"),
    ("l = Variable(f(x).data, requires_grad=True)\nl.backward()", "l = f(x)\nl.backward()"),
    ("l = torch.as_tensor(f(x).detach().cpu().numpy(), requires_grad=True)\nl.backward()", "l = f(x)\nl.backward()"),
    (
        "def f(x):\n    n = 2 * g(x).item()\n    return torch.tensor(n, requires_grad=True)\nf(x).backward()",
        "def f(x):\n    n = 2 * g(x)\n    return n\nf(x).backward()",
    ),
    (
        "l = f(x)\nl = torch.tensor(float(l), requires_grad=True)\nl.backward()",
        "l = f(x)\nl.backward()",
    ),
    ("torch.tensor(-a.item(), requires_grad=True).backward()", "(-a).backward()"),
    (
        "n = 0\nfor x in r:\n    n += g(x).item()\nl = torch.tensor(n, requires_grad=True)\nl.backward()\nl.item()",
        "n = 0\nfor x in r:\n    n += g(x)\nl = n\nl.backward()\nl.item()",
    ),
]
LEFT = [
    "w = torch.tensor(0.5, requires_grad=True)\nf(w).backward()",
    "w = torch.tensor(x.mean().item(), requires_grad=True)\nf(w).backward()",
    "l = torch.tensor(f(x).item())\nl.backward()",
    "n = 0.0\nw = torch.tensor(n, requires_grad=True)\nf(w).backward()",
]


@pytest.mark.parametrize(("before", "after"), CASES)
def test_the_number_is_the_loss_again(patient, before: str, after: str) -> None:
    backward = next(line.partition(".backward")[0] for line in before.splitlines() if ".backward" in line)
    p = patient(HEAD + before + "\n", backward=f"{backward}.backward(")
    assert p.edited(keep_graph) == HEAD + after + "\n"


@pytest.mark.parametrize("text", LEFT)
def test_a_parameter_and_a_number_are_left_alone(patient, text: str) -> None:
    call = text.splitlines()[-1].removesuffix(")")
    assert "no tensor that is made of a number" in patient(HEAD + text + "\n", backward=call).refusal(keep_graph)


KEPT = [  # the number is wanted elsewhere, or is none of a tensor's
    "n = f(x).item()\nlosses.append(n)\nl = torch.tensor(n, requires_grad=True)\nl.backward()",
    "n = 0.0\nl = torch.tensor(n, requires_grad=True)\nl.backward()",
    "l = torch.tensor([a.item()], requires_grad=True)\nl.backward()",
]


@pytest.mark.parametrize("text", KEPT)
def test_a_number_that_is_used_elsewhere_stays_one(patient, text: str) -> None:
    p = patient(HEAD + text + "\n", backward="l.backward(")
    assert "used elsewhere, or no loss" in p.refusal(keep_graph)


def test_what_the_loss_is_made_of_is_left_alone(patient) -> None:
    text = (
        HEAD + "t = teacher(x).detach()\nw = float(args.weight)\n"
        "l = torch.tensor(w * f(net(x), t.data).item(), requires_grad=True)\nl.backward()\n"
    )
    edited = patient(text, backward="l.backward(").edited(keep_graph)
    assert edited == text.replace(
        "torch.tensor(w * f(net(x), t.data).item(), requires_grad=True)", "(w * f(net(x), t.data))"
    )
