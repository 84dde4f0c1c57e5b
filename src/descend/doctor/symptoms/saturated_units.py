"""Saturated units: sigmoid or tanh units work in their flat range, where almost no gradient passes.

The derivative of a sigmoid is σ(z)·(1 − σ(z)): at most 1/4, and below 0.0025 for |z| > 6. That of tanh is 1 − tanh²(z).
If |z| is large on all examples, the unit's output is constant, and almost no gradient reaches its weights or earlier
layers.
"""

from descend.core.bound import Bound
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import relu_for_saturating_units
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import INITIALISE_IN_PLACE, REINITIALISE

SOURCE = "Ba, CSC413 lecture 4, Plateaux: saturated units; Glorot & Bengio 2010, §3.2"
SHARE = Bound(0.5, "share of a layer's activations", "chosen: a layer with more saturated units passes little gradient")

PROBLEM = Problem(
    id="saturated_units",
    kind="statics",
    title="units are saturated",
    consequences=frozenset(
        {
            "bad_initialisation",
            "exploding_gradients",
            "instability",
            "vanishing_gradients",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        INITIALISE_IN_PLACE,
        REINITIALISE,
        RemedyEntry(
            "hidden_activation+reinitialise",
            relu_for_saturating_units,
            "use ReLU and its initialisation in the hidden layers",
            "a ReLU has slope 1 wherever its input is positive",
            "Ba, CSC413 lecture 4, Recap: dead/saturated units",
            cost=3,
        ),
    ),
    example=CodeExample(
        faulty=(
            "nn.init.normal_(layer.weight, std=4.0)\n"
            "hidden = torch.tanh(layer(inputs))  # most values are almost -1 or 1"
        ),
        fixed="nn.init.xavier_normal_(layer.weight)\nhidden = torch.tanh(layer(inputs))",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a hidden layer if half of its outputs or more are saturated at first and the run learns little."""
    shares = record.initial_values("saturated_share")  # Steps that are too long also saturate units, but later.
    place, share = max(shares.items(), key=lambda pair: pair[1], default=("", 0.0))
    if not share >= SHARE or not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    used = record.fact(facts.Activation, place)
    return Detection(
        certain=False,
        likely=True,
        sentence=f"{share:.0%} of the outputs of {place} are in the flat range of "
        f"{used.function if used else 'the sigmoid'} at the first step (limit: {SHARE:.0%}), so the layer passes "
        "almost no gradient back",
        quantity="saturated_share",
        value=share,
        bound=SHARE,
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
        module=place,
        evidence=tuple(("saturated_share", p) for p in record.places("saturated_share")),
    )
