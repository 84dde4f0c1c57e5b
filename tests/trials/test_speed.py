"""Remedies that shorten the steps of a process group are proved by time, if the cost stays the same."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tables import SCRIPT, prescription, record_of

from descend.doctor.record import Reading, Record
from descend.doctor.trials import speed
from descend.doctor.trials.candidate import Candidate
from descend.doctor.trials.proof import Proof, final_proof
from descend.doctor.trials.speed import (
    OTHER_EXAMPLES,
    _time_candidate,
    is_cost_acceptable,
    step_seconds,
    try_faster_steps,
)
from descend.doctor.trials.statistics import MARGIN
from descend.doctor.trials.trial import Part, Trial, TrialRun

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
UNEVEN = Path(__file__).parents[2] / "examples" / "spread" / "uneven.py"
IMPORT, LOADED = "from sklearn.datasets import load_digits\n", "load_digits(return_X_y=True)"
QUICKER = {  # cheapest first
    "speed_shares": "share_by_speed(loader, model, (",
    "backup_workers": "step_of_the_first(loader, model, optimizer, 1)",
    "asynchronous_steps": "step_as_they_come(loader, model)",
}
SECONDS = "0.004 if slow else 0.0005"
DRAWN = "(lambda p: (16 * p, p[:, :10].argmax(1)))(torch.rand(400, 64, generator=torch.Generator().manual_seed(1)))"


@pytest.mark.slow
@pytest.mark.thorough  # It compares real seconds, which other tests would disturb.
def test_a_slow_process_is_found_and_shares_by_speed_are_proved(tmp_path) -> None:
    text = UNEVEN.read_text()
    # Importing it in forty processes would take most of the time, and other load must not matter.
    for before, after in ((IMPORT, ""), (LOADED, DRAWN), (SECONDS, "0.01 if slow else 0.00125"), ("[:400]", "[:240]")):
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "train.py").write_text(text)
    asked = ("doctor", "--select", "stragglers", "--seeds", "2", "--format", "json", "train.py")
    command = [sys.executable, *TORCHRUN, "-m", "descend", *asked]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=400)
    case = json.loads(done.stdout)
    (finding,) = case["findings"]
    assert finding["symptom"] == "stragglers" and "rank 1 takes" in finding["sentence"]
    trials = {trial["remedies"][0]: trial for trial in case["trials"]}
    for name in QUICKER:
        trial = trials[name]
        assert trial["metric"].startswith("seconds per step")
        assert trial["after"] < 0.7 * trial["before"] and trial["verdict"] == "proved", trial
    quick = (1 + MARGIN) * min(trials[name]["after"] for name in QUICKER)
    cheapest = next(line for name, line in QUICKER.items() if trials[name]["after"] <= quick)
    assert cheapest in case["patch"]


@pytest.mark.parametrize(
    ("after", "runs", "verdict"),
    [((0.4, 0.41), 2, "proved"), ((0.35, 0.55, 0.38, 0.4), 4, "proved"), ((1.0, 1.1), 2, "not_proved")],
)
def test_more_seeds_are_timed_if_the_first_do_not_decide(monkeypatch, after, runs, verdict) -> None:
    taken = {True: iter([1.0, 1.02, 0.99, 1.01]), False: iter(after)}
    study = SimpleNamespace(script=SCRIPT, baseline=record_of(1.0), plan=SimpleNamespace(seeds=2, processes=2))
    monkeypatch.setattr(
        speed, "_time_script", lambda script, seed, study: TrialRun(1, seed, next(taken[script is SCRIPT]), None, "")
    )
    quicker = prescription("quicker")
    trial = _time_candidate(Candidate(quicker, quicker.apply(SCRIPT)), study)
    assert (trial.verdict, trial.seeds) == (verdict, tuple(range(1, runs + 1)))


def test_the_time_of_a_step_is_the_mean_over_all_processes() -> None:
    record = Record()
    record.extend([Reading("step_seconds", rank, k, s) for rank, s in (("0", 0.1), ("1", 0.3)) for k in range(1, 11)])
    assert step_seconds(record, 2) == pytest.approx(2 / (1 / 0.1 + 1 / 0.3))
    assert step_seconds(record, 4) == pytest.approx(4 / (1 / 0.1 + 1 / 0.3))
    assert step_seconds(Record(), 2) != step_seconds(Record(), 2)


def test_the_cost_has_to_stay_the_same() -> None:
    assert is_cost_acceptable(1.0, 1.2, 2.0) and not is_cost_acceptable(1.0, 1.3, 2.0)
    assert is_cost_acceptable(1.0, 1.4, 2.0, OTHER_EXAMPLES) and not is_cost_acceptable(1.0, 1.6, 2.0, OTHER_EXAMPLES)
    assert is_cost_acceptable(1e-4, 1e-2, 2.0) and not is_cost_acceptable(1e-4, 1e-2, None)


@pytest.mark.parametrize(
    ("is_fact", "is_other_a_fact", "patch"),
    [(True, False, "quicker"), (True, True, "other"), (False, False, "other"), (True, None, "quicker")],
)
def test_the_patch_is_for_the_first_finding(monkeypatch, is_fact, is_other_a_fact, patch) -> None:
    quicker = replace(prescription("quicker", "stragglers"), of_fact=is_fact, judged_on="time")
    other = replace(prescription("other", "correlated_inputs"), of_fact=bool(is_other_a_fact))
    fix = replace(trial_of("other"), symptom="correlated_inputs", parts=(Part(other, {}),))
    proof = Proof() if is_other_a_fact is None else Proof(trials=(fix,), fix=fix)
    monkeypatch.setattr(speed, "_check_training", lambda candidate, study: candidate)
    monkeypatch.setattr(speed, "_time_candidate", lambda candidate, study: trial_of("quicker"))
    study = SimpleNamespace(script=SCRIPT, baseline=record_of(1.0), sequential=lambda: None)
    proof = final_proof(try_faster_steps([quicker], study, proof))
    assert proof.fix is not None and proof.fix.label == patch
    if patch == "quicker" and is_other_a_fact is not None:
        assert [trial.verdict for trial in proof.trials if trial.label == "other"] == ["helps"]


def trial_of(label: str) -> Trial:
    pair = (0.5, 0.5)
    return Trial((label,), label, "stragglers", "proved", "seconds", 1.0, 0.5, pair, pair, (1, 2), SCRIPT)
