"""The table of a comparison of choices: the texts of its rows, for the terminal, Markdown and the page."""

from dataclasses import dataclass
from math import isfinite

from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.result import CompareResult, RankedChoice
from descend.doctor.report.change_verdict import LONGEST_LABEL, mean_text, step_time_text
from descend.doctor.report.choice_verdict import (
    best_values,
    current_runs,
    current_values,
    ranked_choices,
    target_text,
    values_text,
)
from descend.doctor.report.formatting import duration, one_line, signed_change


@dataclass(frozen=True)
class ChoiceRow:
    """The texts of one row: a choice, or the current setting in the first row."""

    choice: str
    values: str
    metric: str
    difference: str  # of the cost to the current setting
    steps: str  # to the current setting's final value, as a multiple of its steps
    step_time: str
    rates: str  # the learning rates that work
    is_winner: bool = False

    @property
    def cells(self) -> tuple[str, ...]:
        """The texts in the order of the columns."""
        return (self.choice, self.values, self.metric, self.difference, self.steps, self.step_time, self.rates)


def choice_headings(result: CompareResult) -> tuple[str, ...]:
    """Return the headings of the columns."""
    metric = one_line(result.metric.name, LONGEST_LABEL) if result.metric else "metric"
    return ("choice", "values", metric, "difference", "steps needed", "time per step", "rates that work")


def choice_rows(result: CompareResult) -> list[ChoiceRow]:
    """Return the row of the current setting and one for each choice that was compared; no row without choices."""
    choices = ranked_choices(result)
    if not choices:
        return []
    # Times of runs that shared the machine are only compared with each other.
    is_timed = isfinite(result.step_s) and all(row.target and isfinite(row.target.step_s) for row in choices)
    own = current_runs(result)
    time = duration(result.step_s) if is_timed else step_time_text(own)
    first = ChoiceRow(CURRENT, values_text(current_values(result)), mean_text(own), "", "1", time, "")
    return [first, *(_choice_row(row, result, is_timed=is_timed) for row in choices)]


def _choice_row(row: RankedChoice, result: CompareResult, *, is_timed: bool) -> ChoiceRow:
    """Return the row of one choice. is_timed: whether its steps were timed while no other run was on the machine."""
    after = row.result.after if row.result is not None else ()
    working = row.working
    return ChoiceRow(
        one_line(row.label, LONGEST_LABEL),
        values_text(best_values(row)),
        mean_text(after),
        signed_change(row.result.difference) if row.result is not None else "",
        target_text(row.target).replace(" to ", "–") if row.target is not None else "",
        duration(row.target.step_s) if is_timed and row.target is not None else step_time_text(after),
        f"{working.low:.2g}–{working.high:.2g}" if working is not None else "",
        is_winner=result.winner is not None and row.label == result.winner.label,
    )


def columns_message(result: CompareResult) -> str:
    """Return what the columns of the table mean."""
    cost = one_line(result.metric.cost_name) if result.metric else "the cost"
    return (
        f"Difference: 95 % interval of the change of {cost}. Steps needed: to reach the final value of the current "
        "setting, as a multiple of its steps. Rates that work: learning rates whose cost in the search is close to the "
        "lowest one."
    )
