"""Over-regularised: the penalty has more effect on the weights than the data.

The penalty c·‖w‖²/2 shrinks the solution along a direction of curvature λ to the share λ/(λ + c). Where c is above λ,
the penalty determines the weight, not the data. A high dropout rate has a similar effect.
"""

from descend.core.bound import Bound
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.summary import LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import usual_dropout_rate
from descend.doctor.remedy_arguments.losses import light_penalty
from descend.doctor.remedy_arguments.optimizer_settings import usual_weight_decay
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Goodfellow et al. 2016, §7.1: a penalty that is too strong makes the network underfit"
LARGE_DECAY = Bound(
    0.03,
    "coupled weight decay",
    "chosen: this is about a hundred times 3e-4, the middle of the usual range from 1e-4 to 1e-3 on a log scale",
)
LARGE_DECOUPLED = Bound(0.5, "decoupled weight decay", "chosen: this is fifty times the default of torch.optim.AdamW")
LARGE_SHARE = Bound(
    0.5,
    "share of the loss that does not depend on the data",
    "chosen: a penalty that makes up half of the loss dominates it",
)
LARGE_DROPOUT = Bound(
    0.75, "dropout rate", "chosen: at this rate, only a quarter of the units is active; usually it is at least half"
)

PROBLEM = Problem(
    id="over_regularised",
    kind="statics",
    title="regularisation outweighs the data",
    consequences=frozenset(
        {
            "saturated_units",
            "bad_initialisation",
            "dead_units",
            "vanishing_gradients",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            usual_weight_decay,
            "weight decay {old:g} → {value:g}",
            "the data then have more effect than the penalty",
            "Goodfellow et al. 2016, §7.1",
            cost=1,
        ),
        RemedyEntry(
            "weigh_term",
            light_penalty,
            "multiply the penalty in the loss by {factor:g}",
            "the data then have more effect than the penalty",
            "Goodfellow et al. 2016, §7.1",
            cost=1,
        ),
        RemedyEntry(
            "dropout_rate",
            usual_dropout_rate,
            "dropout {old:g} → {p:g}",
            "the remaining units can then represent the data",
            "Srivastava et al. 2014, §7.3",
            cost=1,
        ),
    ),
    example=CodeExample(
        faulty="optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)",
        fixed="optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report unusually strong weight decay or dropout, or a dominant penalty in the loss, if the run learns little."""
    if not summary.cost_left > LITTLE_LEARNED:
        return None
    return _report_weight_decay(record, summary) or _report_penalty(record, summary) or _report_dropout(record, summary)


def _report_weight_decay(record: Record, summary: RunSummary) -> Detection | None:
    """Report an optimizer with an unusually large weight decay."""
    for key, optimizer in record.every(facts.Optimizer).items():
        decay = float(optimizer.weight_decay or 0.0)
        limit = LARGE_DECOUPLED if optimizer.has_decoupled_decay else LARGE_DECAY
        if decay >= limit:
            sentence = (
                f"weight decay of {decay:g} (usual: {'0.01' if optimizer.has_decoupled_decay else '1e-4'}) "
                "pulls the weights towards zero"
            )
            return _symptom(record, summary, sentence, ("weight_decay", decay, limit), SiteKind.OPTIMIZER, key)
    return None


def _report_penalty(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss if more than half of it is a penalty that does not depend on the data."""
    connections = record.fact(facts.Connections)
    share = 1 - connections.share if connections else 0.0
    losses = record.series("loss", "0")
    if not share > LARGE_SHARE or not losses.first > 0:
        return None
    sentence = f"{share:.0%} of the loss is a penalty that does not depend on the data (limit: {LARGE_SHARE:.0%})"
    return _symptom(record, summary, sentence, ("penalty's share of the loss", share, LARGE_SHARE), SiteKind.LOSS)


def _report_dropout(record: Record, summary: RunSummary) -> Detection | None:
    """Report the layer with the largest dropout rate, if that rate is unusually large."""
    shares = [(place, dropout.p) for place, dropout in record.every(facts.Dropout).items()]
    worst = max(shares, key=lambda pair: pair[1], default=("", 0.0))
    if worst[1] < LARGE_DROPOUT:
        return None
    sentence = (
        f"dropout of {worst[1]:g} in {worst[0]} leaves {1 - worst[1]:.0%} of the units active (usual: at least half)"
    )
    return _symptom(record, summary, sentence, ("dropout", worst[1], LARGE_DROPOUT), SiteKind.DROPOUT, worst[0])


def _symptom(
    record: Record, summary: RunSummary, sentence: str, number: tuple[str, float, float], kind: SiteKind, key: str = "0"
) -> Detection:
    """Return the symptom of too much regularisation; `number` is the measured quantity, its value and its limit."""
    quantity, value, bound = number
    return Detection(
        certain=False,
        likely=True,
        sentence=f"{sentence}, and {loss_left_message(summary)}",
        quantity=quantity,
        value=value,
        bound=bound,
        source=SOURCE,
        where=record.site(kind, key) or record.site(kind),
        optimizer=key if kind == SiteKind.OPTIMIZER else "0",
        evidence=(("loss", key if kind == SiteKind.OPTIMIZER else "0"),),
    )
