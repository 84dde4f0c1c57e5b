"""Pass the optimizer all parameters of the model that is trained, and not those of an earlier copy.

optimizer = SGD(model.head.parameters(), lr=0.1)       # model.parameters()

optimizer = SGD(model.parameters(), lr=0.1)
model = Net()                                          # a second model: the optimizer is then made after this line

If code in between reads the optimizer, the parameters are added to it as a group.
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.aliases import name_at, names_at
from descend.doctor.codemod.arguments import PARAMETER_METHODS, find_argument, has_group_argument, makes_optimizer
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.functions import enclosing_scope, function_around
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import Place, locate, locate_site
from descend.doctor.codemod.model_class import layer_kind
from descend.doctor.codemod.move_statement import Block, line_around, move_after
from descend.doctor.codemod.names import assigned_value, enclosing_class, free_name, is_target, names_read
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.optimizer_modules import optimizer_modules
from descend.doctor.codemod.syntax import Syntax, descendants, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class HoldParametersArguments:
    """Arguments of the remedy `hold_parameters`, which passes the optimizer all parameters of a model."""

    model: str = ""  # variable that holds the model; "" for the model that the script calls
    replaced: bool = False  # whether the script replaced layers of the model after it made the optimizer
    grouped: bool = False  # whether the optimizer has several parameter groups
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def hold_parameters(script: Script, record: Record, arguments: HoldParametersArguments) -> Script:
    """Pass the optimizer all parameters of a model: the given one, or else the model that the script calls."""
    place = locate(script, record, SiteKind.OPTIMIZER, arguments.optimizer)
    line = place.syntax.line(place.call)
    if not makes_optimizer(place):
        raise NotApplicable(place.indirect_call_message)
    model = arguments.model or _model_name(script, record, place)
    if not model:
        raise NotApplicable(f"it is unclear in line {line} which variable holds the called model")
    if model in _models_of_other_optimizers(script, record, place):
        raise NotApplicable(f"the parameters of `{model}` belong to another optimizer than that of line {line}")
    if later := _later_assignments(place, model, replaced=bool(arguments.replaced)):
        text = _with_optimizer_below(place, model, later[-1]) or _add_new_parameter_group(place, model, later)
    elif arguments.replaced:
        text = _with_optimizer_before_its_use(place)
    elif arguments.grouped or has_group_argument(place.syntax, place.call, "params"):
        text = _add_remaining_parameters(place, model)
    else:
        text = _with_all_parameters(place, model, _model_construction(script, record, place.syntax))
    return script.edit(place.syntax.file, text)


def _model_name(script: Script, record: Record, place: Place) -> str | None:
    """Return the variable that holds the called model where the optimizer is made; None if it is unclear."""
    syntax = place.syntax
    made, call = _model_construction(script, record, syntax), if_applicable(locate, script, record, SiteKind.MODEL_CALL)
    owner = enclosing_class(syntax, place.call)
    if owner is not None and owner.name.value == getattr(record.site(SiteKind.MODEL), "detail", ""):
        return "self"
    called = if_applicable(called_model, call) if call is not None and call.syntax is syntax else None
    if called is not None and call is not None:
        held = [name for name in optimizer_modules(place) if called in names_at(syntax, place.call, name, call.call)]
        name = next(iter(held), None) or name_at(syntax, call.call, called, place.call)
        if held or made is None:
            return name
    return name_at(syntax, made.call, made.site.variable, place.call) if made is not None else None


def _model_construction(script: Script, record: Record, syntax: Syntax) -> Place | None:
    """Return the call that makes the model, if it is in this file; else None."""
    made = if_applicable(locate, script, record, SiteKind.MODEL)
    return made if made is not None and made.syntax is syntax else None


def _models_of_other_optimizers(script: Script, record: Record, place: Place) -> set[str]:
    """Return the variables of the models whose parameters belong to other optimizers."""
    others = [site for site in record.sites if site.kind == SiteKind.OPTIMIZER and site.key != place.site.key]
    places = [other for site in others if (other := if_applicable(locate_site, script, site)) is not None]
    return {name for other in places for name in optimizer_modules(other) if other.syntax is place.syntax}


def _later_assignments(place: Place, model: str, *, replaced: bool) -> list[cst.Assign]:
    """Return the assignments below the optimizer's creation that give the model, or a part of it, new parameters.

    replaced: whether the record shows replaced layers, so that a part assigned from a call is a layer.
    """
    syntax, call = place.syntax, place.call
    home, loops = function_around(syntax, call), loops_around(syntax, call)
    own = next((outer for outer in syntax.ancestors(call) if isinstance(outer, cst.Assign)), None)
    return [
        assign
        for assign in syntax.every(cst.Assign)
        if assign is not own and syntax.spans[assign].start.line > syntax.line(call)
        if function_around(syntax, assign) == home and loops_around(syntax, assign) == loops
        if _gives_new_parameters(syntax, assign, model, replaced)
    ]


def _is_model_or_part(code: str, model: str) -> bool:
    """Return whether the code names the model or a part of it, such as `model.head` or `model[0]`."""
    return code == model or code.startswith((f"{model}.", f"{model}["))


def _gives_new_parameters(syntax: Syntax, assign: cst.Assign, model: str, replaced: bool) -> bool:
    """Return whether an assignment gives the model or a part of it new parameters, as `model = Net()` does."""
    target, value = syntax.code(assign.targets[0].target), assign.value
    if target != model:
        is_layer = layer_kind(syntax, value) == "Module" or replaced and isinstance(value, cst.Call)
        return _is_model_or_part(target, model) and is_layer
    read = {syntax.code(part) for part in [*syntax.every(cst.Name, value), *syntax.every(cst.Attribute, value)]}
    is_copy = any(last_name(inner.func) == "deepcopy" for inner in syntax.every(cst.Call, value))
    return isinstance(value, cst.Call) and (is_copy or model not in read)


def _with_optimizer_below(place: Place, model: str, later: cst.Assign) -> str | None:
    """Return the source with the optimizer made below the model; None if the move would change what other code does.

    That is the case if the optimizer holds other parameters too, or if code in between reads the optimizer or binds one
    of its arguments.
    """
    syntax, optimizer = place.syntax, place.site.variable
    own, other = (line_around(syntax, node) for node in (place.call, later))
    block = syntax.parents[own] if own is not None else None
    if own is None or other is None or not isinstance(block, Block) or syntax.parents[other] is not block:
        return None
    if (
        not optimizer
        or len(own.body) > 1
        or not all(_is_model_or_part(owner, model) for owner in optimizer_modules(place))
    ):
        return None
    body: list[cst.CSTNode] = list(block.body)
    between = [node for statement in body[body.index(own) + 1 : body.index(other)] for node in descendants(statement)]
    made_of = {name.value for name in names_read(place.call)} - {model.partition(".")[0]}
    names = [node for node in between if isinstance(node, cst.Name | cst.Attribute)]
    home = enclosing_scope(syntax, own)
    elsewhere = [n for n in syntax.every(cst.Name) if n.value == optimizer and enclosing_scope(syntax, n) is not home]
    is_read = bool(elsewhere) or any(syntax.code(node) == optimizer for node in names)
    is_bound = any(is_target(syntax, node) and syntax.code(node) in made_of for node in names)
    return None if is_read or is_bound else move_after(syntax, block, own, other)


def _with_optimizer_before_its_use(place: Place) -> str:
    """Return the source with the optimizer made just before the first statement that uses it."""
    syntax, optimizer, line = place.syntax, place.site.variable, place.syntax.line(place.call)
    own = line_around(syntax, place.call)
    block = syntax.parents[own] if own is not None else None
    if own is None or not isinstance(block, Block) or not optimizer or len(own.body) > 1:
        raise NotApplicable(f"line {line} is not a statement that only makes the optimizer, so it cannot be moved")
    body: list[cst.CSTNode] = list(block.body)
    later = body[body.index(own) + 1 :]
    read = [each for each in later if any(syntax.code(n) == optimizer for n in descendants(each))]
    between = later[: later.index(read[0])] if read else later
    made_of = {name.value for name in names_read(place.call)}
    nodes = [node for statement in between for node in descendants(statement)]
    if not between or any(is_target(syntax, node) and syntax.code(node) in made_of for node in nodes):
        raise NotApplicable(f"the optimizer of line {line} cannot be made later: the next statements use it")
    return move_after(syntax, block, own, between[-1])


def _add_new_parameter_group(place: Place, model: str, later: list[cst.Assign]) -> str:
    """Return the source with lines that add the parameters of `later` assignments to the optimizer as a new group."""
    syntax, optimizer = place.syntax, place.site.variable
    if not optimizer:
        raise NotApplicable(f"line {syntax.line(place.call)} does not assign the optimizer to a variable")
    made = list(dict.fromkeys(syntax.code(assign.targets[0].target) for assign in later))
    parts = [model] if model in made else made
    groups = [f'{optimizer}.add_param_group({{"params": list({part}.parameters())}})' for part in parts]
    return insert_after(syntax, later[-1], *groups)


def _add_remaining_parameters(place: Place, model: str) -> str:
    """Return the source with lines that add the model's remaining parameters to the optimizer as a further group."""
    syntax, optimizer = place.syntax, place.site.variable
    if not optimizer:
        raise NotApplicable(f"line {syntax.line(place.call)} does not assign the optimizer to a variable")
    held = free_name(syntax, "held")
    known = f'{held} = {{id(p) for group in {optimizer}.param_groups for p in group["params"]}}'
    rest = f"[p for p in {model}.parameters() if id(p) not in {held}]"
    return insert_after(syntax, place.call, known, f'{optimizer}.add_param_group({{"params": {rest}}})')


