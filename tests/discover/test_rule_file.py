"""The file of a found rule is an ordinary optimizer that takes the steps of its expression."""

import pytest
import torch

from descend.discover.expression import read_prefix
from descend.discover.known import FORMS
from descend.discover.rule_file import optimizer_of, source
from descend.discover.values import WIDTH, gradients, steps_on
from descend.optim import AddSign, PowerSign

PUBLISHED = [prefix for forms in FORMS.values() for prefix in forms]


@pytest.mark.parametrize("prefix", [*PUBLISHED, "* d square + 2 neg abs v", "/ exp sign g + 1 sqrt abs m"])
def test_the_optimizer_takes_the_steps_of_the_expression(prefix):
    expression = read_prefix(prefix.split())
    weights = torch.zeros(WIDTH, dtype=torch.float64, requires_grad=True)
    optimizer = optimizer_of(expression)([weights], lr=1.0)
    series = gradients(1.0, 3)
    for gradient, step in zip(series, steps_on(expression, series)):
        before = weights.detach().clone()
        weights.grad = gradient.clone()
        optimizer.step()
        torch.testing.assert_close(before - weights.detach(), step, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("prefix", "published"), [("* g exp * sign g sign m", PowerSign), ("* g + 1 * sign g sign m", AddSign)]
)
def test_a_rediscovered_rule_trains_as_the_published_one(prefix, published):
    found = optimizer_of(read_prefix(prefix.split()))
    trained = []
    for kind in (found, published):
        torch.manual_seed(0)
        weights = torch.randn(5, 3, requires_grad=True)
        optimizer = kind([weights], lr=0.01)
        for _ in range(20):
            optimizer.zero_grad()
            (weights**2).sum().backward()
            optimizer.step()
        trained.append(weights.detach())
    torch.testing.assert_close(*trained)


def test_the_source_imports_nothing_that_it_does_not_use(tmp_path):
    file = tmp_path / "found.py"
    file.write_text(source(read_prefix("/ m sqrt v".split()), 0.003, "Mine"))
    own: dict[str, object] = {"__name__": "mine"}
    exec(file.read_text(), own)
    assert own["Mine"]([torch.zeros(1, requires_grad=True)]).defaults["lr"] == 0.003
    assert "import e" not in file.read_text() and "sign" not in file.read_text()
