"""Whether a weight is still as torch drew it: nothing has trained it, and nothing was loaded into it."""

from torch import Tensor, nn

LEAST = 64  # values, or their distribution says little
NEAR = 0.15  # relative, of the standard deviation


def is_fresh(weight: Tensor) -> bool:
    """Return whether `weight` (out, in, …) looks drawn from U(−1/√n, 1/√n), n inputs, or an embedding from N(0, 1).

    That is how torch's Linear, convolutions and recurrent layers begin (`torch.nn.init.kaiming_uniform_` with
    a = √5). Training leaves the interval within a few steps.
    """
    if weight.ndim < 2 or weight.numel() < LEAST:
        return False
    w = weight.detach().double()
    fan_in, _ = nn.init._calculate_fan_in_and_fan_out(weight)
    for bound in (fan_in**-0.5, weight.shape[0] ** -0.5, (weight.shape[0] / 4) ** -0.5, (weight.shape[0] / 3) ** -0.5):
        largest, spread = float(w.abs().max()), float(w.std(correction=0))
        if largest <= bound * (1 + 1e-5) and largest > 0.9 * bound and abs(spread / (bound * 3**-0.5) - 1) < NEAR:
            return True
    return abs(float(w.std()) - 1) < NEAR and abs(float(w.mean())) < NEAR and float(w.abs().max()) > 2
