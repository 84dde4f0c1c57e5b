"""The symmetries that were measured at points of a run, as pictures and tables."""

from collections.abc import Iterator, Sequence
from math import floor
from statistics import fmean
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.report.convexity_tables import convexity_table, minima_table, plateau_table
from descend.doctor.report.figure import Figure, Key, Panel, Trace, level, value_axis, words
from descend.doctor.report.table import Table
from descend.doctor.report.wording import SUPERSCRIPTS, count, number, one_line, percent

TONES = ("ink", "cause", "cure", "third", "fourth")  # of one line after another
FACTS = {
    facts.SymmetryPoint: "point",
    facts.Permutations: "permutations",
    facts.Scales: "scales",
    facts.Rescaling: "rescaling",
    facts.SharpAndWide: "sharp_and_wide",
    facts.Memorising: "memorising",
    facts.Convexity: "convexity",
    facts.RandomUnits: "random_units",
    facts.BadMinimum: "bad_minimum",
    facts.Plateau: "plateau",
    facts.Unanswered: "unanswered",
}  # as they are printed
ROUNDED = 1e-12  # a share of the cost that is none
WHOLE = 6  # digits of a number that is told whole
Picture = Figure | Table


def symmetry_pictures(record: Record) -> list[Picture]:
    """Return the tables and the pictures of what was found at the points of a run; none where nothing is known."""
    pictures: list[Picture] = []
    labels = list(record.every(facts.SymmetryPoint))
    for label in labels:
        pictures += _of_one(record, label, f", {label} weights" if len(labels) > 1 else "")
    places = record.every(facts.Unanswered)
    unanswered = [seen.fact for label in places for seen in record.history(facts.Unanswered, label)]
    return [*pictures, *([_unanswered(unanswered)] if unanswered else [])]


def _of_one(record: Record, label: str, at: str) -> Iterator[Picture]:
    if permutations := record.fact(facts.Permutations, label):
        yield from _permutations(permutations, at)
    if scales := record.fact(facts.Scales, label):
        yield _scales(scales, at)
    if rescaling := record.fact(facts.Rescaling, label):
        yield _rescaling(rescaling, at)
    if fits := record.fact(facts.SharpAndWide, label):
        yield _sharp_and_wide(fits, at)
    if memorising := record.fact(facts.Memorising, label):
        yield from _memorising(memorising, at)
    if convexity := record.fact(facts.Convexity, label):
        yield convexity_table(convexity, at)
    random, bad = record.fact(facts.RandomUnits, label), record.fact(facts.BadMinimum, label)
    if random or bad:
        yield minima_table(random, bad, at)
    if plateau := record.fact(facts.Plateau, label):
        yield plateau_table(plateau, at)


def _permutations(found: facts.Permutations, at: str) -> list[Picture]:
    pictures: list[Picture] = [_orders(found, at), *([_left_out(found.left_out, at)] if found.left_out else [])]
    seen = [layer for layer in found.layers if layer.is_symmetric]
    return [*pictures, _between(seen, at)] if seen else pictures


def _number_of(log10: float) -> str:
    """Return a whole number by its logarithm, which may be too large for a float."""
    exponent = floor(log10)
    if exponent < WHOLE:
        return number(round(10**log10))
    return f"{10 ** (log10 - exponent):.1f}×10" + str(exponent).translate(SUPERSCRIPTS)


def _orders(found: facts.Permutations, at: str) -> Table:
    rows = [
        (
            one_line(layer.layer),
            str(layer.units),
            _number_of(layer.log10_orders),
            "none" if layer.difference < ROUNDED else number(layer.difference),
            number(layer.cost),
            number(layer.cost + layer.barrier),
            number(layer.mean),
            _shown_by(layer),
        )
        for layer in found.layers
    ]
    if not rows:
        rows = [("no hidden layer was found", *("",) * 7)]
    more = f" {count(found.more, 'layer')} more were not looked at one by one." if found.more else ""
    caption = (
        "The same network with its hidden units in other orders, dropout off. Difference: the largest of eight random "
        "orders' costs, as a share of the cost. Between: the highest cost on the straight way from one order to "
        "another. At the mean: of all orders, where every unit is the mean unit. Where that costs more the cost is not "
        f"convex; where it does not, nothing is proved.{more}"
    )
    head = ("layer", "units", "orders", "difference", "cost", "between", "at the mean", "")
    return Table(f"Hidden units in other orders{at}", head, rows, caption, frozenset(range(1, 7)))


def _left_out(found: Sequence[tuple[str, str]], at: str) -> Table:
    rows = [(one_line(name), reason) for name, reason in found]
    return Table(f"Hidden units left out{at}", ("layer", "why"), rows)


def _shown_by(layer: facts.PermutedLayer) -> str:
    if not layer.is_symmetric:
        return "no symmetry"
    return "not convex" if layer.is_not_convex else "not refuted"


def _between(seen: Sequence[facts.PermutedLayer], at: str) -> Figure:
    tones = dict(zip((layer.layer for layer in seen), TONES))
    drawn = [layer for layer in seen if layer.layer in tones]
    keys = tuple(Key(_layer(name), tone) for name, tone in tones.items())
    lines, means = [], []
    for layer in drawn:
        tone, name = tones[layer.layer], layer.layer
        steps = len(layer.line) - 1
        lines.append(curve([k / steps for k in range(steps + 1)], layer.line, tone, name))
        averaged = [*((str(n), cost) for n, cost in layer.means), ("all", layer.mean)]
        means.append(curve([n for n, _ in averaged], [cost for _, cost in averaged], tone, name))
    costs = [cost for layer in drawn for cost in (*layer.line, layer.mean, *(cost for _, cost in layer.means))]
    way = Panel(
        f"Cost between two orders of the units{at}",
        tuple(lines),
        keys,
        x_title="share of the straight way from one order to the other",
        y=value_axis(costs),
        height=240,
    )
    mean = Panel(
        f"Cost at the mean of several orders{at}",
        tuple(means),
        x_title="orders that are averaged",
        x={"type": "category"},
        y=value_axis(costs),
        height=240,
    )
    caption = (
        "Both ends of the way are the same network. A convex cost would nowhere lie above its ends, and no mean of "
        "points of equal cost would cost more than they do."
    )
    return Figure((way, mean), caption)


