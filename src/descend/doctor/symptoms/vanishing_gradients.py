"""Vanishing gradients: only a tiny part of the gradient reaches the first layers or the first time steps.

By the chain rule, the gradient at the first layer is a product of L Jacobians. If each of them multiplies the norm by s
< 1, the product shrinks as s^L. The derivative of a sigmoid is at most 1/4: ten of them leave less than 10⁻⁶ of the
gradient. The first layers then stay near their initial values (Bengio et al. 1994).
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import (
    batch_normalisation,
    layer_normalisation,
    relu_for_saturating_units,
    sequence_length,
)
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.depth import weight_gradients
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM, INITIALISE_IN_PLACE, REINITIALISE

SOURCE = "Glorot & Bengio 2010, §4.2; Hochreiter 1991: each layer multiplies the gradient by its weights and its slope"
SMALL = Bound(
    1e-2,
    "share of the largest gradient norm of a layer",
    "chosen: the gradient norms of layers usually differ by a smaller factor",
)
LAYERS = Count(3, "layers", "chosen: in a network of two layers, each layer is near the loss")
FORGOTTEN = Bound(
    1e-4,
    "gradient norm divided by that at the time step where it is largest",
    "chosen: a gradient this small has no effect on the update",
)

PROBLEM = Problem(
    id="vanishing_gradients",
    kind="dynamics",
    title="gradients vanish",
    consequences=frozenset({"slow_progress", "plateau", "stopped_too_early"}),
    remedies=(
        RemedyEntry(
            "initialise_recurrent",
            sequence_length,
            phrases.INITIALISE_RECURRENT,
            "orthogonal weights and open gates preserve the scale of signals over time",
            "Saxe et al. 2014; Tallec & Ollivier 2018",
        ),
        RemedyEntry(
            "hidden_activation+reinitialise",
            relu_for_saturating_units,
            "use ReLU and its initialisation in the hidden layers",
            "the slope of an active ReLU is 1, so it does not shrink the gradient",
            "Glorot et al. 2011, §3",
            cost=3,
        ),
        INITIALISE_IN_PLACE,
        REINITIALISE,
        RemedyEntry(
            "insert_normalisation",
            batch_normalisation,
            phrases.ADD_BATCH_NORMALISATION,
            phrases.STEADY_LAYER_INPUTS,
            "Ioffe & Szegedy 2015, §3.3",
            cost=3,
        ),
        RemedyEntry(
            "insert_normalisation",
            layer_normalisation,
            "add layer normalisation after the hidden layers",
            "the scale of each layer's outputs, and with it that of the gradients, then does not depend on the weights",
            "Ba et al. 2016, §5",
            cost=3,
            neutral=True,
        ),
        RemedyEntry(
            "insert_residuals",
            only_optimizer,
            "add residual connections around the hidden layers of equal size",
            "the gradient also passes around each layer",
            "He et al. 2016, §3.1",
            cost=3,
            neutral=True,
        ),
        ADAM,
    ),
    example=CodeExample(
        faulty=(
            "def block():\n"
            "    return nn.Sequential(nn.Linear(32, 32), nn.Sigmoid())\n"
            "\n"
            "model = nn.Sequential(*(block() for _ in range(5)), nn.Linear(32, 10))"
        ),
        fixed=(
            "def block():\n"
            "    return nn.Sequential(nn.Linear(32, 32), nn.ReLU())\n"
            "\n"
            "model = nn.Sequential(*(block() for _ in range(5)), nn.Linear(32, 10))"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a gradient that almost vanishes before it reaches the first layer or time step, if the loss stays high."""
    if not summary.is_stuck("0", LITTLE_LEARNED):
        return None
    return _report_vanishing_through_layers(record) or _report_vanishing_through_time(record)


def _report_vanishing_through_layers(record: Record) -> Detection | None:
    """Report the first layer if its gradient norm is tiny in comparison with that of a layer near the output."""
    gradients = weight_gradients(record, 0)
    if len(gradients) < LAYERS:
        return None
    (first, value), (strongest, largest) = gradients[0], max(gradients, key=lambda pair: pair[1])
    if (
        not largest > 0
        or not 0 < value < SMALL * largest
        or gradients.index((strongest, largest)) < len(gradients) // 2
    ):
        return None
    return _symptom(
        record,
        f"the gradient norm of {first} is {value / largest:.1e} of that of {strongest} (limit: {SMALL:g}), so the "
        "first layers receive almost no training signal",
        ("gradient norm of the first layer / largest norm", value / largest, SMALL),
        first,
        tuple(("gradient_norm", place) for place, _ in gradients),
    )


def _report_vanishing_through_time(record: Record) -> Detection | None:
    """Report a recurrent layer through which almost no gradient reaches the first time step."""
    shares = [
        (share, place)
        for place in record.places("through_time")
        if (share := record.series("through_time", place).first) < FORGOTTEN
    ]
    if not shares:
        return None
    share, place = min(shares)
    layer = record.fact(facts.Recurrent, place)
    length = layer.length if layer else 0
    return _symptom(
        record,
        f"after backpropagation through {length} time steps of {place}, only {share:.1e} of the gradient norm is left "
        f"at the first step (limit: {FORGOTTEN:g}), so the layer cannot learn to remember early inputs",
        ("gradient norm at the first time step / largest norm", share, FORGOTTEN),
        place,
        (("loss", "0"),),
    )


def _symptom(
    record: Record, sentence: str, number: tuple[str, float, float], module: str, evidence: tuple[tuple[str, str], ...]
) -> Detection:
    """Return the symptom of gradients that vanish in a module; `number` is a quantity, its value and its limit."""
    return Detection(
        certain=False,
        likely=True,
        sentence=sentence,
        quantity=number[0],
        value=number[1],
        bound=number[2],
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
        module=module,
        evidence=evidence,
    )
