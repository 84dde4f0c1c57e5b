"""Follow-ups: two mistakes in one script, each of which hides the gain of the other's remedy."""

import json
from dataclasses import replace
from math import inf
from pathlib import Path

import pytest
from sampling import sampled

from descend.doctor.assess.summary import summarise
from descend.doctor.assess.symptom import Symptom
from descend.doctor.follow_up import (
    PartlyFixedScript,
    find_partly_fixed_script,
    locate_in_original_file,
    newly_visible_mistakes,
    restore_earlier_results,
)
from descend.doctor.record import Ending, Fact, Reading, Record, Site, facts
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.spurious_gain import UNBOUNDED
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.remaining_failure import complete_trial_run, still_fails
from descend.doctor.trials.study import Study
from descend.doctor.trials.trial import Trial

HELD_OUT = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)

# The labels of a batch are reversed, and the weights leave every ReLU dead. Neither edit helps alone.
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

ONE_RUN = 2  # lines of the list: its heading and one run


@pytest.mark.slow
def test_two_mistakes_are_found_one_after_the_other(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(TWO)
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert {finding["symptom"] for finding in case["findings"]} >= {"dead_units"}, case["findings"]
    assert (
        "+initialise(model)" in case["patch"]
        and "+        loss = F.cross_entropy(model(x[rows]), y[rows])" in case["patch"]
    )
    [proved] = [trial for trial in case["trials"] if trial["verdict"] == "proved"]
    assert proved["after"] < 0.2 * proved["before"] and len(proved["remedies"]) == 2
    assert len(descend_here("runs", cwd=tmp_path).stdout.strip().splitlines()) == ONE_RUN
    shown = descend_here("diagnose", "--format", "json", cwd=tmp_path)
    assert json.loads(shown.stdout)["findings"] == case["findings"]


@pytest.mark.slow
@pytest.mark.parametrize("most", sampled([0, 1], 0))
def test_the_option_limits_the_number_of_trials(descend_here, tmp_path, most):
    (tmp_path / "train.py").write_text(TWO.replace("[p.data", "0 and [p.data"))
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "--trials", str(most), "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    named = [finding["symptom"] for finding in case["findings"]]
    assert ("unreadable" in named) == bool(most)
    assert len([trial for trial in case["trials"] if trial["remedies"] == ["skip_call"]]) == most


# The held-out metric is not compared, and the training loss cannot improve.
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
@pytest.mark.thorough
def test_an_edit_that_removes_a_fact_without_harm_is_a_fix(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(BLIND)
    done = descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert [finding["symptom"] for finding in case["findings"]] == ["wrong_metric"]
    assert "+        held_out = nn.functional.mse_loss(model(x[200:]), y[200:])" in case["patch"]
    [partial] = [trial for trial in case["trials"] if trial["patch"] == "fix"]
    assert partial["verdict"] == "partly_fixes" and partial["before"] == pytest.approx(partial["after"])


SYMPTOM = Symptom(True, "", "", 1.0, 0.0, "", Site("on_inputs", "0", "", 3), id="unreadable", kind="dynamics")


@pytest.mark.parametrize(("line", "was"), [(1, 1), (3, 2), (4, 3)])
def test_lines_of_an_edited_script_are_reported_as_those_of_the_file(tmp_path, line, was):
    path = tmp_path / "train.py"
    path.write_text("a\nb\nc\n")
    script = Script(path, Path(tmp_path)).edit(path, "a\nnew\nb\nc\n").with_examined_edits()
    assert script.examined_text(path).count("\n") == 4
    found = replace(SYMPTOM, where=replace(SYMPTOM.where, file=str(path), line=line, end_line=line))
    first = PartlyFixedScript(script, "wrong_step", ("leave_out",), "without line 2", "metric", 1.0)
    told = locate_in_original_file(script, found, first)
    assert told.where.line == was and told.sentence == "After this edit (without line 2): "
    elsewhere = replace(SYMPTOM, where=replace(SYMPTOM.where, file="other.py"))
    assert locate_in_original_file(script, elsewhere, first).where == elsewhere.where
    assert locate_in_original_file(script, replace(SYMPTOM, where=None), first).where is None


def fixed(after: float, verdict: str = "proved") -> Proof:
    interval = (after, after)
    trial = Trial(("zero_grad",), "zero_grad()", "no_zero_grad", verdict, "cost", 2.0, after, interval, interval, (1,))
    return Proof(fix=replace(trial, script=Script(Path("train.py"), Path())))


def test_a_rejected_fix_is_reported_as_not_proved():
    proof = fixed(1.0)
    proof = replace(proof, trials=(proof.fix,), confirmed=frozenset({"no_zero_grad"})).with_fix_rejected(UNBOUNDED)
    assert proof.fix is None and not proof.confirmed and "no_zero_grad" in proof.rejected
    assert proof.trials[0].verdict == "not_proved" and proof.trials[0].reason == UNBOUNDED


def study_of(record: Record) -> Study:
    """Return a study in which nothing is run."""
    return Study(Script(Path("train.py"), Path()), record, Plan(), None)


def test_a_rejected_addition_restores_the_earlier_fix():
    earlier = fixed(0.5).with_trial(fixed(0.5).fix)
    script = Script(Path("train.py"), Path(), edits={Path("train.py"): "both"})
    cure = replace(earlier.fix, remedies=("zero_grad", "skip_call"), script=script)
    proof = replace(earlier, fix=cure, trials=(cure, replace(earlier.fix, verdict="helps")))
    proof = restore_earlier_results(proof.with_fix_rejected(UNBOUNDED), earlier)
    assert proof.fix is earlier.fix and [trial.verdict for trial in proof.trials] == ["proved", "not_proved"]


def run_with(accuracy: float) -> Record:
    """Return a run with a low loss and this printed accuracy."""
    record = Record(ending=Ending("finished", 0, 10))
    record.extend(Reading("metric", "negative_log_likelihood", step, 1 / (1 + 2 * step)) for step in range(11))
    record.extend([Fact.of(HELD_OUT, 10, "test accuracy"), Reading("logged_metric", "test accuracy", 10, accuracy)])
    return record


def test_a_fixed_script_gets_no_follow_up():
    record, well, poor = run_with(0.1), run_with(0.95), run_with(0.6)
    assert find_partly_fixed_script(with_run(fixed(0.05), well), study_of(record)) is None
    assert (
        find_partly_fixed_script(with_run(fixed(0.05), poor), study_of(record)).after == 0.05
    )  # The held-out accuracy is low.
    assert (
        find_partly_fixed_script(with_run(fixed(1.0), well), study_of(record)).after == 1.0
        and find_partly_fixed_script(Proof(), study_of(record)) is None
    )
    assert find_partly_fixed_script(with_run(fixed(0.05, "train_longer"), poor), study_of(record)) is None
    assert find_partly_fixed_script(with_run(fixed(inf), well), study_of(record)) is None


def test_a_run_of_the_fix_is_completed_once(monkeypatch):
    jobs = []
    monkeypatch.setattr(Study, "run", lambda study, new: jobs.extend(new) or [run_with(0.6)])
    study, fix, short = study_of(run_with(0.1)), fixed(0.05).fix, Record(ending=Ending("window", 0, 10))
    complete = complete_trial_run(study, fix, short)
    assert complete_trial_run(study, fix, short) is complete is complete_trial_run(study, fix, complete)
    assert [job.steps for job in jobs] == [short.steps + 1]
    assert still_fails(fix, complete, study.baseline) and not still_fails(fix, run_with(0.95), study.baseline)


def test_a_temporary_rise_of_the_cost_causes_no_follow_up():
    record = Record(ending=Ending("finished", 0, 40))
    record.extend(Reading("metric", "negative_log_likelihood", step, 1 / (1 + step)) for step in range(41))
    record.extend(Reading("loss", "0", step, 0.3 if step < 10 else 90.0 / (1 + step) ** 2) for step in range(40))
    record.extend(Reading("loss", "0", step, 3.0) for step in range(10, 20))
    assert summarise(record).fails()
    assert find_partly_fixed_script(with_run(fixed(0.05), record), study_of(record)) is None


def with_run(proof: Proof, trial_run: Record) -> Proof:
    return replace(proof, trial_run=trial_run)


def test_a_hidden_fact_is_reported_after_a_proved_fix_only():
    fact = replace(SYMPTOM, id="frozen_or_detached", kind="wiring")
    first = PartlyFixedScript(
        Script(Path("train.py"), Path()), "no_step", ("call_backward",), "loss.backward()", "fixed", 1.0
    )
    guess = replace(fact, certain=False)
    assert newly_visible_mistakes(Record(), [fact, guess, SYMPTOM], first) == [fact]
    assert newly_visible_mistakes(Record(), [fact], replace(first, symptom="optimisation")) == []
    assert newly_visible_mistakes(Record(), [fact], replace(first, after=inf)) == []


# Labels are merged in pairs, and the learning rate grows in each step. The second mistake is visible only after
# the last step.
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
@pytest.mark.thorough
def test_output_after_the_last_step_shows_the_remaining_problem(descend_here, tmp_path):
    (tmp_path / "train.py").write_text(SAID_AT_THE_END)
    case = json.loads(descend_here("doctor", "--format", "json", "--seeds", "2", "train.py", cwd=tmp_path).stdout)
    assert {"schedule", "unreadable"} <= {finding["symptom"] for finding in case["findings"]}, case["findings"]
    assert "-        [group.update" in case["patch"] and "y[rows])" in case["patch"]
