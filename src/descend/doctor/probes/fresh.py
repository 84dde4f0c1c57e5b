"""Whether a weight is still as torch drew it: nothing has trained it, and nothing was loaded into it."""

from torch import Tensor, nn

GATES = 512  # values of a recurrent weight, or an accident looks like one
LEAST = 64  # values, or their distribution says little
NEAR, EDGE = 0.03, 0.01  # relative, of the standard deviation and of the interval's end


def is_fresh(weight: Tensor) -> bool:
    """Return whether `weight` (out, in, …) looks drawn from U(−1/√n, 1/√n), n inputs, or an embedding from N(0, 1).

    That is how torch's Linear, convolutions and recurrent layers begin (`torch.nn.init.kaiming_uniform_` with
    a = √5). Training leaves the interval within a few steps.
    """
    if weight.ndim < 2 or weight.numel() < LEAST:
        return False
    w = weight.detach().double()
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(weight)
    near, edge = max(NEAR, 2 * weight.numel() ** -0.5), 1 - max(EDGE, 10 / weight.numel())
    for bound in {n**-0.5 for n in _widths(weight, fan_in)}:
        largest, spread = float(w.abs().max()), float(w.std(correction=0))
        if largest <= bound * (1 + 1e-5) and largest > edge * bound and abs(spread / (bound * 3**-0.5) - 1) < near:
            return True
    return abs(float(w.std()) - 1) < near and abs(float(w.mean())) < near and float(w.abs().max()) > 2


def _widths(weight: Tensor, fan_in: int) -> set[int]:
    """Return what the interval may come from: the inputs, or the hidden units of recurrent gates."""
    rows = len(weight)
    if weight.numel() < GATES:
        return {fan_in}
    return {fan_in} | {rows // gates for gates in (1, 3, 4) if weight.ndim == 2 and rows % gates == 0 and rows > gates}
