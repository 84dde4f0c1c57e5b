"""The predicted cost of a step on several processes: a table of layouts, and speedup over the number of processes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from descend.doctor.record import Fact, Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, log_axis
from descend.doctor.report.formatting import count, number
from descend.lab.pages.table import Table

if TYPE_CHECKING:
    from descend.parallel.cost import Forecast, Link, Machines, Work
    from descend.parallel.layout import Layout

FACTS = {
    facts.StepCost: "layers",
    facts.Forecast: "forecast",
}  # names of the measurements in the output of `--format json`
WORLDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
# bandwidth and latency as given on the command line; None for a value that was measured instead
GivenLink = tuple[str | None, str | None]
LEAST_GAIN = 0.03  # a more complex layout is recommended only if it saves more than this share of the step time


def layout_figures(record: Record, world: int, link: "Link | Machines", given: GivenLink) -> list[Figure | Table]:
    """Return a table of the layouts of several processes and a figure of their speedups; record the forecasts too.

    world: number of processes.
    """
    work = work_of_step(record)
    alone, found = _forecasts(work, 1, link)[0], _forecasts(work, world, link)
    best = recommended_forecast(alone, found)
    for each in found:
        forecast = facts.Forecast(
            seconds=each.seconds,
            waiting=each.waiting,
            memory=each.memory,
            alone=alone.seconds,
            recommended=each is best,
            world=world,
            bandwidth=link.slowest.bandwidth,
            latency=link.slowest.latency,
            given=given,
        )
        record.add(Fact.of(forecast, 0, layout_text(each.layout)))
    return [_forecast_table(work, [alone, *found], link, given), _speedup_figure(work, link)]


def work_of_step(record: Record) -> "Work":
    """Return the time and the memory that a training step takes on one process, for each layer."""
    from descend.parallel.cost import Layer, Work

    (known,) = record.every(facts.StepCost).values()
    batch, whole, one = known.examples, known.seconds, known.seconds_of_one
    each = (whole - one) / (batch - 1) if one is not None and batch > 1 and one < whole else whole / batch
    forwards = sum(layer.seconds for layer in known.layers)
    layers = tuple(
        Layer(
            layer.name,
            (share := layer.seconds / forwards) * (whole - each * batch),
            share * each,
            layer.input_bytes / batch,
            layer.output_bytes / batch,
            layer.weight_bytes,
            layer.outputs,
            layer.paired,
            layer.follows,
        )
        for layer in known.layers
    )
    return Work(layers, batch, known.kept_bytes / batch, known.state_bytes, known.update_seconds)


def layout_text(layout: "Layout") -> str:
    """Return a layout of processes as it is written in a script, such as `Layout(data=2, tensor=2)`."""
    parts = [f"{name}={size}" for name in ("data", "tensor", "pipeline") if (size := getattr(layout, name)) > 1]
    return f"Layout({', '.join(parts)})" if parts else "one process"


def _forecasts(work: "Work", world: int, link: "Link | Machines") -> "list[Forecast]":
    """Return the forecast time and memory of a step for each layout of `world` processes that the script allows."""
    from descend.parallel.cost import forecast, layouts

    found = []
    for layout in layouts(world):
        try:
            found.append(forecast(work, layout, link))
        except ValueError:  # The script has too few examples or layers for this layout.
            continue
    return found


def _forecast_table(work: "Work", found: "Sequence[Forecast]", link: "Link | Machines", given: GivenLink) -> Table:
    """Return a table with a row for each forecast layout. The first row is for a single process."""
    rows = [_forecast_row(each, found[0]) for each in found]
    caption = (
        f"A step is the forward and backward pass of a batch of {work.batch} examples, and the update. The network has "
        f"{count(len(work.layers), 'layer')} with {number(work.weight_bytes / 1e6)} MB of parameters. All processors "
        f"are assumed to be like this one. {_link_message(link, given)} Waiting: the share of a step in which nothing "
        "is computed. Memory per process: parameters, gradients, optimizer state, and activations kept for the "
        "backward pass."
    )
    return Table(
        "Cost of a step",
        ("layout", "time of a step", "speedup", "waiting", "memory"),
        rows,
        caption,
        frozenset({1, 2, 3, 4}),
    )


def _link_message(link: "Link | Machines", given: GivenLink) -> str:
    """Return sentences about the link between the processes, or about both kinds of link."""
    from descend.parallel.cost import Machines

    if isinstance(link, Machines):
        inside, outside = _link_text(link.within), _link_text(link.between)
        return f"Machines have {count(link.size, 'process')}: {inside} within a machine, {outside} between machines."
    given_values = [text for text in given if text]
    known = {
        0: ", both measured between two processes here",
        1: f" ({given_values and given_values[0]} was given on the command line; the other value was measured here)",
        2: "",
    }
    return f"The link has {_link_text(link)}{known[len(given_values)]}."


def _link_text(link: "Link") -> str:
    """Return the bandwidth and the latency of a link as text."""
    return f"{number(link.bandwidth * 8 / 1e6)} Mbit/s and a latency of {number(link.latency * 1e3)} ms"


def _forecast_row(each: "Forecast", alone: "Forecast") -> tuple[str, ...]:
    """Return the cells of a row: layout, time of a step, speedup, waiting time and memory of one forecast."""
    return (
        layout_text(each.layout),
        f"{number(1e3 * each.seconds)} ms",
        f"{number(alone.seconds / each.seconds)}×",
        f"{100 * each.waiting / each.seconds:.0f} %",
        f"{number(each.memory / 1e6)} MB",
    )


def recommended_forecast(alone: "Forecast", found: "Sequence[Forecast]") -> "Forecast":
    """Return the forecast of the first, simplest layout that is almost as fast as the fastest, or of one process."""
    best = min(each.seconds for each in (alone, *found))
    return next(each for each in (alone, *found) if each.seconds <= best * (1 + LEAST_GAIN))


def layout_remarks(record: Record) -> list[str]:
    """Return a sentence with the recommended layout of processes; empty if there are no forecasts."""
    found = record.every(facts.Forecast)
    if not found:
        return []
    chosen = [label for label, fact in found.items() if fact.recommended]
    if not chosen:
        return [
            "no layout is faster than one process, because communication or the fixed cost of a step takes too long"
        ]
    fact = found[chosen[0]]
    return [f"recommended: {chosen[0]}, {number(fact.alone / fact.seconds)} times as fast as one process"]


def _speedup_figure(work: "Work", link: "Link | Machines") -> Figure:
    """Return a figure that plots the speedup of each kind of layout against the number of processes."""
    from descend.parallel.cost import forecast
    from descend.parallel.layout import Layout

    alone = forecast(work, Layout(), link).seconds
    kinds = {
        "data": ("cure", lambda n: Layout(data=n)),
        "tensor": ("cause", lambda n: Layout(tensor=n)),
        "pipeline": ("third", lambda n: Layout(pipeline=n)),
    }
    traces: list[Trace] = []
    for kind, (tone, made) in kinds.items():
        points = []
        for world in WORLDS:
            try:
                points.append((world, alone / forecast(work, made(world), link).seconds))
            except ValueError:
                continue
        traces.append(_line_trace(points, tone, kind))
    ideal = _line_trace([(world, world) for world in WORLDS], "ink", "linear speedup")
    ideal["line"]["dash"] = "dash"
    keys = (*(Key(kind, tone) for kind, (tone, _) in kinds.items()), Key("linear speedup", "ink", "dash"))
    panel = Panel(
        "Speedup for each number of processes",
        (*traces, ideal),
        keys,
        x_title="processes",
        x={"type": "log", "tickvals": list(WORLDS), "ticktext": [str(world) for world in WORLDS]},
        y=log_axis([y for trace in (*traces, ideal) for y in trace["y"]]),
        height=300,
    )
    caption = (
        "The speedup is relative to one process, with the script's batch size. With more replicas, each has fewer "
        "examples, but sending the gradients takes equally long. A curve ends where examples, layers or outputs "
        "cannot be divided further."
    )
    return Figure((panel,), caption)


def _line_trace(points: Sequence[tuple[float, float]], tone: str, name: str) -> Trace:
    """Return the Plotly trace of a line through the points (x, y)."""
    drawn = {"color": tone, "width": 2}
    x, y = [x for x, _ in points], [y for _, y in points]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": name,
        "line": drawn,
        "hovertemplate": "%{y:.3g}",
    }
