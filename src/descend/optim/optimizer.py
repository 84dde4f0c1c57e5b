"""One `torch.optim.Optimizer` for every rule: groups, checkpoints, closures, sparse gradients and fast steps."""

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import signature
from typing import Any, ClassVar, TypedDict

import torch
from torch import Tensor

from descend.ground.keywords import check_keywords
from descend.optim.checkpoint import as_held, check_state, number, without_step
from descend.optim.checks import check, check_gradient
from descend.optim.engine import Engine
from descend.optim.engines.symbols import trace
from descend.optim.folds import climbing, coupled_decay, decoupled_decay
from descend.optim.rule import Rule, read_rule


class Options(TypedDict, total=False):
    """What every optimizer takes beside its rule's hyper-parameters."""

    maximize: bool  # climb instead of descending
    skip_nonfinite: bool  # leave a step out, and say so, where a gradient holds an infinity or NaN
    capturable: bool  # keep the step's number on the device, as a CUDA graph needs it
    foreach: bool | None  # torch's choices of implementation; the fastest is taken whatever they say
    fused: bool | None
    differentiable: bool  # let autograd see the step


OPTIONS = Options(
    maximize=False, skip_nonfinite=False, capturable=False, foreach=None, fused=None, differentiable=False
)
NO_KEYWORDS = ("self", "params", "defaults", "options", "args", "kwargs")  # of a constructor's parameters


