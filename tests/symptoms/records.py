"""Handmade records of runs: a healthy run, and functions that change it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import exp
from typing import Any

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.record import Ending, Fact, Reading, Record, Site, facts

STEPS = 200
EVERY = 10  # steps between two measurements
WEIGHTS = ("0.weight", "2.weight", "4.weight")
LINES = {"loader": 3, "model": 5, "optimizer": 10, "model_call": 20, "loss": 22, "backward": 24, "step": 25}
UNKEYED = ("loss", "backward")
CLASSES = facts.Targets("int64", 256, min=0, max=9, classes_seen=10, entropy=2.3, unseen_entropy=2.3)
CLASS_LOSS = facts.LossInput(
    function="cross_entropy",
    task="classes",
    shape=(32, 10),
    target_shape=(32,),
    dtype="float32",
    min=-3.0,
    max=3.0,
    classes=10,
    spread=1.0,
    reduction="mean",
    by_hand=False,
    activation=None,
)
REAL_LOSS = replace(CLASS_LOSS, function="mse_loss", task="real", classes=1, shape=(32, 1))
INPUTS = facts.Inputs(
    features=4,
    examples=320,
    constant_features=0,
    mean=(0.0,) * 4,
    std=(1.0,) * 4,
    min=-3.0,
    max=3.0,
    largest_rms=1.0,
    finite=True,
    shape=(40, 4),
    first_layer="linear",
)
NORMAL = facts.Targets(
    "float32", 256, min=-3.0, max=3.0, mean=0.0, std=1.0, median=0.0, constant_cost=1.0, largest_rms=1.0, deviation=0.67
)
CONNECTED = facts.Connections(
    used=1000,
    held=1000,
    matrices=3,
    untrained=(),
    untrained_count=0,
    untrained_share_fresh=0.0,
    untrained_numel=0,
    output_untrained=False,
    frozen=(),
    frozen_count=0,
    frozen_share_fresh=0.0,
    frozen_numel=0,
    cut=(),
    cut_count=0,
    cut_share_fresh=0.0,
    cut_numel=0,
    cut_on_purpose=False,
    unregistered=0,
    slope=1.0,
    share=1.0,
    broadcast=None,
    linear_layers=0,
)
MONITOR = facts.Monitor(batches=4, draws=(), examples=256, distinct=256, digest="0" * 16, content="0" * 16)
SGD = facts.Optimizer("SGD", groups=1, parameters=1000, lr=0.1, momentum=0.0)
WIRED = facts.Wiring(
    gradients_cleared=True,
    gradients_wiped=False,
    unheld=(),
    unheld_count=0,
    unreached=(),
    evaluation_mode=(),
    with_gradient=6,
    held=6,
)


def healthy(**optimizer: Any) -> Record:
    """Return a run whose cost falls from 2.3 to almost 0 at a stable step length: α·λmax is 0.3."""
    record = Record()
    rule = replace(SGD, **optimizer)
    observe(record, rule, "0")
    for kind, line in LINES.items():
        add_site(record, kind, "" if kind in UNKEYED else "0", line)
    observe(record, CLASSES)
    observe(record, CLASS_LOSS)
    observe(record, CONNECTED)
    observe(record, INPUTS)
    for step in range(STEPS):
        record.add(Reading("loss", "0", step, 2.3 * exp(-step / 40)))
        record.add(Reading("learning_rate", "0", step, rule.lr))
    for step in range(6):
        observe(record, WIRED, "0", step)
    for step in range(0, STEPS, EVERY):
        observe(record, facts.Modes(evaluation=(), unfit=()), "", step)
        observe(record, facts.Batch(40, labels={str(label): 4 for label in range(10)}), "", step)
    cost = [2.3 * exp(-step / 40) for step in range(0, STEPS, EVERY)]
    probe(record, "monitored_loss", "", cost)
    probe(record, "metric", "negative_log_likelihood", cost)
    probe(record, "gradient_norm", "", [value / 2.3 for value in cost])
    for i, place in enumerate(WEIGHTS):
        probe(record, "gradient_norm", place, 0.5 + i / 10)
        probe(record, "update_ratio", place, 3e-3)
        probe(record, "duplicate_share", place, 0.0)
    for place in ("1", "3"):
        probe(record, "activation_scale", place, 0.5)
        probe(record, "dead_share", place, 0.2)
        observe(record, facts.Activation("relu", 32, "", 0), place)
    for name in ("curvature", "curvature_standardised"):
        probe(record, name, "0", 3.0)
    for suffix in ("", "_standardised"):
        probe(record, f"input_condition_number{suffix}", "", [20.0])
    record.add(Ending("finished", 0, STEPS, 3.0, 1.0, 0.2))
    return record


def add_site(record: Record, kind: str, key: str, line: int, detail: str = "") -> None:
    """Add the line at which an object is created or called."""
    record.add(Site(kind, key, "/home/user/train.py", line, 12, line, 60, kind, detail=detail))


def observe(record: Record, said: Any, place: str = "", step: int = 0) -> None:
    """Add one fact, whose type is a class of `facts`."""
    record.add(Fact.of(said, step, place))


def change(record: Record, kind: type, place: str = "", **fields: Any) -> None:
    """Change fields of all facts of one type."""
    key = (facts.name_of(kind), place)
    seen = record.history(kind, place)
    record.facts[key] = [Fact.of(replace(each.fact, **fields), each.step, place) for each in seen]


def change_one(record: Record, kind: type, which: int, place: str = "", **fields: Any) -> None:
    """Change fields of the fact with this index among those of its type; -1 is the last one."""
    seen = record.history(kind, place)[which]
    record.facts[facts.name_of(kind), place][which] = Fact.of(replace(seen.fact, **fields), seen.step, place)


def keep_first(record: Record, kind: type, count: int, place: str = "") -> None:
    """Keep only the first facts of a type."""
    del record.facts[facts.name_of(kind), place][count:]


def probe(record: Record, name: str, place: str, values: Sequence[float] | float) -> None:
    """Replace a series by one value for each measurement; a single number is repeated."""
    several = [values] * (STEPS // EVERY) if isinstance(values, int | float) else list(values)
    record.readings[name, place] = ([EVERY * i for i in range(len(several))], several)


def set_series(record: Record, name: str, place: str, values: Sequence[float] | float) -> None:
    """Replace the values of a series and keep its steps; a single number is repeated."""
    steps, _ = record.readings[name, place]
    new = [values] * len(steps) if isinstance(values, int | float) else list(values)
    record.readings[name, place] = (steps[: len(new)], new)


def forget(record: Record, what: type | str) -> None:
    """Remove all facts of a type, or all series of a name."""
    known: dict[tuple[str, str], Any] = record.readings if isinstance(what, str) else record.facts
    name = what if isinstance(what, str) else facts.name_of(what)
    for key in [key for key in known if key[0] == name]:
        del known[key]


def set_cost(record: Record, share: Callable[[float], float]) -> None:
    """Set the cost during the run: `share(t)` of a constant prediction's cost, with t from 0 to 1."""
    reference = constant_cost(record) or 2.3
    for name, place in (("loss", "0"), ("monitored_loss", ""), ("metric", record.places("metric")[0])):
        steps, _ = record.readings[name, place]
        set_series(record, name, place, [reference * share(step / steps[-1]) for step in steps])


