"""Do the targets depend on the inputs at all? A test of independence on the fixed examples.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005, eq. 9) with Gaussian kernels sees any kind of
dependence; its law under independence comes from shuffling the targets.
"""

import torch
from torch import Tensor

from descend.probes.inputs import network_input
from descend.probes.moment import Measurement, Moment, Unavailable, no_grad_float
from descend.record import Fact

MOST = 256  # the test takes their square
LEAST = 64  # examples, or nothing can be told
SHUFFLES = 200


def signal(moment: Moment) -> Measurement:
    """Yield the fact `signal`: how often shuffled targets look as dependent on the inputs as the real ones."""
    inputs, targets = [], []
    for forward in moment.trained:
        if forward.pair is None:
            raise Unavailable("no loss call shows the targets")
        x, t = network_input(forward.recording), forward.pair[1]
        if not len(x) == len(t) == t.numel() and t.ndim != 2:
            raise Unavailable("the targets are not one for each example")
        inputs.append(x.reshape(len(x), -1).double())
        targets.append(t.reshape(len(t), -1))
    x, t = torch.cat(inputs)[:MOST], torch.cat(targets)[:MOST]
    if len(x) < LEAST or len(x) != len(t) or not x.isfinite().all():
        raise Unavailable("too few examples to tell whether the targets depend on the inputs")
    yield Fact("signal", "", moment.step, {"examples": len(x), "p_value": independence(x, t)})


def independence(x: Tensor, t: Tensor) -> float:
    """Return the p-value of independence of `x` (examples, features) and `t` (examples, targets), real or labels."""
    spread = x.std(0, correction=0)
    x = (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)
    kernel = _centred(_gaussian(x))
    labels = not t.is_floating_point() or bool((t == t.round()).all()) and len(t.unique()) <= len(t) // 4
    other = (t[:, None] == t[None]).all(-1).double() if labels else _gaussian(no_grad_float(t).double())
    generator = torch.Generator().manual_seed(0)  # private: the script's own random stream stays as it is
    seen = float((kernel * other).sum())
    shuffled = 0
    for _ in range(SHUFFLES):
        order = torch.randperm(len(x), generator=generator)
        shuffled += float((kernel * other[order][:, order]).sum()) >= seen
    return (1 + shuffled) / (1 + SHUFFLES)


def _gaussian(x: Tensor) -> Tensor:
    """Return exp(−d²/2m²) with the median distance m."""
    squares = torch.cdist(x, x).square()
    middle = squares[squares > 0].median() if bool((squares > 0).any()) else torch.ones((), dtype=x.dtype)
    return torch.exp(-squares / (2 * middle))


def _centred(kernel: Tensor) -> Tensor:
    return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()
