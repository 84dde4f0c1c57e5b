import pytest

from descend.doctor.remedies.create_graph import create_graph

LINES = {
    "g = torch.autograd.grad(e.sum(), x)[0]": "g = torch.autograd.grad(e.sum(), x, create_graph=True)[0]",
    "g, = torch.autograd.grad(e, x, w, retain_graph=True)": (
        "g, = torch.autograd.grad(e, x, w, retain_graph=True, create_graph=True)"
    ),
    "g = torch.autograd.grad(e.sum(), x, create_graph=False)[0]": (
        "g = torch.autograd.grad(e.sum(), x, create_graph=True)[0]"
    ),
}


@pytest.mark.parametrize("line", LINES)
def test_the_derivative_keeps_its_graph(patient, line):
    p = patient(f"import torch\n{line}\n", made={"derivative": "grad"}, derivative="torch.autograd.grad(")
    assert p.changes(create_graph) == [f"-{line}", f"+{LINES[line]}"]


def test_a_call_inside_another_function_is_refused(patient):
    assert "only indirectly" in patient("g = slope(e, x)\n", derivative="slope(").refusal(create_graph)
