"""Symmetric units: hidden units have identical weights, and no gradient can make them differ.

Two units with equal incoming and outgoing weights have equal outputs and equal gradients, so each step keeps them
equal. A layer of k such units represents no more than one unit. Different random initial weights prevent this
(Goodfellow et al. 2016, §8.4).
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import EARLY, Detection, FatalDetection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.layers import most_used_activation
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import INITIALISE_IN_PLACE

SOURCE = "Ba, CSC413 lecture 4, Saddle points: units with identical weights remain identical"
TWINS = Bound(
    0.5,
    "share of a layer's units with the same weights as another unit",
    "chosen: after a random initialisation, there are no such units",
)

PROBLEM = Problem(
    id="symmetric_units",
    kind="statics",
    title="hidden units are copies of each other",
    remedies=(
        INITIALISE_IN_PLACE,
        RemedyEntry(
            "reinitialise",
            most_used_activation,
            "initialise at random ({activation} gain)",
            "units with different weights can learn different features",
            "Ba, CSC413 lecture 4, Saddle points",
        ),
    ),
    example=CodeExample(
        faulty="nn.init.constant_(layer.weight, 0.1)",
        fixed="nn.init.xavier_uniform_(layer.weight)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a layer if, after the first steps, at least half of its units have the same weights as another unit."""
    curves = [(place, record.series("duplicate_share", place)) for place in record.places("duplicate_share")]
    sick = [(p, c) for p, c in curves if len(c) > 1 and c.min >= TWINS and c.steps[-1] >= EARLY]
    if not sick:
        return None
    place, curve = max(sick, key=lambda pair: pair[1].last)
    others = "" if len(sick) == 1 else f" and {len(sick) - 1} more"
    return FatalDetection(
        True,
        f"{curve.last:.0%} of the units of {place}{others} still have the same weights as another unit after "
        f"{curve.steps[-1]} steps (limit: {TWINS:.0%}), so the layer computes the same feature many times",
        "duplicate_share",
        curve.last,
        TWINS,
        SOURCE,
        record.site(SiteKind.MODEL),
        module=place,
        evidence=tuple(("duplicate_share", p) for p, _ in curves),
    )
