"""Warm start at a wrong learning rate: the first steps destroy what the weights had already learned.

Trained weights are near a minimum, so only short steps improve them. A learning rate for random weights gives steps as
long as the differences that training has made. Then the loss rises to that of random weights. A new output layer with
random weights makes the first gradients large, too.
"""

from descend.core.bound import Bound
from descend.doctor.assess.noise import RISEN, running_median
from descend.doctor.assess.summary import LEFT_TO_LEARN, RunSummary
from descend.doctor.assess.symptom import Detection
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedy_arguments.learning_rates import (
    rate_at_first_curvature,
    rate_at_largest_curvature,
    tenth_rate,
)
from descend.doctor.remedy_arguments.schedules import warm_up
from descend.doctor.symptoms import phrases
from descend.doctor.symptoms.problem import CodeExample, Problem, RemedyEntry

SOURCE = "Howard & Ruder 2018, §3.2: without a smaller rate and warm-up, fine-tuning forgets what was learned"
TRAINED = Bound(
    0.5,
    "share of the initial loss of the first stage",
    "chosen: weights that start with a lower loss have already been trained",
)
LOST = Bound(
    2.0,
    "multiple of the initial loss of the first stage",
    "chosen: a network with a higher loss has lost what it had learned",
)

PROBLEM = Problem(
    id="warm_start",
    kind="dynamics",
    title="the learning rate is too high for trained weights",
    consequences=frozenset({"instability", "cliff", "dead_units"}),
    remedies=(
        RemedyEntry(
            "learning_rate",
            rate_at_first_curvature,
            phrases.NEW_LEARNING_RATE,
            "short steps preserve what the weights have learned",
            "Howard & Ruder 2018, §3.2",
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            rate_at_largest_curvature,
            phrases.NEW_LEARNING_RATE,
            phrases.STABLE_STEPS,
            phrases.STABILITY_SOURCE,
            cost=1,
        ),
        RemedyEntry(
            "learning_rate",
            tenth_rate,
            phrases.NEW_LEARNING_RATE,
            "short steps preserve what the weights have learned",
            "Howard & Ruder 2018, §3.2",
            cost=1,
        ),
        RemedyEntry(
            "linear_schedule",
            warm_up,
            phrases.WARM_UP_LEARNING_RATE,
            "the optimizer's averages adapt to the new data before the steps become long",
            "Howard & Ruder 2018, §3.2",
            decides=False,
        ),
    ),
    example=CodeExample(
        faulty=(
            'model.load_state_dict(torch.load("pretrained.pt"))\n'
            "optimizer = torch.optim.SGD(model.parameters(), lr=1.0)  # for random weights"
        ),
        fixed=(
            'model.load_state_dict(torch.load("pretrained.pt"))\n'
            "optimizer = torch.optim.SGD(model.parameters(), lr=0.01)"
        ),
    ),
)


def detect(record: Record, summary: RunSummary) -> Detection | None:
    """Report a loss that starts low and then rises, in a later stage of the training or after weights were loaded.

    The finding is certain if the loss rises above that of untrained weights.
    """
    stage = record.fact(facts.Stage)
    first = stage.first_loss if stage else record.series("loss", "0").first
    for key in _optimizers_of_later_stages(record):
        losses = record.series("loss", key)
        rise = summary.first_rise(key)
        if not len(losses) or not losses.first < TRAINED * first or rise is None or rise > len(losses) // 2:
            continue
        peak = running_median(losses).max
        is_lost = peak > LOST * first
        return Detection(
            certain=is_lost,
            likely=True,
            sentence=f"a later stage starts at a loss of {losses.first:.3g}, while the first stage began at "
            f"{first:.3g}, and then rises to {peak:.3g}{', above the loss of untrained weights' if is_lost else ''}: "
            "its learning rate is too high for weights that are already trained",
            quantity="largest loss / first",
            value=peak / losses.first if losses.first else float("inf"),
            bound=RISEN,
            source=SOURCE,
            where=record.site(SiteKind.OPTIMIZER, key),
            optimizer=key,
            evidence=(("loss", "0"), ("loss", key), ("learning_rate", key)),
        )
    return _report_forgotten_loaded_weights(record, summary)


def _report_forgotten_loaded_weights(record: Record, summary: RunSummary) -> Detection | None:
    """Report loaded weights if the loss is low at the first step and rises to a high value soon afterwards."""
    loaded, constant, losses = record.fact(facts.LoadedWeights), summary.constant_cost, record.series("loss", "0")
    if loaded is None or constant is None or 2 * loaded.tensors < loaded.of:
        return None
    rise, peak = summary.first_rise("0"), running_median(losses).max
    if rise is None or rise > len(losses) // 2 or not losses.first < TRAINED * constant:
        return None
    if not peak > LEFT_TO_LEARN * constant or not summary.cost_left > LEFT_TO_LEARN:
        return None
    return Detection(
        certain=False,
        likely=True,
        sentence=f"load_state_dict gave the network {loaded.tensors} of its {loaded.of} tensors, and the first loss is "
        f"{losses.first:.3g}, while the best constant prediction costs {constant:.3g}. Then the loss rises to "
        f"{peak:.3g}: the learning rate is too high for weights that are already trained",
        quantity="largest loss / first",
        value=peak / losses.first if losses.first else float("inf"),
        bound=RISEN,
        source=SOURCE,
        where=record.site(SiteKind.OPTIMIZER, "0"),
        evidence=(("loss", "0"), ("learning_rate", "0")),
    )


def _optimizers_of_later_stages(record: Record) -> list[str]:
    """Return the keys of the optimizers that belong to later stages of the training."""
    stage = record.fact(facts.Stage)
    if stage:
        return ["0"] if stage.number > 1 else []
    made = {key: record.history(facts.Optimizer, key) for key in list(record.every(facts.Optimizer))[1:]}
    # Optimizers that are created together, as for a GAN, belong to the same stage.
    return [key for key, begins in made.items() if begins and begins[0].step > 0]
