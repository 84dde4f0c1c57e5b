"""Where a script's cost is convex, what is lost by staying there, and where it is flat."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from descend.doctor.probes.hidden import HiddenLayer
from descend.doctor.probes.judging import call_of, cost_of_outputs, hardened, judged
from descend.doctor.probes.shown.network import Network
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.record import Fact, facts
from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.convexity import Convexity, convexity, points_about, restricted
from descend.landscape.plateau import unmoved
from descend.landscape.random_units import random_units
from descend.landscape.vectors import flat


def convexities(network: Network) -> Iterator[Fact]:
    """The cost in the outputs, in the output layer's parameters, and in all of them."""
    recording = network.recordings[0]
    call = call_of(recording)
    with torch.no_grad():
        outputs, _ = judged(recording, network.slots(recording)).evaluate(network.theta)
    in_outputs = convexity(cost_of_outputs(recording), points_about([outputs]))
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
            outputs=_seen(in_outputs),
            output_layer=_seen(in_output_layer) if in_output_layer else None,
            all=_seen(in_all),
            hidden=len(network.structure.layers) + len(network.structure.left_out),
        )
    )


def _seen(found: Convexity) -> facts.SeenConvexity:
    return facts.SeenConvexity(found.points, found.lowest, found.excess, found.is_refuted)


def minima(network: Network) -> Iterator[Fact]:
    """The output layer alone on random hidden units; a bad local minimum; what hard thresholds do to the gradient."""
    cost = network.loss.value(network.theta)
    if network.structure.output:
        output = network.structure.output
        at_start = random_units(network.loss, network.beginning, output, redraw=None)
        here = random_units(network.loss, network.theta, output, redraw=None)
        is_refuted = at_start.convexity.is_refuted
        yield network.fact(facts.RandomUnits(cost, at_start.fit.final, here.fit.final, is_refuted))
    rectified = [
        layer for layer in network.structure.layers if layer.activations == {"relu"} and _is_last(network, layer)
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
    yield from _plateau(network)


def _is_last(network: Network, layer: HiddenLayer) -> bool:
    """Whether the units are rectified ones that the output layer, and nothing else, reads."""
    readers = {axis.index for axis in layer.hidden.outgoing}
    return layer.activations == {"relu"} and bool(readers) and readers <= {*network.structure.output}


def _plateau(network: Network) -> Iterator[Fact]:
    hard = network.loss_of(tuple(map(hardened, network.recordings)))
    gradient = hard.gradient(network.theta)
    row = flat(gradient)
    found = facts.Plateau(
        hard_zero=float((row == 0).double().mean()),
        soft_zero=float((flat(network.loss.gradient(network.theta)) == 0).double().mean()),
        smooth_unmoved=unmoved(network.loss.value, network.theta),
    )
    try:
        wrong = network.share_wrong(network.recordings, network.theta)
        still = unmoved(lambda theta: network.share_wrong(network.recordings, theta), network.theta, tried=20)
        found = replace(found, wrong=wrong, wrong_unmoved=still)
    except Unavailable:  # no 0–1 loss is defined
        pass
    yield network.fact(found)
