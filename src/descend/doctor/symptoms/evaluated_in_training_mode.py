"""Evaluated in training mode: dropout and batch statistics are active while the script evaluates its network.

In training mode, dropout removes each unit with a probability p, and batch normalisation uses the mean and the variance
of the evaluated batch. So the metric is random, depends on the other examples in the batch, and is usually worse than
that of the network in use. The running statistics also change with the evaluation data.
"""

from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = (
    "torch.nn.Module.eval; Srivastava et al. 2014, §2: at test time all units are present and their weights are scaled"
)

PROBLEM = Problem(
    id="evaluated_in_training_mode",
    kind="wiring",
    title="the network is evaluated in training mode",
    consequences=frozenset({"overfitting"}),
    remedies=(
        RemedyEntry(
            "evaluation_mode",
            only_optimizer,
            "call eval() before evaluation",
            "the metric is then measured on the network as it will be used",
            "torch.nn.Module.eval",
            judged_on="metric",
        ),
    ),
    flatters=True,
    example=CodeExample(
        faulty="with torch.no_grad():\n    accuracy = (model(inputs).argmax(1) == targets).float().mean()",
        fixed=(
            "model.eval()\n"
            "with torch.no_grad():\n"
            "    accuracy = (model(inputs).argmax(1) == targets).float().mean()\n"
            "model.train()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report evaluation passes in which dropout or batch statistics are active, in a script that logs a metric."""
    seen = record.every(facts.TrainingMode)
    if not seen or summary.metric is None:
        return None
    place, first = next(iter(seen.items()))
    if first.function == "batch_norm":
        what = "batch normalisation uses the statistics of the evaluated batch and updates the running statistics"
    else:
        what = f"{first.function} drops units, as it does in training"
    why = (
        ", because the functional form is called without the argument `training`"
        if first.by_itself
        else ", because eval() was not called"
    )
    where = "in a forward pass without a backward pass" if first.with_gradients else "in a pass without gradients"
    return Detection(
        certain=False,
        sentence=f"{where}, {what}{why}",
        quantity="places in the source that evaluate in training mode",
        value=float(len(seen)),
        bound=0.0,
        source=SOURCE,
        where=record.site(SiteKind.DRAWN if first.by_itself else SiteKind.EVALUATED, place),
    )
