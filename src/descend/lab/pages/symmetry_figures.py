"""Figures and tables of the symmetries that were measured at points of a run."""

from collections.abc import Iterator, Sequence
from math import floor
from statistics import fmean
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.report.figure import Figure, Key, Panel, Trace, chart_label, level, value_axis
from descend.doctor.report.formatting import SUPERSCRIPTS, count, number, one_line, percent
from descend.lab.pages.convexity_tables import convexity_table, minima_table, plateau_table
from descend.lab.pages.table import Table

TONES = ("ink", "cause", "cure", "third", "fourth")  # names of the colours of the lines
# These are the names of the measurements in the output of `--format json`.
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
}
ROUNDING = 1e-12  # A smaller relative difference of the loss counts as a rounding error.
WHOLE_DIGITS = 6  # A whole number with more digits is written as a power of ten.
Content = Figure | Table


def symmetry_figures(record: Record) -> list[Content]:
    """Return the tables and figures of the symmetries of a network, at several steps of a run."""
    pictures: list[Content] = []
    labels = list(record.every(facts.SymmetryPoint))
    for label in labels:
        pictures += _point_figures(record, label, f", {label} weights" if len(labels) > 1 else "")
    places = record.every(facts.Unanswered)
    unanswered = [seen.fact for label in places for seen in record.history(facts.Unanswered, label)]
    return [*pictures, *([_unanswered_table(unanswered)] if unanswered else [])]


def _point_figures(record: Record, label: str, at: str) -> Iterator[Content]:
    """Yield the tables and figures of the symmetries of a network at one step of the run."""
    if permutations := record.fact(facts.Permutations, label):
        yield from _permutation_figures(permutations, at)
    if scales := record.fact(facts.Scales, label):
        yield _scales_figure(scales, at)
    if rescaling := record.fact(facts.Rescaling, label):
        yield _rescaling_table(rescaling, at)
    if fits := record.fact(facts.SharpAndWide, label):
        yield _sharp_and_wide_table(fits, at)
    if memorising := record.fact(facts.Memorising, label):
        yield from _memorising_figures(memorising, at)
    if convexity := record.fact(facts.Convexity, label):
        yield convexity_table(convexity, at)
    random, bad = record.fact(facts.RandomUnits, label), record.fact(facts.BadMinimum, label)
    if random or bad:
        yield minima_table(random, bad, at)
    if plateau := record.fact(facts.Plateau, label):
        yield plateau_table(plateau, at)


def _permutation_figures(found: facts.Permutations, at: str) -> list[Content]:
    """Return the tables and the figure of the loss of the network with permuted hidden units."""
    pictures: list[Content] = [
        _permutations_table(found, at),
        *([_left_out_table(found.left_out, at)] if found.left_out else []),
    ]
    seen = [layer for layer in found.layers if layer.is_symmetric]
    return [*pictures, _between_figure(seen, at)] if seen else pictures


def _number_from_log(log10: float) -> str:
    """Return a whole number as text. It may be too large for a float, so its decimal logarithm is passed."""
    exponent = floor(log10)
    if exponent < WHOLE_DIGITS:
        return number(round(10**log10))
    return f"{10 ** (log10 - exponent):.1f}×10" + str(exponent).translate(SUPERSCRIPTS)


def _permutations_table(found: facts.Permutations, at: str) -> Table:
    """Return a table of the loss with permuted hidden units, with a row for each layer."""
    rows = [
        (
            one_line(layer.layer),
            str(layer.units),
            _number_from_log(layer.log10_orders),
            "none" if layer.difference < ROUNDING else number(layer.difference),
            number(layer.cost),
            number(layer.cost + layer.barrier),
            number(layer.mean),
            _convexity_verdict(layer),
        )
        for layer in found.layers
    ]
    if not rows:
        rows = [("no hidden layer found", *("",) * 7)]
    more = f" {count(found.more, 'layer')} more were not examined." if found.more else ""
    caption = (
        "The table shows losses of the same network, without dropout, after its hidden units were permuted. "
        "Difference: the largest relative change of the loss in eight random permutations. Between: the highest loss "
        "on the straight line from one permutation to another. At the mean: the loss at the mean of all permutations, "
        "where all units are equal. If the loss on the line or at a mean is higher than the network's own, the loss "
        f"function is not convex. Otherwise, this test does not decide whether it is convex.{more}"
    )
    head = ("layer", "units", "permutations", "difference", "loss", "between", "at the mean", "")
    return Table(f"Permuted hidden units{at}", head, rows, caption, frozenset(range(1, 7)))


