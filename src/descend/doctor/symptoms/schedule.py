"""Schedule: the learning rate is tiny for much of the training, since it decays too early, or is multiplied twice.

From step t on, SGD can move the weights by at most the sum of lr·‖g‖ over the remaining steps. With lr·γᵗ, this sum is
at most lr/(1 − γ) times the largest gradient norm, however long the run is. Convergence in spite of noise needs Σ lr =
∞ and Σ lr² < ∞ over all steps (Robbins & Monro 1951).
"""

from math import log

from descend.core.bound import Bound
from descend.doctor.assess.effective_rate import find_squared_rate
from descend.doctor.assess.progress_messages import loss_left_message
from descend.doctor.assess.stability import learning_rate_of
from descend.doctor.assess.summary import LEFT_TO_LEARN, LITTLE_LEARNED, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.assess.training_time import log_loss_fall_rate, training_time
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import unit_rate
from descend.doctor.remedy_arguments.training_loop import only_optimizer
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Ba, CSC413 lecture 4, SGD Learning Rate: lowering it makes the loss drop, but slows down the rest of the run"
LAMBDA = "torch.optim.lr_scheduler.LambdaLR: the learning rate is the optimizer's lr times the value of the function"
TINY = Bound(
    0.02, "share of the largest learning rate", "chosen: such short steps have almost no effect in the remaining time"
)
MOST = Bound(
    0.4,
    "share of the run's steps",
    "chosen: in a schedule that fits the run, the learning rate is tiny only near the end",
)
LOST = Bound(
    4.0,
    "factor by which the loss would have fallen in the later steps at the earlier learning rate",
    "chosen: progress also slows down at a constant learning rate, so a smaller factor is no evidence",
)

PROBLEM = Problem(
    id="schedule",
    kind="dynamics",
    title="the learning-rate schedule is wrong",
    consequences=frozenset(
        {
            "vanishing_gradients",
            "correlated_inputs",
            "ill_conditioned_curvature",
            "slow_progress",
            "plateau",
            "stopped_too_early",
        }
    ),
    remedies=(
        RemedyEntry(
            "optimizer_argument",
            unit_rate,
            "set lr=1: the schedule's function returns learning rates, not factors",
            "the learning rate is then the value of the function",
            LAMBDA,
            cost=1,
        ),
        RemedyEntry(
            "step_per_epoch",
            only_optimizer,
            "call scheduler.step() once per epoch",
            "the scheduler's arguments are numbers of epochs",
            "torch.optim.lr_scheduler",
            cost=1,
        ),
        RemedyEntry(
            "constant_rate",
            only_optimizer,
            "remove the schedule",
            "the learning rate then stays constant",
            "Ba, CSC413 lecture 4, SGD Learning Rate",
            gives_up=True,
        ),
    ),
    example=CodeExample(
        faulty=(
            "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)  # epochs\n"
            "for epoch in range(epochs):\n"
            "    for inputs, targets in loader:\n"
            "        training_step(inputs, targets)\n"
            "        scheduler.step()"
        ),
        fixed=(
            "scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)\n"
            "for epoch in range(epochs):\n"
            "    for inputs, targets in loader:\n"
            "        training_step(inputs, targets)\n"
            "    scheduler.step()"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a learning rate below a fiftieth of its maximum for much of a run that learns little.

    A run that learns more is reported only if the decay of the learning rate ended a fall of the loss. A learning rate
    that is the square of the optimizer's setting is reported in any run.
    """
    if (key := find_squared_rate(record)) is not None:
        return _report_squared_rate(record, key)
    for key in record.places("learning_rate"):
        rates = record.series("learning_rate", key)
        largest = max(rates.max, learning_rate_of(record.fact(facts.Optimizer, key)))
        if record.steps < 2 or not summary.cost_left > LEFT_TO_LEARN:
            continue
        low = [step for step in range(record.steps) if rates.at(step) < TINY * largest]
        if len(low) < MOST * record.steps or not largest > 0:
            continue
        at = low[0]
        ends_a_fall = _did_decay_end_progress(record, key, at)
        if not summary.cost_left > LITTLE_LEARNED and not ends_a_fall:
            continue
        schedulers = record.every(facts.Scheduler).values()
        calls = sum(scheduler.steps for scheduler in schedulers)
        what = "stays" if len(low) == record.steps else f"is, from step {at} on,"
        sentence = (
            f"the learning rate {what} below {TINY:.0%} of {largest:.3g}, in {len(low)} of {record.steps} steps; "
            f"{loss_left_message(summary)}; {f'the loss was still falling at step {at}; ' if ends_a_fall else ''}"
        )
        sentence += f"scheduler.step() was called {calls} times" if schedulers else "no torch scheduler sets it"
        return Detection(
            certain=False,
            likely=True,
            sentence=sentence,
            quantity="learning rate / its largest",
            value=rates.last / largest if largest else 0.0,
            bound=TINY,
            source=SOURCE,
            where=record.site(SiteKind.SCHEDULER_STEP)
            or record.site(SiteKind.SCHEDULER)
            or record.site(SiteKind.OPTIMIZER, key),
            optimizer=key,
            evidence=(("loss", key), ("learning_rate", key)),
        )
    return None


def _report_squared_rate(record: Record, key: str) -> Detection:
    """Report a schedule whose function returns learning rates although the optimizer has a learning rate, too."""
    lr, largest = learning_rate_of(record.fact(facts.Optimizer, key)), record.series("learning_rate", key).max
    return Detection(
        certain=True,
        sentence=f"the largest learning rate of the run is {largest:.3g}, the square of the optimizer's lr={lr:g}: the "
        "function of the schedule returns learning rates, but its values are multiplied by lr",
        quantity="largest learning rate / lr²",
        value=largest / lr**2,
        bound=1.0,
        source=LAMBDA,
        where=record.site(SiteKind.SCHEDULER) or record.site(SiteKind.OPTIMIZER, key),
        optimizer=key,
        evidence=(("loss", key), ("learning_rate", key)),
    )


def _did_decay_end_progress(record: Record, key: str, at: int) -> bool:
    """Return whether the loss fell until the learning rate was lowered at step `at`, and cannot fall so far after it.

    The fall of log(loss) per unit of training time before that step predicts by how much the later steps would have
    lowered the loss at the earlier learning rate, and by how much they can at their own.
    """
    rest, progress = record.steps - at, log_loss_fall_rate(record, key, at)
    at_earlier_rate = rest * training_time(record, key, at - 1, at)
    return progress * at_earlier_rate > log(LOST) > progress * training_time(record, key, at, record.steps)
