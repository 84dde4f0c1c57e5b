"""Comparisons of small trainings, with the search and the judgement of `descend compare`.

The choices are values of constants of the script, not those of the command's options. So a benchmark can compare a
script with a copy of itself.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

from side_by_side import HERE

from descend.core.deadline import Deadline
from descend.doctor.compare.choice import Choice, Dimension, Values
from descend.doctor.compare.result import CompareVerdict, RankedChoice, TunedChoice
from descend.doctor.compare.search import Search
from descend.doctor.compare.stored_comparison import StoredComparison
from descend.doctor.compare.stored_runs import load_current_runs
from descend.doctor.compare.tuned_comparison import TunedComparison
from descend.doctor.compare.verdict_rule import rank
from descend.doctor.execution.forking import fork_server
from descend.doctor.prove.judgement import MARGIN
from descend.doctor.prove.metric import ComparedMetric, choose_metric
from descend.doctor.record.store import open_store
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from descend.doctor.trials.external_files import ExternalFiles
from descend.doctor.trials.run_context import RunContext
from descend.doctor.trials.study import TO_THE_END, Study

TRAININGS = HERE / "small_trainings"


@dataclass(frozen=True)
class SmallComparison:
    """The result of comparing choices for a small training."""

    verdict: CompareVerdict
    winner: RankedChoice | None
    ranked: tuple[RankedChoice, ...]

    def row_of(self, label: str) -> RankedChoice:
        """Return the row of a choice."""
        return next(row for row in self.ranked if row.label == label)


def constants_choice(
    label: str,
    dimensions: Sequence[Dimension] = (),
    starts: Sequence[Values] = (),
    constants: Mapping[str, object] | None = None,
    *,
    keeps_optimizer: bool = False,
) -> Choice:
    """Return a choice that sets constants of the script; the dimensions are names of constants, too."""

    def edit(script: Script, values: Values) -> Script:
        text = with_constants(script.read(script.path), {**(constants or {}), **values})
        return script.edit(script.path, text)

    return Choice(label, edit, tuple(dimensions), tuple(starts), family=label, keeps_optimizer=keeps_optimizer)


def training_path(name: str) -> Path:
    """Return the path of a training, given its name with blanks."""
    return TRAININGS / f"{name.replace(' ', '_')}.py"


def with_constants(text: str, values: Mapping[str, object]) -> str:
    """Return the text of a script with other values of constants, each of which it defines once."""
    for name, value in values.items():
        text, count = re.subn(rf"^{name} = [^#\n]*(?=  #|$)", f"{name} = {value!r}", text, flags=re.MULTILINE)
        assert count == 1, f"the script defines {name} {count} times"
    return text


@contextmanager
def small_study(
    name: str, seed: int, constants: Mapping[str, object] | None = None
) -> Iterator[tuple[Study, ComparedMetric]]:
    """Observe a training of `small_trainings/`, and yield the study of it and its metric.

    seed: an offset for the seeds of all runs. constants: other values of constants of the script.
    """
    # More threads are slower for such small tensors.
    os.environ["OMP_NUM_THREADS"] = "1"
    plan = Plan(jobs=1, seed=seed, quick=True, seconds=inf).with_fixed_steps(TO_THE_END)
    with tempfile.TemporaryDirectory() as folder:
        text = training_path(name).read_text(encoding="utf-8")
        script = Script(Path(folder, training_path(name).name), Path(folder))
        script.path.write_text(with_constants(text, constants or {}), encoding="utf-8")
        with open_store(Path(folder, "store")) as store, fork_server(script) as server:
            context = RunContext(store, lambda record, messages: None, ExternalFiles(), server, None, Deadline())
            baseline = context.observe(script, plan)
            yield Study(script, baseline, plan, context), choose_metric(baseline)


def tune(study: Study, metric: ComparedMetric, choices: Sequence[Choice], trials: int) -> tuple[TunedChoice, ...]:
    """Search for the best values of each choice, with a budget of `trials` runs each."""
    search = Search(study, metric, choices, trials * study.baseline.steps, StoredComparison.in_memory())
    search.run()
    return search.tuned


def compare(study: Study, metric: ComparedMetric, choices: Sequence[Choice], trials: int) -> SmallComparison:
    """Tune each choice, run it on fresh seeds, and judge."""
    storage = StoredComparison.in_memory()
    current = load_current_runs(study, metric, MARGIN, storage)
    comparison = TunedComparison(current, choices, trials * study.baseline.steps, storage)
    comparison.run()
    assert comparison.runs is not None
    ranked, verdict, winner, _ = rank(comparison.runs, comparison.tuned)
    return SmallComparison(verdict, winner, ranked)
