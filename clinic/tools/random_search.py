"""The floor: `python clinic/tools/random_search.py SCRIPT` prints no finding, and the best of eight random patches.

The search draws eight changes. Each multiplies the learning rates by a factor between 0.01 and 100, replaces the
optimizers by others with usual rates, or does both. It runs the script and each changed script under plain Python with
one seed. The patch is the best of them by the program's own metric, if that is better than the script's.

The exam shows a script without the sentence on its metric. So the search reads this sentence in the exam's program of
the same name. No other tool has this information. The number of trials and the drawing are those of
`mutations/random_search.py`. That search draws from descend's remedies instead.
"""

import ast
import difflib
import json
import math
import random
import sys
from pathlib import Path

CLINIC = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path[0] = str(CLINIC)

from mutations.metric import Metric, metric_of  # noqa: E402
from mutations.plain import printed  # noqa: E402
from mutations.script import OPTIMIZERS, Edit, Script, last_name  # noqa: E402

TRIALS = 8  # as in mutations/random_search.py, which needs all of descend to be imported
POWERS = (-2.0, 2.0)  # of ten, that the learning rate is multiplied by
RATES = {"SGD": 0.1, "Adam": 1e-3, "AdamW": 1e-3, "RMSprop": 1e-3}  # usual ones
DEFAULT_RATE = 1e-3  # of most optimizers in PyTorch
KINDS = ("rate", "optimizer", "both")
FOLDERS = ("contracts/hosts", "contracts/working", "hosts", "healthy")


def drawn(generator: random.Random, present: set[str]) -> tuple[float, str | None]:
    """Return a factor for the learning rate, and an optimizer that is not present; None leaves it as it is."""
    kind = generator.choice(KINDS)
    factor = 1.0 if kind == "optimizer" else 10 ** generator.uniform(*POWERS)
    return factor, None if kind == "rate" else generator.choice(sorted(set(RATES) - present or RATES))


def changed(script: Script, factor: float, optimizer: str | None) -> str:
    """Return a script with other learning rates, and with another optimizer if one is given."""
    calls = [call for call in script.calls(*OPTIMIZERS) if call.args or call.keywords]
    return script.mutated(*(_edit(script, call, factor, optimizer) for call in calls))


def _edit(script: Script, call: ast.Call, factor: float, optimizer: str | None) -> Edit:
    by_name = {each.arg: each.value for each in call.keywords}
    rate = by_name.get("lr", call.args[1] if len(call.args) > 1 else None)
    if optimizer is not None and optimizer != last_name(call.func):
        parameters = call.args[0] if call.args else by_name["params"]
        given = [script.code(parameters), f"lr={RATES[optimizer] * factor:.3g}"]
        if "weight_decay" in by_name:
            given.append(f"weight_decay={script.code(by_name['weight_decay'])}")
        return script.replaced(call, f"{_class(script, call, optimizer)}({', '.join(given)})")
    if rate is None:
        at = script.end(call) - 1
        separator = "" if script.code(call).rstrip(") \n").endswith(",") else ", "
        return Edit(at, at, f"{separator}lr={DEFAULT_RATE * factor:.3g}", frozenset())
    if isinstance(rate, ast.Constant) and isinstance(rate.value, int | float):
        return script.replaced(rate, f"{rate.value * factor:.3g}")
    return script.replaced(rate, f"({script.code(rate)}) * {factor:.3g}")


def _class(script: Script, call: ast.Call, optimizer: str) -> str:
    """Return how a script names another class of `torch.optim`."""
    if isinstance(call.func, ast.Attribute):
        return f"{script.code(call.func.value)}.{optimizer}"
    return f"__import__('torch').optim.{optimizer}"


def is_better(metric: Metric, value: float | None, than: float | None) -> bool:
    """Return whether a value of the metric is better than another; None and NaN are worse than any number."""
    if value is None or math.isnan(value):
        return False
    if than is None or math.isnan(than):
        return True
    return value > than if metric.is_better_higher else value < than


def metric_for(path: Path) -> Metric:
    """Return the metric of a script, from its docstring or from that of the exam's program of the same name."""
    for each in (path, *(CLINIC / folder / path.name for folder in FOLDERS)):
        if each.exists() and (metric := metric_of(each.read_text())) is not None:
            return metric
    raise SystemExit(f"no metric is known of {path.name}")


def difference(name: str, before: str, after: str) -> str:
    """Return a unified diff of a file."""
    return "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), name, name))


def searched(path: Path) -> str | None:
    """Return the patch of the best change of a script, or None if no change is better than no change."""
    text, metric = path.read_text(), metric_for(path)
    script, generator = Script(path), random.Random(text)
    present = {last_name(call.func) for call in script.calls(*OPTIMIZERS)}
    best, least = None, _value(text, metric, path.name)
    for _ in range(TRIALS):
        candidate = changed(script, *drawn(generator, present))
        value = _value(candidate, metric, path.name) if candidate != text else None
        print(f"{metric.name}: {value}", file=sys.stderr)
        if is_better(metric, value, least):
            best, least = candidate, value
    return None if best is None else difference(path.name, text, best)


def _value(text: str, metric: Metric, name: str) -> float | None:
    said = printed(text, 0, name)
    return None if said is None else metric.read(said)


def main() -> None:
    """Search and print the answer to the exam."""
    print(json.dumps({"findings": [], "patch": searched(Path(sys.argv[1]))}))


if __name__ == "__main__":
    main()
