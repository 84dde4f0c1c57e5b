"""Wrong metric: the metric that the script logs is no better for right predictions than for wrong ones.

A metric must be better for right predictions than for wrong ones. If it averages over the wrong axis, compares unequal
shapes or always counts the same class, it is not. Then the best epoch or the best model by this metric is a random
choice.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, entries_for_places

SOURCE = "Gneiting & Raftery 2007, §2: a score is proper if no prediction scores better than the truth"

PROBLEM = Problem(
    id="wrong_metric",
    kind="wiring",
    title="the logged metric does not distinguish right predictions from wrong ones",
    consequences=frozenset({"overfitting", "unreadable", "wrong_objective", "optimisation"}),
    remedies=(
        *entries_for_places(
            "call_argument", (facts.OnMeasured, "set", 1), phrases.SET_ARGUMENT, phrases.METRIC_DISTINGUISHES, cost=1
        ),
        *entries_for_places(
            "skip_call", (facts.OnMeasured, "skip", 1), phrases.REMOVE_CALL, phrases.METRIC_DISTINGUISHES
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="right = (predictions > 0) == labels  # shapes (64, 1) and (64,)\naccuracy = right.float().mean()",
        fixed=(
            "right = (predictions.squeeze(1) > 0) == labels  # shapes (64,) and (64,)\naccuracy = right.float().mean()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a logged metric that is no better for right predictions than for those of other examples."""
    known = record.every(facts.MetricComputation)
    place = next((place for place, measure in known.items() if not measure.is_told_apart), None)
    if place is None:
        return None
    score = known[place]
    is_slip = score.best != score.right
    slip = f", and if one of the examples gets a wrong class, it is {score.best:.3g}" if is_slip else ""
    return Detection(
        certain=True,
        sentence="this metric does not distinguish right predictions from wrong ones: it is "
        f"{score.right:.3g} for the predictions that the training loss rewards, and {score.given_to_others:.3g} when "
        f"each is assigned to another example{slip}. So the metric does not measure what the network has learned",
        quantity="metric of right predictions − metric of wrong ones",
        value=score.right - score.given_to_others,
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.METRIC_COMPUTATION, place),
    )
