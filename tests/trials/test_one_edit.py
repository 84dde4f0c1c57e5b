"""Prescriptions that result in the same source share one trial, whose verdict applies to all their symptoms."""

import json
from dataclasses import replace

import pytest
from tables import SCRIPT, Table, prescription, proved, record_of, refuse, tried, verdicts

from descend.doctor.assess.symptom import Symptom
from descend.doctor.findings import build_case
from descend.doctor.record import Fact, Reading, Record, facts
from descend.doctor.trials.screen import merge_equal_edits

HELD_OUT = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)


def named(label: str, symptom: str, text: str = "skip", **changes):
    """Return a prescription with its own label for an edit that others may share."""
    return replace(prescription(text, symptom, remedy=label), label=label, **changes)


def symptom(id: str, certain: bool = False) -> Symptom:
    return Symptom(certain, f"{id} is seen", "", 0.0, 0.0, "", id=id, kind="wiring")


@pytest.mark.parametrize(("value", "verdict"), [(0.1, "proved"), (0.95, "no_effect"), (3.0, "worse")])
def test_the_same_edit_is_tried_once_with_one_verdict_for_all_symptoms(value, verdict):
    asked = [named("give the logits", "a"), named("leave out the softmax", "b"), named("skip the call", "c")]
    proof, table = tried({"skip": value}, asked)
    assert verdicts(proof) == {"give the logits": verdict}
    assert proof.trials[0].symptoms == ("a", "b", "c")
    assert proof.confirmed == ({"a", "b", "c"} if value == 0.1 else set())
    assert proof.dismissed == (set() if value == 0.1 else {"a", "b", "c"})
    assert len([job for job in table.jobs if job.seed == 0]) == 1


def test_a_known_edit_of_a_later_search_is_not_run_again():
    stages = [lambda refuted: [named("first", "a")], lambda refuted: [named("first", "a"), named("again", "b")]]
    table = Table({"pass": 1.0, "skip": 0.95})
    proof = proved(stages, table)
    assert verdicts(proof) == {"first": "no_effect"} and proof.trials[0].symptoms == ("a", "b")
    assert len(table.jobs) == 1


def test_a_trial_keeps_the_symptoms_that_it_has_rejected():
    """Another edit helps `b`, so the search continues, and `a` is rejected."""
    asked = [named("first", "a"), named("again", "b"), prescription("other", "b")]
    proof, _ = tried({"skip": 0.95, "other": 0.1}, asked)
    assert {trial.label: set(trial.symptoms) for trial in proof.trials} == {"again": {"a", "b"}, "other": {"b"}}
    assert proof.confirmed == {"b"} and proof.dismissed == {"a"}


class Printing(Table):
    """Trial runs whose edit raises the printed held-out accuracy and leaves the loss unchanged."""

    def answer(self, job) -> Record:
        record = super().answer(job)
        printed = 0.9 if job.script.edits[SCRIPT.path].strip() == "skip" else 0.2
        record.add(Reading("logged_metric", "test acc", job.steps, printed))
        return record


@pytest.mark.parametrize(
    "asked",
    [
        [named("first", "a", of_fact=True)],
        [named("first", "a"), named("again", "b", judged_on="metric")],
    ],
    ids=["of a fact", "by another prescription's metric"],
)
def test_an_edit_that_is_compared_again_keeps_one_row_with_one_metric(asked):
    baseline = record_of(1.0)
    baseline.add(Fact.of(HELD_OUT, 99, "test acc"))
    baseline.add(Reading("logged_metric", "test acc", 99, 0.2))
    proof, _ = tried({}, asked, baseline, Printing({"pass": 1.0, "skip": 0.95}))
    [trial] = proof.trials
    assert trial.verdict == "proved" and trial.quantity == "1 − 'test acc'" and trial.metric.startswith(trial.quantity)
    assert trial.before == pytest.approx(0.8) and trial.after == pytest.approx(0.1)


def test_edits_that_do_not_apply_have_one_row_for_each_reason():
    def inapplicable(reason: str, id: str):
        change = replace(prescription("x").changes[0], edit=refuse(reason))
        return replace(prescription("x", id), changes=(change,))

    table = Table({"pass": 1.0})
    candidates = merge_equal_edits(
        [inapplicable("no call", "a"), inapplicable("no call", "b"), inapplicable("no line", "c")], table
    )
    assert [(c.reason, c.symptoms) for c in candidates] == [("no call", ("a", "b")), ("no line", ("c",))]


def test_suspicions_that_one_edit_removes_are_one_finding():
    asked = [named("first", "a"), named("again", "b"), prescription("other", "c")]
    proof, table = tried({"skip": 0.1, "other": 0.5, "skipother": 0.09}, asked)
    proof = replace(proof, symptoms=tuple(map(symptom, "abc")))
    case = build_case(table.baseline, proof)
    assert [(finding.id, set(finding.explains)) for finding in case.findings] == [("a", {"b"}), ("c", set())]


def test_facts_are_findings_whatever_removes_them():
    asked = [named("first", "a"), named("again", "b", of_fact=True)]
    proof, table = tried({"skip": 0.1}, asked)
    proof = replace(proof, symptoms=(symptom("a"), symptom("b", certain=True)))
    case = build_case(table.baseline, proof)
    assert [finding.id for finding in case.findings] == ["b"] and case.findings[0].explains == {"a"}


def test_an_excess_over_an_attainable_loss_is_named():
    baseline = record_of(0.084)
    baseline.add(Fact.of(facts.Targets("float32", 256, 0, 1, mean=0.2, own_entropy=0.175), 0))
    proof, _ = tried({}, [named("scale", "a")], baseline, Table({"pass": 0.084, "skip": 0.04}))
    assert proof.fix.floor == 0.175 and "minus the attainable loss 0.175" in proof.fix.metric


SOFTMAX_AND_SCHEDULE = """
import torch
from torch import nn

torch.manual_seed(0)
centres = torch.randn(5, 12) * 1.2
y = torch.randint(5, (600,))
x = centres[y] + torch.randn(600, 12)
x_train, y_train, x_test, y_test = x[:500], y[:500], x[500:], y[500:]
model = nn.Sequential(nn.Linear(12, 24), nn.ReLU(), nn.Linear(24, 5), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
for epoch in range(8):
    for rows in torch.randperm(500).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        accuracy = (model(x_test).argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.3f}, test accuracy {accuracy:.3f}")
"""


@pytest.mark.slow
def test_two_mistakes_share_one_patch_and_no_part_of_it_is_offered_again(descend_here, tmp_path):
    """A softmax before the loss, and a scheduler that steps in every batch: one row removes each."""
    (tmp_path / "train.py").write_text(SOFTMAX_AND_SCHEDULE)
    done = descend_here("doctor", "--format", "json", "--seeds", "3", "train.py", cwd=tmp_path)
    case = json.loads(done.stdout)
    assert {finding["symptom"] for finding in case["findings"]} == {"output_loss_mismatch", "schedule"}
    assert (
        "-model = " in case["patch"] and "-        scheduler.step()" in case["patch"] and "lr=0.2" not in case["patch"]
    )
    assert {patch["kind"] for patch in case["patches"]} <= {"fix", "tuning"}
    judged = [trial for trial in case["trials"] if trial["verdict"] != "failed"]
    assert {trial["quantity"] for trial in judged} == {"negative log-likelihood"}
    assert len([trial for trial in judged if trial["symptoms"] == ["output_loss_mismatch"]]) == 1
