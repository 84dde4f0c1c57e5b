"""Is a found rule better? Each optimizer is tuned by itself, on tasks and for horizons that the search has not seen.

The same comparison of a rule with itself, tuned and judged with other seeds, shows how large a difference chance makes
(the A/A floor). A rule counts as better only beyond it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from math import exp, log

import torch
from torch.optim import SGD

from descend import optim
from descend.claims.claim import Scale, below
from descend.claims.estimate import Answer, Estimate, estimate
from descend.claims.tasks import TASKS
from descend.claims.training import MakeOptimizer, Recipe, of, trained, training_loss
from descend.claims.tuning import tune
from descend.core.bound import Count
from descend.core.worker_pool import worker_pool
from descend.discover.archive import Entry
from descend.discover.expression import Expression
from descend.discover.proxies import STEPS
from descend.discover.rule_file import optimizer_of

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
OTHER_SEEDS = 10_000  # added to the seeds of the tuning and of the judgement


@dataclass(frozen=True)
class Comparison:
    """The loss of a rule divided by that of a rival, in one case and for one horizon."""

    case: str
    horizon: int
    rival: str
    found: Estimate


def judge_all(best: Entry, horizons: Sequence[int], jobs: int, announce: Callable[[str], None]) -> list[Comparison]:
    """Compare a rule with each rival, and with itself, in each case and for each horizon, in parallel processes.

    announce: called with a line of progress after each case.
    """
    places = [(case, horizon) for horizon in sorted(horizons, reverse=True) for case in CASES]
    found: list[Comparison] = []
    announce(f"judging on {len(places)} cases and horizons, each with {len(RIVALS)} rivals; the longest ones first")
    with worker_pool(jobs) as pool:
        arguments = (best.expression, best.score.lr)
        futures = [pool.submit(compare, *arguments, case, horizon) for case, horizon in places]
        for number, future in enumerate(as_completed(futures), 1):
            found += future.result()
            announce(f"{number} of {len(places)} judged")
    order = {place: number for number, place in enumerate((c, h) for c in CASES for h in sorted(horizons))}
    return sorted(found, key=lambda each: order[each.case, each.horizon])


def compare(expression: Expression, lr: float, case: str, horizon: int) -> list[Comparison]:
    """Compare a rule with each rival, and with itself, in one case. lr: the first learning rate of its tuning."""
    torch.set_num_threads(1)
    task_name, recipe = CASES[case]
    longer = recipe.with_steps(horizon * STEPS / TASKS[task_name].steps)
    rule = replace(longer, optimizer=of(optimizer_of(expression)), start=lr)
    own = _losses(task_name, rule)
    found = [_comparison(case, horizon, ITSELF, own, _losses(task_name, rule, OTHER_SEEDS))]
    for rival, (make, start) in RIVALS.items():
        theirs = _losses(task_name, replace(longer, optimizer=make, start=start))
        found.append(_comparison(case, horizon, rival, own, theirs))
    return found


def floor(comparisons: Sequence[Comparison]) -> float:
    """Return the largest ratio that a comparison of the rule with itself gave, at least 1."""
    own = [each.found.centre for each in comparisons if each.rival == ITSELF]
    return max((exp(abs(log(ratio))) for ratio in own), default=1.0)


def is_better(each: Comparison, beyond: float) -> bool:
    """Return whether a rule is better than a rival with confidence, and by more than the A/A floor."""
    return each.found.answer == Answer.HOLDS and each.found.centre < 1 / beyond


def _comparison(case: str, horizon: int, rival: str, own: Sequence[float], theirs: Sequence[float]) -> Comparison:
    found = estimate(Scale.RATIO, below(1.0, relevant=0.0), list(zip(own, theirs)))
    return Comparison(case, horizon, rival, found)


def _losses(task_name: str, recipe: Recipe, offset: int = 0) -> list[float]:
    """Return the final training losses of several seeds, with a tuned learning rate. offset: added to all seeds."""
    task = TASKS[task_name]
    tuned = tune(lambda lr, seed: training_loss(trained(task, recipe, lr, seed + offset)), recipe.start)
    return [training_loss(trained(task, recipe, tuned.lr, seed + offset)) for seed in range(JUDGING_SEEDS)]
