"""Base class of the optimizers: parameter groups, checkpoints, closures, sparse gradients and fast steps."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from inspect import signature
from typing import Any, ClassVar, TypedDict

import torch
from torch import Tensor

from descend.core.keywords import check_keywords
from descend.optim.checkpoint import check_state, drop_step_count, restore_parameter_state, to_number_tensor
from descend.optim.checks import check_gradient, check_hyperparameters, has_finite_gradient
from descend.optim.engine import Engine
from descend.optim.engines.symbols import trace
from descend.optim.folds import coupled_decay, decoupled_decay, with_negated_gradient
from descend.optim.rule import Rule, read_rule


class Options(TypedDict, total=False):
    """Keyword arguments that every optimizer accepts, in addition to the hyper-parameters of its update rule."""

    maximize: bool  # maximise the objective instead of minimising it
    skip_nonfinite: bool  # warn and skip the step if a gradient contains infinity or NaN
    capturable: bool  # keep the step number on the device, as CUDA graphs require
    foreach: bool | None  # accepted for compatibility with torch, but ignored
    fused: bool | None  # accepted for compatibility with torch, but ignored
    differentiable: bool  # record the step in the autograd graph


OPTIONS = Options(
    maximize=False, skip_nonfinite=False, capturable=False, foreach=None, fused=None, differentiable=False
)
NOT_OPTIONS = ("self", "params", "defaults", "options", "args", "kwargs")  # constructor parameters that are not options


class Optimizer(torch.optim.Optimizer):
    """Base class of the optimizers. In each step, its update rule `rule` computes the change of every parameter.

    A subclass sets `rule`, and in `names` torch's names of the rule's states, so that checkpoints of both libraries are
    interchangeable. The options `weight_decay` and `maximize` wrap the rule.

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    **defaults
        The hyper-parameters of the rule, and the options `maximize` (maximise the objective), `skip_nonfinite` (warn
        and skip a step with an infinite or NaN gradient), `capturable` (keep the step number on the device, as CUDA
        graphs require) and `differentiable` (record the step in the autograd graph).

    Raises
    ------
    TypeError
        If the class has no update rule, the rule does not return a tuple, a hyper-parameter is missing, or a keyword is
        unknown.
    ValueError
        If a hyper-parameter is out of range.
    """

    rule: ClassVar[Callable[..., Any]]
    names: ClassVar[Mapping[str, str]] = {}
    pairs: ClassVar[Mapping[str, tuple[str, str]]] = {
        "betas": ("beta1", "beta2")
    }  # name of a pair in torch -> the update rule's names of its two numbers
    saves_steps: ClassVar[bool] = True  # whether torch's checkpoints of this optimizer contain the step count
    kept: ClassVar[tuple[str, ...]] = ()  # names of states that are stored, but not used by the update rule
    measured: ClassVar[Mapping[str, Any]] = {}  # statistics stored in a group: name -> initial value

    def __init_subclass__(cls, **options: Any) -> None:
        """Let a subclass's own `rule` replace what a parent's `select_rule` and `select_weight_decay` return."""
        super().__init_subclass__(**options)
        for method in ("select_rule", "select_weight_decay"):
            if "rule" in vars(cls) and method not in vars(cls):
                setattr(cls, method, getattr(Optimizer, method))

    def __init__(self, params: Iterable[Any], **defaults: Any) -> None:
        self.engine = "none yet"  # implementation of the last step: "native", or "eager: " and the reason
        self.skipped = 0  # number of steps skipped because a gradient was not finite
        self._engines: dict[int, Engine] = {}
        self._state_count = 0  # number of parameters that had a state at the last step
        _require_rule(type(self))
        check_keywords(type(self).__name__, defaults, self._accepted_keywords(defaults))
        super().__init__(params, {**OPTIONS, **self.measured, **defaults})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a parameter group, after its hyper-parameters have been checked.

        Raises `ValueError` for a hyper-parameter that is out of range, `TypeError` for a missing one.
        """
        super().add_param_group(param_group)
        name, group = type(self).__name__, self.param_groups[-1]
        try:
            check_hyperparameters(name, group, self.pairs)
            self.check_group(group)
            for part, _ in self.split_group(group):
                rule = self.complete_rule(part)
                if missing := [n for n, value in self.rule_arguments(rule, part).items() if value is None]:
                    raise TypeError(f"{name} needs {' and '.join(missing)}")
                # Tracing raises `TypeError` if the rule does not return all its states.
                trace(read_rule(self.select_rule(part)))
        except (RuntimeError, TypeError, ValueError):
            self.param_groups.pop()
            raise

    @torch.compiler.disable
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Call the closure, if there is one, with gradients enabled; take one step; return the closure's result."""
        with torch.enable_grad():
            loss = None if closure is None else closure()
        if len(self.state) < self._state_count:  # the user has deleted the state of some parameters
            self._engines = {}
        parts = [part for group in self.param_groups for part in self.split_group(group)]
        rules = [self.complete_rule(group) for group, _ in parts]
        # All groups are checked before the first parameter changes.
        for index, (rule, (group, parameters)) in enumerate(zip(rules, parts)):
            engine = self._engines.setdefault(index, Engine(self.names))
            if group["differentiable"] or not engine.can_reuse_kernel(rule, parameters):
                state_of = partial(self._check_and_get_state, rule, group)
                engine.prepare_step(rule, parameters, state_of, on_device=group["capturable"])
        self._state_count = len(self.state)
        if not self._must_skip_step():
            with torch.no_grad():
                self.update_statistics()
            used: list[str] = []
            for index, (rule, (group, parameters)) in enumerate(zip(rules, parts)):
                if any(p.grad is not None for p in parameters):
                    with torch.set_grad_enabled(group["differentiable"]):
                        hyper, differentiable = self.rule_arguments(rule, group), group["differentiable"]
                        used.append(self._engines[index].take_step(hyper, differentiable=differentiable))
            # If several implementations were used, the one that is not native is reported.
            self.engine = max(used, key=lambda engine: engine != "native", default=self.engine)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer's state with the names and types that torch's optimizers use."""
        saved = super().state_dict()
        if self.saves_steps:
            return saved
        state = {i: drop_step_count(held) for i, held in saved["state"].items()}
        return {**saved, "state": {index: held for index, held in state.items() if held != {}}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint of this optimizer or of torch's optimizer of the same name.

        Raises `ValueError` for a checkpoint of another optimizer, or of parameters with other shapes.
        """
        loaded: list[dict[str, Any]] = []

        def check_and_collect(_: Any, final: dict[str, Any]) -> None:
            """Check a checkpoint after other hooks may have changed it, and append it to `loaded`."""
            for group, saved in zip(self.param_groups, final["param_groups"], strict=False):
                own, places = group["params"], dict(zip(group["params"], saved["params"], strict=False))
                for part, parameters in self.split_group({**group, **saved, "params": own}):
                    for parameter in parameters:
                        held = final["state"].get(places.get(parameter)) or {}
                        shapes = self._state_shapes(part, parameter)
                        check_state(type(self).__name__, shapes, places.get(parameter), held, parameter)
            loaded.append(final)

        hook = self.register_load_state_dict_pre_hook(check_and_collect)
        try:
            super().load_state_dict(state_dict)
        finally:
            hook.remove()
        for group, saved in zip(self.param_groups, loaded[-1]["param_groups"]):
            places = dict(zip(group["params"], saved["params"]))
            for part, parameters in self.split_group(group):
                numbers = [self._torch_name(name) for name in trace(self.complete_rule(part)).numbers]
                for parameter in parameters:
                    if (saved_state := loaded[-1]["state"].get(places[parameter])) is not None:
                        dtypes = {name: start.dtype for name, start in self._initial_tensors(part, parameter).items()}
                        on_device = group["capturable"]
                        state = restore_parameter_state(saved_state, parameter, numbers, dtypes, on_device)
                        self.state[parameter].update(state)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("engine", "none yet")
        self.__dict__.setdefault("skipped", 0)
        self._engines, self._state_count = {}, 0
        for group in self.param_groups:  # checkpoints of torch or of older versions may lack some options
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def check_group(self, group: Mapping[str, Any]) -> None:
        """Raise `ValueError` for a setting of a parameter group that only this optimizer rejects; the base has none."""

    def update_statistics(self) -> None:
        """Update statistics of the gradients before each step. Does nothing unless a subclass overrides this method."""

    def split_group(self, group: Mapping[str, Any]) -> Sequence[tuple[Mapping[str, Any], list[Tensor]]]:
        """Divide a group's parameters by their update rule; return pairs of hyper-parameters and parameters.

        A subclass whose rule depends on a parameter's shape overrides this method. By default, one rule updates all.
        """
        return [(group, group["params"])]

    @staticmethod
    def evaluation_weights(theta: Tensor, state: Mapping[str, Tensor], hyper: Mapping[str, Any]) -> Tensor:
        """Return the weights with which a model is evaluated: theta, unless a subclass averages its iterates."""
        return theta

    def select_rule(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the update rule of a parameter group. A subclass may choose it by the group's hyper-parameters."""
        return type(self).rule

    def select_weight_decay(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the function that adds weight decay to the update rule of a parameter group."""
        return decoupled_decay if group.get("decoupled_weight_decay") else coupled_decay

    def rule_hyperparameters(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a parameter group's hyper-parameters by the update rule's names; pairs such as `betas` are split."""
        known = dict(group)
        for name, parts in self.pairs.items():
            known.update(zip(parts, group.get(name, ()), strict=False))
        return known

    def complete_rule(self, group: Mapping[str, Any]) -> Rule:
        """Return the update rule of a parameter group, including its weight decay and its `maximize` option."""
        function = self.select_rule(group)
        if group.get("weight_decay"):
            function = self.select_weight_decay(group)(function)
        return read_rule(with_negated_gradient(function) if group["maximize"] else function)

    def rule_arguments(self, rule: Rule, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return a parameter group's value for each hyper-parameter of an update rule; None for a missing value."""
        known = {**rule.defaults, **self.rule_hyperparameters(group)}
        return {name: known.get(name) for name in rule.hyper}

    def _accepted_keywords(self, defaults: Mapping[str, Any]) -> list[str]:
        """Return the names of the keyword arguments that a subclass accepts: hyper-parameters and options."""
        subclasses = [cls for cls in type(self).__mro__ if issubclass(cls, Optimizer) and cls is not Optimizer]
        constructors = [vars(cls)["__init__"] for cls in subclasses if "__init__" in vars(cls)]
        named = [name for function in constructors for name in signature(function).parameters]
        rule = self.complete_rule({**OPTIONS, **self.measured, **defaults})
        pairs = [name for name, parts in self.pairs.items() if set(parts) <= set(rule.hyper)]
        known = [*(named or [*pairs, *rule.hyper]), "weight_decay", *OPTIONS]
        return [name for name in dict.fromkeys(known) if name not in NOT_OPTIONS]

    def _check_and_get_state(self, rule: Rule, group: Mapping[str, Any], parameter: Tensor) -> dict[str, Any]:
        """Check a parameter's gradient, and return the parameter's optimizer state, which the first step creates."""
        check_gradient(type(self).__name__, parameter, trace(rule).is_elementwise)
        return self._create_or_get_state(rule, group, parameter)

    def _create_or_get_state(self, rule: Rule, group: Mapping[str, Any], parameter: Tensor) -> dict[str, Any]:
        """Return a parameter's optimizer state; create the state if it does not exist."""
        held: dict[str, Any] = self.state[parameter]
        if "step" not in held:
            device = parameter.device if group["capturable"] else None
            held["step"] = to_number_tensor("step", 0.0, device)
            hyper = self.rule_arguments(rule, group)
            for name in rule.state:
                start = rule.initial_value(name, hyper, parameter if group["differentiable"] else parameter.detach())
                if isinstance(start, Tensor):
                    held[self._torch_name(name)] = start
                elif name in trace(rule).numbers:
                    held[self._torch_name(name)] = to_number_tensor(name, start, device)
                else:
                    initial = complex(start, start) if parameter.is_complex() else start
                    held[self._torch_name(name)] = torch.full_like(
                        parameter, initial, memory_format=torch.preserve_format
                    )
        return held

    def _state_shapes(self, group: Mapping[str, Any], parameter: Tensor) -> dict[str, torch.Size]:
        """Return the shape of each of a parameter's state tensors, by torch's name of the state."""
        names = [*map(self._torch_name, self.complete_rule(group).state), *self.kept]
        starts = self._initial_tensors(group, parameter)
        return {name: starts[name].shape if name in starts else parameter.shape for name in names}

    def _initial_tensors(self, group: Mapping[str, Any], parameter: Tensor) -> dict[str, Tensor]:
        """Return models on the meta device of the states for which the rule has its own initial tensor."""
        rule, model = self.complete_rule(group), torch.empty(parameter.shape, dtype=parameter.dtype, device="meta")
        hyper = self.rule_arguments(rule, group)
        starts = {self._torch_name(name): rule.initial_value(name, hyper, model) for name in rule.state}
        return {name: start for name, start in starts.items() if isinstance(start, Tensor)}

    def _torch_name(self, name: str) -> str:
        """Return the name that torch's optimizers use for a state of the update rule."""
        return self.names.get(name, name)

    def _must_skip_step(self) -> bool:
        """Return whether to skip this step because a gradient is not finite. If so, warn and count the step."""
        for group in self.param_groups:
            if group["skip_nonfinite"] and not all(map(has_finite_gradient, group["params"])):
                self.skipped += 1
                warnings.warn(f"{type(self).__name__}: a gradient is not finite, so this step is skipped", stacklevel=4)
                return True
        return False


def _require_rule(cls: type[Optimizer]) -> None:
    """Raise `TypeError` if a class has no update rule, as the base class has none."""
    if callable(getattr(cls, "rule", None)) or cls.select_rule is not Optimizer.select_rule:
        return
    how = "use one such as descend.optim.Adam, or name a rule in a subclass: rule = staticmethod(my_rule)"
    raise TypeError(f"{cls.__name__} has no update rule: {how}")
