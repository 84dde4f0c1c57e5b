"""One backward pass that is looked at: what was there before it, and what it has added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from descend.doctor.reading.attribution import Stepper
from descend.doctor.reading.lineage import Lineage
from descend.doctor.tape import Recording, is_finite, leaf_parameters


@dataclass(frozen=True)
class Pass:
    """One finished backward pass."""

    step: int
    key: str
    optimizer: Optimizer | None
    parameters: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]  # unscaled
    loss: Tensor  # unscaled
    backwards: int
    overflowed: bool = False  # whether a scaler's factor has made the gradients infinite: they are not the loss's own

    def of_the_loss(self, recording: Recording | None) -> "Pass":
        """Return the pass with the loss's own gradients, from its recording where the scaled ones overflowed."""
        if not self.overflowed:
            return self
        own = recording.loss(self.parameters).gradient(self.parameters) if recording else ()
        return replace(self, gradients=own or (None,) * len(self.parameters))


class Asked(NamedTuple):
    """What a script says of a pass itself."""

    inputs: Sequence[Tensor] | None = None  # what it asks the gradient for; None: for all that the loss is made of
    taped: Tensor | None = None  # the loss as it is on the tape, where the pass is known by its value alone

    def root(self, loss: Tensor) -> Tensor:
        """Return the loss as it is on the tape."""
        return loss if self.taped is None else self.taped


ALL = Asked()


@dataclass(frozen=True)
class Opened:
    """What is kept from before a backward pass."""

    loss: Tensor
    scale: float
    stepper: Stepper
    leaves: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]  # the leaves, or what stands for them from one pass to the next
    earlier: tuple[Tensor | None, ...]  # the gradients that were there before

    def standing(self, recording: Recording | None) -> Recording | None:
        """Return the recording as a function of the parameters."""
        stands = {id(leaf): parameter for leaf, parameter in zip(self.leaves, self.parameters)}
        if recording is None or all(leaf is parameter for leaf, parameter in zip(self.leaves, self.parameters)):
            return recording
        return replace(recording, parameters={s: stands.get(id(t), t) for s, t in recording.parameters.items()})

    def close(self, returned: Mapping[int, Tensor] | None) -> Pass:
        """Return the pass; `returned` holds the gradients by parameter id where they were not accumulated."""
        if returned is None:
            pairs = zip(self.leaves, self.earlier)
            gradients = tuple(fresh_gradient(p, before, self.scale) for p, before in pairs)
        else:
            gradients = tuple(returned.get(id(p)) for p in self.leaves)
        stepper = self.stepper
        backwards = stepper.passes if stepper.steps else 1
        rule, loss = stepper.optimizer, self.loss.detach()
        overflowed = self.scale != 1 and any(g is not None and not is_finite(g) for g in gradients)
        return Pass(stepper.steps, stepper.key, rule, self.parameters, gradients, loss, backwards, overflowed)


def open_pass(root: Tensor, loss: Tensor, scaler: Any, stepper: Stepper, asked: Asked, lineage: Lineage) -> Opened:
    """Return what has to be known before a backward pass from `root`, which is `loss` times the scaler's factor."""
    stepper.refresh()
    reached = leaf_parameters(root) if asked.inputs is None else asked.inputs
    held = [p for p in reached if stepper.by_hand or id(p) in stepper.held]
    # Where it has none of them it trains nothing, and the loss is worth a look; a leaf made of data is no parameter.
    leaves = tuple(held or [p for p in reached if isinstance(p, nn.Parameter)])
    parameters = lineage.stand_ins(leaves) if stepper.by_hand else leaves
    earlier = tuple(None if p.grad is None else p.grad.detach().clone() for p in leaves)
    scale = 1.0 if scaler is None else float(scaler._scale)
    return Opened(loss, scale, stepper, leaves, parameters, earlier)


def fresh_gradient(parameter: Tensor, earlier: Tensor | None, scale: float) -> Tensor | None:
    """Return the gradient that one backward pass has added, unscaled; None where it added none."""
    if parameter.grad is None:
        return None
    grad = parameter.grad.detach()
    return (grad if earlier is None else grad - earlier) / scale
