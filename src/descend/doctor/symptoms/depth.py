"""Activation scales and gradient norms of the layers, in the order of the network."""

from math import isfinite

from descend.doctor.record import Record


def weight_gradients(record: Record, step: int) -> list[tuple[str, float]]:
    """Return the name and gradient norm of each weight matrix, from the input to the output; biases are omitted.

    Each norm is the first one measured at or after `step`.
    """
    found = []
    for place in record.places("gradient_norm"):
        curve = record.series("gradient_norm", place)
        value = next((v for s, v in curve if s >= step), curve.last)
        if place and "bias" not in place and isfinite(value):
            found.append((place, value))
    return found


def activation_scales(record: Record) -> list[tuple[str, float]]:
    """Return each layer's name and its initial root mean square of activations, from the input to the output."""
    return [(place, value) for place, value in record.initial_values("activation_scale").items() if isfinite(value)]