class Optimizer(torch.optim.Optimizer):
    """Steps by `rule`, with the hyper-parameters of each parameter group.

    Raises `TypeError` for a keyword argument that neither the constructor nor the rule takes.

    A subclass names its rule, and what torch calls the rule's state, so that checkpoints go both ways. `weight_decay`
    and `maximize` are folded around the rule where they are asked for.
    """

    rule: ClassVar[Callable[..., Any]]
    names: ClassVar[Mapping[str, str]] = {}
    pairs: ClassVar[Mapping[str, tuple[str, str]]] = {"betas": ("beta1", "beta2")}  # torch's name -> the rule's
    saves_steps: ClassVar[bool] = True  # whether torch's checkpoints of the rule count its steps
    kept: ClassVar[tuple[str, ...]] = ()  # state that is not the rule's
    measured: ClassVar[Mapping[str, Any]] = {}  # what a group holds that no user sets: name -> initial value

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        self.engine = "none yet"  # what took the last step: native, or eager and why
        self.skipped = 0  # steps left out because a gradient was not finite
        self._engines: dict[int, Engine] = {}
        self._begun = 0  # parameters whose state had begun when the engines last looked
        check_keywords(type(self).__name__, defaults, self._keywords(defaults))
        super().__init__(params, {**OPTIONS, **self.measured, **defaults})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group. Raises `ValueError` for a hyper-parameter out of its range, `TypeError` for a missing one."""
        super().add_param_group(param_group)
        name, group = type(self).__name__, self.param_groups[-1]
        try:
            check(name, group)
            if missing := [n for n, value in self.values_of(self.folded_rule(group), group).items() if value is None]:
                raise TypeError(f"{name} needs {' and '.join(missing)}")
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    @torch.compiler.disable
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; return what `closure` returns, which is called first, with gradients enabled."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        if len(self.state) < self._begun:  # somebody has cleared some of it
            self._engines = {}
        rules = [self.folded_rule(group) for group in self.param_groups]
        for index, (rule, group) in enumerate(zip(rules, self.param_groups)):  # all are checked before any has moved
            engine = self._engines.setdefault(index, Engine(self.names))
            if group["differentiable"] or not engine.knows(rule, group["params"]):
                held = partial(self._held, rule, group)
                engine.see(rule, group["params"], held, on_device=group["capturable"])
        self._begun = len(self.state)
        if not self._is_skipped():
            with torch.no_grad():
                self.measure()
            for index, (rule, group) in enumerate(zip(rules, self.param_groups)):
                if any(p.grad is not None for p in group["params"]):
                    with torch.set_grad_enabled(group["differentiable"]):
                        hyper, differentiable = self.values_of(rule, group), group["differentiable"]
                        self.engine = self._engines[index].take(hyper, differentiable=differentiable)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state in torch's names and types."""
        saved = super().state_dict()
        if self.saves_steps:
            return saved
        state = {i: without_step(held) for i, held in saved["state"].items()}
        return {**saved, "state": {index: held for index, held in state.items() if held != {}}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint of this rule, ours or torch's. Raises `ValueError` for one of another rule or shape."""
        loaded: list[dict[str, Any]] = []

        def see(_: Any, final: dict[str, Any]) -> None:  # as other hooks have left it
            for group, saved in zip(self.param_groups, final["param_groups"], strict=False):
                expected = [*(self._name(name) for name in self.folded_rule({**group, **saved}).state), *self.kept]
                check_state(type(self).__name__, expected, zip(saved["params"], group["params"]), final["state"])
            loaded.append(final)

        hook = self.register_load_state_dict_pre_hook(see)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        for group, saved in zip(self.param_groups, loaded[-1]["param_groups"]):
            numbers = [self._name(name) for name in trace(self.folded_rule(group)).numbers]
            for parameter, index in zip(group["params"], saved["params"]):
                if index in loaded[-1]["state"]:
                    held = as_held(loaded[-1]["state"][index], parameter, numbers, on_device=group["capturable"])
                    self.state[parameter].update(held)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("engine", "none yet")
        self.__dict__.setdefault("skipped", 0)
        self._engines, self._begun = {}, 0
        for group in self.param_groups:  # torch's checkpoints know nothing of our options, old ones nothing of new ones
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def measure(self) -> None:
        """Look at all gradients before a step: a rule may be a global one."""

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule of a group, where its hyper-parameters decide between several."""
        return type(self).rule

    def decay_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the weight decay of a group, as a fold around its rule."""
        return decoupled_decay if group.get("decoupled_weight_decay") else coupled_decay

    def hyper_of(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a group's hyper-parameters by the rule's names."""
        known = dict(group)
        for name, parts in self.pairs.items():
            known.update(zip(parts, group.get(name, ()), strict=False))
        return known

    def folded_rule(self, group: Mapping[str, Any]) -> Rule:
        """Return the rule of a group with its weight decay and direction folded around it."""
        function = self.rule_of(group)
        if group.get("weight_decay"):
            function = self.decay_of(group)(function)
        return read_rule(climbing(function) if group["maximize"] else function)

    def values_of(self, rule: Rule, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the hyper-parameters that a rule takes, as the group holds them; None for one that is missing."""
        known = {**rule.defaults, **self.hyper_of(group)}
        return {name: known.get(name) for name in rule.hyper}

    def _keywords(self, defaults: Mapping[str, Any]) -> list[str]:
        """Return the keyword arguments that a user may give: the constructor's, or the rule's where it has none."""
        subclasses = [cls for cls in type(self).__mro__ if issubclass(cls, Optimizer) and cls is not Optimizer]
        written = [vars(cls)["__init__"] for cls in subclasses if "__init__" in vars(cls)]
        named = [name for function in written for name in signature(function).parameters]
        rule = self.folded_rule({**OPTIONS, **self.measured, **defaults})
        pairs = [name for name, parts in self.pairs.items() if set(parts) <= set(rule.hyper)]
        known = [*(named or [*pairs, *rule.hyper]), "weight_decay", *OPTIONS]
        return [name for name in dict.fromkeys(known) if name not in NO_KEYWORDS]

    def _held(self, rule: Rule, group: Mapping[str, Any], parameter: Tensor) -> dict[str, Any]:
        """Return what is held for a parameter that has a gradient; begin it where this is the first one."""
        check_gradient(type(self).__name__, parameter, trace(rule).is_elementwise)
        held: dict[str, Any] = self.state[parameter]
        if "step" not in held:
            device = parameter.device if group["capturable"] else None
            held["step"] = number("step", 0.0, device)
            hyper = self.values_of(rule, group)
            for name in rule.state:
                start = rule.initial(name, hyper)
                if name in trace(rule).numbers:
                    held[self._name(name)] = number(name, start, device)
                else:
                    both = complex(start, start) if parameter.is_complex() else start
                    held[self._name(name)] = torch.full_like(parameter, both, memory_format=torch.preserve_format)
        return held

    def _name(self, name: str) -> str:
        return self.names.get(name, name)

    def _is_skipped(self) -> bool:
        for group in self.param_groups:
            if group["skip_nonfinite"] and not all(map(_has_finite_gradient, group["params"])):
                self.skipped += 1
                warnings.warn(f"{type(self).__name__}: a gradient is not finite: the step is left out", stacklevel=4)
                return True
        return False


def _has_finite_gradient(parameter: Tensor) -> bool:
    gradient = parameter.grad
    if gradient is None:
        return True
    return bool((gradient.coalesce().values() if gradient.is_sparse else gradient).isfinite().all())
