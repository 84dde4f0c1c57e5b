"""Compare autograd's gradient with finite differences, module by module, in float64.

Along a random direction u in the parameters of one module, the loss changes by u·∇, which a central difference
measures. In practice, a wrong backward pass has a relative error of 0.5, and a correct one has 1e-9.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording, StaleData

STEP = 1e-6  # step length of a central difference along a random direction, in float64
DIRECTIONS = 3


def gradients(snapshot: Snapshot) -> Measurement:
    """Yield, for each module with its own parameters, autograd's error relative to finite differences in float64."""
    recording = snapshot.recordings()[0]
    slots: dict[str, list[int]] = {}
    for slot, parameter in recording.parameters.items():
        if parameter.requires_grad and parameter.is_floating_point():
            name = snapshot.names.get(id(parameter), "(unregistered)")
            slots.setdefault(name.rpartition(".")[0] or name, []).append(slot)
    theta = {slot: p.detach().double() for slot, p in recording.parameters.items() if p.is_floating_point()}
    try:
        gradient = _autograd_gradient(recording, theta)
        for module, mine in slots.items():
            error = _median_error(recording, theta, gradient, mine)
            yield Fact.of(facts.ModuleGradient(error), snapshot.step, module)
    except StaleData as stale:
        raise Unavailable(str(stale)) from None
    except RuntimeError as error:
        raise Unavailable(f"the step cannot be computed in float64: {str(error).splitlines()[0]}") from None


def _autograd_gradient(recording: Recording, theta: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Return autograd's gradient of the loss in float64, by the parameters' ids in the recording."""
    leaves = {slot: p.clone().requires_grad_(True) for slot, p in theta.items()}
    with torch.enable_grad():
        loss = recording.run(leaves, double=True)
    found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {slot: torch.zeros_like(p) if g is None else g for (slot, p), g in zip(leaves.items(), found)}


def _median_error(
    recording: Recording, theta: Mapping[int, Tensor], gradient: Mapping[int, Tensor], slots: list[int]
) -> float:
    """Return the gradient's median relative error against central differences along random directions in `slots`."""
    generator = torch.Generator().manual_seed(0)  # A separate generator leaves the script's random state unchanged.
    errors = []
    for _ in range(DIRECTIONS):
        along = {s: torch.randn(theta[s].shape, generator=generator, dtype=torch.float64) for s in slots}
        ends = []
        with torch.no_grad():
            for sign in (1, -1):
                moved = {**theta, **{s: theta[s] + sign * STEP * u.to(theta[s]) for s, u in along.items()}}
                ends.append(float(recording.run(moved, double=True)))
        difference = (ends[0] - ends[1]) / (2 * STEP)
        slope = sum(float((gradient[s] * u.to(gradient[s])).sum()) for s, u in along.items())
        size = max(abs(difference), abs(slope))
        errors.append(abs(difference - slope) / size if size > 1e-12 else 0.0)
    return sorted(errors)[DIRECTIONS // 2]
