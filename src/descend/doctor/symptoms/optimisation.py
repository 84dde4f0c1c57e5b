"""Optimisation: the run fails and no specific problem explains it, so the optimizer's settings are the suspects.

The loss is high and no measurement shows why. Every optimizer determines the length, the direction and the number of
its steps. descend tries other learning rates and other optimizers on the same batches. If one of them helps,
optimisation is the cause; if none does, the cause is elsewhere.
"""

from descend.doctor.assess.logged_metric import HALVED, LITTLE, LoggedMetric
from descend.doctor.assess.summary import RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.layers import most_used_activation
from descend.doctor.remedy_arguments.learning_rates import scaled_rate
from descend.doctor.remedy_arguments.optimizer_settings import default_setting
from descend.doctor.remedy_arguments.other_optimizers import adam_arguments
from descend.doctor.remedy_arguments.sites import edit_of_site
from descend.doctor.remedy_arguments.training_loop import median_gradient_norm, only_optimizer
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Choi et al. 2019, §2: optimizers differ in their settings, so a comparison needs tuned settings"

PROBLEM = Problem(
    id="optimisation",
    kind="dynamics",
    title="the run fails, and no specific problem explains it",
    remedies=(
        *(
            RemedyEntry(
                "optimizer_argument",
                default_setting(number),
                "{argument} {old} → {value}, the default",
                "the optimizer then has its published default settings",
                phrases.TUNING_SOURCE,
                cost=1,
                judged_on="metric",
                much=True,
            )
            for number in range(phrases.OPTIMIZER_ARGUMENTS_TRIED)
        ),
        *(
            RemedyEntry(
                "skip_call",
                edit_of_site(facts.OfLoss, "skip", number),
                phrases.REMOVE_CALL,
                *phrases.UNSCALED_STEPS,
                cost=1,
                judged_on="metric",
                much=True,
            )
            for number in range(phrases.LOSS_FUNCTIONS_TRIED)
        ),
        *(
            RemedyEntry(
                "learning_rate",
                scaled_rate(factor),
                phrases.NEW_LEARNING_RATE,
                "the steps then have a different length",
                phrases.TUNING_SOURCE,
                cost=1,
                judged_on="metric",
                much=True,
            )
            for factor in phrases.LEARNING_RATE_FACTORS
        ),
        RemedyEntry(
            "adaptive_rule",
            adam_arguments,
            phrases.USE_ADAM,
            phrases.RESCALED_GRADIENTS,
            phrases.ADAM_SOURCE,
            cost=phrases.ADAM_COST,
            judged_on="metric",
            much=True,
        ),
        RemedyEntry(
            "constant_rate",
            only_optimizer,
            "remove the schedule",
            "the learning rate then stays constant",
            phrases.TUNING_SOURCE,
            judged_on="metric",
            much=True,
        ),
        RemedyEntry(
            "clip_gradients",
            median_gradient_norm,
            phrases.CLIP_GRADIENT_NORM,
            "no single step is then much longer than usual",
            phrases.TUNING_SOURCE,
            judged_on="metric",
            much=True,
        ),
        RemedyEntry(
            "reinitialise",
            most_used_activation,
            "initialise for {activation} (Kaiming or Xavier)",
            phrases.CONSTANT_SCALE,
            phrases.INITIALISATION_SOURCE,
            judged_on="metric",
            much=True,
        ),
    ),
    observes=True,
    example=CodeExample(
        faulty="optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.99, 0.9))",
        fixed="optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)  # default betas",
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a run that fails, or a run with poor logged metrics whose loss does not measure the task."""
    metrics = summary.metrics
    is_open = bool(metrics) and not summary.is_measured_by_loss and all(_can_improve_much(record, m) for m in metrics)
    if not is_open and not summary.fails():
        return None
    ends = [metric.last_value(record) for metric in metrics[:1]]
    outcome = f"ends with {metrics[0].name!r} at {ends[0]:.3g}" if ends else "does not learn its task"
    return Detection(
        certain=False,
        sentence=f"the run {outcome}, and no specific problem explains it: the optimizer's settings have not been "
        "ruled out",
        quantity="logged metric" if ends else "cost",
        value=ends[0] if ends else record.series("loss", "0").last,
        bound=metrics[0].untrained if metrics else 0.0,
        source=SOURCE,
        where=record.site(SiteKind.OPTIMIZER, "0"),
    )


def _can_improve_much(record: Record, metric: LoggedMetric) -> bool:
    """Return whether a logged metric can still improve much; a gain, such as a reward, has no limit and always can."""
    curve = metric.cost_series(record)
    if metric.kind == "gain":
        return True
    if metric.kind == "share":
        return curve.last > LITTLE * metric.whole
    first = max(curve.first, metric.cost(metric.untrained) if metric.untrained == metric.untrained else 0.0)
    return curve.last > HALVED * first
