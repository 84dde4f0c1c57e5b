import pytest

from descend.doctor.remedies.away_from_zero import away_from_zero

LINES = [
    ("d = torch.sqrt(torch.sum(x, dim=1))", "torch.sqrt(", "d = torch.sqrt(torch.sum(x, dim=1) + 1e-8)"),
    (
        "d = (a - b).square().sum(1).sqrt()",
        "(a - b).square().sum(1).sqrt(",
        "d = ((a - b).square().sum(1) + 1e-8).sqrt()",
    ),
    ("d = torch.sqrt(a * a + b * b)", "torch.sqrt(", "d = torch.sqrt(a * a + b * b + 1e-8)"),
    ("d = torch.sqrt(-a)", "torch.sqrt(", "d = torch.sqrt((-a) + 1e-8)"),
    ("d = torch.pow(s, 0.5)", "torch.pow(", "d = torch.pow(s + 1e-8, 0.5)"),
    ("h = -(p * torch.log(p)).sum(1)", "torch.log(", "h = -(p * torch.log(p + 1e-8)).sum(1)"),
    ("h = p.log()", "p.log(", "h = (p + 1e-8).log()"),
]


@pytest.mark.parametrize(("line", "call", "after"), LINES)
def test_the_argument_is_kept_away_from_zero(patient, line, call, after):
    p = patient(f"import torch\n{line}\n", made={"singular": call.split(".")[-1].strip("(")}, singular=call)
    assert p.changes(away_from_zero, eps=1e-8) == [f"-{line}", f"+{after}"]


def test_a_root_inside_another_function_is_refused(patient):
    p = patient("d = distance(a, b)\n", made={"singular": "sqrt"}, singular="distance(")
    assert "only indirectly" in p.refusal(away_from_zero, eps=1e-8)
