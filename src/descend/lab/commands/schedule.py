"""`descend lab schedule "Cosine(total_steps=1000).after_warmup(50)"`: the learning rate over the steps."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.core.errors import TOO_DEEP, UsageError
from descend.doctor.commands.options import number
from descend.doctor.commands.terminal import console

if TYPE_CHECKING:
    from descend.schedules import Schedule

TONES = ("cause", "cure", "ink", "third")  # one colour for each schedule
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 1.0)  # shares of the total number of steps at which learning rates are printed
MOST_STEPS = 1_000_000


def schedule(
    expressions: Annotated[
        list[str],
        typer.Argument(
            metavar="SCHEDULE...", help='Up to four Python expressions such as "WarmRestarts(period=100, growth=2)".'
        ),
    ],
    lr: Annotated[
        float, number("--lr", 1e-12, 1e12, kind=float, help="The learning rate that the schedule multiplies.")
    ] = 1.0,
    steps: Annotated[
        int | None,
        number("--steps", 2, MOST_STEPS, help="The number of steps to draw. Default: as many as the schedules need."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("schedule.html"),
) -> None:
    """Draw learning-rate schedules into an HTML file, and print some of their values.

    Schedules: Constant, InversePower, InverseTime, Step, Exponential, Linear, Cosine, Noam, Triangular, CosineCycle,
    WarmRestarts, Warmup. Each may be followed by .after_warmup(steps), .then(other, after) and .rewarmed(at, steps).
    """
    from rich.table import Table

    from descend.lab.pages.page import write_figures_page

    if len(expressions) > len(TONES):
        raise UsageError(f"at most {len(TONES)} schedules fit into one picture, not {len(expressions)}")
    schedules = [_read_schedule(text) for text in expressions]
    count = steps or min(max(map(_steps_to_draw, schedules)), MOST_STEPS)
    table = Table("step", box=None)
    for text in expressions:
        table.add_column(text, overflow="fold")
    for step in dict.fromkeys(round(share * (count - 1)) for share in SHARES):
        table.add_row(str(step), *(f"{lr * made(step):.4g}" for made in schedules))
    figure = _learning_rate_figure(dict(zip(expressions, schedules)), lr, count)
    standfirst = f"The learning rate over {count} steps, with a base learning rate of {lr:g}."
    write_figures_page("Schedules", standfirst, "descend lab schedule", [figure], out)
    console().print(table)
    typer.echo(out)


def _learning_rate_figure(schedules: "dict[str, Schedule]", lr: float, count: int) -> Any:
    """Return a figure of the learning rate over the steps, with a curve for each schedule."""
    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line

    steps = tuple(range(count))
    curves = {name: Series(steps, tuple(lr * made(t) for t in steps)) for name, made in schedules.items()}
    tones = dict(zip(curves, TONES))
    traces = tuple(line(curve, tones[name], name) for name, curve in curves.items())
    keys = tuple(Key(name, tones[name]) for name in curves)
    panel = Panel("Learning rate", traces, keys, y={"rangemode": "tozero"}, height=320)
    return Figure((panel,), "The learning rate in each step. Steps are counted from 0.")


def _read_schedule(text: str) -> "Schedule":
    """Return the schedule that a Python expression creates. Raise `UsageError` if its value is not a schedule."""
    from descend import schedules

    known = {name: value for name, value in vars(schedules).items() if _is_schedule(value)}
    try:
        # The user typed this expression, so evaluating it is as safe as running the user's script.
        made = eval(text, {"__builtins__": {}}, known)
    except NameError as error:
        raise UsageError(f"no schedule is called {error.name}; the schedules are: {', '.join(sorted(known))}") from None
    except (SyntaxError, *TOO_DEEP):
        raise UsageError(f"{text!r} is not a Python expression such as Cosine(total_steps=1000)") from None
    except Exception as error:  # The user's expression can raise any exception.
        raise UsageError(str(error) or type(error).__name__) from None
    if not isinstance(made, schedules.Schedule):
        raise UsageError(f"{text} is not a schedule such as Cosine(total_steps=1000)")
    return made


def _is_schedule(value: Any) -> bool:
    """Return whether a value is one of the schedule classes."""
    from descend.schedules import Schedule

    return isinstance(value, type) and issubclass(value, Schedule) and value is not Schedule


def _steps_to_draw(made: "Schedule") -> int:
    """Return the number of steps after which a schedule has shown its whole shape, at most `MOST_STEPS`."""
    try:
        return _unlimited_steps_to_draw(made)
    except ArithmeticError:
        return MOST_STEPS


def _unlimited_steps_to_draw(made: "Schedule") -> int:
    """Return the number of steps after which a schedule has shown its whole shape; `ArithmeticError` on overflow."""
    from descend.schedules import WarmRestarts
    from descend.schedules.schedule import Rewarmed, Then

    match made:
        case Then(_, second, after):
            return after + _steps_to_draw(second)
        case Rewarmed(schedule, at, steps):
            return max(_steps_to_draw(schedule), at + 3 * steps)
        case WarmRestarts(period, growth):
            return period * sum(growth**k for k in range(4)) + 1
    given = vars(made)
    longest = {"total_steps": 1.1, "period": 4, "warmup_steps": 4, "steps": 2, "constant": 10}
    return max([int(share * given[name]) + 1 for name, share in longest.items() if name in given], default=1000)
