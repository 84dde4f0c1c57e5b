"""Test whether a weight still has torch's default initialisation, that is, was neither trained nor loaded."""

from torch import Tensor, nn

GATES = 512  # A recurrent weight with fewer values than this may match the distribution by accident.
LEAST = 64  # With fewer values than this, the empirical distribution is too uncertain.
NEAR, EDGE = 0.03, 0.01  # relative tolerances of the standard deviation and of the largest absolute value


def has_default_initialisation(weight: Tensor) -> bool:
    """Return whether `weight` ``(out, in, …)`` looks as if drawn from U(−1/√n, 1/√n) for n inputs, or from N(0, 1).

    The first is the default of torch's Linear, convolutional and recurrent layers (`kaiming_uniform_` with a = √5), the
    second that of embeddings. Training moves values out of the interval within a few steps.
    """
    if weight.ndim < 2 or weight.numel() < LEAST:
        return False
    w = weight.detach().double()
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(weight)
    near, edge = max(NEAR, 2 * weight.numel() ** -0.5), 1 - max(EDGE, 10 / weight.numel())
    for bound in {n**-0.5 for n in _possible_input_counts(weight, fan_in)}:
        largest, spread = float(w.abs().max()), float(w.std(correction=0))
        if largest <= bound * (1 + 1e-5) and largest > edge * bound and abs(spread / (bound * 3**-0.5) - 1) < near:
            return True
    return abs(float(w.std()) - 1) < near and abs(float(w.mean())) < near and float(w.abs().max()) > 2


def _possible_input_counts(weight: Tensor, fan_in: int) -> set[int]:
    """Return the possible n in the default U(−1/√n, 1/√n): number of inputs, or hidden size of a recurrent layer."""
    rows = len(weight)
    if weight.numel() < GATES:
        return {fan_in}
    return {fan_in} | {rows // gates for gates in (1, 3, 4) if weight.ndim == 2 and rows % gates == 0 and rows > gates}
