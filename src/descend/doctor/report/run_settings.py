"""What was trained, and how: optimizer, learning rate, batch size, parameters, and steps, for the top of a report."""

from math import isfinite

from descend.doctor.assess.batches import mean_batch_size
from descend.doctor.record import Record, facts
from descend.doctor.report.formatting import count, number, one_line
from descend.doctor.report.partial_runs import observed_steps_message

MOST_OPTIMIZERS = 3  # largest number of optimizers that are named
LONGEST_NAME = 40  # maximum number of characters of an optimizer's class name


def run_settings(record: Record) -> list[tuple[str, str]]:
    """Return the names and values of a run's main settings; settings that are not known are left out."""
    optimizers = list(record.every(facts.Optimizer).items())
    first_optimizers = optimizers[:MOST_OPTIMIZERS]
    left_count = len(optimizers) - len(first_optimizers)
    more = [f"and {number(left_count)} more"] if left_count else []
    rates = [rate for key, optimizer in first_optimizers if (rate := _learning_rate(record, key, optimizer))]
    batch = mean_batch_size(record)
    parameters = [number(optimizer.parameters) for _, optimizer in first_optimizers if optimizer.parameters]
    pairs = [
        ("optimizer", "; ".join([*(_optimizer_name(optimizer) for _, optimizer in first_optimizers), *more])),
        ("learning rate", "; ".join(rates)),
        ("batch size", count(round(batch), "example") if batch else ""),
        ("parameters", "; ".join(parameters)),
        ("steps", observed_steps_message(record).removesuffix(" steps") if record.steps else ""),
    ]
    return [(name, value) for name, value in pairs if value]


def _optimizer_name(optimizer: facts.Optimizer) -> str:
    """Return the class of an optimizer, with its momentum and weight decay if it has any."""
    if optimizer.by_hand:
        return "updates without an optimizer"
    extra = {"momentum": optimizer.momentum, "weight decay": optimizer.weight_decay}
    extra_texts = [f"{name} {number(value)}" for name, value in extra.items() if value]
    return ", ".join([one_line(optimizer.rule, LONGEST_NAME), *extra_texts])


def _learning_rate(record: Record, key: str, optimizer: facts.Optimizer) -> str:
    """Return the learning rate of an optimizer; its first and last value if a schedule or the script changes it."""
    rates = record.series("learning_rate", key)
    if not len(rates):
        return number(optimizer.lr) if optimizer.lr is not None and isfinite(optimizer.lr) else ""
    if len(set(rates.values)) == 1:
        groups = sorted(set(optimizer.rates))
        return " and ".join(number(rate) for rate in groups) if len(groups) == 2 else number(rates.first)
    return f"{number(rates.first)} at first, {number(rates.last)} at the end"
