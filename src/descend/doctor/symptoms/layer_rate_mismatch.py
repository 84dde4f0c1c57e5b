"""Layer rate mismatch: relative to its weights, one layer moves hundreds of times as far as another.

In each step, a layer changes by lr·‖∇w‖/‖w‖ of its norm; about 10⁻³ is usual. If one layer changes hundreds of times as
much as another, no common learning rate suits both: one of them is unstable, or the other one changes too little.

Either the parameter groups have different learning rates, or they share one and the layers' ratios ‖w‖/‖∇w‖ differ.
"""

from collections.abc import Sequence
from statistics import median

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import uses_rule
from descend.doctor.assess.summary import LEFT_TO_LEARN, LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import most_used_activation
from descend.doctor.remedy_arguments.learning_rates import largest_group_rate, smallest_group_rate
from descend.doctor.remedy_arguments.other_optimizers import lamb_arguments, lars_arguments
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM, INITIALISE_IN_PLACE

SOURCE = "You et al. 2017: the ratio ‖w‖/‖∇w‖ differs between layers, so a learning rate suits only some of them"
UNEQUAL = Bound(
    10.0,
    "largest learning rate of a parameter group divided by the smallest",
    "chosen: groups that only differ in weight decay have the same learning rate",
)
SPREAD = Bound(
    300.0,
    "largest relative step length of a layer divided by the smallest",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
SPREAD_OF_ONE = Bound(
    100.0,
    "largest relative step length of a layer divided by the smallest",
    "in all stored runs that have learned something but still have a tenth of the cost left, the ratio is at most 65",
)
UNMOVED = Bound(
    0.1,
    "change of a layer's weights over all steps, as a share of their norm",
    "chosen: a layer that changes by less has learned almost nothing",
)

PROBLEM = Problem(
    id="layer_rate_mismatch",
    kind="dynamics",
    title="layers learn at different rates",
    consequences=frozenset({"instability", "vanishing_gradients", "slow_progress", "plateau", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "one_rate",
            largest_group_rate,
            "use one learning rate for all groups: {lr:.3g}",
            "no layer then learns too slowly",
            "You et al. 2017",
        ),
        RemedyEntry(
            "one_rate",
            smallest_group_rate,
            "use one learning rate for all groups: {lr:.3g}",
            "the fast layers then change as slowly as the others",
            "You et al. 2017",
        ),
        RemedyEntry(
            "adaptive_rule",
            lars_arguments,
            "LARS, lr {lr:.3g}",
            "each layer's step is then proportional to the norm of its weights",
            "You et al. 2017, §4",
            cost=phrases.ADAM_COST,
        ),
        RemedyEntry(
            "adaptive_rule",
            lamb_arguments,
            "LAMB, lr {lr:.3g}",
            "each layer's step is then proportional to the norm of its weights",
            "You et al. 2020, alg. 2",
            cost=phrases.ADAM_COST,
        ),
        INITIALISE_IN_PLACE,
        RemedyEntry(
            "reinitialise",
            most_used_activation,
            "initialise for {activation} (Kaiming or Xavier)",
            "the layers' weights then have similar scales",
            phrases.INITIALISATION_SOURCE,
        ),
        ADAM,
    ),
    example=CodeExample(
        faulty=(
            "optimizer = torch.optim.SGD([\n"
            '    {"params": encoder.parameters(), "lr": 1e-6},  # random initial weights\n'
            '    {"params": decoder.parameters(), "lr": 0.05},\n'
            "])"
        ),
        fixed=(
            "optimizer = torch.optim.SGD([\n"
            '    {"params": encoder.parameters(), "lr": 0.05},\n'
            '    {"params": decoder.parameters(), "lr": 0.05},\n'
            "])"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report layers whose step lengths, divided by the norm of their weights, differ greatly, in a run that fails."""
    speeds = _relative_step_lengths(record)
    if len(speeds) < 2:
        return None
    optimizer = record.fact(facts.Optimizer, "0")
    rates = optimizer.rates if optimizer else ()
    if len(set(rates)) > 1:
        return _report_mismatched_groups(record, summary, speeds, rates)
    return _report_slow_layer(record, summary, speeds)


def _relative_step_lengths(record: Record) -> dict[str, float]:
    """Return each layer's median step length divided by its weight norm, without biases and layers that do not move."""
    seen = {p: record.series("update_ratio", p).finite().values for p in record.places("update_ratio")}
    speeds = {place: median(values) for place, values in seen.items() if values and "bias" not in place}
    return {place: speed for place, speed in speeds.items() if speed > 0}


def _report_mismatched_groups(
    record: Record, summary: RunSummary, speeds: dict[str, float], rates: Sequence[float]
) -> Detection | None:
    """Report parameter groups with very different learning rates and relative step lengths, in a run that fails."""
    if max(rates) < UNEQUAL * min(rates):
        return None
    if not summary.is_stuck("0", LITTLE_LEARNED) and summary.first_rise("0") is None:
        return None
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    if speeds[fast] < SPREAD * speeds[slow]:
        return None
    sentence = (
        f"a step changes {fast} by {speeds[fast]:.1e} of its norm and {slow} by {speeds[slow]:.1e} (limit: a "
        f"ratio of {SPREAD:g}): their parameter groups have learning rates {max(rates):g} and {min(rates):g}"
    )
    return _symptom(record, speeds, sentence, SPREAD)


def _report_slow_layer(record: Record, summary: RunSummary, speeds: dict[str, float]) -> Detection | None:
    """Report a layer that changes far less than another at the same learning rate, in a run that learns too little.

    If nothing at all is learned, vanishing gradients are the more likely cause.
    """
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    if not uses_rule(record, "0", ("SGD",)) or speeds[fast] < SPREAD_OF_ONE * speeds[slow]:
        return None
    if not summary.cost_left > LEFT_TO_LEARN or summary.is_stuck("0") or record.steps * speeds[slow] > UNMOVED:
        return None
    rate = record.series("learning_rate", "0").max
    sentence = (
        f"at the single learning rate {rate:g}, a step changes {fast} by {speeds[fast]:.1e} of its norm and {slow} by "
        f"{speeds[slow]:.1e} (limit: a ratio of {SPREAD_OF_ONE:g}), because their ratios ‖w‖/‖∇w‖ differ. {slow} "
        f"changes by at most {record.steps * speeds[slow]:.1%} in {record.steps} steps, and "
        f"{loss_left_message(summary)}"
    )
    return _symptom(record, speeds, sentence, SPREAD_OF_ONE)


def _symptom(record: Record, speeds: dict[str, float], sentence: str, bound: Bound) -> Detection:
    """Return the symptom of layers that change at different rates.

    `speeds` is the step length of each layer divided by the norm of its weights.
    """
    slow, fast = min(speeds, key=speeds.__getitem__), max(speeds, key=speeds.__getitem__)
    return Detection(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity="fastest relative step / slowest",
        value=speeds[fast] / speeds[slow],
        bound=bound,
        source=SOURCE,
        where=record.site(SiteKind.OPTIMIZER, "0"),
        module=slow,
        evidence=(("update_ratio", fast), ("update_ratio", slow)),
    )
