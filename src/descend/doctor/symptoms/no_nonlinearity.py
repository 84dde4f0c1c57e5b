"""No nonlinearity: layers without an activation between them equal one linear layer.

W₂(W₁x + b₁) + b₂ equals (W₂W₁)x + (W₂b₁ + b₂): two linear layers are one linear layer, whatever their widths. So the
network represents only linear functions of its inputs. It cannot separate the classes of XOR, for example.
"""

from descend.core.bound import Count
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.other_optimizers import adam_arguments
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Goodfellow et al. 2016, §6.1: a linear model cannot represent XOR, and a product of matrices is a matrix"
LAYERS = Count(2, "layers", "a network of only one layer is usually meant to be a linear model")

PROBLEM = Problem(
    id="no_nonlinearity",
    kind="statics",
    title="there is no nonlinearity between the layers",
    consequences=frozenset(
        {
            "vanishing_gradients",
            "saddle_point",
            "correlated_inputs",
            "ill_conditioned_curvature",
            "slow_progress",
            "plateau",
            "fluctuations",
            "local_optima",
            "stopped_too_early",
        }
    ),
    remedies=(
        RemedyEntry(
            "insert_activations",
            only_optimizer,
            "add ReLU after the hidden layers",
            "without a nonlinearity between them, two linear layers are equivalent to one",
            "Goodfellow et al. 2016, §6.1",
        ),
        RemedyEntry(
            "insert_activations+adaptive_rule",
            adam_arguments,
            f"add ReLU after the hidden layers, {phrases.USE_ADAM}",
            "without a nonlinearity between them, two linear layers are equivalent to one",
            "Goodfellow et al. 2016, §6.1",
            cost=4,
        ),
    ),
    example=CodeExample(
        faulty="network = nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 10))",
        fixed="network = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report several layers that together are a linear function of the inputs, in a run that learns little."""
    connections = record.fact(facts.Connections)
    layers = connections.linear_layers if connections else 0
    if layers < LAYERS or not summary.cost_left > LITTLE_LEARNED:
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"the network's {layers} layers have no nonlinearity between them: together they are one linear "
        f"function of the inputs, and {loss_left_message(summary)}",
        quantity="layers that together are one linear function",
        value=float(layers),
        bound=float(LAYERS - 1),
        source=SOURCE,
        where=record.site(SiteKind.MODEL),
    )
