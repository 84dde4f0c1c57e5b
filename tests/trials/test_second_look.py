"""Two mistakes in one script, each of which hides what the other's cure is worth."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.course.suffering import suffers
from descend.doctor.record import Ending, Fact, Reading, Record, Site, facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.second_look import Mended, as_in, gone_back, mended, new_facts, takes_the_bottom_away, withdrawn
from descend.doctor.symptoms import Symptom
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

HELD_OUT = facts.OwnNumber(rises=True, is_share=True, is_loss=False, is_held_out=True)

# The labels of a batch in reverse order, and weights that leave every rectifier dead: neither edit helps alone.
TWO = """
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
x = torch.randn(400, 6)
y = (x[:, 0] * 2 + x[:, 1] > 0).long()
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
[p.data.abs_().neg_() for p in model.parameters()]
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for epoch in range(20):
    for rows in torch.randperm(400).split(40):
        loss = F.cross_entropy(model(x[rows]), y[rows].flip(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print("accuracy", (model(x).argmax(1) == y).float().mean().item())
"""

ONE_RUN = 2  # lines of the list: its heading, and one


@pytest.mark.slow
def test_two_mistakes_are_found_one_behind_the_other(descend, tmp_path):
    (tmp_path / "train.py").write_text(TWO)
    done = descend("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert {finding["symptom"] for finding in case["findings"]} >= {"dead_units"}, case["findings"]
    assert (
        "+initialise(model)" in case["patch"]
        and "+        loss = F.cross_entropy(model(x[rows]), y[rows])" in case["patch"]
    )
    [proved] = [trial for trial in case["trials"] if trial["verdict"] == "proved"]
    assert proved["after"] < 0.2 * proved["before"] and len(proved["remedies"]) == 2
    assert len(descend("runs", cwd=tmp_path).stdout.strip().splitlines()) == ONE_RUN
    told = descend("diagnose", "--format", "json", cwd=tmp_path)
    assert json.loads(told.stdout)["findings"] == case["findings"]


@pytest.mark.slow
@pytest.mark.parametrize("most", sampled([0, 1], 0))
def test_so_many_changes_are_tried_as_are_asked_for(descend, tmp_path, most):
    (tmp_path / "train.py").write_text(TWO.replace("[p.data", "0 and [p.data"))
    done = descend("doctor", "--format", "json", "--seeds", "2", "--trials", str(most), "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    named = [finding["symptom"] for finding in case["findings"]]
    assert ("unreadable" in named) == bool(most)
    assert len([trial for trial in case["trials"] if trial["remedies"] == ["skip_call"]]) == most


# What is measured on held-out data is compared with nothing: the training is as good as it can be.
BLIND = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 4)
y = x @ torch.randn(4, 1)
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(10):
    for rows in torch.randperm(200).split(20):
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        held_out = nn.functional.mse_loss(model(x[200:]), y[200:] * 0)
    print(epoch, held_out.item())
"""


@pytest.mark.slow
def test_what_makes_a_fact_go_away_and_harms_nothing_is_a_cure(descend, tmp_path):
    (tmp_path / "train.py").write_text(BLIND)
    done = descend("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["wrong_metric"]
    assert "+        held_out = nn.functional.mse_loss(model(x[200:]), y[200:])" in case["patch"]
    [mends] = [trial for trial in case["trials"] if trial["patch"] == "cure"]
    assert mends["verdict"] == "mends" and mends["before"] == pytest.approx(mends["after"])


SYMPTOM = Symptom(True, "", "", 1.0, 0.0, "", Site("on_inputs", "0", "", 3), id="unreadable", kind="dynamics")


@pytest.mark.parametrize(("line", "was"), [(1, 1), (3, 2), (4, 3)])
def test_lines_of_an_edited_script_are_told_as_those_of_the_file(tmp_path, line, was):
    path = tmp_path / "train.py"
    path.write_text("a\nb\nc\n")
    script = Script(path, Path(tmp_path)).edit(path, "a\nnew\nb\nc\n").to_be_examined()
    assert script.as_examined(path).count("\n") == 4
    found = replace(SYMPTOM, where=replace(SYMPTOM.where, file=str(path), line=line, end_line=line))
    first = Mended(script, "wrong_step", ("leave_out",), "without line 2", "metric", 1.0)
    told = as_in(script, found, first)
    assert told.where.line == was and told.sentence == "without line 2, and then: "
    elsewhere = replace(SYMPTOM, where=replace(SYMPTOM.where, file="other.py"))
    assert as_in(script, elsewhere, first).where == elsewhere.where
    assert as_in(script, replace(SYMPTOM, where=None), first).where is None


def cured(after: float, verdict: str = "proved") -> Proof:
    interval = (after, after)
    trial = Trial(("zero_grad",), "zero_grad()", "no_zero_grad", verdict, "cost", 2.0, after, interval, interval, (1,))
    return Proof(cure=replace(trial, script=Script(Path("train.py"), Path())))


@pytest.mark.parametrize(("before", "after"), [(False, True), (True, True), (False, False), (None, None)])
def test_a_change_that_leaves_the_loss_no_least_value_is_no_mend(before, after):
    first, second = Record(), Record()
    for record, unbounded in ((first, before), (second, after)):
        if unbounded is not None:
            record.add(Fact.of(facts.Reachability(0.5, 1.0, unbounded, True, 64), 0))
    change = Mended(Script(Path("train.py"), Path()), "wrong_objective", ("skip_call",), "", "metric", 1.0)
    assert takes_the_bottom_away(first, second, change) == bool(after and not before)
    first.extend([Fact.of(HELD_OUT, 0, "test accuracy"), Reading("own_number", "test accuracy", 0, 0.5)])
    assert not takes_the_bottom_away(first, second, change)  # a share of right answers has an end of its own
    assert takes_the_bottom_away(first, second, replace(change, judged_on="fixed")) == bool(after and not before)


def test_a_cure_that_is_withdrawn_is_told_as_not_proved():
    proof = cured(1.0)
    proof = withdrawn(replace(proof, trials=(proof.cure,), confirmed=frozenset({"no_zero_grad"})))
    assert proof.cure is None and not proof.confirmed and "no_zero_grad" in proof.refuted
    assert proof.trials[0].verdict == "not_proved" and "no least value" in proof.trials[0].reason


def study_of(record: Record) -> Study:
    """A study in which nothing is run."""
    return Study(Script(Path("train.py"), Path()), record, Plan(), None)


def test_what_was_added_is_taken_back_and_what_it_was_added_to_is_not():
    earlier = cured(0.5).telling(cured(0.5).cure)
    script = Script(Path("train.py"), Path(), edits={Path("train.py"): "both"})
    cure = replace(earlier.cure, remedies=("zero_grad", "skip_call"), script=script)
    proof = replace(earlier, cure=cure, trials=(cure, replace(earlier.cure, verdict="helps")))
    proof = gone_back(withdrawn(proof), earlier)
    assert proof.cure is earlier.cure and [trial.verdict for trial in proof.trials] == ["proved", "not_proved"]


def course(accuracy: float) -> Record:
    """A run that ends well by its loss, and as is said by the number that its script prints."""
    record = Record(ending=Ending("finished", 0, 10))
    record.extend(Reading("yardstick", "negative_log_likelihood", step, 1 / (1 + 2 * step)) for step in range(11))
    record.extend([Fact.of(HELD_OUT, 10, "test accuracy"), Reading("own_number", "test accuracy", 10, accuracy)])
    return record


def test_what_is_cured_is_looked_at_no_further():
    record, well, poor = course(0.1), course(0.95), course(0.6)
    assert mended(with_run(cured(0.05), well), study_of(record)) is None
    assert mended(with_run(cured(0.05), poor), study_of(record)).after == 0.05  # of what is held out much is lacking
    assert (
        mended(with_run(cured(1.0), well), study_of(record)).after == 1.0 and mended(Proof(), study_of(record)) is None
    )
    assert mended(with_run(cured(0.05, "train_longer"), poor), study_of(record)) is None
    assert mended(with_run(cured(inf), well), study_of(record)) is None


def test_a_cost_that_rose_on_its_way_down_is_no_reason_to_look_further():
    record = Record(ending=Ending("finished", 0, 40))
    record.extend(Reading("yardstick", "negative_log_likelihood", step, 1 / (1 + step)) for step in range(41))
    record.extend(Reading("loss", "0", step, 0.3 if step < 10 else 90.0 / (1 + step) ** 2) for step in range(40))
    record.extend(Reading("loss", "0", step, 3.0) for step in range(10, 20))
    assert suffers(record)
    assert mended(with_run(cured(0.05), record), study_of(record)) is None


def with_run(proof: Proof, trial_run: Record) -> Proof:
    return replace(proof, trial_run=trial_run)


def test_a_fact_that_was_hidden_is_told_behind_a_cure_and_not_behind_a_rough_edit():
    fact = replace(SYMPTOM, id="frozen_or_detached", kind="wiring")
    first = Mended(Script(Path("train.py"), Path()), "no_step", ("call_backward",), "loss.backward()", "fixed", 1.0)
    guess = replace(fact, certain=False)
    assert new_facts(Record(), [fact, guess, SYMPTOM], first) == [fact]
    assert new_facts(Record(), [fact], replace(first, symptom="optimisation")) == []
    assert new_facts(Record(), [fact], replace(first, after=inf)) == []


# Labels of which two and two are merged behind a rate that grows in each step: the second mistake shows in nothing
# that is seen before the last step.
SAID_AT_THE_END = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(600, 8)
y = (x @ torch.randn(8, 4)).argmax(1)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for epoch in range(20):
    for rows in torch.randperm(500).split(50):
        loss = nn.functional.cross_entropy(model(x[rows]), y[rows] // 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        [group.update(lr=group["lr"] * 1.1) for group in optimizer.param_groups]
with torch.no_grad():
    print("test accuracy", (model(x[500:]).argmax(1) == y[500:]).float().mean().item())
"""


@pytest.mark.slow
def test_what_is_said_behind_the_last_step_shows_what_a_cure_leaves(descend, tmp_path):
    (tmp_path / "train.py").write_text(SAID_AT_THE_END)
    case = json.loads(descend("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path).stdout)
    assert {"schedule", "unreadable"} <= {finding["symptom"] for finding in case["findings"]}, case["findings"]
    assert "-        [group.update" in case["patch"] and "y[rows])" in case["patch"]
