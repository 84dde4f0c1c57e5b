"""Symmetries of a network's hidden units, their effect on sharpness measures, and where the loss is convex.

Dropout is disabled and normalisation uses batch statistics, since permuted units would get different random draws.
Every question is answered at each point; questions on labels and random units start from the initial weights.
"""

from collections.abc import Callable, Iterator, Sequence

from torch import Tensor

from descend.doctor.measure.hidden import HiddenLayer
from descend.doctor.measure.optimizer_factory import OptimizerFactory, optimizer_factory
from descend.doctor.measure.random_labels import randomised_recordings
from descend.doctor.measure.shown.convexities import convexities, minima
from descend.doctor.measure.shown.network import Network
from descend.doctor.measure.shown.points import points, require_finite
from descend.doctor.measure.shown.threads import few_threads
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording, StaleData
from descend.landscape import CurvatureUnavailable, Loss, ends
from descend.landscape.convexity import restricted
from descend.landscape.hidden import scaled
from descend.landscape.loss import Theta
from descend.landscape.memorising import memorising
from descend.landscape.permutation import Permutations, permutations
from descend.landscape.sharp_and_wide import Minimum, sharp_and_wide
from descend.landscape.sharpness import measures, rescaling

MOST_LAYERS = 8  # largest number of hidden layers that are examined one by one
COPIES, POINTS = 8, 17  # number of permutations, and of points on the line between two permutations
FACTOR, FACTORS = 10.0, (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # factors by which a layer's weights are rescaled
PASSES = 300  # number of epochs of each fit of the network


def symmetry(snapshot: Snapshot) -> Measurement:
    """Yield, at each requested point of the run, the results of the requested analyses of symmetries and minima.

    Raises `Unavailable`.
    """
    if "start" not in snapshot.memory:
        snapshot.memory["start"] = tuple(p.detach().clone() for p in snapshot.parameters)
    for point in points(snapshot):
        require_finite(point)
        with few_threads(snapshot.parameters):
            yield from _answer_questions(Network(snapshot, point, snapshot.memory["start"]))


def _answer_questions(network: Network) -> Measurement:
    """Yield the result of each requested analysis of the network's symmetries, or the reason why it failed."""
    yield network.fact(network.described)
    for question in network.snapshot.asked["questions"]:
        yield network.fact(facts.Measuring(question))
        try:
            yield from QUESTIONS[question](network)
        except (CurvatureUnavailable, StaleData, Unavailable, ValueError) as error:
            yield network.fact(facts.Unanswered(question, str(error)))


def _permute_units(network: Network) -> Iterator[Fact]:
    """Yield the loss with permuted hidden units, between two permutations, and at the mean of all permutations."""
    layers = network.structure.layers
    found = []
    for layer in layers[:MOST_LAYERS]:
        seen = permutations(network.loss, network.theta, [layer.hidden], copies=COPIES, points=POINTS)
        found.append(_permutation_fact(network.name(layer.weight), [layer], seen))
    if len(layers) > 1:
        hidden = [layer.hidden for layer in layers]
        seen = permutations(network.loss, network.theta, hidden, copies=COPIES, points=POINTS)
        found.append(_permutation_fact("all at once", layers, seen))
    left_out = tuple((network.name(number), reason) for number, reason in network.structure.left_out)
    yield network.fact(facts.Permutations(tuple(found), left_out, len(layers[MOST_LAYERS:])))


def _permutation_fact(name: str, layers: Sequence[HiddenLayer], seen: Permutations) -> facts.PermutedLayer:
    """Convert the result of permuting the units of one layer, or of all layers at once, to the stored form."""
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


def _sharpness_after_rescaling(network: Network) -> Iterator[Fact]:
    """Yield the sharpness after one layer is scaled up and the next one down, which leaves the function unchanged."""
    layer = _first_rectified_layer(network, lambda layer: layer.hidden.is_homogeneous)
    largest = []
    for factor in FACTORS:
        at = scaled(network.theta, layer.hidden, factor)
        found = ends(network.loss.hessian(at), at, top=1, bottom=0, tolerance=1e-2)
        largest.append((factor, found.top[0].value))
    yield network.fact(facts.Scales(network.name(layer.weight), tuple(largest)))
    seen = rescaling(network.loss, network.theta, layer.hidden, FACTOR)
    kept = tuple(facts.Survival(each.measure, each.before, each.after, each.survives) for each in seen.measures)
    yield network.fact(facts.Rescaling(network.name(layer.weight), FACTOR, seen.cost, seen.rescaled_cost, kept))


def _first_rectified_layer(network: Network, fits: Callable[[HiddenLayer], bool]) -> HiddenLayer:
    """Return the first hidden layer with rectified units that can be rescaled. Raises `Unavailable` without any."""
    layer = next((layer for layer in network.structure.layers if fits(layer)), None)
    if layer is None:
        raise Unavailable("no hidden layer has rectified units, so no layer can be rescaled")
    return layer


def _compare_label_fits(network: Network) -> Iterator[Fact]:
    """Yield how fast the script's optimizer fits true labels, shuffled labels and noise, from the initial weights."""
    rule, start = _initial_training_state(network)
    made = randomised_recordings(network.recordings)
    losses = {name: _loss_of_trained(network, network.loss_of(recordings)) for name, recordings in made.items()}
    found = memorising(losses, start, rule, PASSES)
    yield network.fact(
        facts.Memorising(
            rule=rule.name,
            costs={name: (*fit.costs, fit.final) for name, fit in found.fits.items()},
            passes={name: found.passes(name) for name in found.fits},
            wrong={name: _error_rate(network, recordings, found.fits[name].theta) for name, recordings in made.items()},
        )
    )


def _loss_of_trained(network: Network, loss: Loss) -> Loss:
    """Return the loss as a function of the parameters that the optimizer trains, with the others fixed."""
    return restricted(loss, network.initial_parameters, network.trained)


def _error_rate(network: Network, recordings: tuple[Recording, ...], fitted: Theta) -> float | None:
    """Return the classification error with fitted parameters, or None if it is undefined for these targets."""
    try:
        return network.error_rate(recordings, network.with_trained(fitted))
    except Unavailable:
        return None


def _compare_batch_sizes(network: Network) -> Iterator[Fact]:
    """Yield sharpness and held-out loss after fitting with small and large batches to the same training loss."""
    rule, start = _initial_training_state(network)
    fits = []
    for halves in sharp_and_wide(_loss_of_trained(network, network.loss), start, rule, PASSES):
        recordings = tuple(network.recordings[k] for k in halves.fitted_to)
        loss = network.loss_of(recordings)
        sizes = facts.BatchSizes(recordings[0].batch_size, sum(recording.batch_size for recording in recordings))
        small, large = (_minimum_facts(network, loss, found) for found in (halves.small, halves.large))
        fits.append(facts.HalfFitted(sizes, small, large))
    yield network.fact(facts.SharpAndWide(rule.name, tuple(fits)))


def _minimum_facts(network: Network, loss: Loss, found: Minimum) -> dict[str, float | int]:
    """Return, by name, the steps to a minimum, its training and held-out loss, and its sharpness measures."""
    known: dict[str, float | int] = {"steps": found.steps, "training cost": found.cost, "held-out cost": found.held_out}
    return known | measures(loss, network.with_trained(found.theta))


def _initial_training_state(network: Network) -> tuple[OptimizerFactory, list[Tensor]]:
    """Return a factory of the script's optimizer and the initial values of the parameters that it trains."""
    rule = optimizer_factory(network.snapshot.optimizer, [network.structure.parameters[k] for k in network.trained])
    return rule, [network.initial_parameters[k] for k in network.trained]


QUESTIONS: dict[str, Callable[[Network], Iterator[Fact]]] = {
    "permutation": _permute_units,
    "sharpness": _sharpness_after_rescaling,
    "generalisation": _compare_batch_sizes,
    "labels": _compare_label_fits,
    "convexity": convexities,
    "minima": minima,
}