def _with_all_parameters(place: Place, model: str, made: Place | None) -> str:
    """Return the source in which the optimizer gets all parameters of the model, and keeps those of other models."""
    syntax, line = place.syntax, place.syntax.line(place.call)
    argument = find_argument(place.call, "params", 0)
    value = argument.value if argument is not None else place.call.args[0].value
    if isinstance(value, cst.Name):
        value = assigned_value(syntax, value) or value
    found, whole = optimizer_modules(place), cst.parse_expression(f"{model}.parameters()")
    if not found and not _are_parts_of_model(syntax, value, model):
        raise NotApplicable(f"it is unclear in line {line} which model's parameters the optimizer gets")
    others = [
        owner for owner in found if not _is_model_or_part(owner, model) and _is_used_outside_model(syntax, owner, made)
    ]
    if syntax.code(value) == syntax.code(whole) or (others and model in found):
        raise NotApplicable(f"line {line} already passes all parameters of `{model}` to the optimizer")
    if others:
        return syntax.replace(value, _parameter_sum(value, model))
    calls = [c.func for c in syntax.every(cst.Call, value) if last_name(c.func) in PARAMETER_METHODS]
    if len(calls) == 1 and found != [model] and isinstance(calls[0], cst.Attribute):
        return syntax.replace(calls[0].value, cst.parse_expression(model))
    return syntax.replace(value, whole)


