"""A sweep over hyper-parameters: copies of one model, each with its own values, are trained on the same batches."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from descend.optim.engines.symbols import Trace, is_variable, trace
from descend.optim.nesterov import Nesterov
from descend.optim.optimizer import Optimizer
from descend.optim.precision import at_least_32_bits
from descend.optim.rule import Rule

LossFunction = Callable[[Callable[..., Any], Any], Tensor]
TIMED_STEPS = 3  # number of timed steps per implementation; the first one is a warm-up


class Sweep:
    """Trains one copy of a model for each value of a hyper-parameter.

    The copies have equal initial weights, batches and dropout masks. The first six steps time two implementations,
    `vmap` over the copies and a loop, and later steps use the faster one (`engine` is its name).

    Parameters
    ----------
    model : torch.nn.Module
        The model. Its weights are the initial weights of all copies.
    loss : callable
        `loss(model, batch)` returns the loss of a model on a batch, a tensor of shape ().
    optimizer : type
        The class of the optimizer, one of `descend.optim`.
    **options
        The options of the optimizer. Each option that is a list or a 1-D tensor is swept: copy k uses its k-th value.

    Raises
    ------
    ValueError
        If no option is a list, or the lists have different lengths.
    TypeError
        If a step of the optimizer needs more than its update rule and the gradient.

    Examples
    --------
    >>> sweep = Sweep(model, lambda model, batch: cross_entropy(model(batch[0]), batch[1]), SGD, lr=[0.01, 0.1, 1.0])
    >>> for batch in loader:
    ...     losses = sweep.step(batch)
    """

    def __init__(self, model: nn.Module, loss: LossFunction, optimizer: type[Optimizer], **options: Any) -> None:
        swept = {name: list(value) for name, value in options.items() if _is_swept(name, value)}
        sizes = {len(values) for values in swept.values()}
        if len(sizes) != 1:
            raise ValueError(
                f"Sweep: at least one option must be a list, and all lists must have equal length, not {sorted(sizes)}"
            )
        self.size, self.model, self.loss, self.optimizer, self.t = sizes.pop(), model, loss, optimizer, 0
        each = [{**options, **{n: float(values[k]) for n, values in swept.items()}} for k in range(self.size)]
        self.rule, hyper = _rule_and_hyperparameters(optimizer, each)
        self.parameters = {n: self._repeat_per_copy(p.detach()) for n, p in model.named_parameters() if p.requires_grad}
        self.buffers = {n: self._repeat_per_copy(b) for n, b in model.named_buffers()}
        self._device = next(iter(self.parameters.values())).device
        self._hyper = {name: values.to(self._device) for name, values in hyper.items()}
        self.state = {name: self._initial_state(name) for name in self.rule.state}
        self.engine, self._seconds = "", dict.fromkeys(("vmap", "one by one"), 0.0)

    def step(self, batch: Any) -> Tensor:
        """Train every copy of the model for one step; return the losses before the step, of shape ``(copies,)``."""
        self.t += 1
        if self.t <= 2 * TIMED_STEPS:
            return self._timed_step(batch)
        return self._step_with_vmap(batch) if self.engine == "vmap" else self._step_in_loop(batch)

    def state_dict(self, index: int) -> dict[str, Tensor]:
        """Return the parameters and buffers of copy number `index`, for `model.load_state_dict`.

        An optimizer that averages its iterates, such as `ScheduleFreeAdamW`, returns the average as the parameters.
        """
        hyper = _select_copy(self._hyper, index)
        weights = {}
        for name, copies in self.parameters.items():
            state = {s: values[name][index] for s, values in self.state.items()}
            weights[name] = self.optimizer.evaluation_weights(copies[index], state, hyper).to(copies.dtype)
        return {name: value.clone() for name, value in {**weights, **_select_copy(self.buffers, index)}.items()}

    def _timed_step(self, batch: Any) -> Tensor:
        """Take a step and measure its time. After the last measured step, choose the faster implementation."""
        engine, run = ("vmap", self._step_with_vmap) if self.t <= TIMED_STEPS else ("one by one", self._step_in_loop)
        before = _synchronised_time()
        losses = run(batch)
        if self.t % TIMED_STEPS != 1:
            self._seconds[engine] += _synchronised_time() - before
        self.engine = engine if self.t < 2 * TIMED_STEPS else min(self._seconds, key=self._seconds.__getitem__)
        return losses

    def _step_with_vmap(self, batch: Any) -> Tensor:
        """Update all copies of the model at once with `vmap`; return their losses, of shape ``(copies,)``."""
        losses, *new = vmap(lambda *blocks: self._step_one_copy(batch, *blocks), randomness="same")(
            self.parameters, self.buffers, self.state, self._hyper
        )
        self.parameters, self.buffers, self.state = new
        return losses

    def _step_in_loop(self, batch: Any) -> Tensor:
        """Update the copies of the model one by one; return their losses, of shape ``(copies,)``."""
        blocks = self.parameters, self.buffers, self.state, self._hyper
        copies = [self._step_one_copy(batch, *(_select_copy(block, k) for block in blocks)) for k in range(self.size)]
        losses, *new = zip(*copies)
        self.parameters, self.buffers, self.state = (_stack_copies(parts) for parts in new)
        return torch.stack(losses)

    def _step_one_copy(
        self, batch: Any, parameters: dict[str, Tensor], buffers: dict[str, Tensor], state: Any, hyper: Any
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor], Any]:
        """Return the loss of one copy, and its parameters, buffers and optimizer state after the step."""

        def loss_and_buffers(parameters: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            """Return the loss of the copy on the batch, and the copy's buffers after the forward pass."""
            new_buffers = {
                n: value.clone() for n, value in buffers.items()
            }  # copied, because BatchNorm updates buffers in place
            model = lambda *args, **kwargs: functional_call(self.model, {**parameters, **new_buffers}, args, kwargs)  # noqa: E731
            return self.loss(model, batch), new_buffers

        gradients, (value, new_buffers) = grad_and_value(loss_and_buffers, has_aux=True)(parameters)
        new_parameters: dict[str, Tensor] = {}
        new_state: dict[str, dict[str, Any]] = {name: {} for name in state}
        for name, theta in parameters.items():
            before = [state[s][name] for s in self.rule.state]
            theta_and_gradient = map(at_least_32_bits, (theta, gradients[name]))
            result = self.rule.function(*theta_and_gradient, self.t, *map(at_least_32_bits, before), **hyper)
            change, *after = self.rule.split(result)
            new_parameters[name] = (theta + change).to(theta.dtype)
            for s, old, new in zip(self.rule.state, before, after):
                new_state[s][name] = new.to(old.dtype)
        return value.detach(), new_parameters, new_buffers, new_state

    def _repeat_per_copy(self, value: Tensor) -> Tensor:
        """Return a tensor repeated for every copy, of shape ``(copies, ...)``."""
        return value.unsqueeze(0).repeat(self.size, *[1] * value.dim())

    def _initial_state(self, name: str) -> dict[str, Tensor]:
        """Return the initial value of one optimizer state, as a tensor ``(copies, ...)`` for each parameter."""
        each = [{n: h[k] for n, h in self._hyper.items()} for k in range(self.size)]
        if name in trace(self.rule).numbers:
            starts = [self.rule.initial_value(name, hyper, torch.empty(())) for hyper in each]
            first = torch.tensor(starts, dtype=torch.float64, device=self._device)
            return {parameter: first.clone() for parameter in self.parameters}
        return {
            n: torch.stack([torch.zeros_like(p) + self.rule.initial_value(name, h, p) for h, p in zip(each, copies)])
            for n, copies in self.parameters.items()
        }


