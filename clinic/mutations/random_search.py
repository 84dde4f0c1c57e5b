"""The control: changes drawn from all remedies, doses drawn as well, the best by the program's own metric.

An independent study found published repair tools no better than such a search (Kim et al. 2023).
"""

import math
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from descend.doctor.execution.forking import fork_server
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Record
from descend.doctor.remedies import REMEDIES, NotApplicable, apply_remedy
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script
from mutations.judged import Values
from mutations.sample import Subject, as_shown, order

TRIALS = 8
DRAWS = 40  # of each trial, until a remedy applies
Draw = Callable[[random.Random], Any]


def _between(low: float, high: float) -> Draw:
    """Log-uniform."""
    return lambda generator: math.exp(generator.uniform(math.log(low), math.log(high)))


def _one_of(*values: Any) -> Draw:
    return lambda generator: generator.choice(values)


DOSES: dict[str, dict[str, Draw]] = {
    "adaptive_rule": {"lr": _between(1e-4, 1.0)},
    "another_start": {"draw": _one_of(1, 2, 3)},
    "away_from_zero": {"eps": _between(1e-12, 1e-4)},
    "batch_size": {"batch_size": _one_of(8, 16, 32, 64, 128, 256)},
    "clip_gradients": {"max_norm": _between(0.1, 100.0)},
    "clip_threshold": {"max_norm": _between(0.1, 100.0)},
    "dropout_rate": {"p": lambda generator: generator.uniform(0.0, 0.7)},
    "hidden_activation": {"activation": _one_of("relu", "leaky_relu", "tanh")},
    "initialise_in_place": {"activation": _one_of("relu", "tanh", "linear")},
    "initialise_recurrent": {"length": _one_of(10, 30, 100)},
    "insert_normalisation": {"kind": _one_of("batch", "layer")},
    "learning_rate": {"lr": _between(1e-4, 1.0)},
    "linear_schedule": {"start": _one_of(0.01, 1.0), "end": _one_of(0.0, 1.0), "steps": _one_of(30, 100, 300)},
    "loss_reduction": {"reduction": _one_of("mean", "sum")},
    "match_shapes": {"operand": _one_of("left", "right")},
    "matching_loss": {"loss": _one_of("cross_entropy", "binary_cross_entropy_with_logits", "mse_loss")},
    "one_rate": {"lr": _between(1e-4, 1.0)},
    "output_activation": {"activation": _one_of("sigmoid", "softmax", "tanh", "relu")},
    "reinitialise": {"activation": _one_of("relu", "tanh", "linear")},
    "softmax_dimension": {"site": _one_of(("lone_entry", "0")), "dim": _one_of(0, 1, -1)},
    "statistics_momentum": {"momentum": _between(0.001, 1.0)},
    "training_length": {"times": _one_of(2, 4)},
    "weigh_term": {"divisor": _between(1.0, 1000.0)},
}
ARGUMENTS: dict[str, tuple[float, Draw]] = {  # of optimizers: their default, and what is drawn
    "momentum": (0.0, _one_of(0.0, 0.5, 0.9)),
    "weight_decay": (0.0, _one_of(0.0, 1e-4, 1e-2)),
    "eps": (1e-8, _between(1e-10, 1e-2)),
}
FACTS_ALONE = {
    "make_layers_once",
    "rename_weights",
    "transpose",
    "use_autograd",
    "widen",
}  # whose doses name their place
OF_GROUPS = {"asynchronous_steps", "backup_workers", "local_steps", "speed_shares"}


def searched(subject: Subject, values: Values) -> dict[str, Any]:
    """Return what was tried, what was the best on the program's own seed, and how much it gives back on others."""
    generator = random.Random(order(subject.id))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"{subject.mutants[0].host.name}.py")
        path.write_text(as_shown(subject.text))
        script, plan = Script(path, Path(folder)), Plan()
        with fork_server(script) as server:
            baseline = run(script, plan, new_record(script, plan), server=server)
        changed = [change for _ in range(TRIALS) if (change := _changed(script, baseline, generator)) is not None]
        texts = [(name, edited.read(path)) for name, edited in changed]
    metric, host = subject.metric, values.value(subject.host_text, 0, subject.metric, subject.mutants[0].host.name)
    assert host is not None
    best: tuple[float, str, str] = (math.inf, "", "")
    for name, text in texts:
        value = values.value(text, 0, metric, f"{subject.id} {name}")
        if value is not None:
            best = min(best, (metric.lost(host, value), name, text))
    row: dict[str, Any] = {"tried": [name for name, _ in texts], "best": best[1]}
    return {**row, "given_back": values.given_back(subject, best[2])} if best[1] else row


def _changed(script: Script, baseline: Record, generator: random.Random) -> tuple[str, Script] | None:
    names = sorted(set(REMEDIES) - FACTS_ALONE - OF_GROUPS)
    for _ in range(DRAWS):
        name = generator.choice(names)
        dose: dict[str, Any] = {"optimizer": "0", **{k: draw(generator) for k, draw in DOSES.get(name, {}).items()}}
        if name == "optimizer_argument":
            argument = generator.choice(sorted(ARGUMENTS))
            default, draw = ARGUMENTS[argument]
            dose |= {"argument": argument, "default": default, "value": draw(generator)}
        try:
            return name, apply_remedy(REMEDIES[name], script, baseline, dose)
        except (KeyError, TypeError, NotApplicable):  # the dose lacks values that only the problem's finding has
            continue
    return None
