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
        "n = 0\nfor x in r:\n    n += g(x).item()\nl = torch.tensor(n, requires_grad=True)\nl.backward()\nl.item()",
        "n = 0\nfor x in r:\n    n += g(x)\nl = n\nl.backward()\nl.item()",
    ),
]
LEFT = [
    "w = torch.tensor(0.5, requires_grad=True)\nf(w).backward()",
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
    assert "makes no new tensor of a loss's number" in patient(HEAD + text + "\n", backward=call).refusal(keep_graph)
