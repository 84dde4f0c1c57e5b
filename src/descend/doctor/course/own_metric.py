"""The number by which a script itself says how good what it trains is, read as a cost that no remedy can move.

Where no loss can judge (a policy's, an adversary's, one whose terms a remedy changes), what the script prints of its
own accord still can: `test accuracy 0.93`, `mean reward 12.1`.
"""

from dataclasses import dataclass
from math import inf, isfinite, nan

from descend.doctor.course.first_steps import without_gradients
from descend.doctor.course.objective import losses
from descend.doctor.course.opponents import has_opponents
from descend.doctor.course.stages import stages
from descend.doctor.course.yardstick import STUCK, yardstick_place
from descend.doctor.record import Record, Series, facts
from descend.ground.bound import Bound, Count

PERCENT = Bound(
    1.5,
    "the largest value of a share",
    "chosen above 1, which a share does not exceed: what is larger is printed in percent",
)
LEAST_PROGRESS = 1 - STUCK  # of what the untrained network's number is: less is none
HALVED = Bound(0.5, "of what was missing at first", "chosen: what has come half of the way has learnt something")
LITTLE = Bound(
    0.2,
    "of a share, or of what a number lacks without learning",
    "chosen: so little lacks no network that has learnt nothing",
)
SAME = Bound(
    0.05,
    "of itself, by which a printed loss is off the observed one",
    "chosen: three numbers that are each so near are no chance",
)
ONCE = Bound(
    0.001,
    "of itself, by which a printed loss is off the observed one",
    "chosen: one number alone has to be nearer than each of three",
)
SEVERAL = Count(3, "printed numbers", "chosen: so many seldom agree by chance")
POORER = Bound(0.5, "of what a number lacks without learning", "chosen: less than half of the way has been come")
HELD_AGAINST = frozenset("mse bce ce".split())  # losses by whose names answers are held against what is known
LATE = Bound(
    0.5, "of the run's steps", "chosen: what is printed in the first half alone does not say what came of the run"
)
UNTOLD = facts.OwnNumber(rises=None, is_share=False, is_loss=False, is_held_out=None)  # by a name that says nothing


@dataclass(frozen=True)
class OwnMetric:
    """One number that a script prints by name, and how it reads as a cost.

    kind: `error` is one itself; of a `share` it is what is missing; of a `gain` its inverse over the untrained network.
    """

    name: str
    kind: str
    rises: bool
    untrained: float = nan
    whole: float = 1.0  # of a share: 1, or 100 where it is printed in percent
    is_held_out: bool | None = None  # None where its name does not tell
    may_be_likelihood: bool = False  # of the data under the network, say: what it is depends on the network itself

    def cost(self, value: float) -> float:
        """Return a printed value as a cost, at least 0; infinite for what is no number."""
        if not isfinite(value):
            return inf
        if self.kind == "gain":
            return inverse_gain(self.gained(value), self.untrained)
        return max(0.0, self.whole - value if self.kind == "share" else value)

    def gained(self, value: float) -> float:
        """Return by how much a printed value is better than without learning."""
        return (value - self.untrained) * (1 if self.rises else -1)

    def end(self, record: Record) -> float:
        """Return what a run printed last."""
        return record.series("own_number", self.name).last

    @property
    def in_words(self) -> str:
        """What the cost is: `1 − test accuracy`."""
        if self.kind == "gain":
            return f"1 / gain in {self.name!r} over the untrained network's {self.untrained:.3g}"
        return f"{self.whole:g} − {self.name!r}" if self.kind == "share" else repr(self.name)

    def curve(self, record: Record) -> Series:
        """Return how the cost of a run went."""
        printed = record.series("own_number", self.name)
        return Series(printed.steps, tuple(map(self.cost, printed.values)))


def inverse_gain(gained: float, unlearnt: float) -> float:
    """Return as a cost what has no end: one over what is gained, which counts from a tenth of the first number on."""
    return 1 / max(gained, LEAST_PROGRESS * abs(unlearnt), 1e-9)