def _left_out_table(found: Sequence[tuple[str, str]], at: str) -> Table:
    """Return a table of the layers whose units could not be permuted, with the reasons."""
    rows = [(one_line(name), reason) for name, reason in found]
    return Table(f"Layers that were left out{at}", ("layer", "reason"), rows)


def _convexity_verdict(layer: facts.PermutedLayer) -> str:
    """Return a verdict such as "not convex", from the loss of the network with permuted units."""
    if not layer.is_symmetric:
        return "no symmetry"
    return "not convex" if layer.is_not_convex else "not refuted"


def _between_figure(seen: Sequence[facts.PermutedLayer], at: str) -> Figure:
    """Return a figure of the loss on the line between two permutations, and at means of several permutations."""
    tones = dict(zip((layer.layer for layer in seen), TONES))
    drawn = [layer for layer in seen if layer.layer in tones]
    keys = tuple(Key(_layer_label(name), tone) for name, tone in tones.items())
    lines, means = [], []
    for layer in drawn:
        tone, name = tones[layer.layer], layer.layer
        steps = len(layer.line) - 1
        lines.append(curve_trace([k / steps for k in range(steps + 1)], layer.line, tone, name))
        averaged = [*((str(n), cost) for n, cost in layer.means), ("all", layer.mean)]
        means.append(curve_trace([n for n, _ in averaged], [cost for _, cost in averaged], tone, name))
    costs = [cost for layer in drawn for cost in (*layer.line, layer.mean, *(cost for _, cost in layer.means))]
    way = Panel(
        f"Loss between two permutations of the hidden units{at}",
        tuple(lines),
        keys,
        x_title="position on the line from one permutation to the other",
        y=value_axis(costs),
        height=240,
    )
    mean = Panel(
        f"Loss at the mean of several permutations of the hidden units{at}",
        tuple(means),
        x_title="number of averaged permutations",
        x={"type": "category"},
        y=value_axis(costs),
        height=240,
    )
    caption = (
        "Both ends of the line compute the same function. A convex loss would nowhere on the line be higher than at "
        "the ends, and the loss at the mean of points with equal loss would not be higher than at these points."
    )
    return Figure((way, mean), caption)


def _layer_label(name: str) -> str:
    """Return the label of a layer in the legend of a figure."""
    return name if " " in name else f"layer {one_line(name, 40)}"


def curve_trace(x: Sequence[Any], y: Sequence[float | None], tone: str, name: str) -> Trace:
    """Return the Plotly trace of a line through points, with markers if there are at most 20 points."""
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(x) <= 20 else "lines",
        "x": list(x),
        "y": list(y),
        "name": chart_label(name),
        "line": {"color": tone, "width": 2},
        "marker": {"size": 5, "color": tone},
        "hovertemplate": "%{x}: %{y:.4g}",
    }


def _scales_figure(found: facts.Scales, at: str) -> Figure:
    """Return a figure of the largest Hessian eigenvalue for several factors by which a layer is scaled."""
    factors, values = zip(*found.largest)
    own = dict(found.largest).get(1.0)
    shapes, keys = level(own, "as trained") if own is not None else ((), ())
    drawn = [value if value > 0 else None for value in values]
    panel = Panel(
        f"Largest Hessian eigenvalue of the same function with rescaled layers{at}",
        (curve_trace(factors, drawn, "cause", "largest eigenvalue"),),
        keys,
        x_title=f"scale factor of layer {one_line(found.layer, 40)}",
        shapes=shapes,
        x={"type": "log", "tickvals": list(factors), "ticktext": [f"{f:g}" for f in factors]},
        y=value_axis([value for value in values if value > 0]),
        height=240,
    )
    caption = (
        "The weights and biases of one layer are multiplied by a factor, and the next layer's weights are divided by "
        "it. Because of the ReLU between them, the function and the loss stay the same for all inputs. Only the "
        "curvature changes."
    )
    return Figure((panel,), caption)


