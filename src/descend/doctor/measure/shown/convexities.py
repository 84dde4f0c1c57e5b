"""Find where the loss is convex, the cost of training only that part, and where the loss is flat."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from descend.doctor.measure.hidden import HiddenLayer
from descend.doctor.measure.network_outputs import (
    loss_of_outputs,
    outputs_and_loss,
    require_loss_call,
    with_hard_thresholds,
)
from descend.doctor.measure.shown.network import Network
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record import Fact, facts
from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.convexity import Convexity, convexity, points_about, restricted
from descend.landscape.plateau import unmoved
from descend.landscape.random_units import random_units
from descend.landscape.vectors import flat


def convexities(network: Network) -> Iterator[Fact]:
    """Yield whether the loss is convex in the outputs, in the output layer's parameters, and in all parameters."""
    recording = network.recordings[0]
    call = require_loss_call(recording)
    with torch.no_grad():
        outputs, _ = outputs_and_loss(recording, network.slots(recording)).evaluate(network.theta)
    in_outputs = convexity(loss_of_outputs(recording), points_about([outputs]))
    in_output_layer = None
    if network.structure.output:
        output = network.structure.output
        layer = restricted(network.loss, network.theta, output)
        in_output_layer = convexity(layer, points_about([network.theta[k] for k in output]))
    in_all = convexity(network.loss, points_about(network.theta, spreads=(0.1, 0.5)))
    yield network.fact(
        facts.Convexity(
            loss=call.function,
            activation=call.activation.name.rstrip("_") if call.activation else "",
            outputs=_convexity_fact(in_outputs),
            output_layer=_convexity_fact(in_output_layer) if in_output_layer else None,
            all=_convexity_fact(in_all),
            hidden=len(network.structure.layers) + len(network.structure.left_out),
        )
    )


def _convexity_fact(found: Convexity) -> facts.SeenConvexity:
    """Convert the result of one convexity test to the form in which it is stored."""
    return facts.SeenConvexity(found.points, found.lowest, found.excess, found.is_refuted)


def minima(network: Network) -> Iterator[Fact]:
    """Yield the loss with random hidden units, a bad local minimum, and how flat the loss is with hard thresholds."""
    cost = network.loss.value(network.theta)
    if network.structure.output:
        output = network.structure.output
        at_start = random_units(network.loss, network.initial_parameters, output, redraw=None)
        here = random_units(network.loss, network.theta, output, redraw=None)
        is_refuted = at_start.convexity.is_refuted
        yield network.fact(facts.RandomUnits(cost, at_start.fit.final, here.fit.final, is_refuted))
    rectified = [
        layer
        for layer in network.structure.layers
        if layer.activations == {"relu"} and _feeds_output_layer(network, layer)
    ]
    if rectified:
        bad = bad_minimum(network.loss, network.theta, rectified[0].hidden)
        yield network.fact(
            facts.BadMinimum(
                layer=network.name(rectified[0].weight),
                cost=bad.cost,
                good=bad.good,
                gradient_norm=bad.gradient_norm,
                lowest=bad.lowest,
                tried=bad.tried,
                is_minimum=bad.is_minimum,
                is_bad=bad.is_bad,
            )
        )
    yield from _plateau_fact(network)


def _feeds_output_layer(network: Network, layer: HiddenLayer) -> bool:
    """Return whether all units of a hidden layer are ReLUs that only the output layer reads."""
    readers = {axis.index for axis in layer.hidden.outgoing}
    return layer.activations == {"relu"} and bool(readers) and readers <= {*network.structure.output}


def _plateau_fact(network: Network) -> Iterator[Fact]:
    """Yield how flat the loss is with its own activations and with hard thresholds: the shares of zero gradients."""
    hard = network.loss_of(tuple(map(with_hard_thresholds, network.recordings)))
    gradient = hard.gradient(network.theta)
    row = flat(gradient)
    found = facts.Plateau(
        hard_zero=float((row == 0).double().mean()),
        soft_zero=float((flat(network.loss.gradient(network.theta)) == 0).double().mean()),
        smooth_unmoved=unmoved(network.loss.value, network.theta),
    )
    try:
        wrong = network.error_rate(network.recordings, network.theta)
        still = unmoved(lambda theta: network.error_rate(network.recordings, theta), network.theta, tried=20)
        found = replace(found, wrong=wrong, wrong_unmoved=still)
    except Unavailable:  # The classification error is undefined for these targets.
        pass
    yield network.fact(found)
