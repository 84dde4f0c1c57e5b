"""Do the targets depend on the inputs at all? A test of independence on the fixed examples.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005, eq. 9) with Gaussian kernels sees any kind of
dependence; its law under independence comes from shuffling the targets. That it finds nothing is worth something only
where it would have found something: the same test is given targets that are known to depend on the examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.doctor.probes.feeding import value_of
from descend.doctor.probes.inputs import network_input
from descend.doctor.probes.loss_call import loss_call, module_of
from descend.doctor.probes.planting import SIZE, planted
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.probes.unread import MANY, UNLIKE, unmatched, unread
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording

MOST = 256  # the test takes their square
LEAST = 64  # examples, or nothing can be told
SHUFFLES = 200
SCALES = (1.0, 1 / 4, 1 / 16)  # of the median distance
CHANCE = 0.05  # of shuffled targets that look as dependent: real ones have less than one in a hundred
PLANTED = 20  # targets of known dependence, to see how often the test finds it
NEGLIGIBLE = 1e-3  # of the targets' largest eigenvalue


def signal(snapshot: Snapshot) -> Measurement:
    """Yield the fact `signal`: how often shuffled targets look as dependent on the inputs as the real ones.

    Where the examples are images or sequences, what the network itself makes of them is looked at, too: it sees
    alike what is alike, wherever in the example it stands. Where what the model is given is turned into something else
    before a layer meets it (the sines of a number), both are looked at. `power` is the share of targets with a planted
    dependence that the test finds.
    """
    inputs, outputs, targets, given = [], [], [], []
    for forward in snapshot.trained:
        if forward.pair is None:
            raise Unavailable(unread(forward.recording))
        x, (z, t) = network_input(forward.recording), forward.pair
        if len(x) != (len(t) if t.ndim else 1):
            raise Unavailable(unmatched("targets"))
        if t.ndim > 2 and t.numel() > len(t):
            raise Unavailable(MANY)
        inputs.append(x)
        given.append(_given(forward.recording, len(x)))
        if not z.ndim or len(z) != len(t):
            raise Unavailable(UNLIKE)
        outputs.append(z.reshape(len(z), -1))
        targets.append(t.reshape(len(t), -1))
    is_table = inputs[0].ndim == 2
    x, t = torch.cat([x.reshape(len(x), -1) for x in inputs]).double()[:MOST], torch.cat(targets)[:MOST]
    z = torch.cat(outputs).double()[:MOST]
    if len(x) < LEAST:
        raise Unavailable("too few examples to tell whether the targets depend on the inputs")
    if not x.isfinite().all():
        raise Unavailable("some inputs are infinite or no numbers")
    if bool((t == t[0]).all()):
        raise Unavailable("all targets are alike, as a generator's are: they depend on nothing")
    seen = [x] if is_table or not z.isfinite().all() else [x, z]
    if len({part.shape[1:] for part in given if part is not None}) == 1 and all(part is not None for part in given):
        seen.append(torch.cat([part for part in given if part is not None])[:MOST])
    p = independence(seen, t)
    found = facts.Signal(
        examples=len(x),
        p_value=p,
        chance=CHANCE,
        shuffles=SHUFFLES,
        size=SIZE,
        met=_met(snapshot),
        power=power(seen, z, t) if p > CHANCE else None,
    )
    yield Fact.of(found, snapshot.step)


def power(views: Sequence[Tensor], z: Tensor, t: Tensor) -> float:
    """Return how often the test finds targets dependent that depend on the outputs `z` by `SIZE`.

    The planted targets are the same values in another order, so their law under independence is that of `t`.
    """
    if not z.isfinite().all():
        return 0.0
    kernels, are_classes = _kernels(views), _are_classes(t)
    law = _law(kernels, t)
    values = t.unique(dim=0, return_inverse=True)[1][:, None] if are_classes else t
    copies = planted(z, values, are_classes, PLANTED)
    return sum(law.p_value(_strengths(kernels, _features(copy)[:, None])[:, 0]) <= CHANCE for copy in copies) / PLANTED


def _given(recording: Recording, examples: int) -> Tensor | None:
    """Return what the model is given of each example, where that is not what its first layer meets; else None."""
    assert recording.input_slot is not None
    within, made = recording.behind(recording.input_slot), {s: op for op in recording.ops for s in op.outputs}
    found: list[int] = []
    for op in recording.ops:
        entering = [s for s in op.inputs if s in within and s not in found and s not in recording.parameters]
        outside = [s for s in entering if s not in made or module_of(made[s]) is None]
        found += [s for s in outside if module_of(op) is not None and recording.sizes[s] == examples]
    if not found or found == [recording.input_slot]:
        return None
    values = [value_of(recording, s).reshape(examples, -1).double() for s in found]
    joined = torch.cat(values, 1)
    return joined if joined.isfinite().all() else None


def _met(snapshot: Snapshot) -> str:
    """Return where inputs and targets come together: `loader` where one gives both, or else `loss`."""
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    is_loaded = call is not None and not recording.behind(call.target).isdisjoint(recording.loaders)
    return "loader" if is_loaded else "loss"


def independence(views: Sequence[Tensor], t: Tensor) -> float:
    """Return the p-value of independence of what is known of the examples and of their targets.

    views: (examples, features) each; t: (examples, targets), real or labels. Each view is compared at every one of
    `SCALES`: what varies fast is not seen at the distance that is usual between examples.
    """
    kernels = _kernels(views)
    return _law(kernels, t).p_value(_strengths(kernels, _features(t)[:, None])[:, 0])


@dataclass(frozen=True)
class _Law:
    """How strong the dependence of shuffled targets looks in each kernel."""

    shuffled: Tensor  # (kernels, shuffles)

    def p_value(self, found: Tensor) -> float:
        """Return how often shuffled targets look as dependent as those of strength `found` (one for each kernel)."""
        mean, spread = self.shuffled.mean(1), self.shuffled.std(1).clamp_min(torch.finfo(found.dtype).tiny)
        strongest = ((found - mean) / spread).max()
        others = ((self.shuffled - mean[:, None]) / spread[:, None]).amax(0)
        return (1 + int((others >= strongest).sum())) / (1 + SHUFFLES)


def _kernels(views: Sequence[Tensor]) -> Tensor:
    return torch.stack([_centred(_gaussian(_standardised(x), scale)) for x in views for scale in SCALES])


def _law(kernels: Tensor, t: Tensor) -> _Law:
    features, generator = _features(t), torch.Generator().manual_seed(0)  # private: the script's stream stays as it is
    orders = [torch.randperm(len(t), generator=generator) for _ in range(SHUFFLES)]
    return _Law(_strengths(kernels, torch.stack([features[order] for order in orders], 1)))


def _strengths(kernels: Tensor, shown: Tensor) -> Tensor:
    """Return the criterion of each kernel (n, n) with each of the targets (n, copies, features)."""
    products = (kernels @ shown.flatten(1)).unflatten(2, shown.shape[1:]) * shown
    return products.sum((1, 3))


def _standardised(x: Tensor) -> Tensor:
    spread = x.std(0, correction=0)
    return (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)


def _features(t: Tensor) -> Tensor:
    """Return what the targets' kernel is the outer product of: their classes, or its leading eigenvectors."""
    if _are_classes(t):
        return nn.functional.one_hot(t.unique(dim=0, return_inverse=True)[1]).double()
    values, vectors = torch.linalg.eigh(_gaussian(no_grad_float(t).double()))
    kept = values > NEGLIGIBLE * values[-1]
    return vectors[:, kept] * values[kept].sqrt()


def _are_classes(t: Tensor) -> bool:
    return not t.is_floating_point() or bool((t == t.round()).all()) and len(t.unique(dim=0)) <= len(t) // 4


def _gaussian(x: Tensor, scale: float = 1.0) -> Tensor:
    """Return exp(−d²/2m²) with m the median distance times `scale`."""
    squares = torch.cdist(x, x).square()
    middle = squares[squares > 0].median() if bool((squares > 0).any()) else x.new_ones(())
    return torch.exp(-squares / (2 * scale**2 * middle))


def _centred(kernel: Tensor) -> Tensor:
    return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()