def own_metrics(record: Record) -> list[OwnMetric]:
    """Return what a script says of what it has trained, the most telling first: what a training may minimise is left.

    What is known not to have come along with the training goes first; then what is measured on held-out data, before
    what does not say on which; of those that are alike the last one.
    """
    found = []
    for order, name in enumerate(record.places("own_number")):
        if _is_left_out(record, name) or (metric := _read(record, name)) is None:
            continue
        told = record.fact(facts.OwnNumber, name) or UNTOLD
        held_out = {True: 0, None: 1, False: 2}[metric.is_held_out]
        is_loss = told.is_loss or told.rises is None
        found.append(((not stands_still(record, metric), is_loss, held_out, -order), metric))
    return [metric for _, metric in sorted(found, key=lambda pair: pair[0])]


def asks_untrained(record: Record) -> bool:
    """Whether it has to be known what a script's own numbers are where nothing is learnt.

    Not of one that has come down to half of what is missing: then something is learnt. Nor of a share that lacks
    little, unless no loss can tell: neighbours in the raw data may be right, too.
    """
    names = [name for name in record.places("own_number") if not _is_left_out(record, name)]
    metrics = [metric for name in names if (metric := _read(record, name)) is not None]
    return len(metrics) < len(names) or not all(_shows_learning(record, metric) for metric in metrics)


def _shows_learning(record: Record, metric: OwnMetric) -> bool:
    curve = metric.curve(record)
    is_good = metric.kind == "share" and curve.last < LITTLE * metric.whole and is_told_by_loss(record)
    return is_good or len(curve) > 1 and curve.last < HALVED * curve.first


def is_told_by_loss(record: Record) -> bool:
    """Whether the cost of the fixed examples tells good from bad, whatever the change."""
    is_of_task = yardstick_place(record) not in ("", "loss")
    return is_of_task and not draws_what_it_is_judged_on(record) and not has_opponents(record)


def draws_what_it_is_judged_on(record: Record) -> bool:
    """Whether the network's own draws or choices make up its loss, as a policy's do: its level tells little."""
    return record.fact(facts.SelfSampledLoss) is not None or record.fact(facts.OwnSelection) is not None


def own_metric(record: Record) -> OwnMetric | None:
    """Return the most telling of them; None where the script prints none."""
    return next(iter(own_metrics(record)), None)


def own_left(record: Record) -> float:
    """Return what the best of the script's own numbers lacks, as a share of what it lacks unlearnt; NaN unknown.

    A share that is not known without learning is held against its whole.
    """
    return _least_left(record, own_metrics(record))


def own_share_left(record: Record) -> float:
    """Return what the best share that the script prints lacks, as `own_left`; NaN where it prints none."""
    return _least_left(record, [metric for metric in own_metrics(record) if metric.kind == "share"])


def _least_left(record: Record, metrics: list[OwnMetric]) -> float:
    return min((left for metric in metrics if isfinite(left := _left(record, metric))), default=nan)


def metric_left_message(record: Record, share: float) -> str:
    """Return which logged metric lacks that share: `'test rmse' still lacks 52% of what it lacks without learning`."""
    metric = next(metric for metric in own_metrics(record) if _left(record, metric) == share)
    whole = "what it lacks without learning" if isfinite(metric.untrained) else "a perfect value"
    return f"{metric.name!r} still lacks {share:.0%} of {whole}"


def _left(record: Record, metric: OwnMetric) -> float:
    known = isfinite(metric.untrained)
    whole = metric.cost(metric.untrained) if known else metric.whole if metric.kind == "share" else nan
    return metric.cost(metric.end(record)) / whole if whole > 0 else nan


def stands_still(record: Record, metric: OwnMetric) -> bool:
    """Whether a number is known not to have come half of the way from where it stands without learning."""
    if is_at_chance(record, metric):
        return True
    return _is_known(metric) and metric.cost(metric.end(record)) > POORER * metric.cost(metric.untrained)


def lacks_little(record: Record, metric: OwnMetric) -> bool:
    """Whether a number is known to lack little of what it lacks without learning."""
    return _is_known(metric) and metric.cost(metric.end(record)) < LITTLE * metric.cost(metric.untrained)


def _is_known(metric: OwnMetric) -> bool:
    """Whether it has an end, and what it is without learning is known."""
    return isfinite(metric.untrained) and metric.kind != "gain" and not metric.may_be_likelihood


