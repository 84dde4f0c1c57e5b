"""The hidden layers of a network in its own text, and something put behind each of them there.

nn.Sequential(nn.Linear(9, 5), nn.Linear(5, 1))     # an element behind the first
self.hidden = nn.Linear(9, 5)                       # or around each call of it: torch.relu(self.hidden(x))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.locate import locate
from descend.doctor.source.model_class import layer_kind, model_classes
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change, Syntax, descendants, last_name

UNITS = {  # of the layers that give features, the keyword and the place of their number
    "Linear": "out_features",
    **{f"Conv{places}d": "out_channels" for places in (1, 2, 3)},
}
WHOLE = ("MultiheadAttention", "Transformer", "LazyLinear", "LazyConv", "ConvTranspose")  # layers within, or not told
BRANCHES = (cst.For, cst.While, cst.If, cst.IfExp, cst.BaseComp, cst.Lambda)


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer where it is made: within the list `holder` of a Sequential, or as the attribute `name` of a class."""

    call: cst.Call
    kind: str
    units: str  # the expression for how many there are
    holder: cst.Call | None
    name: str
    uses: tuple[cst.Call, ...] = ()  # where that attribute is called


@dataclass(frozen=True, eq=False)
class Layers:
    """The layers of a model in one file, in the order in which they are made."""

    syntax: Syntax
    hidden: tuple[Layer, ...]
    text: str  # of all that makes the model


Make = Callable[[Layer], cst.BaseExpression]


def find_layers(script: Script, record: Record) -> Layers | NotApplicable:
    """Return the hidden layers of the model, or why its text does not show them one by one."""
    if len(record.every_site("model")) > 1:
        return NotApplicable("there are several models")
    place = locate(script, record, "model")
    if isinstance(place, NotApplicable):
        return place
    if is_call_of(place.syntax, place.call, "Sequential"):
        return _layers_in(place.syntax, place.call)
    found = model_classes(script, place)
    if isinstance(found, NotApplicable):
        return found
    syntax, homes = found[0], [home for home in found[1] if _makes(found[0], home)]
    if len(homes) != 1:
        return NotApplicable("the layers of the model are made in several places")
    return _layers_in(syntax, homes[0])


def _makes(syntax: Syntax, home: cst.ClassDef) -> bool:
    return any(_is_layer(syntax, call) for call in syntax.every(cst.Call, home))


def _is_layer(syntax: Syntax, call: cst.Call) -> bool:
    return last_name(call.func) in UNITS and layer_kind(syntax, call) == "Module"


def _layers_in(syntax: Syntax, home: cst.Call | cst.ClassDef) -> Layers | NotApplicable:
    calls, text = [call for call in syntax.every(cst.Call, home) if _is_layer(syntax, call)], syntax.code(home)
    if any(name in text for name in WHOLE) or len(calls) < 2:
        return NotApplicable("the text of the model does not show its hidden layers one by one")
    layers = [_layer(syntax, home, call) for call in calls]
    known = [layer for layer in layers if layer is not None]
    if len(known) < len(layers):
        other = next(call for call, layer in zip(calls, layers) if layer is None)
        return NotApplicable(f"line {syntax.line(other)} does not show what comes behind its layer")
    return Layers(syntax, tuple(known[:-1]), text)


def _layer(syntax: Syntax, home: cst.Call | cst.ClassDef, call: cst.Call) -> Layer | None:
    kind = last_name(call.func)
    units, parent = find_argument(call, UNITS[kind], 1), syntax.parents[call]
    around = [outer for outer in syntax.ancestors(call) if outer in set(descendants(home))]
    if units is None or any(isinstance(outer, BRANCHES) for outer in around):
        return None
    if isinstance(parent, cst.Arg):
        holder = syntax.parents[parent]
        is_plain = isinstance(holder, cst.Call) and is_call_of(syntax, holder, "Sequential") and not parent.star
        return Layer(call, kind, syntax.code(units.value), holder, "") if is_plain else None  # type: ignore[arg-type]
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1 or not isinstance(home, cst.ClassDef):
        return None
    name = syntax.code(parent.targets[0].target)
    uses = [use for use in syntax.every(cst.Call, home) if syntax.code(use.func) == name]
    is_own = name.startswith("self.") and name.count(".") == 1 and bool(uses)
    return Layer(call, kind, syntax.code(units.value), None, name, tuple(uses)) if is_own else None


def with_behind(layers: Layers, made: Make, used: Callable[[Layer, cst.BaseExpression], cst.BaseExpression]) -> str:
    """Return the file's text with something behind each hidden layer.

    made: what becomes an element of a Sequential; used: what becomes of a call of a layer that is an attribute.
    """
    changes: dict[cst.CSTNode, Change] = {}
    for holder in dict.fromkeys(layer.holder for layer in layers.hidden if layer.holder is not None):
        new = {layer.call: made(layer) for layer in layers.hidden if layer.holder is holder}
        changes[holder] = _element_behind(holder, new)
    for layer in layers.hidden:
        for use in layer.uses:
            changes[use] = _around(layer, used)
    return layers.syntax.rewrite(changes)


def _around(layer: Layer, used: Callable[[Layer, cst.BaseExpression], cst.BaseExpression]) -> Change:
    def change(now: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(now, cst.BaseExpression)
        return used(layer, now)

    return change


def _element_behind(holder: cst.Call, new: Mapping[cst.Call, cst.BaseExpression]) -> Change:
    def change(now: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(now, cst.Call)
        return now.with_changes(args=_with_elements(holder.args, now.args, new))

    return change


def _with_elements(
    before: Sequence[cst.Arg], now: Sequence[cst.Arg], new: Mapping[cst.Call, cst.BaseExpression]
) -> list[cst.Arg]:
    arguments: list[cst.Arg] = []
    for old, argument in zip(before, now, strict=True):
        if not isinstance(old.value, cst.Call) or old.value not in new:
            arguments.append(argument)
            continue
        own = argument.comma
        comma = own if isinstance(own, cst.Comma) and old is not before[-1] else _comma_between(now)
        arguments += [argument.with_changes(comma=_uncommented(comma)), cst.Arg(new[old.value], comma=argument.comma)]
    return arguments


def _comma_between(arguments: Sequence[cst.Arg]) -> cst.Comma:
    """Return the comma that stands between the elements; that of one line where there is one alone."""
    known = [argument.comma for argument in arguments[:-1] if isinstance(argument.comma, cst.Comma)]
    return known[0] if known else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _uncommented(comma: cst.Comma) -> cst.Comma:
    blank = comma.whitespace_after
    if not isinstance(blank, cst.ParenthesizedWhitespace) or blank.first_line.comment is None:
        return comma
    line = blank.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return comma.with_changes(whitespace_after=blank.with_changes(first_line=line))
