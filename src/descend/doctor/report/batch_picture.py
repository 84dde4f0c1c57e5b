"""Steps and time to the same loss against the size of the batch, with the knee and the machine's limit."""

from collections.abc import Callable, Sequence
from math import isfinite, sqrt
from statistics import fmean
from typing import TYPE_CHECKING

from descend.doctor.report.figure import Figure, Key, Panel, Trace, level, log_axis
from descend.doctor.report.table import Table
from descend.doctor.report.wording import number

if TYPE_CHECKING:
    from descend.landscape.batch_sizes import Run, Tradeoff

CURVE = 60  # points of a fitted curve


def batch_pictures(runs: "Sequence[Run]", target: float, noise_scale: float) -> list[Figure | Table]:
    """Return the table of sizes and, where at least three reached the target, the curves through them.

    noise_scale: the gradient's at the start, in examples.
    """
    from descend.landscape.batch_sizes import tradeoff

    try:
        found = tradeoff(runs)
    except ValueError:
        return [_table(runs, target, noise_scale)]
    return [_table(runs, target, noise_scale), _curve(found), _figure(found)]


def _table(runs: "Sequence[Run]", target: float, noise_scale: float) -> Table:
    rows = []
    for size in sorted({run.size for run in runs}):
        mine = [run for run in runs if run.size == size]
        steps, each = fmean(run.steps for run in mine), fmean(run.step_seconds for run in mine)
        reached, held = isfinite(steps), mine[0].kept_bytes
        error = number(sqrt(noise_scale / size)) if isfinite(noise_scale) else "larger"
        rows.append(
            (
                str(size),
                error,
                number(steps) if reached else "not reached",
                number(steps * size) if reached else "",
                f"{number(1000 * each)} ms" if isfinite(each) else "not timed",
                f"{number(steps * each)} s" if reached and isfinite(each) else "",
                f"{number(held / 1e6)} MB" if isfinite(held) else "not known",
            )
        )
    caption = (
        "Runs of the script with other batches and nothing else changed, until the mean training loss over the last "
        f"512 examples is {number(target)}: the lowest that all sizes reach that train at all, unless another was "
        "asked for. Error: of a batch's gradient at the start, in lengths of the gradient. The time of a step is the "
        "median over runs of their own that nothing observes, loading the batch included; in all: to the target. Kept: "
        "what the forward pass leaves for the backward one, without the parameters."
    )
    head = ("batch", "error", "steps", "examples", "a step", "in all", "kept")
    return Table("What the size of the batch costs and gains", head, rows, caption, frozenset(range(7)))


def _curve(found: "Tradeoff") -> Table:
    low, high = found.steps.ratio_interval()
    sizes = [run.size for run in found.runs]
    rows = [
        ("S_min, steps", number(max(found.least_steps, 0.0))),
        ("knee B, examples", f"{_among(found.knee, sizes)} [{number(low)}, {number(high)}]"),
    ]
    if found.seconds is not None:
        rows.append(("the machine's limit, examples", _among(found.machine_limit, sizes)))
        rows.append(("fastest, examples", _among(found.fastest, sizes)))
    caption = (
        "From fits of S_min·(1 + B/S) to the steps (McCandlish et al. 2018) and of a + b·S to the time of a step. "
        "S_min: the steps of a batch without end. Knee: the size that needs twice as many, with its 95 % interval. The "
        "machine's limit: from there on a step's time is mostly in its examples. Fastest: the least time. The law is "
        "for the best rate at each size; here the rate is the script's own, so a large batch shows less than it could."
    )
    return Table("The curve through them", ("", "value"), tuple(rows), caption)


def _among(size: float, sizes: Sequence[int]) -> str:
    """Return a size as far as the runs tell it."""
    if size < min(sizes):
        return f"below {number(min(sizes))}"
    return number(size) if size <= max(sizes) else f"above {number(max(sizes))}"


def _figure(found: "Tradeoff") -> Figure:
    def steps(size: float) -> float:
        return found.steps.intercept + found.steps.slope / size

    knee, limit = level(found.knee, "knee", vertical=True), level(found.machine_limit, "machine's limit", vertical=True)
    sizes = sorted({run.size for run in found.runs})
    panels = [_panel("Steps to the target", [(r.size, r.steps) for r in found.runs], steps, knee)]
    if (line := found.seconds) is not None:
        timed = [(r.size, r.seconds) for r in found.runs if isfinite(r.seconds)]
        fitted = lambda size: steps(size) * (line.intercept + line.slope * size)  # noqa: E731
        panels.append(_panel("Seconds to the target", timed, fitted, limit))
    caption = (
        f"Each point is a run, at {len(sizes)} sizes of the batch. The lines are the fit of S_min·(1 + B/S) to the "
        "steps, and its product with the fit of a + b·S to the time of a step. Far left of the knee twice the batch "
        "takes half the steps."
    )
    return Figure(tuple(panels), caption)


def _panel(
    title: str,
    points: Sequence[tuple[int, float]],
    fitted: Callable[[float], float],
    mark: tuple[tuple[Trace, ...], tuple[Key, ...]],
) -> Panel:
    sizes = sorted({size for size, _ in points})
    span = sizes[-1] / sizes[0]
    grid = [sizes[0] * span ** (k / (CURVE - 1)) for k in range(CURVE)]
    drawn = [(size, fitted(size)) for size in grid if fitted(size) > 0]
    measured: Trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [size for size, _ in points],
        "y": [value for _, value in points],
        "name": "measured",
        "marker": {"size": 7, "color": "cause"},
        "hovertemplate": "%{x}: %{y:.3g}",
    }
    curve: Trace = {
        "type": "scatter",
        "mode": "lines",
        "x": [size for size, _ in drawn],
        "y": [value for _, value in drawn],
        "name": "fit",
        "line": {"color": "cure", "width": 1.5},
        "hoverinfo": "skip",
    }
    shapes, keys = mark if mark[0] and sizes[0] <= mark[0][0]["x0"] <= sizes[-1] else ((), ())
    ticks = {"type": "log", "tickvals": sizes, "ticktext": [number(size) for size in sizes]}
    return Panel(
        title,
        (curve, measured),
        (Key("measured", "cause", "dot"), Key("fit", "cure"), *keys),
        x_title="examples in a batch, S",
        shapes=shapes,
        x=ticks,
        y=log_axis([value for _, value in points]),
        height=240,
    )
