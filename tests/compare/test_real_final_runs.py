"""The judgement on a real script: fresh seeds, the verdict, stored runs that are read again, and seconds per step."""

from collections.abc import Iterator
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path

import pytest

from descend.doctor.compare.choice import Choice, Dimension
from descend.doctor.compare.final_runs import begin_final_runs, run_final_rounds
from descend.doctor.compare.result import CompareVerdict, TriedValues, TunedChoice
from descend.doctor.compare.targets import sequential_step_seconds
from descend.doctor.compare.verdict_rule import rank
from descend.doctor.prove.judgement import MARGIN, ChangeVerdict
from descend.doctor.prove.metric import choose_metric
from descend.doctor.prove.paired_runs import PairedRuns
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import TO_THE_END, Study

pytestmark = pytest.mark.slow

SCRIPT = """
import torch

LR = 0.02
torch.manual_seed(0)
inputs = torch.randn(64, 4, generator=torch.Generator().manual_seed(1))
targets = inputs @ torch.tensor([1.0, -2.0, 0.5, 3.0]) + 0.1 * torch.sin(50 * inputs[:, 0])
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=LR)
for step in range(40):
    batch = torch.randint(0, 48, (16,))
    loss = torch.nn.functional.mse_loss(model(inputs[batch]).squeeze(1), targets[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 5 == 4:
        with torch.no_grad():
            error = torch.nn.functional.mse_loss(model(inputs[48:]).squeeze(1), targets[48:])
        print(f"test loss {error:.4f}")
"""


@pytest.fixture
def study(tmp_path: Path, shared_fork_server) -> Iterator[Study]:
    """Return a study of the script with its observed run."""
    path = tmp_path / "train.py"
    path.write_text(SCRIPT)
    script = Script(path, tmp_path)
    plan = replace(Plan(jobs=1, seeds=3, quick=True, seconds=inf), pinned_threads=1).with_fixed_steps(TO_THE_END)
    with open_store(tmp_path / "store") as kept, shared_fork_server.for_script(script) as server:
        context = RunContext(kept, lambda record, messages: None, ExternalFiles(), server)
        yield Study(script, context.observe(script, plan), plan, context)


def tuned_choice(study: Study, label: str, before: str, after: str, *, own: bool = False) -> TunedChoice:
    """Return a choice that replaces a text of the script."""
    path = study.script.path
    edited = study.script.edit(path, SCRIPT.replace(before, after))
    tried = tuple(TriedValues({"lr": rate}, cost, cost, 40) for rate, cost in ((0.02, 1.0), (0.1, 0.02), (0.5, 1.0)))
    choice = Choice(label, lambda script, values: edited, (Dimension("lr", 1e-3, 1.0),), keeps_optimizer=own)
    return TunedChoice(choice, tried, tried[1], edited)


def test_a_better_learning_rate_is_recommended_and_stored_runs_are_used_again(study):
    tuned = [
        tuned_choice(study, "Adam", "SGD(model.parameters(), lr=LR)", "Adam(model.parameters(), lr=1e-4)"),
        tuned_choice(study, "SGD, tuned", "LR = 0.02", "LR = 0.1", own=True),
        tuned_choice(study, "fails", "LR = 0.02", "LR = None"),
    ]
    metric, stored = choose_metric(study.baseline), {}
    runs = begin_final_runs(
        PairedRuns(study, metric, [], MARGIN), tuned, note_run=lambda key, record: stored.update({key: record.run})
    )
    run_final_rounds(runs, tuned)
    ranked, verdict, winner, _ = rank(runs, tuned)
    assert (verdict, winner.label) == (CompareVerdict.TUNE, "SGD, tuned"), ranked
    assert [row.label for row in ranked] == ["SGD, tuned", "Adam", "fails"]
    assert [row.result.verdict for row in ranked] == [ChangeVerdict.HELPS, ChangeVerdict.HARMS, ChangeVerdict.FAILS]
    assert winner.result.seeds == (1, 2, 3) and runs.differs_because == ""
    assert winner.target.missed == 0 and winner.target.median_ratio < 1 and ranked[1].target.missed == 3
    assert 0.02 < winner.working.low < 0.1 < winner.working.high < 0.5

    again = begin_final_runs(PairedRuns(study, metric, [], MARGIN), tuned)
    for key, number in stored.items():
        again.add_run(key, study.context.store.load(number))
    run_final_rounds(again, tuned)
    assert again.made == [] and again.repeated is not None
    repeated = rank(again, tuned)
    assert repeated[1] == verdict and repeated[2].label == winner.label
    assert [row.result.after for row in repeated[0][:2]] == [row.result.after for row in ranked[:2]]

    seconds = sequential_step_seconds(study, [study.script, winner.tuned.script])
    assert len(seconds) == 2 and all(isfinite(each) and 0 < each < 1 for each in seconds)
