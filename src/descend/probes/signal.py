"""Do the targets depend on the inputs at all? A test of independence on the fixed examples.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005, eq. 9) with Gaussian kernels sees any kind of
dependence; its law under independence comes from shuffling the targets.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from descend.probes.inputs import network_input
from descend.probes.moment import Measurement, Moment, Unavailable, no_grad_float
from descend.record import Fact

MOST = 256  # the test takes their square
LEAST = 64  # examples, or nothing can be told
SHUFFLES = 200
SCALES = (1.0, 1 / 4, 1 / 16)  # of the median distance
NEGLIGIBLE = 1e-3  # of the targets' largest eigenvalue


def signal(moment: Moment) -> Measurement:
    """Yield the fact `signal`: how often shuffled targets look as dependent on the inputs as the real ones.

    Where the examples are images or sequences, what the network itself makes of them is looked at, too: it sees
    alike what is alike, wherever in the example it stands.
    """
    inputs, outputs, targets = [], [], []
    for forward in moment.trained:
        if forward.pair is None:
            raise Unavailable("no call of torch's loss functions shows the targets")
        x, (z, t) = network_input(forward.recording), forward.pair
        if not len(x) == len(t) == t.numel() and t.ndim != 2:
            raise Unavailable("inputs and targets do not come one for each example")
        inputs.append(x)
        outputs.append(z.reshape(len(z), -1))
        targets.append(t.reshape(len(t), -1))
    is_table = inputs[0].ndim == 2
    x, t = torch.cat([x.reshape(len(x), -1) for x in inputs]).double()[:MOST], torch.cat(targets)[:MOST]
    z = torch.cat(outputs).double()[:MOST]
    if len(x) < LEAST or not len(x) == len(t) == len(z) or not x.isfinite().all():
        raise Unavailable("too few examples to tell whether the targets depend on the inputs")
    if bool((t == t[0]).all()):
        raise Unavailable("all targets are alike, as a generator's are: they depend on nothing")
    seen = [x] if is_table or not z.isfinite().all() else [x, z]
    yield Fact("signal", "", moment.step, {"examples": len(x), "p_value": independence(seen, t)})


def independence(views: Sequence[Tensor], t: Tensor) -> float:
    """Return the p-value of independence of what is known of the examples and of their targets.

    views: (examples, features) each; t: (examples, targets), real or labels. Each view is compared at every one of
    `SCALES`: what varies fast is not seen at the distance that is usual between examples.
    """
    kernels = torch.stack([_centred(_gaussian(_standardised(x), scale)) for x in views for scale in SCALES])
    features = _features(t)
    generator = torch.Generator().manual_seed(0)  # private: the script's own random stream stays as it is
    orders = [torch.randperm(len(t), generator=generator) for _ in range(SHUFFLES)]
    shown = torch.stack([features, *(features[order] for order in orders)], 1)
    products = (kernels @ shown.flatten(1)).unflatten(2, shown.shape[1:]) * shown
    found = products.sum((1, 3))
    spread = found.std(1, keepdim=True).clamp_min(torch.finfo(found.dtype).tiny)
    strongest, *shuffled = ((found - found.mean(1, keepdim=True)) / spread).amax(0).tolist()
    return (1 + sum(value >= strongest for value in shuffled)) / (1 + SHUFFLES)


def _standardised(x: Tensor) -> Tensor:
    spread = x.std(0, correction=0)
    return (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)


def _features(t: Tensor) -> Tensor:
    """Return what the targets' kernel is the outer product of: their classes, or its leading eigenvectors."""
    is_whole = bool((t == t.round()).all()) and len(t.unique(dim=0)) <= len(t) // 4
    if not t.is_floating_point() or is_whole:
        return nn.functional.one_hot(t.unique(dim=0, return_inverse=True)[1]).double()
    values, vectors = torch.linalg.eigh(_gaussian(no_grad_float(t).double()))
    kept = values > NEGLIGIBLE * values[-1]
    return vectors[:, kept] * values[kept].sqrt()


def _gaussian(x: Tensor, scale: float = 1.0) -> Tensor:
    """Return exp(−d²/2m²) with m the median distance times `scale`."""
    squares = torch.cdist(x, x).square()
    middle = squares[squares > 0].median() if bool((squares > 0).any()) else torch.ones((), dtype=x.dtype)
    return torch.exp(-squares / (2 * scale**2 * middle))


def _centred(kernel: Tensor) -> Tensor:
    return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()
