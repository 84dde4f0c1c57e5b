"""`descend show schedule "Cosine(total_steps=1000).after_warmup(50)"`: what the learning rate will be."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from descend.doctor.commands.options import number
from descend.doctor.commands.terminal import console
from descend.ground.errors import TOO_DEEP, UsageError

if TYPE_CHECKING:
    from descend.schedules import Schedule

TONES = ("cause", "cure", "ink", "third")  # of one schedule after another
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 1.0)  # of the steps, where the console prints values
MOST_STEPS = 1_000_000


def schedule(
    expressions: Annotated[
        list[str],
        typer.Argument(
            metavar="SCHEDULE...", help='As in Python, such as "WarmRestarts(period=100, growth=2)"; up to four.'
        ),
    ],
    lr: Annotated[
        float, number("--lr", 1e-12, 1e12, kind=float, help="The learning rate that the schedule multiplies.")
    ] = 1.0,
    steps: Annotated[
        int | None, number("--steps", 2, MOST_STEPS, help="How many steps to draw. Default: as they need.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="The HTML file to write.")] = Path("schedule.html"),
) -> None:
    """Draw SCHEDULE over the steps, into an HTML file, and print some of its values.

    Schedules: Constant, InversePower, InverseTime, Step, Exponential, Linear, Cosine, Noam, Triangular, CosineCycle,
    WarmRestarts, Warmup. Each may be followed by .after_warmup(steps), .then(other, after) and .rewarmed(at, steps).
    """
    from rich.table import Table

    from descend.doctor.report.document import write_pictures

    if len(expressions) > len(TONES):
        raise UsageError(f"at most {len(TONES)} schedules fit into one picture, not {len(expressions)}")
    schedules = [_read(text) for text in expressions]
    count = steps or min(max(map(_length, schedules)), MOST_STEPS)
    table = Table("step", box=None)
    for text in expressions:
        table.add_column(text, overflow="fold")
    for step in dict.fromkeys(round(share * (count - 1)) for share in SHARES):
        table.add_row(str(step), *(f"{lr * made(step):.4g}" for made in schedules))
    figure = _figure(dict(zip(expressions, schedules)), lr, count)
    standfirst = f"What an optimizer's learning rate of {lr:g} becomes over {count} steps."
    write_pictures("Schedules", standfirst, "descend show schedule", [figure], out)
    console().print(table)
    typer.echo(out)


def _figure(schedules: "dict[str, Schedule]", lr: float, count: int) -> Any:
    from descend.doctor.record import Series
    from descend.doctor.report.figure import Figure, Key, Panel, line

    steps = tuple(range(count))
    curves = {name: Series(steps, tuple(lr * made(t) for t in steps)) for name, made in schedules.items()}
    tones = dict(zip(curves, TONES))
    traces = tuple(line(curve, tones[name], name) for name, curve in curves.items())
    keys = tuple(Key(name, tones[name]) for name in curves)
    panel = Panel("Learning rate", traces, keys, y={"rangemode": "tozero"}, height=320)
    return Figure((panel,), "The value at each step, counted from 0, before that step is taken.")


def _read(text: str) -> "Schedule":
    """Return the schedule that an expression makes. Raises `UsageError` for what makes none."""
    from descend import schedules

    known = {name: value for name, value in vars(schedules).items() if _is_schedule(value)}
    try:
        made = eval(text, {"__builtins__": {}}, known)  # the user's own words, in the user's own process
    except NameError as error:
        raise UsageError(f"no schedule is called {error.name}; there are: {', '.join(sorted(known))}") from None
    except (SyntaxError, *TOO_DEEP):
        raise UsageError(f"{text!r} is no expression; write it as in Python: Cosine(total_steps=1000)") from None
    except Exception as error:  # whatever the user's own words raise
        raise UsageError(str(error) or type(error).__name__) from None
    if not isinstance(made, schedules.Schedule):
        raise UsageError(f"{text} is no schedule; write it as in Python: Cosine(total_steps=1000)")
    return made


def _is_schedule(value: Any) -> bool:
    from descend.schedules import Schedule

    return isinstance(value, type) and issubclass(value, Schedule) and value is not Schedule


def _length(made: "Schedule") -> int:
    """Return how many steps show what a schedule does; as many as can be drawn where that is no number."""
    try:
        return _shown_steps(made)
    except ArithmeticError:
        return MOST_STEPS


def _shown_steps(made: "Schedule") -> int:
    from descend.schedules import WarmRestarts
    from descend.schedules.schedule import Rewarmed, Then

    match made:
        case Then(_, second, after):
            return after + _length(second)
        case Rewarmed(schedule, at, steps):
            return max(_length(schedule), at + 3 * steps)
        case WarmRestarts(period, growth):
            return period * sum(growth**k for k in range(4)) + 1
    given = vars(made)
    longest = {"total_steps": 1.1, "period": 4, "warmup_steps": 4, "steps": 2, "constant": 10}
    return max([int(share * given[name]) + 1 for name, share in longest.items() if name in given], default=1000)
