"""The optimizer given the parameters of the model that is trained: all of it, and no copy that was made before.

optimizer = SGD(model.head.parameters(), lr=0.1)       # model.parameters()

optimizer = SGD(model.parameters(), lr=0.1)
model = Net()                                          # made anew: the optimizer is made after this

Where something reads the optimizer in between, they are added to it.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.aliases import name_at, names_at
from descend.doctor.source.arguments import PARAMETERS, find_argument, is_in_groups, makes_optimizer
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import function_around, home_of
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.model_class import layer_kind
from descend.doctor.source.moved import Block, line_around, moved_behind
from descend.doctor.source.names import assigned_value, enclosing_class, free_name, is_target, read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.owners import owners
from descend.doctor.source.syntax import Syntax, descendants, last_name


def hold_parameters(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the optimizer all parameters of `dose["model"]`, by default the model that the script calls."""
    place = locate(script, record, "optimizer", dose.get("optimizer", "0"))
    if isinstance(place, NotApplicable):
        return place
    line = place.syntax.line(place.call)
    if not makes_optimizer(place):
        return NotApplicable(place.inside)
    model = dose.get("model") or _model(script, record, place)
    if not model:
        return NotApplicable(f"line {line} does not show what the called model is called there")
    if model in _held_by_others(script, record, place):
        return NotApplicable(f"another optimizer than the one in line {line} has the parameters of `{model}`")
    if later := _made_later(place, model, replaced=bool(dose.get("replaced"))):
        text = _made_below(place, model, later[-1]) or _add_group(place, model, later)
    elif dose.get("grouped") or is_in_groups(place.syntax, place.call, "params"):
        text = _add_rest(place, model)
    else:
        text = _hold(place, model, _made(script, record, place.syntax))
    return text if isinstance(text, NotApplicable) else script.edit(place.syntax.file, text)


def _model(script: Script, record: Record, place: Place) -> str | None:
    """Return what the called model is called where the optimizer is made."""
    syntax = place.syntax
    made, call = _made(script, record, syntax), locate(script, record, "model_call")
    owner = enclosing_class(syntax, place.call)
    if owner is not None and owner.name.value == getattr(record.site("model"), "detail", ""):
        return "self"
    called = called_model(call) if isinstance(call, Place) and call.syntax is syntax else None
    if isinstance(called, str) and isinstance(call, Place):
        held = [name for name in owners(place) if called in names_at(syntax, place.call, name, call.call)]
        name = next(iter(held), None) or name_at(syntax, call.call, called, place.call)
        if held or made is None:
            return name
    return name_at(syntax, made.call, made.site.variable, place.call) if made is not None else None


def _made(script: Script, record: Record, syntax: Syntax) -> Place | None:
    made = locate(script, record, "model")
    return made if isinstance(made, Place) and made.syntax is syntax else None


def _held_by_others(script: Script, record: Record, place: Place) -> set[str]:
    others = [site for site in record.sites if site.kind == "optimizer" and site.key != place.site.key]
    places = [other for site in others if isinstance(other := locate_site(script, site), Place)]
    return {name for other in places for name in owners(other) if other.syntax is place.syntax}


def _made_later(place: Place, model: str, *, replaced: bool) -> list[cst.Assign]:
    """Return the assignments after the optimizer that give the model, or a part of it, other parameters.

    replaced: whether the run has shown that some do: what a call gives to a part of it is then a layer.
    """
    syntax, call = place.syntax, place.call
    home, loops = function_around(syntax, call), loops_around(syntax, call)
    own = next((outer for outer in syntax.ancestors(call) if isinstance(outer, cst.Assign)), None)
    return [
        assign
        for assign in syntax.every(cst.Assign)
        if assign is not own and syntax.spans[assign].start.line > syntax.line(call)
        if function_around(syntax, assign) == home and loops_around(syntax, assign) == loops
        if _gives_other(syntax, assign, model, replaced)
    ]


def _is_or_in(code: str, model: str) -> bool:
    return code == model or code.startswith((f"{model}.", f"{model}["))


def _gives_other(syntax: Syntax, assign: cst.Assign, model: str, replaced: bool) -> bool:
    """Return whether it gives newly made parameters: `model = model.to(device)` and `DataParallel(model)` do not."""
    target, value = syntax.code(assign.targets[0].target), assign.value
    if target != model:
        is_layer = layer_kind(syntax, value) == "Module" or replaced and isinstance(value, cst.Call)
        return _is_or_in(target, model) and is_layer
    read = {syntax.code(part) for part in [*syntax.every(cst.Name, value), *syntax.every(cst.Attribute, value)]}
    is_copy = any(last_name(inner.func) == "deepcopy" for inner in syntax.every(cst.Call, value))
    return isinstance(value, cst.Call) and (is_copy or model not in read)