def _rescaling_table(found: facts.Rescaling, at: str) -> Table:
    """Return a table of the measures of sharpness before and after a layer is rescaled."""
    rows = [
        (name, number(before), number(after), "the same" if survives else _ratio_text(before, after))
        for name, before, after, survives in found.measures
    ]
    rows.insert(0, ("loss", number(found.cost), number(found.rescaled_cost), "the same"))
    caption = (
        f"Two networks that compute the same function: as trained, and with layer “{one_line(found.layer)}” scaled by "
        f"{found.factor:g}. A measure that differs between them cannot by itself show which minimum generalises. "
        "Traces and rises of the loss are means over the same sixteen random directions."
    )
    head = ("measure", "as trained", "rescaled", "")
    return Table(f"Measures of sharpness after rescaling{at}", head, rows, caption, frozenset({1, 2}))


def _ratio_text(before: float, after: float) -> str:
    """Return the ratio of the value after a change to the value before it as text, such as "× 2.5"."""
    return f"× {number(after / before)}" if before else ""


def _sharp_and_wide_table(found: facts.SharpAndWide, at: str) -> Table:
    """Return a table that compares training with small and with large batches: sharpness and held-out loss."""
    fits = found.fits
    rows = []
    for name in fits[0].small:
        small, large = [fit.small[name] for fit in fits], [fit.large[name] for fit in fits]
        larger = sum(b > a for a, b in zip(small, large))
        rows.append((name, number(fmean(small)), number(fmean(large)), f"{larger} of {len(fits)}"))
    sizes = fits[0].sizes
    caption = (
        f"Trained by {found.rule} from the initial weights on one half of the fixed examples, until the loss is a "
        "tenth of its initial value, or the value that the slower run reaches. The other half is held out. Then the "
        "halves are exchanged. The table has the means of both runs, and the number of runs in which the value is "
        "larger with large batches. Two runs show a tendency, but they prove nothing."
    )
    head = ("", f"batches of {sizes.small}", f"batches of {sizes.large}", "larger in")
    return Table(
        f"Sharpness and held-out loss for small and large batches{at}", head, rows, caption, frozenset({1, 2, 3})
    )


def _memorising_figures(found: facts.Memorising, at: str) -> list[Content]:
    """Return a table and a figure of the passes that a network needs to fit true labels, random labels and noise."""
    tones = dict(zip(found.costs, ("cure", "cause", "third")))
    traces = tuple(curve_trace(range(len(costs)), costs, tones[name], name) for name, costs in found.costs.items())
    enough = 0.1 * found.costs["true labels"][0]
    shapes, keys = level(enough, "a tenth of the initial loss")
    panel = Panel(
        "Loss on the fixed examples during fitting",
        traces,
        (*(Key(name, tone) for name, tone in tones.items()), *keys),
        x_title="passes over the fixed examples",
        shapes=shapes,
        y=value_axis([cost for costs in found.costs.values() for cost in costs]),
        height=260,
    )
    caption = (
        f"Each fit starts from the initial weights and uses {found.rule}, with one step for each batch, until the loss "
        "is a tenth of its initial value. Random labels are the true labels in random order, so they can only be "
        "memorised. Random inputs are noise with the mean and the standard deviation of the inputs."
    )
    rows = []
    for name, costs in found.costs.items():
        passes, wrong = found.passes[name], found.wrong[name]
        reached = str(passes) if passes is not None else f"not in {len(costs) - 1}"
        rows.append((name, reached, number(costs[-1]), "" if wrong is None else percent(wrong)))
    head = ("labels", "passes to a tenth", "final loss", "final error rate")
    text = (
        "Passes over the data until labels that do not depend on the inputs are memorised, compared with true labels."
    )
    table = Table(f"Memorising random labels{at}", head, rows, text, frozenset({1, 2, 3}))
    return [table, Figure((panel,), caption)]


def _unanswered_table(found: Sequence[facts.Unanswered]) -> Table:
    """Return a table of the questions about symmetry that could not be answered, with the reasons."""
    rows = list(dict.fromkeys((each.question, one_line(each.reason)) for each in found))
    return Table("Not measured", ("question", "reason"), rows)
