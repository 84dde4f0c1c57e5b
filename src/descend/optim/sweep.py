"""Many hyper-parameters of one model at once: copies of the model trained side by side on the same batches."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap

from descend.optim.engines.symbols import trace
from descend.optim.optimizer import Optimizer
from descend.optim.rule import Rule

LossOf = Callable[[Callable[..., Any], Any], Tensor]
TRIED = 3  # steps by which each engine is timed; the first one warms it up


class Sweep:
    """Trains one copy of a model for each value of a hyper-parameter.

    `loss(model, batch)` computes the loss of a model on a batch. Options that are given as a list or a 1-D tensor are
    swept, all of one length; the others are the optimizer's. Copies begin alike and see the same batches; each random
    mask is the same for all. Where `vmap` is not the faster way the copies are stepped one after another: both are
    tried, and timed, in the first steps (`engine` says which one was taken).

    >>> sweep = Sweep(model, lambda model, batch: cross_entropy(model(batch[0]), batch[1]), SGD, lr=[0.01, 0.1, 1.0])
    >>> for batch in loader:
    ...     losses = sweep.step(batch)
    """

    def __init__(self, model: nn.Module, loss: LossOf, optimizer: type[Optimizer], **options: Any) -> None:
        swept = {name: list(value) for name, value in options.items() if _is_swept(name, value)}
        sizes = {len(values) for values in swept.values()}
        if len(sizes) != 1:
            lengths = f"there are: {sorted(sizes)}"
            raise ValueError(f"a sweep needs options of one length, at least one of them a list; {lengths}")
        self.size, self.model, self.loss, self.t = sizes.pop(), model, loss, 0
        each = [{**options, **{n: float(values[k]) for n, values in swept.items()}} for k in range(self.size)]
        self.rule, hyper = _rule_and_hyper(optimizer, each)
        self.parameters = {n: self._stacked(p.detach()) for n, p in model.named_parameters() if p.requires_grad}
        self.buffers = {n: self._stacked(b) for n, b in model.named_buffers()}
        self._device = next(iter(self.parameters.values())).device  # numbers lie where what they are multiplied by does
        self._hyper = {name: values.to(self._device) for name, values in hyper.items()}
        self.state = {name: self._begin(name) for name in self.rule.state}
        self.engine, self._spent = "", dict.fromkeys(("vmap", "one by one"), 0.0)

    def step(self, batch: Any) -> Tensor:
        """Take one step with every copy; return the losses before it, one for each."""
        self.t += 1
        if self.t <= 2 * TRIED:
            return self._tried(batch)
        return self._side_by_side(batch) if self.engine == "vmap" else self._one_by_one(batch)

    def state_dict(self, index: int) -> dict[str, Tensor]:
        """Return the parameters and buffers of one copy, to be loaded into the model."""
        return {name: value[index].clone() for name, value in {**self.parameters, **self.buffers}.items()}

    def _tried(self, batch: Any) -> Tensor:
        engine, run = ("vmap", self._side_by_side) if self.t <= TRIED else ("one by one", self._one_by_one)
        before = _now()
        losses = run(batch)
        if self.t % TRIED != 1:
            self._spent[engine] += _now() - before
        self.engine = engine if self.t < 2 * TRIED else min(self._spent, key=self._spent.__getitem__)
        return losses

    def _side_by_side(self, batch: Any) -> Tensor:
        losses, *new = vmap(lambda *held: self._copy(batch, *held), randomness="same")(
            self.parameters, self.buffers, self.state, self._hyper
        )
        self.parameters, self.buffers, self.state = new
        return losses

    def _one_by_one(self, batch: Any) -> Tensor:
        blocks = self.parameters, self.buffers, self.state, self._hyper
        copies = [self._copy(batch, *(_at(block, k) for block in blocks)) for k in range(self.size)]
        losses, *new = zip(*copies)
        self.parameters, self.buffers, self.state = (_together(parts) for parts in new)
        return torch.stack(losses)

    def _copy(
        self, batch: Any, parameters: dict[str, Tensor], buffers: dict[str, Tensor], state: Any, hyper: Any
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor], Any]:
        def loss(parameters: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            held = {name: value.clone() for name, value in buffers.items()}  # BatchNorm writes into its statistics
            model = lambda *args, **kwargs: functional_call(self.model, {**parameters, **held}, args, kwargs)  # noqa: E731
            return self.loss(model, batch), held

        gradients, (value, held) = grad_and_value(loss, has_aux=True)(parameters)
        moved: dict[str, Tensor] = {}
        kept: dict[str, dict[str, Any]] = {name: {} for name in state}
        for name, theta in parameters.items():
            before = [state[s][name] for s in self.rule.state]
            change, *after = self.rule.function(theta, gradients[name], self.t, *before, **hyper)
            moved[name] = (theta + change).to(theta.dtype)
            for s, old, new in zip(self.rule.state, before, after):
                kept[s][name] = new.to(old.dtype)
        return value.detach(), moved, held, kept

    def _stacked(self, value: Tensor) -> Tensor:
        return value.unsqueeze(0).repeat(self.size, *[1] * value.dim())

    def _begin(self, name: str) -> dict[str, Tensor]:
        starts = [self.rule.initial(name, {n: h[k] for n, h in self._hyper.items()}) for k in range(self.size)]
        first = torch.tensor(starts, dtype=torch.float64, device=self._device)
        if name in trace(self.rule).numbers:
            return {parameter: first.clone() for parameter in self.parameters}
        return {n: torch.zeros_like(p) + first.to(p).view(-1, *[1] * (p.dim() - 1)) for n, p in self.parameters.items()}


def _is_swept(name: str, value: Any) -> bool:
    return name not in Optimizer.pairs and (isinstance(value, list) or (isinstance(value, Tensor) and value.dim() == 1))


def _rule_and_hyper(optimizer: type[Optimizer], each: list[dict[str, Any]]) -> tuple[Rule, dict[str, Tensor]]:
    """Return the rule that all copies follow, and each of its hyper-parameters, one for each copy.

    Raises `ValueError` where the values swept lead to different rules.
    """
    made = [optimizer([torch.zeros(1, requires_grad=True)], **options) for options in each]
    rules = [m.folded_rule(m.param_groups[0]) for m in made]
    if len(set(rules)) > 1:
        raise ValueError(f"the values swept make different rules of {optimizer.__name__}: sweep them apart")
    hyper = [m.values_of(rules[0], m.param_groups[0]) for m in made]
    return rules[0], {n: torch.tensor([float(h[n]) for h in hyper], dtype=torch.float64) for n in rules[0].hyper}


def _at(block: Any, index: int) -> Any:
    return {n: _at(v, index) for n, v in block.items()} if isinstance(block, Mapping) else block[index]


def _together(parts: Any) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _together([part[name] for part in parts]) for name in parts[0]}
    return torch.stack([torch.as_tensor(part) for part in parts])


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
