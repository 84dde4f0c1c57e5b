"""What a script's cost hides: symmetries of its hidden units, what they make of sharpness, what is convex in it.

Dropout is off and normalisation goes by the batch: units in another order meet other draws. The same questions are
answered at each point of the run, those on labels and on random units from the weights that the run began with.
"""

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

from descend.landscape import CurvatureUnavailable, Loss, ends
from descend.landscape.convexity import restricted
from descend.landscape.hidden import scaled
from descend.landscape.loss import Theta
from descend.landscape.memorising import memorising
from descend.landscape.permutation import Permutations, permutations
from descend.landscape.sharp_and_wide import Minimum, sharp_and_wide
from descend.landscape.sharpness import measures, rescaling
from descend.probes.fresh_rule import FreshRule, fresh_rule
from descend.probes.hidden import HiddenLayer
from descend.probes.moment import Measurement, Moment, Unavailable
from descend.probes.relabelled import relabelled
from descend.probes.shown.convexities import convexities, minima
from descend.probes.shown.network import Network
from descend.probes.shown.points import points, require_finite
from descend.probes.shown.threads import few_threads
from descend.record import Fact, facts
from descend.tape import Recording, Stale

MOST_LAYERS = 8  # hidden layers that are looked at one by one
COPIES, POINTS = 8, 17
FACTOR, FACTORS = 10.0, (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # by which a layer is scaled
PASSES = 300


def symmetry(moment: Moment) -> Measurement:
    """Yield the facts of each question that is asked, at each point. Raises `Unavailable`."""
    if "start" not in moment.memory:
        moment.memory["start"] = tuple(p.detach().clone() for p in moment.parameters)
    for point in points(moment):
        require_finite(point)
        with few_threads(moment.parameters):
            yield from _answers(Network(moment, point, moment.memory["start"]))


def _answers(network: Network) -> Measurement:
    yield network.fact("point", loss=network.loss.value(network.theta), **network.described)
    for question in network.moment.asked["questions"]:
        yield network.point.fact(facts.Measuring(question))
        try:
            yield from QUESTIONS[question](network)
        except (CurvatureUnavailable, Stale, Unavailable, ValueError) as error:
            yield network.fact("unanswered", question=question, reason=str(error))


def _permutation(network: Network) -> Iterator[Fact]:
    """The same cost in any order, another one in between and at the mean of all orders."""
    layers = network.structure.layers
    found = []
    for layer in layers[:MOST_LAYERS]:
        seen = permutations(network.loss, network.theta, [layer.hidden], copies=COPIES, points=POINTS)
        found.append({"layer": network.name(layer.weight), **_orders([layer]), **_permuted(seen)})
    if len(layers) > 1:
        hidden = [layer.hidden for layer in layers]
        seen = permutations(network.loss, network.theta, hidden, copies=COPIES, points=POINTS)
        found.append({"layer": "all at once", **_orders(layers), **_permuted(seen)})
    left_out = [(network.name(number), reason) for number, reason in network.structure.left_out]
    yield network.fact("permutations", layers=found, left_out=left_out, more=len(layers[MOST_LAYERS:]))


def _orders(layers: Any) -> dict[str, Any]:
    return {
        "units": sum(layer.hidden.count for layer in layers),
        "log10_orders": sum(layer.hidden.log10_orders for layer in layers),
    }


def _permuted(seen: Permutations) -> dict[str, Any]:
    return {
        "cost": seen.cost,
        "difference": seen.difference,
        "means": seen.means,
        "line": seen.line,
        "barrier": seen.barrier,
        "mean": seen.mean,
        "is_symmetric": seen.is_symmetric,
        "is_not_convex": seen.is_not_convex,
    }


def _sharpness(network: Network) -> Iterator[Fact]:
    """A layer made larger and the next one smaller: the same function, sharper."""
    layer = _rectified(network, lambda layer: layer.hidden.is_homogeneous)
    largest = []
    for factor in FACTORS:
        at = scaled(network.theta, layer.hidden, factor)
        found = ends(network.loss.hessian(at), at, top=1, bottom=0, tolerance=1e-2)
        largest.append((factor, found.top[0].value))
    yield network.fact("scales", layer=network.name(layer.weight), largest=largest)
    seen = rescaling(network.loss, network.theta, layer.hidden, FACTOR)
    measures = [(each.measure, each.before, each.after, each.survives) for each in seen.measures]
    detail = {"factor": FACTOR, "cost": seen.cost, "rescaled_cost": seen.rescaled_cost, "measures": measures}
    yield network.fact("rescaling", layer=network.name(layer.weight), **detail)


def _rectified(network: Network, fits: Callable[[HiddenLayer], bool]) -> HiddenLayer:
    layer = next((layer for layer in network.structure.layers if fits(layer)), None)
    if layer is None:
        raise Unavailable("no hidden layer is of rectified units, so no scale is free")
    return layer


def _labels(network: Network) -> Iterator[Fact]:
    """True labels, random ones and random inputs, fitted by the script's own rule from the weights it began with."""
    rule, start = _from_the_beginning(network)
    made = relabelled(network.recordings)
    losses = {name: _trained_part(network, network.loss_of(recordings)) for name, recordings in made.items()}
    found = memorising(losses, start, rule, PASSES)
    yield network.fact(
        "memorising",
        rule=rule.name,
        costs={name: [*fit.costs, fit.final] for name, fit in found.fits.items()},
        passes={name: found.passes(name) for name in found.fits},
        wrong={name: _wrong(network, recordings, found.fits[name].theta) for name, recordings in made.items()},
    )


def _trained_part(network: Network, loss: Loss) -> Loss:
    return restricted(loss, network.beginning, network.trained)


def _wrong(network: Network, recordings: tuple[Recording, ...], fitted: Theta) -> float | None:
    try:
        return network.share_wrong(recordings, network.with_trained(fitted))
    except Unavailable:
        return None


def _generalisation(network: Network) -> Iterator[Fact]:
    """Small batches and large ones to one cost, by the script's own rule: how sharp, and what on held-out batches."""
    rule, start = _from_the_beginning(network)
    fits = []
    for halves in sharp_and_wide(_trained_part(network, network.loss), start, rule, PASSES):
        recordings = tuple(network.recordings[k] for k in halves.fitted_to)
        loss = network.loss_of(recordings)
        sizes = {"small": recordings[0].examples, "large": sum(recording.examples for recording in recordings)}
        small, large = (_described(network, loss, found) for found in (halves.small, halves.large))
        fits.append({"sizes": sizes, "small": small, "large": large})
    yield network.fact("sharp_and_wide", rule=rule.name, fits=fits)


def _described(network: Network, loss: Loss, found: Minimum) -> dict[str, float]:
    known = {"steps": found.steps, "training cost": found.cost, "held-out cost": found.held_out}
    return known | measures(loss, network.with_trained(found.theta))


def _from_the_beginning(network: Network) -> tuple[FreshRule, list[Tensor]]:
    """Return the script's rule for the parameters that its optimizer holds, and those as the run began."""
    rule = fresh_rule(network.moment.optimizer, [network.structure.parameters[k] for k in network.trained])
    return rule, [network.beginning[k] for k in network.trained]


QUESTIONS: dict[str, Callable[[Network], Iterator[Fact]]] = {
    "permutation": _permutation,
    "sharpness": _sharpness,
    "generalisation": _generalisation,
    "labels": _labels,
    "convexity": convexities,
    "minima": minima,
}
