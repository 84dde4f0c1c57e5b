"""Where a script's cost is convex, what is lost by staying there, and where it is flat."""

from collections.abc import Iterator
from typing import Any

import torch

from descend.landscape.bad_minimum import bad_minimum
from descend.landscape.convexity import Convexity, convexity, points_about, restricted
from descend.landscape.plateau import unmoved
from descend.landscape.random_units import random_units
from descend.landscape.vectors import flat
from descend.probes.hidden import HiddenLayer
from descend.probes.judging import call_of, cost_of_outputs, hardened, judged
from descend.probes.moment import Unavailable
from descend.probes.shown.network import Network
from descend.record import Fact


def convexities(network: Network) -> Iterator[Fact]:
    """The cost in the outputs, in the output layer's parameters, and in all of them."""
    recording = network.recordings[0]
    call = call_of(recording)
    with torch.no_grad():
        outputs, _ = judged(recording, network.slots(recording)).evaluate(network.theta)
    in_outputs = convexity(cost_of_outputs(recording), points_about([outputs]))
    activation = call.activation.name.rstrip("_") if call.activation else ""
    detail = {"loss": call.function, "activation": activation, "outputs": _seen(in_outputs)}
    if network.structure.output:
        output = network.structure.output
        layer = restricted(network.loss, network.theta, output)
        detail["output_layer"] = _seen(convexity(layer, points_about([network.theta[k] for k in output])))
    detail["all"] = _seen(convexity(network.loss, points_about(network.theta, spreads=(0.1, 0.5))))
    yield network.fact("convexity", **detail, hidden=len(network.structure.layers) + len(network.structure.left_out))


def _seen(found: Convexity) -> dict[str, Any]:
    return {
        "points": found.points,
        "lowest": found.lowest,
        "excess": found.excess,
        "is_refuted": found.is_refuted,
    }


def minima(network: Network) -> Iterator[Fact]:
    """The output layer alone on random hidden units; a bad local minimum; what hard thresholds do to the gradient."""
    cost = network.loss.value(network.theta)
    if network.structure.output:
        output = network.structure.output
        at_start = random_units(network.loss, network.beginning, output, redraw=None)
        here = random_units(network.loss, network.theta, output, redraw=None)
        found = {"cost": cost, "random": at_start.fit.final, "trained": here.fit.final}
        yield network.fact("random_units", **found, is_refuted=at_start.convexity.is_refuted)
    rectified = [
        layer for layer in network.structure.layers if layer.activations == {"relu"} and _is_last(network, layer)
    ]
    if rectified:
        bad = bad_minimum(network.loss, network.theta, rectified[0].hidden)
        yield network.fact(
            "bad_minimum",
            layer=network.name(rectified[0].weight),
            cost=bad.cost,
            good=bad.good,
            gradient_norm=bad.gradient_norm,
            lowest=bad.lowest,
            tried=bad.tried,
            is_minimum=bad.is_minimum,
            is_bad=bad.is_bad,
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
    detail = {
        "hard_zero": float((row == 0).double().mean()),
        "soft_zero": float((flat(network.loss.gradient(network.theta)) == 0).double().mean()),
        "smooth_unmoved": unmoved(network.loss.value, network.theta),
    }
    try:
        detail["wrong"] = network.share_wrong(network.recordings, network.theta)
        detail["wrong_unmoved"] = unmoved(
            lambda theta: network.share_wrong(network.recordings, theta), network.theta, tried=20
        )
    except Unavailable:  # no 0–1 loss is defined
        pass
    yield network.fact("plateau", **detail)