def _layer(name: str) -> str:
    return name if " " in name else f"layer {one_line(name, 40)}"


def curve(x: Sequence[Any], y: Sequence[float | None], tone: str, name: str) -> Trace:
    """Return a line through some points, which are marked where they are few."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= 20 else "lines",
        "x": list(x),
        "y": list(y),
        "name": words(name),
        "line": {"color": tone, "width": 2},
        "marker": {"size": 5, "color": tone},
        "hovertemplate": "%{x}: %{y:.4g}",
    }


def _scales(found: facts.Scales, at: str) -> Figure:
    factors, values = zip(*found.largest)
    own = dict(found.largest).get(1.0)
    shapes, keys = level(own, "as trained") if own is not None else ((), ())
    drawn = [value if value > 0 else None for value in values]
    panel = Panel(
        f"Largest eigenvalue of the same function under another scale{at}",
        (curve(factors, drawn, "cause", "largest eigenvalue"),),
        keys,
        x_title=f"factor by which the units of layer {one_line(found.layer, 40)} are larger",
        shapes=shapes,
        x={"type": "log", "tickvals": list(factors), "ticktext": [f"{f:g}" for f in factors]},
        y=value_axis([value for value in values if value > 0]),
        height=240,
    )
    caption = (
        "The weights and biases of one layer are multiplied by a factor and the next layer's weights divided by it. "
        "Rectified units pass the factor on, so that no output changes for any input, and neither does the cost on "
        "any data. Only the curvature does."
    )
    return Figure((panel,), caption)


def _rescaling(found: facts.Rescaling, at: str) -> Table:
    rows = [
        (name, number(before), number(after), "the same" if survives else _times(before, after))
        for name, before, after, survives in found.measures
    ]
    rows.insert(0, ("cost", number(found.cost), number(found.rescaled_cost), "the same"))
    caption = (
        f"Two points that compute the same function: as trained, and with the units of layer “{one_line(found.layer)}” "
        f"{found.factor:g} times as large. A measure that differs cannot say by itself which minimum generalises. "
        "Traces and rises are means over sixteen random directions, the same ones at both points."
    )
    head = ("measure", "as trained", "rescaled", "")
    return Table(f"Which measures of sharpness survive{at}", head, rows, caption, frozenset({1, 2}))


def _times(before: float, after: float) -> str:
    return f"× {number(after / before)}" if before else ""


def _sharp_and_wide(found: facts.SharpAndWide, at: str) -> Table:
    fits = found.fits
    rows = []
    for name in fits[0].small:
        small, large = [fit.small[name] for fit in fits], [fit.large[name] for fit in fits]
        larger = sum(b > a for a, b in zip(small, large))
        rows.append((name, number(fmean(small)), number(fmean(large)), f"{larger} of {len(fits)}"))
    sizes = fits[0].sizes
    caption = (
        f"From the weights that the run began with, by {found.rule}, fitted to one half of the fixed examples until "
        "the cost is a tenth of what it was or what the slower reaches; the other half is held out. Then the same with "
        "the halves exchanged: means of both, and in how many the large batches' is larger. Two halves show a "
        "direction; they prove nothing."
    )
    head = ("", f"batches of {sizes.small}", f"batches of {sizes.large}", "larger in")
    return Table(f"Sharp against wide, and what is held out{at}", head, rows, caption, frozenset({1, 2, 3}))


def _memorising(found: facts.Memorising, at: str) -> list[Picture]:
    tones = dict(zip(found.costs, ("cure", "cause", "third")))
    traces = tuple(curve(range(len(costs)), costs, tones[name], name) for name, costs in found.costs.items())
    enough = 0.1 * found.costs["true labels"][0]
    shapes, keys = level(enough, "a tenth of the first cost")
    panel = Panel(
        "Cost of the fixed examples while they are fitted",
        traces,
        (*(Key(name, tone) for name, tone in tones.items()), *keys),
        x_title="passes over the fixed examples",
        shapes=shapes,
        y=value_axis([cost for costs in found.costs.values() for cost in costs]),
        height=260,
    )
    caption = (
        f"Each fit begins at the weights that the run began with, by {found.rule}, one step for each batch, until "
        "the cost is a tenth of what it was. Random labels are the true ones in random order: they can only be learned "
        "by heart. Random inputs are noise with the inputs' mean and standard deviation."
    )
    rows = []
    for name, costs in found.costs.items():
        passes, wrong = found.passes[name], found.wrong[name]
        reached = str(passes) if passes is not None else f"not in {len(costs) - 1}"
        rows.append((name, reached, number(costs[-1]), "" if wrong is None else percent(wrong)))
    head = ("fitted", "passes to a tenth", "cost at the end", "wrong at the end")
    said = "How long it takes until labels are learned that say nothing of their inputs, beside the true ones."
    table = Table(f"Labels learned by heart{at}", head, rows, said, frozenset({1, 2, 3}))
    return [table, Figure((panel,), caption)]


def _unanswered(found: Sequence[facts.Unanswered]) -> Table:
    rows = list(dict.fromkeys((each.question, one_line(each.reason)) for each in found))
    return Table("Not answered", ("question", "why"), rows)
