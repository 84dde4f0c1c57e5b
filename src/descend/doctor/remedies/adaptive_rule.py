"""Replace the optimizer by Adam, which adapts the step of each parameter to its gradients (Kingma & Ba 2015).

Other optimizers of torch or of `descend.optim` are possible, such as LARS, which adapts the step of each layer.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.assess.effective_rate import effective_learning_rate
from descend.doctor.codemod.argument_edits import NodeEdit, ScalarEdit, Setting, apply_edits, set_argument
from descend.doctor.codemod.arguments import (
    argument_position,
    find_argument,
    has_group_argument,
    has_unpacked_arguments,
    is_valid_learning_rate,
    keyword_argument,
    makes_optimizer,
    number_expression,
    with_arguments,
)
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.overwritten_setting import find_overwriting_statement, rescale_learning_rate
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script

HOME = "torch.optim"
OURS = {"LARS": "descend.optim", "LAMB": "descend.optim"}  # optimizer that torch lacks -> module that has it
ADAPTIVE = {"Adam", "AdamW", "Adamax", "NAdam", "RAdam"}
# optimizer arguments that the edit keeps, because every optimizer class accepts them
KEPT = ("maximize", "foreach", "fused", "differentiable")


@dataclass(frozen=True)
class AdaptiveRuleArguments:
    """Arguments of the remedy `adaptive_rule`, which replaces the optimizer by an adaptive one, such as Adam."""

    lr: float
    rule: str = "Adam"  # class name of the new optimizer
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def adaptive_rule(script: Script, record: Record, arguments: AdaptiveRuleArguments) -> Script:
    """Replace the optimizer by another one, such as Adam, with the given learning rate and the old weight decay."""
    place = locate(script, record, SiteKind.OPTIMIZER, arguments.optimizer)
    if reason := _obstacle_message(place, arguments.lr):
        raise NotApplicable(reason)
    rule = arguments.rule
    file, home, key = place.syntax.file, OURS.get(rule) or _torch_optim_name(place), place.site.key
    is_overwritten = find_overwriting_statement(script, record, key, "lr") is not None
    rate = None if is_overwritten else _learning_rate_edit_elsewhere(script, record, place, arguments.lr)
    call = _with_arguments_of_adam(place.call, arguments.lr, is_named=is_overwritten or rate is not None)
    edits = [NodeEdit(place.call, call.with_changes(func=cst.parse_expression(f"{home}.{rule}")))]
    edited = apply_edits(script, place.syntax, [*edits, *([rate] if rate else [])], "learning rate")
    if (found := find_overwriting_statement(edited, record, key, "lr")) is not None:
        edited = rescale_learning_rate(
            edited, record, found, (effective_learning_rate(record, key), float(arguments.lr)), key
        )
    if home not in (HOME, *OURS.values()):
        return edited
    text = import_module(file, edited.read(file), OURS.get(rule, "torch"))
    return edited.edit(file, text)


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
    is_named = owner is not None and last_name(owner) == "optim" and place.syntax.is_module(owner)
    return place.syntax.code(owner) if owner is not None and is_named else HOME


def _obstacle_message(place: Place, rate: float) -> str:
    """Return why the optimizer cannot be replaced by an adaptive one; "" if it can."""
    name = last_name(place.call.func)
    if not is_valid_learning_rate(rate):
        return f"{rate} is not a valid learning rate"
    if name in ADAPTIVE:
        return f"{name} is already an adaptive optimizer"
    if not makes_optimizer(place):
        return place.indirect_call_message
    if has_unpacked_arguments(place.call) or not place.call.args:
        return f"the arguments of {name or 'the optimizer'} are not written out in its call"
    if has_group_argument(place.syntax, place.call, "lr"):
        return "the parameter groups have their own learning rates"
    return ""


def _with_arguments_of_adam(call: cst.Call, rate: float, *, is_named: bool) -> cst.Call:
    """Return the optimizer's call with a new learning rate and only those arguments that every optimizer accepts."""
    parameters = find_argument(call, "params", 0) or call.args[0]
    old = find_argument(call, "lr", 1)
    new = keyword_argument(
        "lr", old.value if old and is_named and not is_number(old.value) else number_expression(rate)
    )
    arguments = [parameters, new.with_changes(comma=old.comma) if old else new]
    decay = find_argument(call, "weight_decay", argument_position(last_name(call.func), "weight_decay"))
    if decay is not None:
        arguments.append(decay if decay.keyword else keyword_argument("weight_decay", decay.value))
    arguments += [argument for name in KEPT if (argument := find_argument(call, name, None)) is not None]
    return with_arguments(call, arguments)
