"""Clip the gradient norm before the step (Pascanu, Mikolov & Bengio 2013)."""

import libcst as cst

from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.functions import functions_around
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_after, insert_before
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.optimizer_step import StepCall, find_step_call
from descend.doctor.codemod.stepped_model import stepped_model_name
from descend.doctor.codemod.syntax import last_name
from descend.doctor.codemod.trainer_arguments import set_trainer_argument
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ClippingArguments
from descend.doctor.script.script import Script


def clip_gradients(script: Script, record: Record, arguments: ClippingArguments) -> Script:
    """Insert `torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)` before the optimizer's step.

    With a gradient scaler the gradients are unscaled first. In a closure the line follows the backward pass.
    """
    key = arguments.optimizer
    try:
        stepping = find_step_call(script, record, key)
    except NotApplicable as refused:
        return set_trainer_argument(script, record, key, ("max_norm", float(arguments.max_norm)), refused)
    if (site := record.site(SiteKind.CLIP)) is not None:
        raise NotApplicable(f"line {site.line} already clips the gradients")
    syntax = stepping.place.syntax
    made = if_applicable(locate, script, record, SiteKind.OPTIMIZER, key)
    owner = stepped_model_name(made, stepping) if made is not None else None
    parameters = f"{owner}.parameters()" if owner else _parameter_list_code(stepping.optimizer)
    code = f"torch.nn.utils.clip_grad_norm_({parameters}, {format_number(arguments.max_norm)})"
    if stepping.closure is not None:
        text = _insert_in_closure(stepping, locate(script, record, SiteKind.BACKWARD), code)
    else:
        text = insert_before(syntax, stepping.place.call, *_unscaling_statement(stepping), code)
    return script.edit(syntax.file, import_module(syntax.file, text, "torch"))


def _parameter_list_code(optimizer: str) -> str:
    """Return the source code of a list of the optimizer's parameters from all of its parameter groups."""
    return f'[p for g in {optimizer}.param_groups for p in g["params"]]'


def _unscaling_statement(stepping: StepCall) -> list[str]:
    """Return the statement that unscales the gradients, in a list; an empty list if it exists or no scaler is used."""
    syntax = stepping.place.syntax
    unscaled = any(last_name(call.func) == "unscale_" for call in syntax.every(cst.Call))
    return [f"{stepping.scaler}.unscale_({stepping.optimizer})"] if stepping.scaler and not unscaled else []


def _insert_in_closure(stepping: StepCall, backward: Place, code: str) -> str:
    """Return the source with `code`, which clips the gradients, after the backward pass in the step's closure."""
    syntax = stepping.place.syntax
    if backward.syntax is not syntax or stepping.closure not in functions_around(syntax, backward.call):
        raise NotApplicable(f"line {backward.syntax.line(backward.call)} is not in the closure of the optimizer's step")
    return insert_after(syntax, backward.call, code)