def _are_parts_of_model(syntax: Syntax, value: cst.BaseExpression, model: str) -> bool:
    """Return whether the value is a list or tuple that holds only parameters or parts of the model."""
    if not isinstance(value, cst.List | cst.Tuple):
        return False
    return all(_is_model_or_part(syntax.code(element.value), model) for element in value.elements)


def _is_used_outside_model(syntax: Syntax, owner: str, made: Place | None) -> bool:
    """Return whether the script uses the module `owner`, but not as an argument of the model's constructor."""
    parts = syntax.every(cst.Arg, made.call) if made is not None else []
    if any(syntax.code(part.value) == owner for part in parts):
        return False
    calls = syntax.every(cst.Call)
    return any(syntax.code(c.func) == owner or owner in {syntax.code(a.value) for a in c.args} for c in calls)


def _parameter_sum(value: cst.BaseExpression, model: str) -> cst.BaseExpression:
    """Return the sum of two lists as an expression: the given parameters, then those of the model."""
    is_list = isinstance(value, cst.List | cst.BinaryOperation) or (
        isinstance(value, cst.Call) and last_name(value.func) == "list"
    )
    first = value if is_list else cst.Call(cst.Name("list"), [cst.Arg(value)])
    return cst.BinaryOperation(first, cst.Add(), cst.parse_expression(f"list({model}.parameters())"))
