"""One `torch.optim.Optimizer` for every rule: groups, checkpoints, closures, sparse gradients and fast steps."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from descend.optim import eager
from descend.optim.build import NoCompiler
from descend.optim.checks import check, check_gradient
from descend.optim.folds import climbing, coupled_decay
from descend.optim.native import Work, fits, kernel
from descend.optim.rule import Rule, read_rule


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
        super().__init__(params, {"maximize": False, **defaults})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group. Raises `ValueError` for a hyper-parameter out of its range."""
        super().add_param_group(param_group)
        check(type(self).__name__, self.param_groups[-1])

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; return what `closure` returns, which is called first, with gradients enabled."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        rules = [self._rule(group) for group in self.param_groups]
        plans = [self._gather(*both) for both in zip(rules, self.param_groups)]  # all checked before any has moved
        for rule, group, work in zip(rules, self.param_groups, plans):
            self._run(rule, self._hyper(rule, group), work)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """Return the state in torch's names and types."""
        saved = super().state_dict()
        state = {index: self._saved(held) for index, held in saved["state"].items()}
        return {**saved, "state": {index: held for index, held in state.items() if held}}

    def _saved(self, held: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in held.items() if name != "step"}
        return {"step": torch.tensor(float(held["step"])), **kept} if self.saves_steps else kept

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a checkpoint of this rule, ours or torch's. Raises `ValueError` for another rule's."""
        for group, saved in zip(self.param_groups, state_dict["param_groups"], strict=False):
            expected = {self.names.get(name, name) for name in self._rule({**group, **saved}).state}
            held = [set(state_dict["state"].get(index, ())) - {"step"} for index in saved["params"]]
            if wrong := next((names for names in held if names and names != expected), None):
                raise ValueError(
                    f"the checkpoint is not one of {type(self).__name__}: its state is {', '.join(sorted(wrong))}, "
                    f"not {', '.join(sorted(expected)) or 'empty'}"
                )
        super().load_state_dict(state_dict)
        for held in self.state.values():
            held["step"] = int(held.get("step", 1))

    def rule_of(self, group: Mapping[str, Any]) -> Callable[..., Any]:
        """Return the rule of a group, where its hyper-parameters decide between several."""
        return type(self).rule

    def _rule(self, group: Mapping[str, Any]) -> Rule:
        function = self.rule_of(group)
        if group.get("weight_decay"):
            function = type(self).decay(function)
        return read_rule(climbing(function) if group["maximize"] else function)

    def _hyper(self, rule: Rule, group: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rule's hyper-parameters as the group holds them."""
        known = dict(group)
        for name, parts in self.pairs.items():
            known.update(zip(parts, group.get(name, ()), strict=False))
        return {name: known[name] for name in rule.hyper}

    def _gather(self, rule: Rule, group: dict[str, Any]) -> list[Work]:
        work = []
        for parameter in group["params"]:
            if parameter.grad is not None:
                check_gradient(type(self).__name__, parameter, parameter.grad)
                work.append(self._work(rule, parameter, group))
        return work

    def _work(self, rule: Rule, parameter: Tensor, group: Mapping[str, Any]) -> Work:
        held = self.state[parameter]
        if not held:
            hyper = self._hyper(rule, group)
            held["step"] = 0
            for name in rule.state:
                start = rule.initial(name, hyper)
                held[self.names.get(name, name)] = torch.full_like(
                    parameter, start, memory_format=torch.preserve_format
                )
        held["step"] += 1
        state = (held[self.names.get(name, name)] for name in rule.state)
        assert parameter.grad is not None
        return Work((parameter, parameter.grad, *state), held["step"])

    def _run(self, rule: Rule, given: Mapping[str, Any], work: list[Work]) -> None:
        hyper = {name: float(value) for name, value in given.items()}
        alike: dict[torch.dtype | None, list[Work]] = {}  # by dtype; None: those that no kernel takes
        for item in work:
            alike.setdefault(item.tensors[0].dtype if fits(item.tensors) else None, []).append(item)
        rest, self.engine = alike.pop(None, []), "native"
        for dtype, items in alike.items():
            made = kernel(rule, dtype)
            if isinstance(made, NoCompiler):
                self.engine = f"eager: {made}"
                rest += items
            else:
                made.run(items, hyper)
        for item in rest:
            self._step_eagerly(rule, item, hyper)

    def _step_eagerly(self, rule: Rule, item: Work, hyper: Mapping[str, float]) -> None:
        if item.tensors[1].is_sparse:
            _step_rows(rule, item, hyper)
        elif item.tensors[0].is_complex():
            eager.step(rule, [torch.view_as_real(t) for t in item.tensors], item.t, hyper)
        else:
            eager.step(rule, item.tensors, item.t, hyper)


def _step_rows(rule: Rule, item: Work, hyper: Mapping[str, float]) -> None:
    """Take the step on the rows that a sparse gradient touches, and on no other."""
    theta, g, *state = item.tensors
    g = g.coalesce()
    index = tuple(g.indices())
    touched = [t[index] for t in (theta, *state)]
    eager.step(rule, [touched[0], g.values(), *touched[1:]], item.t, hyper)
    for tensor, values in zip((theta, *state), touched, strict=True):
        tensor[index] = values
