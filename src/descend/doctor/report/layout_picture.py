"""What a script's step costs on several processes: a table of layouts, and its speed against their number."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from descend.doctor.record import Fact, Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, log_axis
from descend.doctor.report.table import Table
from descend.doctor.report.wording import count, number

if TYPE_CHECKING:
    from descend.parallel.cost import Forecast, Link, Work
    from descend.parallel.layout import Layout

FACTS = {facts.StepCost: "layers", facts.Forecast: "forecast"}  # as they are printed
WORLDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
Given = tuple[str | None, str | None]  # bandwidth and latency of the link, as a user has written them
AS_GOOD = 0.03  # of the time: less is not worth another layout


def layout_pictures(record: Record, world: int, link: "Link", given: Given) -> list[Figure | Table]:
    """Return the table of layouts and the curves; the forecasts become facts. world: so many processes."""
    work = work_of(record)
    alone, found = _forecasts(work, 1, link)[0], _forecasts(work, world, link)
    best = recommended(alone, found)
    for each in found:
        told = facts.Forecast(
            seconds=each.seconds,
            waiting=each.waiting,
            memory=each.memory,
            alone=alone.seconds,
            recommended=each is best,
            world=world,
            bandwidth=link.bandwidth,
            latency=link.latency,
            given=given,
        )
        record.add(Fact.of(told, 0, named(each.layout)))
    return [_table(work, [alone, *found], link, given), _curves(work, link)]


def work_of(record: Record) -> "Work":
    """Return what one process needs for a step, as it was measured."""
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


def named(layout: "Layout") -> str:
    """Return a layout as it is written in a script."""
    parts = [f"{name}={size}" for name in ("data", "tensor", "pipeline") if (size := getattr(layout, name)) > 1]
    return f"Layout({', '.join(parts)})" if parts else "one process"


def _forecasts(work: "Work", world: int, link: "Link") -> "list[Forecast]":
    from descend.parallel.cost import forecast, layouts

    found = []
    for layout in layouts(world):
        try:
            found.append(forecast(work, layout, link))
        except ValueError:  # too few examples or layers for it
            continue
    return found


def _table(work: "Work", found: "Sequence[Forecast]", link: "Link", given: Given) -> Table:
    """Return a row of each layout; found: first of them one process."""
    rows = [_row(each, found[0]) for each in found]
    words = [word for word in given if word]
    known = {
        0: ", measured between two processes here",
        1: f" ({words and words[0]} given, the rest measured here)",
        2: "",
    }
    speed, delay = link.bandwidth * 8 / 1e6, link.latency * 1e3
    caption = (
        f"A step is the forward and backward pass of a batch of {work.batch}, and the update: "
        f"{count(len(work.layers), 'layer')} with {number(work.weight_bytes / 1e6)} MB of parameters, on processors "
        f"like this one. The link moves {number(speed)} Mbit/s after {number(delay)} ms{known[len(words)]}. Waiting: "
        "the part of a step in which nothing is computed. Memory: parameters, gradients, the optimizer's state, and "
        "what the forward pass leaves for the backward one, of a process."
    )
    return Table(
        "What a step costs", ("layout", "a step", "speed", "waiting", "memory"), rows, caption, frozenset({1, 2, 3, 4})
    )


def _row(each: "Forecast", alone: "Forecast") -> tuple[str, ...]:
    return (
        named(each.layout),
        f"{number(1e3 * each.seconds)} ms",
        f"{number(alone.seconds / each.seconds)}×",
        f"{100 * each.waiting / each.seconds:.0f} %",
        f"{number(each.memory / 1e6)} MB",
    )


def recommended(alone: "Forecast", found: "Sequence[Forecast]") -> "Forecast":
    """Return the first layout, the simplest, that is as good as the fastest; one process where none is faster."""
    best = min(each.seconds for each in (alone, *found))
    return next(each for each in (alone, *found) if each.seconds <= best * (1 + AS_GOOD))


def layout_remarks(record: Record) -> list[str]:
    """Return the recommendation."""
    found = record.every(facts.Forecast)
    if not found:
        return []
    chosen = [label for label, fact in found.items() if fact.recommended]
    if not chosen:
        return ["no layout is faster than one process: the link, or what a step costs whatever its batch, is too dear"]
    fact = found[chosen[0]]
    return [f"recommended: {chosen[0]}, {number(fact.alone / fact.seconds)} times as fast as one process"]


def _curves(work: "Work", link: "Link") -> Figure:
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
        traces.append(_line(points, tone, kind))
    ideal = _line([(world, world) for world in WORLDS], "ink", "as many times as fast")
    ideal["line"]["dash"] = "dash"
    keys = (*(Key(kind, tone) for kind, (tone, _) in kinds.items()), Key("as many times as fast", "ink", "dash"))
    panel = Panel(
        "Speed against the number of processes",
        (*traces, ideal),
        keys,
        x_title="processes",
        x={"type": "log", "tickvals": list(WORLDS), "ticktext": [str(world) for world in WORLDS]},
        y=log_axis([y for trace in (*traces, ideal) for y in trace["y"]]),
        height=300,
    )
    caption = (
        "In steps of one process, the batch as it is in the script: of more replicas each has fewer examples, and the "
        "gradients take as long to send. A curve ends where examples, layers or outputs cannot be divided further."
    )
    return Figure((panel,), caption)


def _line(points: Sequence[tuple[float, float]], tone: str, name: str) -> Trace:
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
