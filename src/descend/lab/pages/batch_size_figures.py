"""Figures and tables of steps and seconds to the same loss, for several batch sizes."""

from collections.abc import Callable, Sequence
from math import isfinite, sqrt
from statistics import fmean
from typing import TYPE_CHECKING

from descend.doctor.report.figure import Figure, Key, Panel, Trace, level, log_axis
from descend.doctor.report.formatting import number
from descend.lab.pages.table import Table

if TYPE_CHECKING:
    from descend.landscape.batch_sizes import Run, Tradeoff

CURVE_POINTS = 60


def batch_size_figures(runs: "Sequence[Run]", target: float, noise_scale: float) -> list[Figure | Table]:
    """Return a table of the batch sizes and, if at least three reached the target loss, the fitted curves.

    noise_scale: the gradient noise scale at the start, in examples.
    """
    from descend.landscape.batch_sizes import tradeoff

    try:
        found = tradeoff(runs)
    except ValueError:
        return [_batch_size_table(runs, target, noise_scale)]
    return [_batch_size_table(runs, target, noise_scale), _fit_table(found), _tradeoff_figure(found)]


def _batch_size_table(runs: "Sequence[Run]", target: float, noise_scale: float) -> Table:
    """Return a table of the steps, the time and the memory of training with each batch size."""
    rows = []
    for size in sorted({run.size for run in runs}):
        same = [run for run in runs if run.size == size]
        steps, each = fmean(run.steps for run in same), fmean(run.step_seconds for run in same)
        reached, kept_bytes = isfinite(steps), same[0].kept_bytes
        error = number(sqrt(noise_scale / size)) if isfinite(noise_scale) else "larger"
        rows.append(
            (
                str(size),
                error,
                number(steps) if reached else "not reached",
                number(steps * size) if reached else "",
                f"{number(1000 * each)} ms" if isfinite(each) else "not timed",
                f"{number(steps * each)} s" if reached and isfinite(each) else "",
                f"{number(kept_bytes / 1e6)} MB" if isfinite(kept_bytes) else "not known",
            )
        )
    caption = (
        "Runs of the script that differ only in the batch size, until the mean training loss over the last 512 "
        f"examples is {number(target)}. By default, the target is the lowest loss that all sizes reach; sizes with "
        "which the loss does not fall are ignored. Gradient error: the standard error of a batch's gradient at the "
        "start, relative to the gradient norm. Time of a step: the median over unobserved runs, with data loading. "
        "Total: time to the target. Activations: memory that the forward pass keeps for the backward pass, without "
        "the parameters."
    )
    head = ("batch size", "gradient error", "steps", "examples", "time of a step", "total", "activations")
    return Table("Cost of each batch size", head, rows, caption, frozenset(range(7)))


def _fit_table(found: "Tradeoff") -> Table:
    """Return a table of the fitted curves' parameters: fewest steps, critical batch size, limits of the machine."""
    low, high = found.steps.ratio_interval()
    sizes = [run.size for run in found.runs]
    rows = [
        ("S_min, steps", number(max(found.least_steps, 0.0))),
        ("critical batch size B, examples", f"{_fitted_size_text(found.knee, sizes)} [{number(low)}, {number(high)}]"),
    ]
    if found.seconds is not None:
        rows.append(
            ("batch size from which the machine is fully used, examples", _fitted_size_text(found.machine_limit, sizes))
        )
        rows.append(("fastest batch size, examples", _fitted_size_text(found.fastest, sizes)))
    caption = (
        "From fits of S_min·(1 + B/S) to the steps (McCandlish et al. 2018) and of a + b·S to the time of a step. "
        "S_min: the steps with an infinitely large batch. Critical batch size: the size that needs twice as many "
        "steps, with its 95 % interval. From the size at which the machine is fully used, a "
        "step takes a time that is almost proportional to its examples. Fastest: the shortest total time. The formula "
        "assumes the best learning rate for each size; here, all runs use the script's learning rate, so large batches "
        "look worse than they could be."
    )
    return Table("Fitted curve", ("", "value"), tuple(rows), caption)


def _fitted_size_text(size: float, sizes: Sequence[int]) -> str:
    """Return a fitted batch size as text, such as "32", or "below 8" if it is outside the range of the runs."""
    if size < min(sizes):
        return f"below {number(min(sizes))}"
    return number(size) if size <= max(sizes) else f"above {number(max(sizes))}"


def _tradeoff_figure(found: "Tradeoff") -> Figure:
    """Return a figure that plots the steps and the seconds to the target loss against the batch size."""

    def fitted_steps(size: float) -> float:
        """Return the fitted number of steps for a batch size."""
        return found.steps.intercept + found.steps.slope / size

    knee, limit = (
        level(found.knee, "critical size", vertical=True),
        level(found.machine_limit, "machine fully used", vertical=True),
    )
    sizes = sorted({run.size for run in found.runs})
    panels = [_fitted_panel("Steps to the target", [(r.size, r.steps) for r in found.runs], fitted_steps, knee)]
    if (line := found.seconds) is not None:
        timed = [(r.size, r.seconds) for r in found.runs if isfinite(r.seconds)]
        fitted = lambda size: fitted_steps(size) * (line.intercept + line.slope * size)  # noqa: E731
        panels.append(_fitted_panel("Seconds to the target", timed, fitted, limit))
    caption = (
        f"Each point is one run with one of {len(sizes)} batch sizes. The curve of the steps is a fit of "
        "S_min·(1 + B/S), where S is the batch size and B the critical batch size. The curve of the seconds is this "
        "fit times a fit of a + b·S to the time per step, with constants a and b. Far below the critical batch size, "
        "doubling the batch size halves the number of steps."
    )
    return Figure(tuple(panels), caption)


def _fitted_panel(
    title: str,
    points: Sequence[tuple[int, float]],
    fitted: Callable[[float], float],
    mark: tuple[tuple[Trace, ...], tuple[Key, ...]],
) -> Panel:
    """Return a panel that plots measured values and a fitted curve against the batch size."""
    sizes = sorted({size for size, _ in points})
    span = sizes[-1] / sizes[0]
    grid = [sizes[0] * span ** (k / (CURVE_POINTS - 1)) for k in range(CURVE_POINTS)]
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
        x_title="batch size S, examples",
        shapes=shapes,
        x=ticks,
        y=log_axis([value for _, value in points]),
        height=240,
    )
