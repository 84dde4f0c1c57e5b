"""A backward pass that is measured: its state before it runs, and the gradients that it adds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.optim import Optimizer

from descend.doctor.instrumentation.steps.attribution import Stepper
from descend.doctor.instrumentation.steps.parameter_proxies import ParameterProxies
from descend.doctor.tape import Recording, is_finite, leaf_parameters


@dataclass(frozen=True)
class BackwardPass:
    """A finished backward pass with its loss and its gradients, as the measurements need it."""

    step: int
    key: str
    optimizer: Optimizer | None
    parameters: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]  # gradients divided by the scale of a GradScaler, if there is one
    loss: Tensor  # the loss before a GradScaler has multiplied it by its scale
    backwards: int
    overflowed: bool = False  # whether gradients are infinite because of a GradScaler's scale

    def without_overflow(self, recording: Recording | None) -> "BackwardPass":
        """Return this backward pass. If its scaled gradients overflowed, replace them by those of the recorded loss."""
        if not self.overflowed:
            return self
        own = recording.loss(self.parameters).gradient(self.parameters) if recording else ()
        return replace(self, gradients=own or (None,) * len(self.parameters))


class GradientRequest(NamedTuple):
    """A gradient that a script requests by `torch.autograd.grad` or `torch.func.grad`: its inputs and its loss."""

    inputs: Sequence[Tensor] | None = None  # tensors to differentiate by; None for all leaves of the graph
    taped: Tensor | None = None  # the recorded loss, if the backward pass has only its value

    def root(self, loss: Tensor) -> Tensor:
        """Return the loss tensor that the tape has recorded, which may differ from `loss`."""
        return loss if self.taped is None else self.taped


WHOLE_GRAPH = GradientRequest()


@dataclass(frozen=True)
class PendingPass:
    """The state just before a backward pass runs: its loss, its parameters and their earlier gradients."""

    loss: Tensor
    scale: float
    stepper: Stepper
    leaves: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]  # the leaves, or copies that replace them in all steps
    earlier: tuple[Tensor | None, ...]  # the gradients that are in .grad before the backward pass

    def with_proxies(self, recording: Recording | None) -> Recording | None:
        """Return the recording as a function of `parameters`, which may be copies that replace the leaves."""
        proxies = {id(leaf): parameter for leaf, parameter in zip(self.leaves, self.parameters)}
        if recording is None or all(leaf is parameter for leaf, parameter in zip(self.leaves, self.parameters)):
            return recording
        return replace(recording, parameters={s: proxies.get(id(t), t) for s, t in recording.parameters.items()})

    def finish(self, returned: Mapping[int, Tensor] | None) -> BackwardPass:
        """Return the finished pass. `returned` has the gradients by parameter id; None if they are in `.grad`."""
        if returned is None:
            pairs = zip(self.leaves, self.earlier)
            gradients = tuple(fresh_gradient(p, before, self.scale) for p, before in pairs)
        else:
            gradients = tuple(returned.get(id(p)) for p in self.leaves)
        stepper = self.stepper
        backwards = stepper.passes if stepper.steps else 1
        rule, loss = stepper.optimizer, self.loss.detach()
        overflowed = self.scale != 1 and any(g is not None and not is_finite(g) for g in gradients)
        return BackwardPass(stepper.steps, stepper.key, rule, self.parameters, gradients, loss, backwards, overflowed)


def open_pass(
    root: Tensor, loss: Tensor, scaler: Any, stepper: Stepper, asked: GradientRequest, proxies: ParameterProxies
) -> PendingPass:
    """Return the state before a backward pass from `root`, which is `loss` times the scale of `scaler`."""
    stepper.refresh()
    reached = leaf_parameters(root) if asked.inputs is None else asked.inputs
    held = [p for p in reached if stepper.by_hand or id(p) in stepper.held]
    # A loss that reaches no optimizer's parameter is measured as well, with its `nn.Parameter` leaves.
    leaves = tuple(held or [p for p in reached if isinstance(p, nn.Parameter)])
    parameters = proxies.replace_tensors(leaves) if stepper.by_hand else leaves
    earlier = tuple(None if p.grad is None else p.grad.detach().clone() for p in leaves)
    scale = 1.0 if scaler is None else float(scaler._scale)
    return PendingPass(loss, scale, stepper, leaves, parameters, earlier)


def fresh_gradient(parameter: Tensor, earlier: Tensor | None, scale: float) -> Tensor | None:
    """Return the gradient that a backward pass has added, without the scale; None if there is no gradient."""
    if parameter.grad is None:
        return None
    grad = parameter.grad.detach()
    return (grad if earlier is None else grad - earlier) / scale
