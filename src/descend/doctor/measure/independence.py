"""Whether the targets depend on the inputs at all: a test of independence on the fixed examples.

The Hilbert-Schmidt independence criterion (Gretton et al. 2005, eq. 9) with Gaussian kernels detects any kind of
dependence. Its null distribution comes from shuffling the targets. A negative result counts only if the test has power:
it is repeated with planted targets that are known to depend on the examples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from descend.doctor.measure.inputs import network_input
from descend.doctor.measure.loss_call import loss_call, module_of
from descend.doctor.measure.messages import MANY, UNLIKE, no_loss_call_message, unmatched_message
from descend.doctor.measure.planted_targets import SIZE, planted_targets
from descend.doctor.measure.replay import slot_value
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable, no_grad_float
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording

MOST = 256  # largest number of examples used, because memory grows with the square of this number
LEAST = 64  # With fewer examples than this, the test has no power.
SHUFFLES = 200
SCALES = (1.0, 1 / 4, 1 / 16)  # widths of the kernels, in units of the median distance
CHANCE = 0.05  # A p-value above this shows no dependence; on real data it is below 0.01.
PLANTED = 20  # number of artificial targets with a known dependence, from which the power of the test is estimated
NEGLIGIBLE = 1e-3  # Eigenvalues below this share of the largest are dropped from the targets' kernel.


def independence(snapshot: Snapshot) -> Measurement:
    """Yield the p-value for the hypothesis that inputs and targets are independent, and the power of the test.

    For images and sequences, the network's outputs are tested as a second view, because they are invariant to
    positions. If the model transforms its input before the first layer (sines of a number), both forms are tested.
    `power` is the share of planted dependences that the test finds.
    """
    inputs, outputs, targets, given = [], [], [], []
    for forward in snapshot.trained:
        if forward.pair is None:
            raise Unavailable(no_loss_call_message(forward.recording))
        x, (z, t) = network_input(forward.recording), forward.pair
        if len(x) != (len(t) if t.ndim else 1):
            raise Unavailable(unmatched_message("targets"))
        if t.ndim > 2 and t.numel() > len(t):
            raise Unavailable(MANY)
        inputs.append(x)
        given.append(_model_input(forward.recording, len(x)))
        if not z.ndim or len(z) != len(t):
            raise Unavailable(UNLIKE)
        outputs.append(z.reshape(len(z), -1))
        targets.append(t.reshape(len(t), -1))
    is_table = inputs[0].ndim == 2
    x, t = torch.cat([x.reshape(len(x), -1) for x in inputs]).double()[:MOST], torch.cat(targets)[:MOST]
    z = torch.cat(outputs).double()[:MOST]
    if len(x) < LEAST:
        raise Unavailable("too few examples to test whether the targets depend on the inputs")
    if not x.isfinite().all():
        raise Unavailable("some inputs are infinite or NaN")
    if bool((t == t[0]).all()):
        raise Unavailable("all targets are equal, so they do not depend on the inputs")
    seen = [x] if is_table or not z.isfinite().all() else [x, z]
    if len({part.shape[1:] for part in given if part is not None}) == 1 and all(part is not None for part in given):
        seen.append(torch.cat([part for part in given if part is not None])[:MOST])
    p = independence_p_value(seen, t)
    found = facts.Signal(
        examples=len(x),
        p_value=p,
        chance=CHANCE,
        shuffles=SHUFFLES,
        size=SIZE,
        met=_pairing_place(snapshot),
        power=power(seen, z, t) if p > CHANCE else None,
    )
    yield Fact.of(found, snapshot.step)


def power(views: Sequence[Tensor], z: Tensor, t: Tensor) -> float:
    """Return the power of the test: the share of artificial targets, made to depend on the outputs, that it detects.

    Planted targets are the values of `t` in a different order, so the null distribution is the same.
    """
    if not z.isfinite().all():
        return 0.0
    kernels, are_classes = _centred_kernels(views), _are_classes(t)
    law = _null_distribution(kernels, t)
    values = t.unique(dim=0, return_inverse=True)[1][:, None] if are_classes else t
    copies = planted_targets(z, values, are_classes, PLANTED)
    return (
        sum(law.p_value(_criteria(kernels, _target_features(copy)[:, None])[:, 0]) <= CHANCE for copy in copies)
        / PLANTED
    )


def _model_input(recording: Recording, examples: int) -> Tensor | None:
    """Return the model's input ``(examples, features)`` if it differs from the first layer's input, otherwise None."""
    assert recording.input_slot is not None
    within, made = recording.upstream_slots(recording.input_slot), {s: op for op in recording.ops for s in op.outputs}
    found: list[int] = []
    for op in recording.ops:
        entering = [s for s in op.inputs if s in within and s not in found and s not in recording.parameters]
        outside = [s for s in entering if s not in made or module_of(made[s]) is None]
        found += [s for s in outside if module_of(op) is not None and recording.sizes[s] == examples]
    if not found or found == [recording.input_slot]:
        return None
    values = [slot_value(recording, s).reshape(examples, -1).double() for s in found]
    joined = torch.cat(values, 1)
    return joined if joined.isfinite().all() else None


def _pairing_place(snapshot: Snapshot) -> str:
    """Return where inputs and targets are paired: `loader` if a loader returns both, otherwise `loss`."""
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    is_loaded = call is not None and not recording.upstream_slots(call.target).isdisjoint(recording.loaders)
    return "loader" if is_loaded else "loss"


def independence_p_value(views: Sequence[Tensor], t: Tensor) -> float:
    """Return the p-value for the hypothesis that examples and targets are independent.

    `views` are tensors ``(examples, features)``, `t` has the shape ``(examples, targets)``. Each view is tested at all
    `SCALES`, because a wide kernel does not detect a rapidly varying dependence.
    """
    kernels = _centred_kernels(views)
    return _null_distribution(kernels, t).p_value(_criteria(kernels, _target_features(t)[:, None])[:, 0])


@dataclass(frozen=True)
class _NullDistribution:
    """The null distribution of the independence criterion: its values for shuffled targets."""

    shuffled: Tensor  # the criterion of shuffled targets, ``(kernels, shuffles)``

    def p_value(self, found: Tensor) -> float:
        """Return the share of shuffled targets whose dependence on the inputs is at least as strong as `found`."""
        mean, spread = self.shuffled.mean(1), self.shuffled.std(1).clamp_min(torch.finfo(found.dtype).tiny)
        strongest = ((found - mean) / spread).max()
        others = ((self.shuffled - mean[:, None]) / spread[:, None]).amax(0)
        return (1 + int((others >= strongest).sum())) / (1 + SHUFFLES)


def _centred_kernels(views: Sequence[Tensor]) -> Tensor:
    """Return the centred kernel matrices ``(kernels, n, n)`` of all views of the inputs, at all kernel widths."""
    return torch.stack([_centre_kernel(_gaussian_kernel(_standardise(x), scale)) for x in views for scale in SCALES])


def _null_distribution(kernels: Tensor, t: Tensor) -> _NullDistribution:
    """Return the null distribution of the independence criterion, computed from shuffled targets."""
    features = _target_features(t)
    generator = torch.Generator().manual_seed(0)  # A separate generator leaves the script's random state unchanged.
    orders = [torch.randperm(len(t), generator=generator) for _ in range(SHUFFLES)]
    return _NullDistribution(_criteria(kernels, torch.stack([features[order] for order in orders], 1)))


def _criteria(kernels: Tensor, shown: Tensor) -> Tensor:
    """Return the independence criterion (kernel dependence on the inputs) for each kernel and copy of the targets.

    shown: the copies of the targets' features ``(n, copies, features)``.
    """
    products = (kernels @ shown.flatten(1)).unflatten(2, shown.shape[1:]) * shown
    return products.sum((1, 3))


def _standardise(x: Tensor) -> Tensor:
    """Return the columns of `x`, standardised to mean 0 and standard deviation 1."""
    spread = x.std(0, correction=0)
    return (x - x.mean(0)) / torch.where(spread > 0, spread, 1.0)


def _target_features(t: Tensor) -> Tensor:
    """Return features whose inner products form the targets' kernel matrix: one-hot classes or scaled eigenvectors."""
    if _are_classes(t):
        return nn.functional.one_hot(t.unique(dim=0, return_inverse=True)[1]).double()
    values, vectors = torch.linalg.eigh(_gaussian_kernel(no_grad_float(t).double()))
    kept = values > NEGLIGIBLE * values[-1]
    return vectors[:, kept] * values[kept].sqrt()


def _are_classes(t: Tensor) -> bool:
    """Return whether the targets are integers, or whole numbers with few distinct values."""
    return not t.is_floating_point() or bool((t == t.round()).all()) and len(t.unique(dim=0)) <= len(t) // 4


def _gaussian_kernel(x: Tensor, scale: float = 1.0) -> Tensor:
    """Return the kernel matrix exp(−d²/2m²) of the distances d, where m is `scale` times their median."""
    squares = torch.cdist(x, x).square()
    middle = squares[squares > 0].median() if bool((squares > 0).any()) else x.new_ones(())
    return torch.exp(-squares / (2 * scale**2 * middle))


def _centre_kernel(kernel: Tensor) -> Tensor:
    """Return the kernel matrix with rows and columns of mean 0."""
    return kernel - kernel.mean(0) - kernel.mean(1, keepdim=True) + kernel.mean()
