"""The hidden layers of a network in its own text, and something put behind each of them there.

nn.Sequential(nn.Linear(9, 5), nn.Linear(5, 1))     # an element behind the first
layers += [nn.Linear(5, 5), nn.ReLU()]              # or of a list that becomes nn.Sequential(*layers), in a loop, too
self.hidden = nn.Linear(9, 5)                       # or around each call of it: torch.relu(self.hidden(x))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.functions import home_of
from descend.doctor.source.locate import locate
from descend.doctor.source.model_class import layer_kind, model_classes
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Change, Syntax, last_name

UNITS = {  # of the layers that give features, the keyword and the place of their number
    "Linear": "out_features",
    **{f"Conv{places}d": "out_channels" for places in (1, 2, 3)},
}
WHOLE = ("MultiheadAttention", "Transformer", "LazyLinear", "LazyConv", "ConvTranspose")  # layers within, or not told
LOOPS = (cst.For, cst.While)
BRANCHES = (cst.If, cst.IfExp, cst.BaseComp, cst.Lambda)


Item = cst.Arg | cst.BaseElement
Holder = cst.Call | cst.List  # Sequential(...), [...] or layers.append(...)


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer where it is made: in a `holder` of a Sequential's elements, or as the attribute `name` of a class."""

    call: cst.Call
    kind: str
    units: str  # the expression for how many there are
    holder: Holder | None
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
        is_of_list = any(argument.star for argument in place.call.args)
        return _layers_in(place.syntax, home_of(place.syntax, place.call) if is_of_list else place.call)
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


def _layers_in(syntax: Syntax, home: cst.CSTNode) -> Layers | NotApplicable:
    calls, text = [call for call in syntax.every(cst.Call, home) if _is_layer(syntax, call)], syntax.code(home)
    if any(name in text for name in WHOLE) or len(calls) < 2:
        return NotApplicable("the text of the model does not show its hidden layers one by one")
    layers = [_layer(syntax, home, call) for call in calls]
    known = [layer for layer in layers if layer is not None]
    if len(known) < len(layers) or any(isinstance(outer, LOOPS) for outer in _around(syntax, home, calls[-1])):
        other = next((call for call, layer in zip(calls, layers) if layer is None), calls[-1])
        return NotApplicable(f"line {syntax.line(other)} does not show what comes behind its layer")
    return Layers(syntax, tuple(known[:-1]), text)


def _around(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> list[cst.CSTNode]:
    return list(takewhile(lambda outer: outer is not home, syntax.ancestors(call)))


def _layer(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> Layer | None:
    kind = last_name(call.func)
    units, parent = find_argument(call, UNITS[kind], 1), syntax.parents[call]
    around = _around(syntax, home, call)
    if units is None or any(isinstance(outer, BRANCHES) for outer in around):
        return None
    holder = _listed(syntax, home, call)
    if holder is not None:
        return Layer(call, kind, syntax.code(units.value), holder, "")
    if any(isinstance(outer, LOOPS) for outer in around):
        return None
    if isinstance(parent, cst.Arg):
        holder = syntax.parents[parent]  # type: ignore[assignment]
        is_plain = isinstance(holder, cst.Call) and is_call_of(syntax, holder, "Sequential") and not parent.star
        return Layer(call, kind, syntax.code(units.value), holder, "") if is_plain else None
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1 or not isinstance(home, cst.ClassDef):
        return None
    name = syntax.code(parent.targets[0].target)
    uses = [use for use in syntax.every(cst.Call, home) if syntax.code(use.func) == name]
    is_own = name.startswith("self.") and name.count(".") == 1 and bool(uses)
    return Layer(call, kind, syntax.code(units.value), None, name, tuple(uses)) if is_own else None


def _listed(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> Holder | None:
    """Return the list that the layer is an element of, or the call that appends it to one; of a Sequential's alone."""
    parent = syntax.parents[call]
    holder = syntax.parents[parent]
    outer = syntax.parents.get(holder)
    if isinstance(parent, cst.Element) and isinstance(holder, cst.List):
        if isinstance(outer, cst.Assign):
            named: cst.CSTNode | None = outer.targets[0].target
        elif isinstance(outer, cst.AugAssign):
            named = outer.target
        else:
            around = syntax.parents.get(outer) if isinstance(outer, cst.Arg) else None
            named = _extended(around, "extend")
    else:
        named = _extended(holder, "append") if isinstance(parent, cst.Arg) else None
    if named is None or not isinstance(holder, Holder):
        return None
    made = [c for c in syntax.every(cst.Call, home) if is_call_of(syntax, c, "Sequential")]
    lists = [syntax.code(a.value) for c in made for a in c.args if a.star == "*"]
    return holder if syntax.code(named) in lists else None


def _extended(call: cst.CSTNode | None, method: str) -> cst.CSTNode | None:
    """Return what a call of that method is of."""
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == method:
        return call.func.value
    return None


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
            changes[use] = _called(layer, used)
    return layers.syntax.rewrite(changes)


def _called(layer: Layer, used: Callable[[Layer, cst.BaseExpression], cst.BaseExpression]) -> Change:
    def change(now: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(now, cst.BaseExpression)
        return used(layer, now)

    return change


def _element_behind(holder: Holder, new: Mapping[cst.Call, cst.BaseExpression]) -> Change:
    def change(now: cst.CSTNode) -> cst.CSTNode:
        if isinstance(now, cst.List) and isinstance(holder, cst.List):
            return now.with_changes(elements=_with_elements(holder.elements, now.elements, new))
        assert isinstance(now, cst.Call) and isinstance(holder, cst.Call)
        if isinstance(now.func, cst.Attribute) and now.func.attr.value == "append":
            both = cst.List([cst.Element(now.args[0].value), *map(cst.Element, new.values())])
            return now.with_changes(func=now.func.with_changes(attr=cst.Name("extend")), args=[cst.Arg(both)])
        return now.with_changes(args=_with_elements(holder.args, now.args, new))

    return change


def _with_elements(
    before: Sequence[Item], now: Sequence[Item], new: Mapping[cst.Call, cst.BaseExpression]
) -> list[Item]:
    items: list[Item] = []
    for old, item in zip(before, now, strict=True):
        if not isinstance(old.value, cst.Call) or old.value not in new:
            items.append(item)
            continue
        own = item.comma
        comma = own if isinstance(own, cst.Comma) and old is not before[-1] else _comma_between(now)
        kind = cst.Arg if isinstance(item, cst.Arg) else cst.Element
        items += [item.with_changes(comma=_uncommented(comma)), kind(new[old.value], comma=item.comma)]
    return items


def _comma_between(arguments: Sequence[Item]) -> cst.Comma:
    """Return the comma that stands between the elements; that of one line where there is one alone."""
    known = [argument.comma for argument in arguments[:-1] if isinstance(argument.comma, cst.Comma)]
    return known[0] if known else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _uncommented(comma: cst.Comma) -> cst.Comma:
    blank = comma.whitespace_after
    if not isinstance(blank, cst.ParenthesizedWhitespace) or blank.first_line.comment is None:
        return comma
    line = blank.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return comma.with_changes(whitespace_after=blank.with_changes(first_line=line))