def _made_below(place: Place, model: str, later: cst.Assign) -> str | None:
    """Return the text with the optimizer made below what makes the model; None where more than the order would change.

    That is where it has other parameters, too, or where something in between, or a function, reads it, or something in
    between binds what it is made of.
    """
    syntax, optimizer = place.syntax, place.site.variable
    own, other = (line_around(syntax, node) for node in (place.call, later))
    block = syntax.parents[own] if own is not None else None
    if own is None or other is None or not isinstance(block, Block) or syntax.parents[other] is not block:
        return None
    if not optimizer or len(own.body) > 1 or not all(_is_or_in(owner, model) for owner in owners(place)):
        return None
    body: list[cst.CSTNode] = list(block.body)
    between = [node for statement in body[body.index(own) + 1 : body.index(other)] for node in descendants(statement)]
    made_of = {name.value for name in read_names(place.call)} - {model.partition(".")[0]}
    names = [node for node in between if isinstance(node, cst.Name | cst.Attribute)]
    home = home_of(syntax, own)
    elsewhere = [n for n in syntax.every(cst.Name) if n.value == optimizer and home_of(syntax, n) is not home]
    is_read = bool(elsewhere) or any(syntax.code(node) == optimizer for node in names)
    is_bound = any(is_target(syntax, node) and syntax.code(node) in made_of for node in names)
    return None if is_read or is_bound else moved_behind(syntax, block, own, other)


def _add_group(place: Place, model: str, later: list[cst.Assign]) -> str | NotApplicable:
    syntax, optimizer = place.syntax, place.site.variable
    if not optimizer:
        return NotApplicable(f"line {syntax.line(place.call)} gives the optimizer no name")
    made = list(dict.fromkeys(syntax.code(assign.targets[0].target) for assign in later))
    parts = [model] if model in made else made
    groups = [f'{optimizer}.add_param_group({{"params": list({part}.parameters())}})' for part in parts]
    return insert_after(syntax, later[-1], *groups)


def _add_rest(place: Place, model: str) -> str | NotApplicable:
    """Return the text with one more group, of what none of the groups has that the optimizer is given."""
    syntax, optimizer = place.syntax, place.site.variable
    if not optimizer:
        return NotApplicable(f"line {syntax.line(place.call)} gives the optimizer no name")
    held = free_name(syntax, "held")
    known = f'{held} = {{id(p) for group in {optimizer}.param_groups for p in group["params"]}}'
    rest = f"[p for p in {model}.parameters() if id(p) not in {held}]"
    return insert_after(syntax, place.call, known, f'{optimizer}.add_param_group({{"params": {rest}}})')


def _hold(place: Place, model: str, made: Place | None) -> str | NotApplicable:
    """Return the text with the model's parameters as the optimizer's, or beside those of another module."""
    syntax, line = place.syntax, place.syntax.line(place.call)
    argument = find_argument(place.call, "params", 0)
    value = argument.value if argument is not None else place.call.args[0].value
    if isinstance(value, cst.Name):
        value = assigned_value(syntax, value) or value
    found, whole = owners(place), cst.parse_expression(f"{model}.parameters()")
    if not found and not _are_tensors_of(syntax, value, model):
        return NotApplicable(f"line {line} does not say whose parameters the optimizer gets")
    others = [owner for owner in found if not _is_or_in(owner, model) and _is_trained(syntax, owner, made)]
    if syntax.code(value) == syntax.code(whole) or (others and model in found):
        return NotApplicable(f"line {line} gives the optimizer all parameters of `{model}` already")
    if others:
        return syntax.replace(value, _sum(value, model))
    calls = [c.func for c in syntax.every(cst.Call, value) if last_name(c.func) in PARAMETERS]
    if len(calls) == 1 and found != [model] and isinstance(calls[0], cst.Attribute):
        return syntax.replace(calls[0].value, cst.parse_expression(model))
    return syntax.replace(value, whole)


def _are_tensors_of(syntax: Syntax, value: cst.BaseExpression, model: str) -> bool:
    """Return whether the optimizer gets a list of the model's parameters, one by one."""
    if not isinstance(value, cst.List | cst.Tuple):
        return False
    return all(_is_or_in(syntax.code(element.value), model) for element in value.elements)


def _is_trained(syntax: Syntax, owner: str, made: Place | None) -> bool:
    """Return whether a module is used for itself: called or handed on, and not to make the model of it."""
    parts = syntax.every(cst.Arg, made.call) if made is not None else []
    if any(syntax.code(part.value) == owner for part in parts):
        return False
    calls = syntax.every(cst.Call)
    return any(syntax.code(c.func) == owner or owner in {syntax.code(a.value) for a in c.args} for c in calls)


def _sum(value: cst.BaseExpression, model: str) -> cst.BaseExpression:
    is_list = isinstance(value, cst.List | cst.BinaryOperation) or (
        isinstance(value, cst.Call) and last_name(value.func) == "list"
    )
    first = value if is_list else cst.Call(cst.Name("list"), [cst.Arg(value)])
    return cst.BinaryOperation(first, cst.Add(), cst.parse_expression(f"list({model}.parameters())"))
