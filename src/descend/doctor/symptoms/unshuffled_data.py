"""Unshuffled data: neighbouring examples are alike, so each batch pulls the weights in another direction."""

from math import log
from statistics import fmean, pvariance

from descend.doctor.course.progress import LEFT_TO_LEARN, cost_left
from descend.doctor.record import Record, facts
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.sign import Sign
from descend.ground.bound import Bound, Count

SOURCE = "LeCun et al. 1998, §4.2: shuffle, so that successive examples rarely belong to the same class"
BATCHES = Count(4, "batches", "chosen: fewer say little of the order")
SORTED = Bound(0.35, "of the entropy over all batches", "chosen; see the range within which no diagnosis changes")
ALIKE = Bound(0.2, "of the variance over all batches", "chosen; see the range within which no diagnosis changes")
EXAMPLES = Count(8, "examples in a batch", "chosen: of fewer the entropy says little")


def unshuffled_data(record: Record) -> Sign | None:
    """Report labels or targets that vary far less within a batch than over all batches."""
    return _sorted_labels(record) or _sorted_targets(record)


def _sorted_labels(record: Record) -> Sign | None:
    counts = [batch.fact.labels for batch in record.history(facts.Batch)]
    counts = [c for c in counts if sum(c.values()) >= EXAMPLES]
    if len(counts) < BATCHES:
        return None
    pooled: dict[str, int] = {}
    for batch in counts:
        for label, count in batch.items():
            pooled[label] = pooled.get(label, 0) + count
    within, overall = sum(map(_entropy, counts)) / len(counts), _entropy(pooled)
    if overall == 0 or within > SORTED * overall:
        return None
    sentence = (
        f"the labels are sorted: their entropy is {within:.2g} nats within a batch and {overall:.2g} over "
        f"{len(counts)} batches (limit: {SORTED:.0%} of that), so each step undoes what earlier steps learned"
    )
    return _symptom(record, sentence, ("entropy within a batch / overall", within / overall, SORTED), certain=True)


def _sorted_targets(record: Record) -> Sign | None:
    """Report sorted real targets; a time series in its order looks the same, so a trial has to decide."""
    batches = [batch.fact for batch in record.history(facts.Batch) if batch.fact.examples >= EXAMPLES]
    seen = [(b.mean, b.std) for b in batches if b.mean is not None and b.std is not None]
    if len(seen) < BATCHES or not cost_left(record) > LEFT_TO_LEARN:
        return None
    within, between = fmean(std**2 for _, std in seen), pvariance([mean for mean, _ in seen])
    share = within / (within + between) if within + between > 0 else 1.0
    if share > ALIKE:
        return None
    sentence = (
        f"the targets are sorted: their variance within a batch is {share:.0%} of that over {len(seen)} batches "
        f"(limit: {ALIKE:.0%}), so each step fits one part of the data only"
    )
    return _symptom(record, sentence, ("variance within a batch / overall", share, ALIKE), certain=False)


def _symptom(record: Record, sentence: str, number: tuple[str, float, float], certain: bool) -> Sign:
    return Sign(
        certain=certain,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=number[2],
        source=SOURCE,
        where=data_site(record),
    )


def _entropy(counts: dict[str, int]) -> float:
    total = sum(counts.values())
    return -sum(c / total * log(c / total) for c in counts.values() if c)
