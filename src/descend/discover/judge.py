"""Is a found rule better? Each optimizer is tuned by itself, on tasks and for horizons that the search has not seen.

The same comparison of a rule with itself, tuned and judged with other seeds, shows how large a difference chance makes
(the A/A floor). A rule counts as better only beyond it.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from math import exp, log
from pathlib import Path

import torch
from torch.optim import SGD

from descend import __version__, optim
from descend.claims.claim import Scale, below
from descend.claims.estimate import Answer, Estimate, estimate
from descend.claims.tasks import TASKS
from descend.claims.training import MakeOptimizer, Recipe, of, trained, training_loss
from descend.claims.tuning import tune
from descend.core.bound import Count
from descend.core.json_lines import add_json_line, read_rows
from descend.core.worker_pool import worker_pool
from descend.discover.archive import Entry
from descend.discover.expression import Expression
from descend.discover.proxies import STEPS
from descend.discover.rule_file import optimizer_of
from descend.doctor.report.formatting import count, duration

JUDGING_SEEDS = Count(7, "seeds", "the first round of `descend claims`")
RIVALS: dict[str, tuple[MakeOptimizer, float]] = {
    "SGD": (of(SGD), 0.1),
    "Momentum": (of(SGD, momentum=0.9), 0.03),
    "Adam": (of(torch.optim.Adam), 0.001),
    "AddSign": (of(optim.AddSign), 0.03),
    "Lion": (of(optim.Lion), 0.001),
}
# Families of tasks that no proxy has: a convolutional network, an embedding, sparse features; other batch sizes, noise.
CASES: dict[str, tuple[str, Recipe]] = {
    "images": ("images", Recipe()),
    "text": ("text", Recipe()),
    "words": ("words", Recipe()),
    "digits, batches of 8": ("digits", Recipe(batch_size=8)),
    "digits, a fifth of the labels wrong": ("digits", Recipe(wrong=0.2)),
}
ITSELF = "itself, with other seeds"
JUDGED = "judged.jsonl"
OTHER_SEEDS = 10_000  # added to the seeds of the tuning and of the judgement


@dataclass(frozen=True)
class Entrant:
    """An optimizer in one case and for one horizon, tuned by itself.

    expression: a found rule; None for a rival. start: the first learning rate of its tuning. offset: added to all
    seeds.
    """

    name: str
    case: str
    horizon: int
    start: float
    expression: Expression | None = None
    offset: int = 0

    @property
    def key(self) -> str:
        """Identifies the trainings, whichever name they are compared under."""
        rule = self.name if self.expression is None else str(self.expression)
        return json.dumps([rule, self.case, self.horizon, self.start, self.offset, __version__, torch.__version__])


@dataclass(frozen=True)
class Comparison:
    """The loss of a rule divided by that of a rival, in one case and for one horizon."""

    case: str
    horizon: int
    rival: str
    found: Estimate


def judge_all(
    best: Entry, horizons: Sequence[int], folder: Path, jobs: int, announce: Callable[[str], None]
) -> list[Comparison]:
    """Compare a rule with each rival, and with itself, in each case and for each horizon, in parallel processes.

    folder: the losses are kept in its file `judged.jsonl`, and those that it holds are not computed again.
    announce: called with a line of progress after each optimizer.
    """
    places = [(case, horizon) for case in CASES for horizon in sorted(horizons)]
    entrants = {place: _entrants(best, *place) for place in places}
    everyone = [entrant for place in places for entrant in entrants[place]]
    known = _losses_of(everyone, folder / JUDGED, jobs, announce)
    found = []
    for case, horizon in places:
        own, *others = entrants[case, horizon]
        for rival in others:
            pairs = list(zip(known[own.key], known[rival.key]))
            comparison = estimate(Scale.RATIO, below(1.0, relevant=0.0), pairs)
            found.append(Comparison(case, horizon, rival.name, comparison))
    return found


def floor(comparisons: Sequence[Comparison]) -> float:
    """Return the largest ratio that a comparison of the rule with itself gave, at least 1."""
    own = [each.found.centre for each in comparisons if each.rival == ITSELF]
    return max((exp(abs(log(ratio))) for ratio in own), default=1.0)


def is_better(each: Comparison, beyond: float) -> bool:
    """Return whether a rule is better than a rival with confidence, and by more than the A/A floor."""
    return each.found.answer == Answer.HOLDS and each.found.centre < 1 / beyond


def losses(entrant: Entrant) -> list[float]:
    """Return the final training losses of several seeds, with a tuned learning rate."""
    torch.set_num_threads(1)
    task_name, recipe = CASES[entrant.case]
    task = TASKS[task_name]
    make = RIVALS[entrant.name][0] if entrant.expression is None else of(optimizer_of(entrant.expression))
    longer = replace(recipe.with_steps(entrant.horizon * STEPS / task.steps), optimizer=make, start=entrant.start)
    tuned = tune(lambda lr, seed: training_loss(trained(task, longer, lr, seed + entrant.offset)), longer.start)
    seeds = range(entrant.offset, entrant.offset + JUDGING_SEEDS)
    return [training_loss(trained(task, longer, tuned.lr, seed)) for seed in seeds]


def _entrants(best: Entry, case: str, horizon: int) -> list[Entrant]:
    """Return the rule, the rule with other seeds, and the rivals."""
    own = Entrant("", case, horizon, best.score.lr, best.expression)
    rivals = [Entrant(name, case, horizon, start) for name, (_, start) in RIVALS.items()]
    return [own, replace(own, name=ITSELF, offset=OTHER_SEEDS), *rivals]


def _losses_of(
    entrants: Sequence[Entrant], path: Path, jobs: int, announce: Callable[[str], None]
) -> dict[str, list[float]]:
    """Return the losses of all entrants by their keys, the longest trainings first."""
    known = dict(read_rows(path, lambda row: (row["key"], row["losses"]), "judged rules"))
    missing = [e for e in sorted(entrants, key=lambda e: -e.horizon) if e.key not in known]
    total, done, began = sum(e.horizon for e in missing), 0, time.monotonic()
    announce(f"judging: {count(len(missing), 'optimizer')} to tune, those with the longest trainings first")
    with worker_pool(jobs) as pool:
        futures = {pool.submit(losses, entrant): entrant for entrant in missing}
        for number, future in enumerate(as_completed(futures), 1):
            entrant = futures[future]
            known[entrant.key] = future.result()
            add_json_line(path, {"key": entrant.key, "losses": known[entrant.key]})
            done += entrant.horizon
            left = duration((time.monotonic() - began) * (total - done) / done)
            announce(f"{number} of {len(missing)} judged, about {left} left (Ctrl-C keeps them)")
    return known
