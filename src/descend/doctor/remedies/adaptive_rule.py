"""Adam instead of the optimizer: a rate for each parameter, from its own gradients (Kingma & Ba 2015).

Or another rule that adapts the learning rate, as LARS does for each layer: one of torch, or of `descend.optim`.
"""

from typing import Any

import libcst as cst

from descend.doctor.course.acting_rate import acting_rate
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import (
    find_argument,
    is_in_groups,
    is_rate,
    is_unpacked,
    keyword,
    makes_optimizer,
    number,
    place_in,
    with_arguments,
)
from descend.doctor.source.imports import import_module
from descend.doctor.source.literals import is_number
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.overwritten import overwriting, rescale
from descend.doctor.source.setting import Edit, Reset, Setting, apply, set_argument
from descend.doctor.source.syntax import last_name

HOME = "torch.optim"
OURS = {"LARS": "descend.optim", "LAMB": "descend.optim"}  # rules that torch does not have
ADAPTIVE = {"Adam", "AdamW", "Adamax", "NAdam", "RAdam"}
KEPT = ("maximize", "foreach", "fused", "differentiable")  # not of the rule: direction and implementation


def adaptive_rule(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Replace the optimizer by Adam, or `dose["rule"]`, at the rate `dose["lr"]`; weight decay stays, momentum goes."""
    place = locate(script, record, "optimizer", dose.get("optimizer", "0"))
    if isinstance(place, NotApplicable):
        return place
    if reason := _obstacle(place, dose["lr"]):
        return NotApplicable(reason)
    rule: str = dose.get("rule", "Adam")
    file, home, key = place.syntax.file, OURS.get(rule) or _home(place), place.site.key
    is_overwritten = overwriting(script, record, key, "lr") is not None
    rate = None if is_overwritten else _number_elsewhere(script, record, place, dose["lr"])
    call = _with_adams_arguments(place.call, dose["lr"], is_named=is_overwritten or rate is not None)
    edits = [Edit(place.call, call.with_changes(func=cst.parse_expression(f"{home}.{rule}")))]
    edited = apply(script, place.syntax, [*edits, *([rate] if rate else [])], "learning rate")
    if isinstance(edited, Script) and (found := overwriting(edited, record, key, "lr")) is not None:
        edited = rescale(edited, record, found, (acting_rate(record, key), float(dose["lr"])), key)
    if isinstance(edited, NotApplicable) or home not in (HOME, *OURS.values()):
        return edited
    text = import_module(file, edited.read(file), OURS.get(rule, "torch"))
    return text if isinstance(text, NotApplicable) else edited.edit(file, text)


def _number_elsewhere(script: Script, record: Record, place: Place, rate: float) -> Edit | Reset | None:
    """Return the edit of the number that the call's rate comes from: a constant, an option, what a caller gives."""
    optimizer = record.fact(facts.Optimizer, place.site.key)
    setting = Setting("lr", 1, "learning rate", now=optimizer.lr if optimizer else None)
    edit = set_argument(place, setting, float(rate), script, record)
    if isinstance(edit, NotApplicable):
        return None
    is_here = isinstance(edit, Edit) and (edit.old is place.call or place.call in place.syntax.ancestors(edit.old))
    return None if is_here else edit


def _home(place: Place) -> str:
    """Return what the call itself names torch.optim."""
    owner = place.call.func.value if isinstance(place.call.func, cst.Attribute) else None
    is_named = owner is not None and last_name(owner) == "optim" and place.syntax.is_module(owner)
    return place.syntax.code(owner) if owner is not None and is_named else HOME


def _obstacle(place: Place, rate: float) -> str:
    name = last_name(place.call.func)
    if not is_rate(rate):
        return f"a learning rate cannot be {rate}"
    if name in ADAPTIVE:
        return f"{name} is an adaptive rule already"
    if not makes_optimizer(place):
        return place.inside
    if is_unpacked(place.call) or not place.call.args:
        return f"the arguments of {name or 'the optimizer'} are not written in its call"
    if is_in_groups(place.syntax, place.call, "lr"):
        return "the parameter groups have learning rates of their own"
    return ""


def _with_adams_arguments(call: cst.Call, rate: float, *, is_named: bool) -> cst.Call:
    parameters = find_argument(call, "params", 0) or call.args[0]
    old = find_argument(call, "lr", 1)
    new = keyword("lr", old.value if old and is_named and not is_number(old.value) else number(rate))
    arguments = [parameters, new.with_changes(comma=old.comma) if old else new]
    decay = find_argument(call, "weight_decay", place_in(last_name(call.func), "weight_decay"))
    if decay is not None:
        arguments.append(decay if decay.keyword else keyword("weight_decay", decay.value))
    for name in KEPT:
        if (argument := find_argument(call, name, None)) is not None:
            arguments.append(argument)
    return with_arguments(call, arguments)