def is_at_chance(record: Record, metric: OwnMetric) -> bool | None:
    """Whether a run ends no better by its own metric than where nothing is learnt; None where that is not known."""
    if not isfinite(metric.untrained):
        return None
    value = metric.end(record)
    if metric.kind == "gain":
        return not metric.gained(value) > LEAST_PROGRESS * abs(metric.untrained)
    return not metric.cost(value) < STUCK * metric.cost(metric.untrained)


def _is_left_out(record: Record, name: str) -> bool:
    """Whether a number may be what is minimised, comes too early, does not say what it is, or never changes."""
    told, printed = record.fact(facts.OwnNumber, name) or UNTOLD, record.series("own_number", name)
    if not printed.steps or printed.steps[-1] < LATE * record.steps or (told.is_loss and not told.is_held_out):
        return True
    if _may_be_of_next_stage(record, printed):
        return True
    if told.rises is None and not _is_observed_loss(record, name):
        return True
    is_same = _untrained(record, name) == printed.last
    may_be_same = told.is_share or _is_never_fed(record)  # of a few hundred examples the same share may be right
    return is_same and not may_be_same


def _may_be_of_next_stage(record: Record, printed: Series) -> bool:
    """Return whether a value printed once, after a stage's last step, may describe where the next stage starts."""
    stage = record.fact(facts.Stage)
    has_next = stage.number < stage.of if stage else len(stages(record)) > 1
    return has_next and len(printed) == 1 and printed.steps[0] >= record.steps


def _is_never_fed(record: Record) -> bool:
    """Whether no parameter was given a gradient in any of the first steps: all is as it was drawn."""
    places = list(record.every(facts.Wiring))
    return bool(places) and all(without_gradients(record, place) for place in places)


def _untrained(record: Record, name: str) -> float:
    """Return what a script prints under that name where nothing is learnt; NaN unknown."""
    untrained = record.fact(facts.Untrained, name)
    return untrained.value if untrained else nan


def _is_observed_loss(record: Record, name: str) -> bool:
    """Whether a number whose name does not say what it is is the loss that the script was seen to evaluate."""
    printed, off = record.series("own_number", name), 1.0
    for place in record.places("evaluation_loss"):
        evaluated = record.series("evaluation_loss", place)
        apart = [abs(value - evaluated.at(step)) / max(abs(value), 1e-12) for step, value in printed]
        off = min(off, max((a if isfinite(a) else 1.0 for a in apart), default=1.0))
    return off < (SAME if len(printed) >= SEVERAL else ONCE)


def _is_the_loss(record: Record, name: str) -> bool:
    """Whether what is maximised by its name has the sign of what is minimised before anything is learnt.

    Many call the negative one `elbo`, too. How it goes does not say so: it falls where the training is a bad one.
    """
    values, minimised = record.series("own_number", name).finite(), losses(record, "0").finite()
    if not len(values) or not len(minimised):
        return False
    begun = _untrained(record, name)
    value, loss = (begun, minimised.first) if isfinite(begun) else (values.first, minimised.at(values.steps[0]))
    return abs(value - loss) < abs(value + loss)


def _read(record: Record, name: str) -> OwnMetric | None:
    values, told = record.series("own_number", name).values, record.fact(facts.OwnNumber, name) or UNTOLD
    untrained = _untrained(record, name)
    known = [v for v in (*values, untrained) if isfinite(v)]
    rises = bool(told.rises) and not (told.is_loss and _is_the_loss(record, name))
    if told.is_share:
        whole = 1.0 if max(known, default=0.0) <= PERCENT else 100.0
        return OwnMetric(name, "share", True, untrained, whole, told.is_held_out)
    free = told.is_loss and HELD_AGAINST.isdisjoint(name.split()) and not record.places("evaluation_loss")
    has_a_floor = min(known, default=0.0) >= 0 and not record.fact(facts.Floorless, name)
    kind = "error" if not rises and has_a_floor else "gain"
    if kind == "gain" and not isfinite(untrained):
        return None
    return OwnMetric(name, kind, rises, untrained, is_held_out=told.is_held_out, may_be_likelihood=free)