def _is_swept(name: str, value: Any) -> bool:
    """Return whether an option has one value per copy: a list or a 1-D tensor, but not a pair such as `betas`."""
    return name not in Optimizer.pairs and (isinstance(value, list) or (isinstance(value, Tensor) and value.dim() == 1))


def _rule_and_hyperparameters(optimizer: type[Optimizer], each: list[dict[str, Any]]) -> tuple[Rule, dict[str, Tensor]]:
    """Return the update rule of all copies, and each hyper-parameter's values for the copies, of shape ``(copies,)``.

    Raises `ValueError` if the swept values select different update rules, `TypeError` for an unsupported optimizer.
    """
    if not issubclass(optimizer, Optimizer):
        raise TypeError(f"Sweep needs an optimizer with an update rule, such as descend.optim.Adam, not {optimizer!r}")
    made = [optimizer([torch.zeros(1, requires_grad=True)], **options) for options in each]
    rules = [m.complete_rule(m.param_groups[0]) for m in made]
    if len(set(rules)) > 1:
        raise ValueError(f"the swept values select different update rules of {optimizer.__name__}: use separate sweeps")
    if obstacle := _sweep_obstacle(optimizer, rules[0]):
        raise TypeError(f"Sweep does not support {optimizer.__name__}, which {obstacle}")
    hyper = [m.rule_arguments(rules[0], m.param_groups[0]) for m in made]
    return rules[0], {n: torch.tensor([float(h[n]) for h in hyper], dtype=torch.float64) for n in rules[0].hyper}


def _sweep_obstacle(optimizer: type[Optimizer], rule: Rule) -> str:
    """Return what a step of the optimizer needs in addition to its update rule and the gradient; otherwise ''."""
    if optimizer.split_group is not Optimizer.split_group:
        return "has one update rule for matrices and one for vectors"
    if optimizer.update_statistics is not Optimizer.update_statistics:
        return "computes its settings from the gradients of all parameters"
    if issubclass(optimizer, Nesterov):
        return "needs the gradient at θ + momentum·v: use SGD with nesterov=True"
    traced = trace(rule)
    expressions = zip(rule.state, traced.state) if isinstance(traced, Trace) else ()
    unchanged = [optimizer.names.get(name, name) for name, new in expressions if is_variable(new, name)]
    return f"needs an update of its state {unchanged[0]!r} between steps" if unchanged else ""


def _select_copy(block: Any, index: int) -> Any:
    """Return the tensors of copy number `index` from nested dictionaries of tensors of shape ``(copies, ...)``."""
    return {n: _select_copy(v, index) for n, v in block.items()} if isinstance(block, Mapping) else block[index]


def _stack_copies(parts: Any) -> Any:
    """Stack the copies' nested dictionaries into one with tensors ``(copies, ...)``: the inverse of `_select_copy`."""
    if isinstance(parts[0], Mapping):
        return {name: _stack_copies([part[name] for part in parts]) for name in parts[0]}
    return torch.stack([torch.as_tensor(part) for part in parts])


def _synchronised_time() -> float:
    """Wait for all GPU work, and return the time in seconds."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
