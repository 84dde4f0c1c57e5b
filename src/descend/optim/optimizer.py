"""One `torch.optim.Optimizer` for every rule: groups, checkpoints, closures, sparse gradients and fast steps."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypedDict

import torch
from torch import Tensor

from descend.optim.checkpoint import as_held, as_saved, check_state
from descend.optim.checks import check, check_gradient
from descend.optim.engine import Work, take_step
from descend.optim.folds import climbing, coupled_decay
from descend.optim.rule import Rule, read_rule
from descend.optim.symbols import trace


class Options(TypedDict, total=False):
    """What every optimizer takes beside its rule's hyper-parameters."""

    maximize: bool  # climb instead of descending
    skip_nonfinite: bool  # leave a step out, and say so, where a gradient holds an infinity or NaN
    capturable: bool  # keep the step's number on the device, as a CUDA graph needs it
    foreach: bool | None  # torch's choices of implementation; the fastest is taken whatever they say
    fused: bool | None
    differentiable: bool  # must be False


OPTIONS = Options(
    maximize=False, skip_nonfinite=False, capturable=False, foreach=None, fused=None, differentiable=False
)


class Optimizer(torch.optim.Optimizer):
    """Steps by `rule`, with the hyper-parameters of each parameter group.

    A subclass names its rule, what torch calls the rule's state (so that checkpoints go both ways), and which
    weight decay it has. `weight_decay` and `maximize` are folded around the rule where they are asked for.
    """

    rule: ClassVar[Callable[..., Any]]
    names: ClassVar[Mapping[str, str]] = {}
    pairs: ClassVar[Mapping[str, tuple[str, str]]] = {"betas": ("beta1", "beta2")}  # torch's name -> the rule's
    decay: ClassVar[Callable[..., Any]] = staticmethod(coupled_decay)
    saves_steps: ClassVar[bool] = True  # whether torch's checkpoints of the rule count its steps

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        self.engine = "none yet"  # what took the last step: native, or eager and why
        self.skipped = 0  # steps left out because a gradient was not finite
        super().__init__(params, {**OPTIONS, **defaults})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group. Raises `ValueError` for a hyper-parameter out of its range, `TypeError` for a missing one."""
        super().add_param_group(param_group)
        name, group = type(self).__name__, self.param_groups[-1]
        try:
            check(name, group)
            if missing := [n for n, value in self._hyper(self._rule(group), group).items() if value is None]:
                raise TypeError(f"{name} needs {' and '.join(missing)}")
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    @torch.compiler.disable
    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; return what `closure` returns, which is called first, with gradients enabled."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        rules = [self._rule(group) for group in self.param_groups]
        given = [[p for p in group["params"] if p.grad is not None] for group in self.param_groups]
        for rule, parameters in zip(rules, given):  # all checked before any has moved
            for parameter in parameters:
                check_gradient(type(self).__name__, parameter, trace(rule).is_elementwise)
        if not self._is_skipped(given):
            for rule, group, parameters in zip(rules, self.param_groups, given):
                if parameters:
                    hyper = self._hyper(rule, group)
                    work = [self._work(rule, hyper, parameter, group) for parameter in parameters]
                    self.engine = take_step(rule, hyper, work)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state in torch's names and types."""
        saved = super().state_dict()
        state = {index: as_saved(held, with_step=self.saves_steps) for index, held in saved["state"].items()}
        return {**saved, "state": {index: held for index, held in state.items() if held}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint of this rule, ours or torch's. Raises `ValueError` for one of another rule or shape."""
        loaded: list[dict[str, Any]] = []

        def see(_: Any, final: dict[str, Any]) -> None:  # as other hooks have left it
            for group, saved in zip(self.param_groups, final["param_groups"], strict=False):
                expected = [self._name(name) for name in self._rule({**group, **saved}).state]
                check_state(type(self).__name__, expected, zip(saved["params"], group["params"]), final["state"])
            loaded.append(final)

        hook = self.register_load_state_dict_pre_hook(see)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        for group, saved in zip(self.param_groups, loaded[-1]["param_groups"]):
            numbers = [self._name(name) for name in trace(self._rule(group)).numbers]
            for parameter, index in zip(group["params"], saved["params"]):
                if index in loaded[-1]["state"]:
                    held = as_held(loaded[-1]["state"][index], parameter, numbers, on_device=group["capturable"])
                    self.state[parameter].update(held)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # torch's checkpoints know nothing of our options, old ones nothing of new ones
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule of a group, where its hyper-parameters decide between several."""
        return type(self).rule

    def decay_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the weight decay of a group, as a fold around its rule."""
        return type(self).decay

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a group's hyper-parameters by the rule's names."""
        known = dict(group)
        for name, parts in self.pairs.items():
            known.update(zip(parts, group.get(name, ()), strict=False))
        return known

    def _rule(self, group: Mapping[str, Any]) -> Rule:
        function = self.rule_of(group)
        if group.get("weight_decay"):
            function = self.decay_of(group)(function)
        return read_rule(climbing(function) if group["maximize"] else function)

    def _hyper(self, rule: Rule, group: Mapping[str, Any]) -> dict[str, Any]:
        known = {**rule.defaults, **self.hyper_of(group)}
        return {name: known.get(name) for name in rule.hyper}

    def _work(self, rule: Rule, hyper: Mapping[str, Any], parameter: Tensor, group: Mapping[str, Any]) -> Work:
        held = self.state[parameter]
        if not held:
            self._begin(rule, hyper, parameter, held, on_device=group["capturable"])
        held["step"] += 1
        assert parameter.grad is not None
        tensors = {"theta": parameter, "g": parameter.grad, **{n: held[self._name(n)] for n in rule.state}}
        if parameter.is_complex():  # a complex number is two real ones
            numbers = trace(rule).numbers
            tensors = {n: v if n in numbers else torch.view_as_real(v) for n, v in tensors.items()}
        return Work(tensors, held["step"], lambda name, value: held.__setitem__(self._name(name), value))

    def _begin(
        self, rule: Rule, hyper: Mapping[str, Any], parameter: Tensor, held: dict[str, Any], on_device: bool
    ) -> None:
        held["step"] = torch.zeros((), device=parameter.device) if on_device else 0
        for name in rule.state:
            start = rule.initial(name, hyper)
            if name not in trace(rule).numbers:
                held[self._name(name)] = torch.full_like(parameter, start, memory_format=torch.preserve_format)
            else:
                held[self._name(name)] = torch.tensor(start, device=parameter.device) if on_device else start

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _is_skipped(self, given: list[list[Tensor]]) -> bool:
        for group, parameters in zip(self.param_groups, given):
            if group["skip_nonfinite"] and any(not _is_finite(p.grad) for p in parameters):
                self.skipped += 1
                warnings.warn(f"{type(self).__name__}: a gradient is not finite: the step is left out", stacklevel=4)
                return True
        return False


def _is_finite(gradient: Tensor | None) -> bool:
    assert gradient is not None
    values = gradient.coalesce().values() if gradient.layout is torch.sparse_coo else gradient
    return bool(values.isfinite().all())
