"""Replace the call that makes an optimizer by the call of another optimizer of torch or of `descend.optim`.

optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, weight_decay=1e-4)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose
from typing import Any

import libcst as cst

from descend.doctor.codemod.argument_edits import NodeEdit, ScalarEdit, Setting, apply_edits, set_argument
from descend.doctor.codemod.arguments import (
    accepts_argument,
    argument_position,
    find_argument,
    has_group_argument,
    has_unpacked_arguments,
    is_valid_learning_rate,
    keyword_argument,
    literal_expression,
    makes_optimizer,
    number_expression,
    with_arguments,
)
from descend.doctor.codemod.group_rates import scale_group_rates
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import binding
from descend.doctor.codemod.not_applicable import AlreadySet, NotApplicable, if_applicable
from descend.doctor.codemod.overwritten_setting import (
    RELATIVE_TOLERANCE,
    find_overwriting_statement,
    rescale_learning_rate,
)
from descend.doctor.codemod.scheduled_rate import find_scheduler_call, set_scheduled_rate
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, Site, SiteKind, facts
from descend.doctor.script.script import Script

HOME, DESCEND_HOME = "torch.optim", "descend.optim"
# Optimizers that are taken from `descend.optim`: torch lacks them, or torch's accepts only matrices (Muon).
DESCEND_OPTIMIZERS = frozenset("AddSign DeltaBarDelta LAMB LARS Lion Muon PowerSign SOAP YellowFin".split())
# optimizer arguments that the edit keeps, because every optimizer class accepts them
KEPT = ("maximize", "foreach", "differentiable")
FUSED = frozenset({"SGD", "Adam", "AdamW", "Adagrad"})  # torch's optimizers with the argument `fused`


@dataclass(frozen=True)
class NewOptimizer:
    """An optimizer that replaces another one, and the arguments of its call."""

    rule: str  # its class name, such as "AdamW"
    lr: float
    settings: Mapping[str, Any] = field(default_factory=dict)  # further arguments, such as momentum


def replace_optimizer(
    script: Script, record: Record, key: str, new: NewOptimizer, old_lr: float, scheduler: Site | None = None
) -> Script:
    """Replace the optimizer number `key` by another one, with a new learning rate and the old weight decay.

    old_lr: the learning rate that the run really used. scheduler: where the script creates a scheduler that overrides
    the optimizer's learning rate. Raises `NotApplicable` if the optimizer cannot be replaced.
    """
    place = locate(script, record, SiteKind.OPTIMIZER, key)
    if reason := _obstacle_message(place, new.lr):
        raise NotApplicable(reason)
    has_groups = has_group_argument(place.syntax, place.call, "lr")
    if has_groups and not old_lr > 0:
        raise NotApplicable("the learning rates of the parameter groups are unknown")
    if has_groups and not isclose(new.lr, old_lr, rel_tol=RELATIVE_TOLERANCE):
        script = scale_group_rates(script, record, key, new.lr / old_lr)
        place = locate(script, record, SiteKind.OPTIMIZER, key)
    file, is_ours = place.syntax.file, new.rule in DESCEND_OPTIMIZERS
    home = DESCEND_HOME if is_ours else _torch_optim_name(place)
    scheduled = find_scheduler_call(script, record, scheduler)
    is_set_later = find_overwriting_statement(script, record, key, "lr") is not None or scheduled is not None
    rate = None if is_set_later or has_groups else _learning_rate_edit_elsewhere(script, record, place, new.lr)
    given = find_argument(place.call, "lr", 1)
    keeps_name = (is_set_later or rate is not None) and given is not None and not is_number(given.value)
    call = _with_arguments(place.call, new, given if keeps_name or has_groups else None)
    edits = [NodeEdit(place.call, call.with_changes(func=cst.parse_expression(f"{home}.{new.rule}")))]
    edited = apply_edits(script, place.syntax, [*edits, *([rate] if rate else [])], "learning rate")
    edited = _with_later_learning_rate(edited, record, key, (old_lr, float(new.lr)), scheduler)
    if home not in (HOME, DESCEND_HOME):
        return edited
    return edited.edit(file, import_module(file, edited.read(file), DESCEND_HOME if is_ours else "torch"))


def _with_later_learning_rate(
    script: Script, record: Record, key: str, rates: tuple[float, float], scheduler: Site | None
) -> Script:
    """Return the script with a new learning rate in the scheduler or the statement that overrides the optimizer's."""
    if isclose(*rates, rel_tol=RELATIVE_TOLERANCE):
        return script
    if (found := find_overwriting_statement(script, record, key, "lr")) is not None:
        return rescale_learning_rate(script, record, found, rates, key)
    if (scheduled := find_scheduler_call(script, record, scheduler)) is not None:
        try:
            return set_scheduled_rate(script, record, scheduled, rates[1])
        except AlreadySet:
            return script
    return script


