"""Unshuffled data: neighbouring examples are alike, so each batch pulls another way."""

from math import log

from descend.record import Record
from descend.symptoms.places import data_site
from descend.symptoms.symptom import Symptom

SOURCE = "LeCun et al. 1998, §4.2: shuffle, so that successive examples rarely belong to the same class"
BATCHES = 4  # looked at, at least
SORTED = 0.35  # of the entropy over all batches: what is left within a batch
EXAMPLES = 8  # in a batch, or its entropy says little


def unshuffled_data(record: Record) -> Symptom | None:
    """The labels within a batch vary far less than over all batches."""
    counts = [f.detail["labels"] for f in record.history("batch") if f.detail.get("labels")]
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
    return Symptom(
        id="unshuffled_data",
        kind="statics",
        certain=True,
        confidence=0.9,
        sentence=f"the labels come sorted: within a batch their entropy is {within:.2g}, over {len(counts)} batches "
        f"{overall:.2g} "
        f"(bound {SORTED:.0%} of it), so that each step unlearns what the last ones taught",
        quantity="entropy within a batch / overall",
        value=within / overall,
        bound=SORTED,
        source=SOURCE,
        where=data_site(record),
        evidence=(("loss", "0"),),
        explains=frozenset({"instability", "oscillation", "fluctuations", "slow_progress", "dead_units"}),
    )


def _entropy(counts: dict[str, int]) -> float:
    total = sum(counts.values())
    return -sum(c / total * log(c / total) for c in counts.values() if c)
