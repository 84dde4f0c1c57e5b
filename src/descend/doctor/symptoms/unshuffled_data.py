"""Unshuffled data: neighbouring examples are alike, so each batch pulls the weights in another direction.

The gradient of a batch estimates the mean gradient of all data. This is unbiased only if the batches are random
samples. In sorted data, many successive batches contain one class or one period only. Training on each part then partly
undoes the training on the part before it.
"""

from math import log
from statistics import fmean, pvariance

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.places import data_site
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "LeCun et al. 1998, §4.2: shuffle the examples, so that successive ones rarely belong to the same class"
BATCHES = Count(4, "batches", "chosen: fewer batches say little about the order of the examples")
SORTED = Bound(
    0.35,
    "label entropy within a batch divided by that over all batches",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
ALIKE = Bound(
    0.2,
    "target variance within a batch divided by that over all batches",
    "chosen: docs/bounds.md gives the range of values that lead to the same diagnoses",
)
EXAMPLES = Count(8, "examples in a batch", "chosen: the label entropy of fewer examples is too uncertain")

PROBLEM = Problem(
    id="unshuffled_data",
    kind="statics",
    title="the data are not shuffled",
    consequences=frozenset({"instability", "cliff", "dead_units", "oscillation", "slow_progress", "fluctuations"}),
    remedies=(
        RemedyEntry(
            "shuffle",
            only_optimizer,
            "shuffle the examples",
            "each batch then resembles the whole data set",
            "LeCun et al. 1998, §4.2",
            cost=1,
            judged_on="spread",
        ),
    ),
    example=CodeExample(
        faulty="loader = DataLoader(dataset, batch_size=64)  # the dataset is sorted by class",
        fixed="loader = DataLoader(dataset, batch_size=64, shuffle=True)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report labels or targets that vary far less within a batch than over all batches."""
    return _report_sorted_labels(record) or _report_sorted_targets(record, summary)


def _report_sorted_labels(record: Record) -> Detection | None:
    """Report class labels that are sorted: their entropy within a batch is much smaller than over all batches."""
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
        f"the labels are sorted: their entropy is {within:.2g} nats within a batch and {overall:.2g} nats over "
        f"{len(counts)} batches (limit: {SORTED:.0%} of the latter), so each step undoes what earlier steps learned"
    )
    return _symptom(
        record, sentence, ("label entropy within a batch / over all batches", within / overall, SORTED), certain=True
    )


def _report_sorted_targets(record: Record, summary: RunSummary) -> Detection | None:
    """Report real-valued targets that are sorted, but not as certain: a time series in its order looks the same."""
    batches = [batch.fact for batch in record.history(facts.Batch) if batch.fact.examples >= EXAMPLES]
    seen = [(b.mean, b.std) for b in batches if b.mean is not None and b.std is not None]
    if len(seen) < BATCHES or not summary.cost_left > LEFT_TO_LEARN:
        return None
    within, between = fmean(std**2 for _, std in seen), pvariance([mean for mean, _ in seen])
    share = within / (within + between) if within + between > 0 else 1.0
    if share > ALIKE:
        return None
    sentence = (
        f"the targets are sorted: their variance within a batch is {share:.0%} of that over {len(seen)} batches "
        f"(limit: {ALIKE:.0%}), so each step fits only one part of the data"
    )
    return _symptom(
        record, sentence, ("target variance within a batch / over all batches", share, ALIKE), certain=False
    )


def _symptom(record: Record, sentence: str, number: tuple[str, float, float], certain: bool) -> Detection:
    """Return the symptom of unshuffled data; `number` is the measured quantity, its value and its limit."""
    return Detection(
        certain=certain,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=number[2],
        source=SOURCE,
        where=data_site(record),
    )


def _entropy(counts: dict[str, int]) -> float:
    """Return the entropy, in nats, of a distribution of labels; `counts` is the number of examples with each label."""
    total = sum(counts.values())
    return -sum(c / total * log(c / total) for c in counts.values() if c)
