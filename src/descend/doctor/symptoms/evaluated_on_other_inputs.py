"""Evaluated on other inputs: the evaluation inputs have another distribution than the training inputs.

The network has learned a function of preprocessed inputs, such as (x − μ)/σ. Other inputs, such as x itself, are
outside the range in which it was trained, and its outputs there are arbitrary. Evaluation needs the same μ and σ,
computed from the training data.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry, entries_for_places

SOURCE = "Shimodaira 2000, §1: a model that fits one distribution of inputs need not fit another one"
APART = Bound(
    1.0,
    "Fréchet distance between evaluation and training inputs, in standard deviations",
    "at this distance, evaluation and training inputs differ by as much as the inputs vary; in 32 working programs of "
    "the clinic, the distance is at most 0.31",
)
BEYOND = Bound(
    3.0,
    "Fréchet distance between evaluation and training inputs, in standard deviations",
    "chosen: very few training inputs are so far from their mean",
)
BLANK = Bound(
    1e5,
    "Fréchet distance between evaluation and training inputs, in standard deviations",
    "chosen: at a larger distance, the feature is constant in training or in evaluation",
)

PROBLEM = Problem(
    id="evaluated_on_other_inputs",
    kind="wiring",
    title="evaluation inputs are not preprocessed like training inputs",
    consequences=frozenset({"overfitting"}),
    remedies=(
        RemedyEntry(
            "evaluate_as_trained",
            only_optimizer,
            "preprocess the evaluation inputs like the training inputs",
            *phrases.SAME_INPUT_DISTRIBUTION,
            cost=1,
            judged_on="metric",
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnEvaluated, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.SAME_INPUT_DISTRIBUTION,
        ),
        *entries_for_places(
            "skip_call",
            (facts.OnInputs, "skip", phrases.INPUT_CALLS_TRIED),
            phrases.REMOVE_CALL,
            phrases.SAME_INPUT_DISTRIBUTION,
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="mean, std = train.mean(0), train.std(0)\ntrain = (train - mean) / std",
        fixed="mean, std = train.mean(0), train.std(0)\ntrain, test = (train - mean) / std, (test - mean) / std",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report evaluation inputs more than a standard deviation from the training inputs, if the metric may be poor.

    The check is skipped if the training batches differ from each other by as much, as in unshuffled data.
    """
    known = {place: given for place, given in record.every(facts.EvaluatedInputs).items() if given.drift <= APART}
    place = max(known, key=lambda place: known[place].distance, default=None)
    if place is None or not known[place].distance > APART or not (summary.fails() or summary.may_fail_on_other_data):
        return None
    given = known[place]
    return Detection(
        certain=given.distance > BEYOND,
        sentence=f"the evaluation inputs are scaled differently from the training inputs: mean {given.mean:.3g} "
        f"and standard deviation {given.std:.3g}, but {given.trained_mean:.3g} and {given.trained_std:.3g} in "
        f"training; the median feature {_difference_phrase(given.distance)}",
        quantity="Fréchet distance / standard deviation",
        value=given.distance,
        bound=APART,
        source=SOURCE,
        where=record.site(SiteKind.EVALUATION, place),
    )


def _difference_phrase(distance: float) -> str:
    """Return a phrase that says how much the median feature differs between training and evaluation."""
    if distance > BLANK:
        return "is constant in either training or evaluation"
    return f"differs by {distance:.3g} standard deviations (limit: {APART:g})"
