"""Covariate shift: the input distribution of a layer changes during training, so the layer keeps readapting.

A step changes all layers at once, but each layer's gradient is computed for the inputs that it had before the step. If
earlier layers move the mean of these inputs far, the layer must first adapt to its new inputs. Batch normalisation uses
(x − mean)/std of the batch, so mean and scale stay the same (Ioffe & Szegedy 2015).
"""

from descend.core.bound import Bound, Count
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedy_arguments.layers import batch_normalisation
from descend.doctor.remedy_arguments.learning_rates import rate_at_first_curvature
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry
from descend.doctor.symptoms.shared_remedies import ADAM

SOURCE = "Ioffe & Szegedy 2015, §1: the distribution of each layer's inputs changes when earlier layers change"
LAYERS = Count(
    4, "layers", "chosen: in a network of fewer layers, few layers receive the output of other trained layers"
)
DRIFT = Bound(10.0, "factor by which the activation scale grows or shrinks", "chosen: smaller changes are usual")

PROBLEM = Problem(
    id="covariate_shift",
    kind="dynamics",
    title="layer inputs drift during training",
    consequences=frozenset({"ill_conditioned_curvature", "slow_progress"}),
    remedies=(
        RemedyEntry(
            "learning_rate",
            rate_at_first_curvature,
            phrases.NEW_LEARNING_RATE,
            "the layers then change slowly enough for later layers to adapt",
            "Ioffe & Szegedy 2015, §1",
            cost=1,
        ),
        RemedyEntry(
            "insert_normalisation",
            batch_normalisation,
            phrases.ADD_BATCH_NORMALISATION,
            phrases.STEADY_LAYER_INPUTS,
            "Ioffe & Szegedy 2015, §1",
            cost=3,
        ),
        ADAM,
    ),
    example=CodeExample(
        faulty=(
            "def block():\n"
            "    linear = nn.Linear(64, 64)\n"
            '    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")\n'
            "    return nn.Sequential(linear, nn.ReLU())\n"
            "\n"
            "model = nn.Sequential(*(block() for _ in range(16)), nn.Linear(64, 10))\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.2)"
        ),
        fixed=(
            "def block():\n"
            "    linear = nn.Linear(64, 64)\n"
            '    nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")\n'
            "    return nn.Sequential(linear, nn.BatchNorm1d(64), nn.ReLU())\n"
            "\n"
            "model = nn.Sequential(*(block() for _ in range(16)), nn.Linear(64, 10))\n"
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.2)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report layers of a deep network whose activation scale changes tenfold during training, in a run that fails."""
    curves = [(p, record.series("activation_scale", p).finite()) for p in record.places("activation_scale")]
    if len(curves) < LAYERS or not (summary.is_stuck("0", LITTLE_LEARNED) or summary.first_rise("0") is not None):
        return None
    known = [(p, c) for p, c in curves[1:] if len(c) > 2 and c.first > 0]
    drifts = [(p, max(c.max / c.first, c.first / c.min if c.min > 0 else 1.0)) for p, c in known]
    place, drift = max(drifts, key=lambda pair: pair[1], default=("", 1.0))
    if drift < DRIFT:
        return None
    return Detection(
        certain=False,
        sentence=f"the activation scale of {place} changes by a factor of {drift:.0f} during training (limit: "
        f"{DRIFT:g}), so later layers must keep adapting to their inputs",
        quantity="activation scale / initial scale",
        value=drift,
        bound=DRIFT,
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
        module=place,
        evidence=tuple(("activation_scale", p) for p, _ in curves),
    )
