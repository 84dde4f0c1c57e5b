"""What a script's cost hides: symmetries of its hidden units, what they make of sharpness, what is convex in it.

Dropout is off and normalisation goes by the batch: units in another order meet other draws. The same questions are
answered at each point of the run, those on labels and on random units from the weights that the run began with.
"""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from descend.doctor.probes.fresh_rule import FreshRule, fresh_rule
from descend.doctor.probes.hidden import HiddenLayer
from descend.doctor.probes.relabelled import relabelled
from descend.doctor.probes.shown.convexities import convexities, minima
from descend.doctor.probes.shown.network import Network
from descend.doctor.probes.shown.points import points, require_finite
from descend.doctor.probes.shown.threads import few_threads
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording, Stale
from descend.landscape import CurvatureUnavailable, Loss, ends
from descend.landscape.convexity import restricted
from descend.landscape.hidden import scaled
from descend.landscape.loss import Theta
from descend.landscape.memorising import memorising
from descend.landscape.permutation import Permutations, permutations
from descend.landscape.sharp_and_wide import Minimum, sharp_and_wide
from descend.landscape.sharpness import measures, rescaling

MOST_LAYERS = 8  # hidden layers that are looked at one by one
COPIES, POINTS = 8, 17
FACTOR, FACTORS = 10.0, (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # by which a layer is scaled
PASSES = 300


def symmetry(snapshot: Snapshot) -> Measurement:
    """Yield the facts of each question that is asked, at each point. Raises `Unavailable`."""
    if "start" not in snapshot.memory:
        snapshot.memory["start"] = tuple(p.detach().clone() for p in snapshot.parameters)
    for point in points(snapshot):
        require_finite(point)
        with few_threads(snapshot.parameters):
            yield from _answers(Network(snapshot, point, snapshot.memory["start"]))


def _answers(network: Network) -> Measurement:
    yield network.fact(network.described)
    for question in network.snapshot.asked["questions"]:
        yield network.fact(facts.Measuring(question))
        try:
            yield from QUESTIONS[question](network)
        except (CurvatureUnavailable, Stale, Unavailable, ValueError) as error:
            yield network.fact(facts.Unanswered(question, str(error)))


def _permutation(network: Network) -> Iterator[Fact]:
    """The same cost in any order, another one in between and at the mean of all orders."""
    layers = network.structure.layers
    found = []
    for layer in layers[:MOST_LAYERS]:
        seen = permutations(network.loss, network.theta, [layer.hidden], copies=COPIES, points=POINTS)
        found.append(_permuted(network.name(layer.weight), [layer], seen))
    if len(layers) > 1:
        hidden = [layer.hidden for layer in layers]
        seen = permutations(network.loss, network.theta, hidden, copies=COPIES, points=POINTS)
        found.append(_permuted("all at once", layers, seen))
    left_out = tuple((network.name(number), reason) for number, reason in network.structure.left_out)
    yield network.fact(facts.Permutations(tuple(found), left_out, len(layers[MOST_LAYERS:])))


def _permuted(name: str, layers: Sequence[HiddenLayer], seen: Permutations) -> facts.PermutedLayer:
    return facts.PermutedLayer(
        layer=name,
        units=sum(layer.hidden.count for layer in layers),
        log10_orders=sum(layer.hidden.log10_orders for layer in layers),
        cost=seen.cost,
        difference=seen.difference,
        means=seen.means,
        line=seen.line,
        barrier=seen.barrier,
        mean=seen.mean,
        is_symmetric=seen.is_symmetric,
        is_not_convex=seen.is_not_convex,
    )


def _sharpness(network: Network) -> Iterator[Fact]:
    """A layer made larger and the next one smaller: the same function, sharper."""
    layer = _rectified(network, lambda layer: layer.hidden.is_homogeneous)
    largest = []
    for factor in FACTORS:
        at = scaled(network.theta, layer.hidden, factor)
        found = ends(network.loss.hessian(at), at, top=1, bottom=0, tolerance=1e-2)
        largest.append((factor, found.top[0].value))
    yield network.fact(facts.Scales(network.name(layer.weight), tuple(largest)))
    seen = rescaling(network.loss, network.theta, layer.hidden, FACTOR)
    kept = tuple(facts.Survival(each.measure, each.before, each.after, each.survives) for each in seen.measures)
    yield network.fact(facts.Rescaling(network.name(layer.weight), FACTOR, seen.cost, seen.rescaled_cost, kept))


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
        facts.Memorising(
            rule=rule.name,
            costs={name: (*fit.costs, fit.final) for name, fit in found.fits.items()},
            passes={name: found.passes(name) for name in found.fits},
            wrong={name: _wrong(network, recordings, found.fits[name].theta) for name, recordings in made.items()},
        )
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
        sizes = facts.BatchSizes(recordings[0].examples, sum(recording.examples for recording in recordings))
        small, large = (_described(network, loss, found) for found in (halves.small, halves.large))
        fits.append(facts.HalfFitted(sizes, small, large))
    yield network.fact(facts.SharpAndWide(rule.name, tuple(fits)))


def _described(network: Network, loss: Loss, found: Minimum) -> dict[str, float | int]:
    known: dict[str, float | int] = {"steps": found.steps, "training cost": found.cost, "held-out cost": found.held_out}
    return known | measures(loss, network.with_trained(found.theta))


def _from_the_beginning(network: Network) -> tuple[FreshRule, list[Tensor]]:
    """Return the script's rule for the parameters that its optimizer holds, and those as the run began."""
    rule = fresh_rule(network.snapshot.optimizer, [network.structure.parameters[k] for k in network.trained])
    return rule, [network.beginning[k] for k in network.trained]


QUESTIONS: dict[str, Callable[[Network], Iterator[Fact]]] = {
    "permutation": _permutation,
    "sharpness": _sharpness,
    "generalisation": _generalisation,
    "labels": _labels,
    "convexity": convexities,
    "minima": minima,
}
