"""What makes a group's steps quicker is proved by time, where the cost stays what it is."""

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
from descend.doctor.trials.proof import Proof, last
from descend.doctor.trials.speed import OTHER_EXAMPLES, _timed, hasten, step_seconds, trains_as_well
from descend.doctor.trials.statistics import MARGIN
from descend.doctor.trials.trial import Part, Trial, TrialRun

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
UNEVEN = Path(__file__).parents[2] / "examples" / "spread" / "uneven.py"
IMPORT, LOADED = "from sklearn.datasets import load_digits\n", "load_digits(return_X_y=True)"
QUICKER = {  # the cheapest first
    "speed_shares": "share_by_speed(loader, model, (",
    "backup_workers": "step_of_the_first(loader, model, optimizer, 1)",
    "asynchronous_steps": "step_as_they_come(loader, model)",
}
SECONDS = "0.004 if slow else 0.0005"
DRAWN = "(lambda p: (16 * p, p[:, :10].argmax(1)))(torch.rand(400, 64, generator=torch.Generator().manual_seed(1)))"


@pytest.mark.slow
@pytest.mark.thorough  # real seconds are judged: beside other tests they tell of those
def test_a_slow_process_is_found_and_shares_by_speed_are_proved(tmp_path) -> None:
    text = UNEVEN.read_text()
    # Forty processes would import it, which takes most of their time; and what else this machine does is not to matter.
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
        assert trial["metric"].startswith("seconds a step")
        assert trial["after"] < 0.7 * trial["before"] and trial["verdict"] == "proved", trial
    quick = (1 + MARGIN) * min(trials[name]["after"] for name in QUICKER)
    cheapest = next(line for name, line in QUICKER.items() if trials[name]["after"] <= quick)
    assert cheapest in case["patch"]


@pytest.mark.parametrize(
    ("after", "runs", "verdict"),
    [((0.4, 0.41), 2, "proved"), ((0.35, 0.55, 0.38, 0.4), 4, "proved"), ((1.0, 1.1), 2, "not_proved")],
)
def test_seconds_are_taken_again_where_the_first_look_leaves_it_open(monkeypatch, after, runs, verdict) -> None:
    taken = {True: iter([1.0, 1.02, 0.99, 1.01]), False: iter(after)}
    study = SimpleNamespace(script=SCRIPT, baseline=record_of(1.0), plan=SimpleNamespace(seeds=2, processes=2))
    monkeypatch.setattr(
        speed, "_timed_run", lambda script, seed, study: TrialRun(1, seed, next(taken[script is SCRIPT]), None, "")
    )
    quicker = prescription("quicker")
    trial = _timed(Candidate(quicker, quicker.apply(SCRIPT)), study)
    assert (trial.verdict, trial.seeds) == (verdict, tuple(range(1, runs + 1)))


def test_a_steps_time_is_that_of_all_processes_together() -> None:
    record = Record()
    record.extend([Reading("step_seconds", rank, k, s) for rank, s in (("0", 0.1), ("1", 0.3)) for k in range(1, 11)])
    assert step_seconds(record, 2) == pytest.approx(2 / (1 / 0.1 + 1 / 0.3))
    assert step_seconds(record, 4) == pytest.approx(4 / (1 / 0.1 + 1 / 0.3))
    assert step_seconds(Record(), 2) != step_seconds(Record(), 2)


def test_a_cost_has_to_stay_what_it_is() -> None:
    assert trains_as_well(1.0, 1.2, 2.0) and not trains_as_well(1.0, 1.3, 2.0)
    assert trains_as_well(1.0, 1.4, 2.0, OTHER_EXAMPLES) and not trains_as_well(1.0, 1.6, 2.0, OTHER_EXAMPLES)
    assert trains_as_well(1e-4, 1e-2, 2.0) and not trains_as_well(1e-4, 1e-2, None)


@pytest.mark.parametrize(
    ("is_fact", "is_other_a_fact", "patch"),
    [(True, False, "quicker"), (True, True, "other"), (False, False, "other"), (True, None, "quicker")],
)
def test_the_patch_is_for_the_first_finding(monkeypatch, is_fact, is_other_a_fact, patch) -> None:
    quicker = replace(prescription("quicker", "stragglers"), of_fact=is_fact, judged_on="time")
    other = replace(prescription("other", "correlated_inputs"), of_fact=bool(is_other_a_fact))
    fix = replace(trial_of("other"), symptom="correlated_inputs", parts=(Part(other, {}),))
    proof = Proof() if is_other_a_fact is None else Proof(trials=(fix,), cure=fix)
    monkeypatch.setattr(speed, "_observed", lambda candidate, study: candidate)
    monkeypatch.setattr(speed, "_timed", lambda candidate, study: trial_of("quicker"))
    study = SimpleNamespace(script=SCRIPT, baseline=record_of(1.0), one_by_one=lambda: None)
    proof = last(hasten([quicker], study, proof))
    assert proof.cure is not None and proof.cure.label == patch
    if patch == "quicker" and is_other_a_fact is not None:
        assert [trial.verdict for trial in proof.trials if trial.label == "other"] == ["helps"]


def trial_of(label: str) -> Trial:
    pair = (0.5, 0.5)
    return Trial((label,), label, "stragglers", "proved", "seconds", 1.0, 0.5, pair, pair, (1, 2), SCRIPT)
