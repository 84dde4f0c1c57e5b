"""A learning rate range test of a script (Smith 2017, §3.3), as an edit of its source that is run once.

The edited script starts with a tiny learning rate, which grows by a constant factor in every step until the loss
diverges. The suggestion is a tenth of the learning rate with the lowest smoothed loss (Gugger 2018).
"""

from dataclasses import dataclass
from math import isfinite

from descend.core.range_test import RATES, STEPS, SmoothedLosses, rate_at, suggested_rate
from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.insert_schedule import insert_schedule
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.compare.choice import Choice, Values
from descend.doctor.compare.own_optimizer import OwnOptimizer, own_optimizer, set_learning_rate
from descend.doctor.compare.recipe import Recipe
from descend.doctor.record import Record
from descend.doctor.remedies.arguments import SchedulerArguments
from descend.doctor.remedies.constant_rate import constant_rate
from descend.doctor.script.script import Script
from descend.doctor.trials.study import Job, Study

FEWEST_STEPS = 10  # With fewer steps, neighbouring learning rates differ by more than a factor of 5.
SCHEDULER = "torch.optim.lr_scheduler.ExponentialLR"
WARNING = (
    "the learning rate of a range test depends on the seed and on the first {} steps only, so it is compared like any "
    "other choice"
)
LABEL = "{}, lr {} of a range test"


@dataclass(frozen=True)
class LrSuggestion:
    """The learning rate that a range test suggests, and the losses from which it follows."""

    lr: float
    rates: tuple[float, ...]  # learning rate of each step
    losses: tuple[float, ...]  # loss of each step, before the update
    smoothed: tuple[float, ...]  # bias-corrected moving average of the losses
    warning: str  # what the suggestion depends on
    choice: Choice  # the script's own optimizer with this learning rate


def suggest_lr(script: Script, record: Record, study: Study) -> LrSuggestion:
    """Run a learning rate range test of the script's optimizer, with the seed of the observed run.

    Raises `NotApplicable` if the script cannot be edited, or if the test suggests no learning rate, and `OutOfTime` as
    `Study.run` does.
    """
    own = own_optimizer(record)
    steps = min(STEPS, record.steps)
    if steps < FEWEST_STEPS:
        raise NotApplicable(f"a range test needs at least {FEWEST_STEPS} steps, and the run has {record.steps}")
    edited = range_test_script(script, record, own, steps)
    [run] = study.run([Job(edited, record.seed, steps)])
    losses = run.series("loss", own.key).values[:steps]
    if not losses or not isfinite(losses[0]):
        ending = run.ending.error.strip().splitlines()[-1:] if run.ending is not None else []
        raise NotApplicable("the range test has no finite loss" + "".join(f": {line}" for line in ending))
    smoothed = SmoothedLosses()
    for loss in losses:
        if not smoothed.add(loss):
            break
    count = sum(map(isfinite, smoothed.values))
    if min(smoothed.values[:count]) == smoothed.values[0]:
        raise NotApplicable("the loss falls at no learning rate of the range test")
    rates = tuple(rate_at(step, steps) for step in range(count))
    lr = float(format_number(suggested_rate(rates, smoothed.values[:count])))
    warning = WARNING.format(count)
    return LrSuggestion(lr, rates, losses[:count], tuple(smoothed.values[:count]), warning, _choice(record, own, lr))


def range_test_script(script: Script, record: Record, own: OwnOptimizer, steps: int) -> Script:
    """Return the script with an exponentially growing learning rate in place of its schedule."""
    if own.has_schedule:
        script = constant_rate(script, record, SchedulerArguments())
    factor = (RATES[1] / RATES[0]) ** (1 / (steps - 1))

    def write(optimizer: str, whole: str) -> str:
        """Return the code of a scheduler that multiplies the learning rate by the same factor in each step."""
        return f"{SCHEDULER}({optimizer}, {factor:.12g})"

    script = insert_schedule(script, record, own.key, "range_test", write)
    return set_learning_rate(script, record, own, RATES[0])


def _choice(record: Record, own: OwnOptimizer, lr: float) -> Choice:
    """Return the choice of the script's own optimizer with a fixed learning rate."""
    recipe = Recipe(record, own)

    def edit(script: Script, values: Values) -> Script:
        """Return the script with the suggested learning rate."""
        return recipe.edit(script, {"lr": lr})

    fixed = {**recipe.fixed, "lr": lr}
    label = LABEL.format(own.label, format_number(lr))
    return Choice(label, edit, starts=({},), family=recipe.family, fixed=fixed, keeps_optimizer=True)
