"""The names of choices and the values of their settings, as text for all formats of `descend compare`."""

from collections.abc import Mapping

from descend.doctor.compare.choice import Values
from descend.doctor.compare.own_optimizer import own_optimizer
from descend.doctor.compare.result import CompareResult, RankedChoice
from descend.doctor.record import facts
from descend.doctor.report.change_verdict import LONGEST_LABEL
from descend.doctor.report.formatting import one_line


def choice_name(choice: RankedChoice) -> str:
    """Return a choice with its best values, such as `AdamW (lr 0.003)`."""
    label, values = one_line(choice.label, LONGEST_LABEL), values_text(best_values(choice))
    return f"{label} ({values})" if values else label


def current_name(best: RankedChoice, result: CompareResult) -> str:
    """Return the current optimizer with its values, such as `SGD (lr 0.5)`, or `the current setting`.

    It is the latter if the best choice has the same optimizer, or if the values are unknown.
    """
    own, values = own_optimizer(result.baseline), values_text(current_values(result))
    is_same = best.label.startswith(own.label)
    return one_line(f"{own.rule} ({values})") if own.rule and values and not is_same else "the current setting"


def changed_values(choice: RankedChoice, result: CompareResult) -> str:
    """Return how a choice changes the settings of the current optimizer, such as `lr from 0.5 to 0.03`.

    It is "" if the choice changes anything else, or if a current value is unknown.
    """
    current, best = current_values(result), best_values(choice)
    is_named = ", " in choice.label  # The label has further values, which are not searched.
    if is_named or not choice.tuned.choice.keeps_optimizer or not set(best) <= set(current):
        return ""
    changes = (f"{name} from {value_text(current[name])} to {value_text(value)}" for name, value in best.items())
    return one_line(" and ".join(changes))


def best_values(choice: RankedChoice) -> Values:
    """Return the best values of the searched settings of a choice; no values if nothing was searched or found."""
    return choice.tuned.best.values if choice.tuned.best is not None else {}


def values_text(values: Values) -> str:
    """Return the values of settings as text, such as `lr 0.003, momentum 0.9`."""
    return one_line(", ".join(f"{name} {value_text(value)}" for name, value in values.items()))


def value_text(value: float) -> str:
    """Return the value of a setting as a user types it, such as `0.003` or `3e-05`."""
    return f"{value:.3g}" if abs(value) < 1000 or value != round(value) else f"{value:.0f}"


def current_values(result: CompareResult) -> Mapping[str, float]:
    """Return the values of the current setting by the names that searched settings have, as far as they are known."""
    optimizer = result.baseline.fact(facts.Optimizer, own_optimizer(result.baseline).key)
    names = {dimension.name for row in result.ranked for dimension in row.tuned.choice.dimensions}
    found = {name: getattr(optimizer, name.rpartition(".")[2], None) for name in sorted(names)}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}
