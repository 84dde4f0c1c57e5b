"""Measuring mutants: their metrics and places, renamed identifiers, and which mutants count as harmful."""

import contextlib
import io
import re
import sys
from difflib import SequenceMatcher
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clinic"))
catalogue = __import__("mutations.catalogue", fromlist=["mutants"])
judged = __import__("mutations.judged", fromlist=["Values"])
metric = __import__("mutations.metric", fromlist=["Metric"])
paraphrase = __import__("mutations.paraphrase", fromlist=["renamed"])
plain = __import__("mutations.plain", fromlist=["printed"])
right = __import__("mutations.right", fromlist=["RIGHT"])
rows = __import__("mutations.rows", fromlist=["Rows"])
sample = __import__("mutations.sample", fromlist=["singles"])
families = __import__("mutations.families", fromlist=["FAMILIES"])
Script = __import__("mutations.script", fromlist=["Script"]).Script

HOST = '''"""Points of two sorts.

Metric: test accuracy, higher is better; 0.5 without learning
"""

import torch
from torch import nn


class Net(nn.Module):
    scale = 1.0

    def __init__(self, width):
        super().__init__()
        self.hidden = nn.Linear(2, width)
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        h = torch.relu(self.hidden(x * self.scale))
        return self.out(h)


torch.manual_seed(0)
points = torch.randn(200, 2)
kinds = (points[:, 0] * points[:, 1] > 0).long()
net = Net(width=16)
optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
for step in range(150):
    loss = nn.functional.cross_entropy(net(points[:150]), kinds[:150])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
accuracy = (net(points[150:]).argmax(1) == kinds[150:]).float().mean().item()
print("test accuracy", accuracy)
'''


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    path = tmp_path_factory.mktemp("hosts") / "points.py"
    path.write_text(HOST)
    return Script(path)


def said(text: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(text, "program", "exec"), {"__name__": "__main__"})
    return out.getvalue()


def test_a_metric_is_the_last_number_after_its_name():
    found = metric.metric_of(HOST)
    assert found == metric.Metric("test accuracy", True, 0.5)
    assert found.read("test accuracy 0.1\nloss 3\ntest accuracy: 9.5e-1 (of 50)\n") == 0.95
    assert str(found.read("test accuracy nan")) == "nan" and found.read("accuracy 0.3") is None
    assert metric.Metric("E", False, 4.0).read("E -0.5") == -0.5


def test_the_loss_is_relative_to_what_was_learned():
    up, down = metric.Metric("a", True, 0.5), metric.Metric("e", False, 2.0)
    assert up.lost(0.9, 0.8) == pytest.approx(0.25) and up.lost(0.9, 0.5) == pytest.approx(1.0)
    assert down.lost(1.0, 1.5) == pytest.approx(0.5) and down.lost(1.0, 0.5) == pytest.approx(-0.5)
    assert down.lost(1.0, float("nan")) == 1.0 and up.lost(0.9, float("-inf")) == 1.0


def test_renaming_changes_only_names(host):
    text = paraphrase.renamed(HOST)
    assert said(text) == said(HOST)
    assert "kinds" not in text and "class Net" not in text and "width=16" in text and "scale" in text
    assert [line[: len(line) - len(line.lstrip())] for line in text.splitlines()] == [
        line[: len(line) - len(line.lstrip())] for line in HOST.splitlines()
    ]


def test_every_renamed_program_is_valid_and_keeps_library_names():
    for path in [*catalogue.unseen(), *catalogue.hosts()]:
        text = paraphrase.renamed(path.read_text())
        compile(text, path.name, "exec", dont_inherit=True)
        assert text.count("\n") == path.read_text().count("\n"), path


def test_the_place_contains_every_changed_line(host):
    found = [sample.Subject("tuning", (mutant,)) for mutant in catalogue.mutants(host, families.FAMILIES)]
    assert len(found) > 60
    for subject in found:
        text = host.mutated(subject.mutants[0].edit)
        matcher = SequenceMatcher(None, HOST.splitlines(), text.splitlines(), autojunk=False)
        for tag, _, _, first, last in matcher.get_opcodes():
            changed = set(range(first + 1, last + 1)) if tag != "equal" else set()
            assert changed <= subject.places[0] | {line + 1 for line in subject.places[0]}, subject.id


def test_both_places_of_a_pair_follow_moved_lines(host):
    found = {mutant.operator.name: mutant for mutant in catalogue.mutants(host, families.FAMILIES)}
    subject = sample.Subject("tuning", (found["cleared_before_the_step"], found["turned_loss"]))
    lines = host.mutated(*(mutant.edit for mutant in subject.mutants)).splitlines()
    for place, words in zip(subject.places, ("zero_grad", "(-loss)")):
        assert any(words in lines[line - 1] for line in place), (subject.id, place)


def test_the_shown_program_hides_its_measure_and_moves_no_line():
    shown = sample.as_shown(HOST + "x = 1  # clinic: 1 | 2\n")
    assert "Metric" not in shown and "clinic" not in shown
    assert shown.splitlines()[5:] == (HOST + "x = 1\n").splitlines()[5:]
    compile(shown, "shown", "exec")


def test_the_halves_share_no_program():
    held_out, tuning = (set(sample.FAMILIES_OF[half]) for half in sample.HALVES)
    assert not held_out & tuning and held_out | tuning == set(families.FAMILIES)
    hosts = [{path.name for path in sample.hosts_of(half)} for half in sample.HALVES]
    assert not hosts[0] & hosts[1]


def test_every_held_out_program_names_its_metric():
    found = catalogue.unseen()
    assert len(found) >= 40
    fields = set()
    for path in found:
        text = path.read_text()
        assert metric.metric_of(text) is not None and text.count("manual_seed(0)") == 1, path
        fields |= set(re.findall(r"^Field: (.+)$", text, re.MULTILINE))
    assert len(fields) >= 15


def test_every_operator_was_measured():
    names = {operator.name for family in families.FAMILIES.values() for operator in family}
    assert set(right.RIGHT) == set(right.UNDONE) == names


def test_rows_are_stored_and_not_measured_twice(tmp_path):
    kept = rows.Rows("values", tmp_path)
    kept.add({"key": rows.key("a", 1), "value": float("nan")})
    assert rows.key("a", 1) in rows.Rows("values", tmp_path).known and rows.key("a", 2) not in kept.known
    assert rows.key("a", 1) == rows.key("a", "1") != rows.key("a1")


@pytest.mark.slow
def test_a_mistake_hurts_or_not_and_is_given_back(host, tmp_path, monkeypatch):
    monkeypatch.setattr(judged, "PAIRED", range(2))
    monkeypatch.setattr(judged, "MOST", 2)
    monkeypatch.setattr(judged, "FRESH", range(1))
    values = judged.Values(rows.Rows("values", tmp_path))
    found = {mutant.operator.name: mutant for mutant in catalogue.mutants(host)}
    turned = sample.Subject("tuning", (found["turned_loss"],))
    assert values.hurts(turned) is True
    assert values.given_back(turned, HOST) == pytest.approx(1.0)
    assert values.given_back(turned, turned.text) == pytest.approx(0.0)
    assert values.given_back(turned, "raise SystemExit(3)") == 0.0
    harmless = next(iter(catalogue.mutants(host, families.BENIGN)))
    assert values.hurts(sample.Subject("tuning", (harmless,))) is False
    assert plain.printed("import torch\ntorch.manual_seed(0)\nprint(torch.initial_seed())", 4) == "4\n"
    assert plain.printed("raise SystemExit(3)", 0) is None
