"""What happens to signals on their way through the layers: activations forwards, gradients backwards."""

from math import isfinite

from descend.doctor.record import Record


def weight_gradients(record: Record, step: int) -> list[tuple[str, float]]:
    """Return the gradient's norm of each weight matrix at the first probe from `step` on, in the network's order."""
    found = []
    for place in record.places("gradient_norm"):
        curve = record.series("gradient_norm", place)
        value = next((v for s, v in curve if s >= step), curve.last)
        if place and "bias" not in place and isfinite(value):
            found.append((place, value))
    return found


def activation_scales(record: Record) -> list[tuple[str, float]]:
    """Return each activation's root mean square at the first probe, in the order of the network."""
    places = record.places("activation_scale")
    return [(place, value) for place in places if isfinite(value := record.series("activation_scale", place).first)]
