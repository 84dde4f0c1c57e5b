"""The table of a comparison of choices: the texts of its rows, for the terminal, Markdown and the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite

from descend.doctor.compare.choice import CURRENT
from descend.doctor.compare.result import CompareResult, CompareVerdict, RankedChoice
from descend.doctor.compare.targets import logging_steps
from descend.doctor.prove.judgement import ChangeVerdict
from descend.doctor.report.change_verdict import LONGEST_LABEL, step_time_text
from descend.doctor.report.choice_gain import target_text, value_mean_text
from descend.doctor.report.choice_values import best_values, current_values, values_text
from descend.doctor.report.choice_verdict import current_runs, ranked_choices
from descend.doctor.report.formatting import duration, number, one_line, signed_change


class Column(StrEnum):
    """A column of the table. Its value is its heading; that of the metric is the metric's name."""

    METRIC = "metric"
    CHANGE = "change of cost"
    STEPS = "steps needed"
    STEP_TIME = "time per step"
    RATES = "learning rates that work"


class Mark(StrEnum):
    """How a choice compares with the recommended one, as far as it is not clearly worse."""

    RECOMMENDED = "recommended"
    EQUIVALENT = "about as good"
    SIMILAR = "not clearly different"
    OTHER = ""


@dataclass(frozen=True)
class ChoiceRow:
    """The texts of one row: a choice, or the current setting in the first row."""

    choice: str
    values: str
    cells: Mapping[Column, str]  # "" if a value is unknown
    mark: Mark = Mark.OTHER

    @property
    def name(self) -> str:
        """The choice with its values."""
        return ", ".join(text for text in (self.choice, self.values) if text)


@dataclass(frozen=True)
class ChoiceTable:
    """The rows, and the columns that have a value for at least one choice."""

    rows: Sequence[ChoiceRow]
    columns: Sequence[Column]
    metric: str  # name of the metric
    meanings: Mapping[Column, str]  # what a column means, as a sentence

    def legend(self, shown: Sequence[Column]) -> str:
        """Return what some columns mean."""
        return " ".join(text for column, text in self.meanings.items() if column in shown)

    def heading(self, column: Column) -> str:
        """Return the heading of a column."""
        return self.metric if column is Column.METRIC else column


def choice_table(result: CompareResult) -> ChoiceTable | None:
    """Return the table with the current setting and each choice that was compared; None without such choices."""
    choices = ranked_choices(result)
    if not choices:
        return None
    # Times of runs that shared the machine are only compared with each other.
    is_timed = isfinite(result.step_s) and all(row.target and isfinite(row.target.step_s) for row in choices)
    marks = _marks(result)
    rows = [_choice_row(row, marks[row.label], is_timed=is_timed) for row in choices]
    columns = [column for column in Column if any(row.cells[column] for row in rows)]
    metric = one_line(result.metric.name, LONGEST_LABEL) if result.metric else Column.METRIC
    current = _current_row(result, marks[CURRENT], is_timed=is_timed)
    return ChoiceTable([current, *rows], columns, metric, _meanings(result))


def _marks(result: CompareResult) -> dict[str, Mark]:
    """Return how each choice and the current setting compare with the recommended one. No verdict gives no mark."""
    marks = dict.fromkeys((CURRENT, *(row.label for row in result.ranked)), Mark.OTHER)
    if result.winner is not None:
        marks |= dict.fromkeys(result.winner.ties, Mark.SIMILAR) | dict.fromkeys(
            result.winner.equivalent, Mark.EQUIVALENT
        )
        return marks | {result.winner.label: Mark.RECOMMENDED}
    if result.verdict == CompareVerdict.KEEP:
        of_verdict = {ChangeVerdict.EQUIVALENT: Mark.EQUIVALENT, ChangeVerdict.UNDECIDED: Mark.SIMILAR}
        compared = {row.label: row.result.verdict for row in result.ranked if row.result is not None}
        marks |= {label: of_verdict.get(verdict, Mark.OTHER) for label, verdict in compared.items()}
        return marks | {CURRENT: Mark.RECOMMENDED}
    return marks


def _current_row(result: CompareResult, mark: Mark, *, is_timed: bool) -> ChoiceRow:
    """Return the row of the current setting."""
    own = current_runs(result)
    cells = {
        **dict.fromkeys(Column, ""),
        Column.METRIC: value_mean_text(own),
        Column.STEPS: "1",
        Column.STEP_TIME: duration(result.step_s) if is_timed else step_time_text(own),
    }
    return ChoiceRow(CURRENT.removeprefix("the "), values_text(current_values(result)), cells, mark)


def _choice_row(row: RankedChoice, mark: Mark, *, is_timed: bool) -> ChoiceRow:
    """Return the row of one choice. is_timed: whether its steps were timed while no other run was on the machine."""
    after, working = row.result.after if row.result is not None else (), row.working
    steps = target_text(row.target).replace(" to ", "–") if row.target is not None else ""
    cells = {
        Column.METRIC: value_mean_text(after),
        Column.CHANGE: signed_change(row.result.difference) if row.result is not None else "",
        Column.STEPS: steps.replace("at least ", "≥ ").replace("about ", "≈ "),
        Column.STEP_TIME: duration(row.target.step_s) if is_timed and row.target else step_time_text(after),
        Column.RATES: f"{working.low:.2g}–{working.high:.2g}" if working is not None else "",
    }
    return ChoiceRow(one_line(row.label, LONGEST_LABEL), values_text(best_values(row)), cells, mark)


def _meanings(result: CompareResult) -> dict[Column, str]:
    """Return what the columns mean, as far as their headings do not say it."""
    cost = one_line(result.metric.cost_name) if result.metric else "the cost"
    every = logging_steps(current_runs(result))
    resolution = f" The metric is known every {number(every)} steps." if every > 1 else ""
    return {
        Column.CHANGE: f"Change of cost: {cost} against the current setting, 95 % interval.",
        Column.STEPS: "Steps needed: until the final value of the current setting, as a multiple of its steps."
        + resolution,
        Column.RATES: "Learning rates that work: their cost in the search is close to the lowest one.",
    }
