"""For scripts without an optimizer: decide whether they update parameters by hand, and with which learning rate.

A script may also run backward passes before it makes its optimizer, to check gradients or to rank the weights. Such
rehearsals leave the parameters unchanged and are not counted as steps.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from descend.doctor.instrumentation.derived_tensors import DerivedTensors
from descend.doctor.instrumentation.steps.parameter_proxies import ParameterProxies
from descend.doctor.record import Fact, Message, facts
from descend.doctor.tape import leaf_parameters

BY_HAND = "0"  # The steps of a script without an optimizer are recorded under this key.
DESCENT = facts.Optimizer("SGD", 1, 0, momentum=0.0, dampening=0.0, weight_decay=0.0, by_hand=True)
SAMPLED_PARAMETERS = 8
SAMPLED_VALUES = 256  # number of values that are sampled from each parameter
MEASURED = 6  # After each of this many first backward passes, the script's step is compared with the gradient.
ALIKE = 0.99  # A step is plain gradient descent if its absolute cosine with the gradient is at least this.
# Two steps have the same learning rate up to this relative difference. With momentum, the difference is larger.
SAME_RATE = 0.01
REHEARSALS = 100  # After this many backward passes, the script counts as a training even if no parameter changes.


class ManualUpdates:
    """Detects updates of parameters without an optimizer, and measures their learning rate.

    owns_run: whether this run may keep parameters alive for the fingerprint of the weights.
    """

    def __init__(self, *, owns_run: bool) -> None:
        self.owns_run = owns_run
        self.trains = False  # whether the parameters are known to change between backward passes
        self.leaves: tuple[Tensor, ...] = ()
        self.rate: float | None = None  # learning rate if the steps are plain gradient descent
        self.increases_loss = False  # whether the script's manual steps increase the loss
        self.proxies = ParameterProxies()
        self.derived: DerivedTensors | None = None  # tensors that the script has computed from the last gradients
        self.names: tuple[str, ...] = ()  # the script's own names of the parameters, if it has any
        # (index, value, gradient) of each parameter after the last backward pass
        self._filled: list[tuple[int, Tensor, Tensor]] = []
        self._seen: float | None = None  # learning rate of the last measured step
        self._passes = 0
        # id of a sampled parameter -> (its version counter, the sum of its sampled values)
        self._earlier: dict[int, tuple[int, float]] = {}

    def before_backward(self, root: Tensor, inputs: Sequence[Tensor] | None = None) -> list[Message]:
        """Check whether the last step has changed the parameters. Return the update rule if it is newly detected.

        inputs: the tensors that the script differentiates by, if it names them.
        """
        if self.trains and not self.owns_run:
            return []
        leaves = leaf_parameters(root) if inputs is None else inputs
        self.leaves = tuple(leaves) if self.owns_run else ()
        self.proxies.record_tensors(leaves)
        self._passes += 1
        if not self.trains and self.derived is None:
            self.trains = self._have_changed(leaves) or self._passes > REHEARSALS
        return self._measure_step()

    def after_backward(self, returned: Mapping[int, Tensor] | None = None) -> None:
        """Copy the parameters and gradients after a backward pass, so that the next step can be measured.

        returned: the gradients by parameter id if they were returned instead of accumulated in `.grad`.
        """
        if self.rate is None and self._passes <= MEASURED:
            given = [p.grad if returned is None else returned.get(id(p)) for p in self.leaves]
            known = [(i, p, g) for i, (p, g) in enumerate(zip(self.leaves, given)) if g is not None and not g.is_sparse]
            self._filled = [(i, p.detach().clone(), grad.detach().clone()) for i, p, grad in known]

    def trains_with(self, inputs: Iterable[Tensor]) -> bool:
        """Return whether the script trains: its parameters change, or `inputs` come from the last gradients."""
        if self.derived is not None:
            self.derived.end()
            self.trains |= self.derived.contains_any(tuple(inputs))
        return self.trains

    def only_computes_gradients(self) -> bool:
        """Return whether the script has computed gradients with `torch.func.grad` but trained nothing with them."""
        return self.derived is not None and not self.trains_with(())

    def follow_gradients(self, gradients: Sequence[Tensor]) -> None:
        """Observe what the script computes from the gradients of a function, until it is known to train with them."""
        if not self.trains:
            self.derived = DerivedTensors(gradients)
            # The script may begin to train later, so later backward passes are checked as well, at powers of two.
            if self._passes <= MEASURED or self._passes.bit_count() == 1:
                self.derived.begin()

    def _measure_step(self) -> list[Message]:
        """Compare the last step with the gradient; return the update rule if it is plain gradient descent or ascent."""
        along = length = moved = 0.0
        size, same = sum(value.numel() for _, value, _ in self._filled), True
        for i, value, grad in self._filled:
            same = same and i < len(self.leaves) and self.leaves[i].shape == value.shape
            if not same:
                break
            step, slope = (self.leaves[i].detach() - value).double(), grad.double()
            along -= float((step * slope).sum())
            length += float(slope.square().sum())
            moved += float(step.square().sum())
        self._filled = []
        if not same or not abs(along) > ALIKE * (length * moved) ** 0.5 > 0:
            return []
        rate, self._seen = self._seen, along / length
        if rate is None or abs(rate - self._seen) > SAME_RATE * abs(rate):
            return []
        self.rate, self.increases_loss = float(f"{abs(rate):.4g}"), rate < 0
        rule = replace(DESCENT, lr=self.rate, parameters=size, maximize=self.increases_loss)
        return [Fact.of(rule, 0, BY_HAND)]

    def _have_changed(self, leaves: Sequence[Tensor]) -> bool:
        """Return whether sampled values of the parameters differ from those at the last backward pass."""
        now = {id(p): (p._version, _sampled_sum(p)) for p in leaves[:SAMPLED_PARAMETERS]}
        earlier, self._earlier = self._earlier, now
        if not earlier:
            return False
        common = now.keys() & earlier.keys()
        return not common or any(now[key] != earlier[key] for key in common)


def _sampled_sum(parameter: Tensor) -> float:
    """Return the sum of the absolute values of a parameter's first entries."""
    return float(parameter.detach().reshape(-1)[:SAMPLED_VALUES].abs().sum())