def _learning_rate_edit_elsewhere(
    script: Script, record: Record, place: Place, rate: float
) -> NodeEdit | ScalarEdit | None:
    """Return the edit of the constant or option that sets the learning rate outside the optimizer's call; else None."""
    optimizer = record.fact(facts.Optimizer, place.site.key)
    setting = Setting("lr", 1, "learning rate", now=optimizer.lr if optimizer else None)
    edit = if_applicable(set_argument, place, setting, float(rate), script, record)
    if edit is None:
        return None
    is_here = isinstance(edit, NodeEdit) and (edit.old is place.call or place.call in place.syntax.ancestors(edit.old))
    return None if is_here else edit


def _torch_optim_name(place: Place) -> str:
    """Return the expression with which the optimizer's call refers to torch.optim, such as `optim`."""
    owner = place.call.func.value if isinstance(place.call.func, cst.Attribute) else None
    if owner is None or last_name(owner) != "optim" or not place.syntax.is_module(owner):
        return HOME
    name = place.syntax.code(owner)
    bound = binding(place.syntax, owner) if isinstance(owner, cst.Name) else None
    origin = place.syntax.code(bound.node) if bound is not None else name
    return HOME if "descend" in origin else name


def _obstacle_message(place: Place, rate: float) -> str:
    """Return why the optimizer cannot be replaced; "" if it can."""
    name = last_name(place.call.func)
    if not is_valid_learning_rate(rate):
        return f"{rate} is not a valid learning rate"
    if not makes_optimizer(place):
        return place.indirect_call_message
    if has_unpacked_arguments(place.call) or not place.call.args:
        return f"the arguments of {name or 'the optimizer'} are not written out in its call"
    return ""


def _with_arguments(call: cst.Call, new: NewOptimizer, kept_rate: cst.Arg | None) -> cst.Call:
    """Return the optimizer's call with the new arguments, and those old ones that the new optimizer accepts.

    kept_rate: the argument `lr` if its expression stays, because the learning rate is changed elsewhere.
    """
    parameters = find_argument(call, "params", 0) or call.args[0]
    old = find_argument(call, "lr", 1)
    given = keyword_argument("lr", kept_rate.value if kept_rate is not None else number_expression(new.lr))
    arguments = [parameters, given.with_changes(comma=old.comma) if old else given]
    arguments += [keyword_argument(name, literal_expression(value)) for name, value in new.settings.items()]
    decay = find_argument(call, "weight_decay", argument_position(last_name(call.func), "weight_decay"))
    if decay is not None and "weight_decay" not in new.settings and accepts_argument(new.rule, "weight_decay"):
        arguments.append(decay if decay.keyword else keyword_argument("weight_decay", decay.value))
    kept = (*KEPT, "fused") if new.rule in FUSED | DESCEND_OPTIMIZERS else KEPT
    arguments += [argument for name in kept if (argument := find_argument(call, name, None)) is not None]
    return with_arguments(call, arguments)