def falling_to(left: float) -> Callable[[float], float]:
    """Return a cost that starts at a constant prediction's and falls by the same factor in each step."""
    return lambda t: left**t


def settling_at(left: float) -> Callable[[float], float]:
    """Return a cost that falls only in the first quarter of the run."""
    return lambda t: max(left, 1 - 4 * (1 - left) * t)


def rising(t: float) -> float:
    """Return a cost that rises to three times its initial value."""
    return 1 + 2 * t


def stuck(record: Record) -> None:
    """Keep the cost at that of a constant prediction."""
    set_cost(record, lambda t: 1.0)


def exploding(record: Record, since: int = 0) -> None:
    """Let the cost rise to infinity from this step on."""
    set_series(record, "loss", "0", [2.3 * 1.3 ** max(0, i - since) for i in range(STEPS - 1)] + [float("nan")])
    set_series(record, "metric", record.places("metric")[0], float("nan"))


def real(record: Record, **targets: Any) -> None:
    """Change the record to that of a regression."""
    record.readings["metric", "squared_error"] = record.readings.pop(("metric", "negative_log_likelihood"))
    seen = replace(NORMAL, **targets)
    seen = replace(seen, constant_cost=seen.std**2, largest_rms=(seen.mean**2 + seen.std**2) ** 0.5)
    for fact in (seen, REAL_LOSS):
        forget(record, type(fact))
        observe(record, fact)


def second_optimizer(record: Record, losses: Iterable[float], made_at: int = 0, **rule: Any) -> None:
    """Add a second optimizer with its own losses and steps. made_at: step of the first one at which it is created."""
    observe(record, replace(SGD, **rule), "1", made_at)
    add_site(record, "optimizer", "1", 30)
    for step, loss in enumerate(losses):
        record.add(Reading("loss", "1", step, loss))
        record.add(Reading("learning_rate", "1", step, 0.1))
