"""Dead units: ReLU units are inactive on every example, so their weights receive no gradient.

ReLU(z) = max(z, 0) has the derivative 0 for z < 0. If z = w·x + b is negative for every example, the gradients of w and
b are exactly 0. So no gradient can bring the unit back. A unit dies if one long step moves w or b so far that z is
negative for all x.
"""

from descend.core.bound import Bound
from descend.doctor.assess.evaluation_metric import evaluation_metric
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.remedy_arguments.layers import leaky_relu_for_relu, most_used_activation
from descend.doctor.remedy_arguments.learning_rates import default_adam_rate, rate_at_largest_curvature
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import INITIALISE_IN_PLACE

SOURCE = "Ba, CSC413 lecture 4, Plateaux: if a ReLU's input is always negative, the derivatives of its weights are 0"
FADED = Bound(
    1e-3,
    "share of the initial scale of a layer's outputs",
    "chosen: a layer with such small outputs passes almost no signal",
)
DEAD_LAYER = Bound(
    0.5, "share of a layer's units", "in well-initialised networks, up to 30 % of a layer's units are dead"
)

PROBLEM = Problem(
    id="dead_units",
    kind="dynamics",
    title="units are dead",
    consequences=frozenset({"vanishing_gradients", "covariate_shift", "slow_progress", "plateau"}),
    remedies=(
        INITIALISE_IN_PLACE,
        RemedyEntry(
            "reinitialise",
            most_used_activation,
            "initialise for {activation} (Kaiming or Xavier)",
            "this initialisation keeps the activation scale of all layers, so half of the units are active at first",
            phrases.INITIALISATION_SOURCE,
        ),
        RemedyEntry(
            "learning_rate",
            rate_at_largest_curvature,
            phrases.NEW_LEARNING_RATE,
            phrases.ACTIVE_UNITS,
            "Karpathy, CS231n, Commonly used activation functions",
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            default_adam_rate,
            phrases.NEW_LEARNING_RATE,
            phrases.ACTIVE_UNITS,
            "Karpathy, CS231n, Commonly used activation functions",
            cost=1,
        ),
        RemedyEntry(
            "hidden_activation",
            leaky_relu_for_relu,
            "use leaky ReLU in the hidden layers",
            "its slope is never 0, so inactive units still receive a gradient",
            "Karpathy, CS231n, Commonly used activation functions",
            neutral=True,
        ),
    ),
    example=CodeExample(
        faulty=(
            "model = nn.Sequential(\n"
            "    nn.Linear(8, 32), nn.ReLU(),\n"
            "    nn.Linear(32, 32), nn.ReLU(),\n"
            "    nn.Linear(32, 3),\n"
            ")\n"
            "# The first steps make the inputs of most ReLUs negative for all examples.\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=5.0)"
        ),
        fixed=(
            "model = nn.Sequential(\n"
            "    nn.Linear(8, 32), nn.ReLU(),\n"
            "    nn.Linear(32, 32), nn.ReLU(),\n"
            "    nn.Linear(32, 3),\n"
            ")\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.1)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a layer in which at least half of the units are dead, in a run that does not learn.

    The finding is certain if all units of the layer are dead. If the targets are unknown, a high loss is weak evidence,
    so the layer's outputs must also have shrunk to almost zero.
    """
    curves = [(place, record.series("dead_share", place)) for place in record.places("dead_share")]
    stuck = summary.is_stuck("0")
    sick = [
        (p, curve)
        for p, curve in curves
        if curve.last >= DEAD_LAYER and (stuck or _have_outputs_shrunk(record, summary, p))
    ]
    if not sick:
        return None
    place, curve = max(sick, key=lambda pair: pair[1].last)
    layers = "" if len(sick) == 1 else f" (and at least half in {len(sick) - 1} other layers)"
    since = next(step for step, share in curve if share >= DEAD_LAYER)
    sentence = (
        f"since step {since}, {curve.last:.0%} of the ReLU units in {place}{layers} are inactive on every example "
        f"(limit: {DEAD_LAYER:.0%}), so their weights receive no gradient, and the loss does not fall"
    )
    return Detection(
        curve.last == 1.0,
        sentence,
        "dead_share",
        curve.last,
        DEAD_LAYER,
        SOURCE,
        _activation_line(record, place),
        module=place,
        evidence=tuple(("dead_share", p) for p, _ in curves),
    )


def _have_outputs_shrunk(record: Record, summary: RunSummary, place: str) -> bool:
    """Return whether a layer's outputs have shrunk to almost zero, in a run with unknown targets that learns little."""
    scale = record.series("activation_scale", place)
    return (
        evaluation_metric(record) == "loss" and summary.cost_left > LITTLE_LEARNED and scale.last < FADED * scale.first
    )


def _activation_line(record: Record, place: str) -> Site | None:
    """Return the source line that applies a layer's activation function; if it is unknown, the line of the model."""
    used = record.fact(facts.Activation, place)
    if used is not None and used.line:
        return Site(SiteKind.ACTIVATION, place, used.file, used.line, detail=used.function)
    return record.site(SiteKind.MODEL)
