"""Gradients cut to a largest norm before the step (Pascanu, Mikolov & Bengio 2013)."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at
from descend.doctor.source.arguments import number_text
from descend.doctor.source.functions import function_around, functions_around
from descend.doctor.source.imports import import_module
from descend.doctor.source.insert import insert_after, insert_before
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.owners import owners
from descend.doctor.source.stepping import Stepping, find_stepping
from descend.doctor.source.syntax import first_name, last_name
from descend.doctor.source.trainer_arguments import trainer_argument


def clip_gradients(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm)` before the optimizer's step.

    A scaler's gradients are unscaled first; where the step calls a closure, the line follows its backward pass.
    """
    key = dose.get("optimizer", "0")
    stepping = find_stepping(script, record, key)
    if isinstance(stepping, NotApplicable):
        return trainer_argument(script, record, key, ("max_norm", float(dose["max_norm"])), stepping)
    if (site := record.site("clip")) is not None:
        return NotApplicable(f"line {site.line} clips the gradients already")
    syntax = stepping.place.syntax
    made = locate(script, record, "optimizer", key)
    owner = _owner(made, stepping) if isinstance(made, Place) else None
    parameters = f"{owner}.parameters()" if owner else _all_parameters(stepping.optimizer)
    code = f"torch.nn.utils.clip_grad_norm_({parameters}, {number_text(dose['max_norm'])})"
    if stepping.closure is not None:
        text = _insert_in_closure(stepping, locate(script, record, "backward"), code)
    else:
        text = insert_before(syntax, stepping.place.call, *_unscaling(stepping), code)
    if isinstance(text, str):
        text = import_module(syntax.file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _owner(made: Place, stepping: Stepping) -> str | None:
    """Return what the one model that the optimizer trains is called at the step; None where there are several."""
    found, syntax = owners(made), made.syntax
    if len(found) != 1 or stepping.place.syntax is not syntax:
        return None
    name = name_at(syntax, made.call, found[0], stepping.place.call)
    if name is not None:
        return name
    head = first_name(cst.parse_expression(found[0]))
    is_same = head is not None and name_at(syntax, made.call, head.value, stepping.place.call) == head.value
    return found[0] if is_same and _is_together(made, stepping) else None


def _is_together(made: Place, stepping: Stepping) -> bool:
    functions = [function_around(made.syntax, call) for call in (made.call, stepping.place.call)]
    return functions[0] == functions[1]


def _all_parameters(optimizer: str) -> str:
    return f'[p for g in {optimizer}.param_groups for p in g["params"]]'


def _unscaling(stepping: Stepping) -> list[str]:
    syntax = stepping.place.syntax
    unscaled = any(last_name(call.func) == "unscale_" for call in syntax.every(cst.Call))
    return [f"{stepping.scaler}.unscale_({stepping.optimizer})"] if stepping.scaler and not unscaled else []


def _insert_in_closure(stepping: Stepping, backward: Place | NotApplicable, code: str) -> str | NotApplicable:
    syntax = stepping.place.syntax
    if isinstance(backward, NotApplicable):
        return backward
    if backward.syntax is not syntax or stepping.closure not in functions_around(syntax, backward.call):
        return NotApplicable(f"line {backward.syntax.line(backward.call)} is not in the closure of the step")
    return insert_after(syntax, backward.call, code)
