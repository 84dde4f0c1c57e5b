"""Mistakes inserted into working programs: one place each, and its lines."""

import contextlib
import io
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
catalogue = __import__("mutations.catalogue", fromlist=["hosts"])
families = __import__("mutations.families", fromlist=["FAMILIES"])
Script = __import__("mutations.script", fromlist=["Script"]).Script

HOST = """import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
x = (x - x.mean(0)) / x.std(0)
y = (x.sum(1) > 0).long()
model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()
for step in range(20):
    opt.zero_grad()
    penalty = sum(p.square().sum() for p in model.parameters())
    loss = criterion(model(x), y) + 0.001 * penalty
    loss.backward()
    opt.step()
print(round(criterion(model(x), y).item(), 6))
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    path = tmp_path_factory.mktemp("host") / "host.py"
    path.write_text(HOST)
    return Script(path)


@pytest.fixture(scope="module")
def everything():
    return [mutant for path in catalogue.hosts() for mutant in catalogue.mutants(Script(path))]


def test_there_are_operators_enough_in_few_families_and_each_has_a_name_of_its_own():
    operators = [operator for family in families.FAMILIES.values() for operator in family]
    assert len(operators) >= 60 and len(families.FAMILIES) <= 8
    every = [*operators, *families.BENIGN["benign"]]
    assert len({operator.name for operator in every}) == len(every) and all(operator.source for operator in every)


@pytest.mark.slow
def test_each_family_has_mutants_of_many_hosts(everything):
    assert len({mutant.id for mutant in everything}) == len(everything)
    for family in families.FAMILIES:
        own = [mutant for mutant in everything if mutant.family == family]
        assert len(own) >= 15 and len({mutant.host.name for mutant in own}) >= 15, family


@pytest.mark.slow
def test_a_mutant_differs_from_its_host_in_its_place_alone(everything):
    for mutant in everything[::7]:
        before, after = mutant.host.data, mutant.text.encode()
        edit = mutant.edit
        assert after[: edit.start] == before[: edit.start]
        assert after[edit.start + len(edit.text.encode()) :] == before[edit.end :]
        line = before[: edit.start].count(b"\n") + 1
        assert line in edit.lines or line + 1 in edit.lines, mutant.id


@pytest.mark.parametrize(
    ("operator", "line", "text"),
    [
        ("turned_loss", 15, "    (-loss).backward()"),
        ("turned_term", 14, "    loss = criterion(model(x), y) - (0.001 * penalty)"),
        ("term_left_out", 14, "    loss = criterion(model(x), y)"),
        ("large_term", 14, "    loss = criterion(model(x), y) + 0.1 * penalty"),
        ("softmax_before", 14, "    loss = criterion(model(x).softmax(-1), y) + 0.001 * penalty"),
        ("labels_of_the_neighbour", 14, "    loss = criterion(model(x), y.roll(1, 0)) + 0.001 * penalty"),
        ("inputs_large", 14, "    loss = criterion(model(x * 100), y) + 0.001 * penalty"),
        ("not_normalised", 6, "pass"),
        ("not_cleared", 12, "    pass"),
        ("clipped_away", 16, "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1e-5)"),
        ("rate_times_30", 9, "opt = torch.optim.SGD(model.parameters(), lr=3)"),
        ("momentum_near_one", 9, "opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.999)"),
        ("last_parameter_alone", 9, "opt = torch.optim.SGD(list(model.parameters())[-1:], lr=0.1)"),
        ("activation_left_out", 8, "model = nn.Sequential(nn.Linear(3, 8), nn.Identity(), nn.Linear(8, 2))"),
        ("few_passes", 11, "for step in range(max(1, (20) // 10)):"),
        ("evaluation_mode_from_the_start", 13, "    model.eval()"),
    ],
)
def test_what_an_operator_writes(host, operator, line, text):
    mutant = next(m for m in catalogue.mutants(host) if m.operator.name == operator)
    assert mutant.text.splitlines()[line - 1] == text


def test_the_place_of_an_omission_is_where_it_is_used(host):
    mutant = next(m for m in catalogue.mutants(host) if m.operator.name == "not_normalised")
    assert {6, 7, 14} <= mutant.edit.lines and 11 not in mutant.edit.lines


def test_a_mutation_without_effect_prints_the_same(host):
    told = Counter(_printed(mutant.text) for mutant in catalogue.mutants(host, families.BENIGN))
    assert told.keys() == {_printed(HOST)} and told.total() >= 8
    assert _printed(next(m for m in catalogue.mutants(host) if m.operator.name == "turned_loss").text) != _printed(HOST)


def _printed(text: str) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(text, "host", "exec"), {})
    return said.getvalue()
