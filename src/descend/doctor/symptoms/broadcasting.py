"""Broadcasting: predictions of shape (N, 1) minus targets of shape (N,) compare every prediction with every target.

For predictions p of shape (N, 1) and targets y of shape (N,), p − y has the shape (N, N). The mean of (pᵢ − yⱼ)² over
all i and j is smallest if every prediction is the mean of the targets. So the gradient moves all predictions to one
constant, and the loss ends at the variance of the targets.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection, FatalDetection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.dimensions import target_operand
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "torch.broadcast_tensors: a dimension of size 1 is repeated, so each prediction is compared with every target"

PROBLEM = Problem(
    id="broadcasting",
    kind="wiring",
    title="predictions and targets are broadcast against each other",
    consequences=frozenset({"inputs_not_normalised", "output_loss_mismatch", "targets_not_scaled"}),
    remedies=(
        RemedyEntry(
            "match_shapes",
            target_operand,
            "give the targets the shape of the predictions",
            "each prediction is then compared with its own target",
            "torch.broadcast_tensors",
        ),
    ),
    example=CodeExample(
        faulty="loss = F.mse_loss(predictions, values)  # shapes (64, 1) and (64,)",
        fixed="loss = F.mse_loss(predictions.squeeze(1), values)  # shapes (64,) and (64,)",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report predictions and targets with the same number of elements that are broadcast to a larger shape."""
    connections = record.fact(facts.Connections)
    found = connections.broadcast if connections else None
    if found is None:
        return None
    targets = record.fact(facts.Targets)
    variance = float("nan") if targets is None or targets.constant_cost is None else targets.constant_cost
    floor = (
        f". Averaged over the data, the loss cannot fall below the targets' variance, {variance:.3g}"
        if variance == variance
        else ""
    )
    return FatalDetection(
        certain=True,
        sentence=f"predictions of shape {found.prediction} and targets of shape {found.target} broadcast to "
        f"{found.result}, so each prediction is compared with every target{floor}",
        quantity="loss_floor",
        value=record.series("loss", "0").last,
        bound=variance if variance == variance else 0.0,
        source=SOURCE,
        where=record.site(SiteKind.DIFFERENCE) or record.site(SiteKind.LOSS),
    )
