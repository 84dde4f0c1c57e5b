"""Find the hidden layers of a network in its source, and insert a module or function after each of them.

nn.Sequential(nn.Linear(9, 5), nn.Linear(5, 1))     # insert an element after the first layer
layers += [nn.Linear(5, 5), nn.ReLU()]              # or insert into a list for nn.Sequential(*layers), also in a loop
self.hidden = nn.Linear(9, 5)                       # or wrap each call of the layer: torch.relu(self.hidden(x))
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.model_class import layer_kind, model_classes
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Change, Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

SIZE_ARGUMENTS = {  # class of a layer -> keyword for its number of units
    "Linear": "out_features",
    **{f"Conv{places}d": "out_channels" for places in (1, 2, 3)},
}
# These modules contain other layers, or their source does not show the number of units.
COMPOSITE_LAYERS = ("MultiheadAttention", "Transformer", "LazyLinear", "LazyConv", "ConvTranspose")
LOOPS = (cst.For, cst.While)
BRANCHES = (cst.If, cst.IfExp, cst.BaseComp, cst.Lambda)


Item = cst.Arg | cst.BaseElement
Holder = cst.Call | cst.List  # code that collects layers: Sequential(...), [...] or layers.append(...)


@dataclass(frozen=True, eq=False)
class Layer:
    """The code that constructs a layer, in the collection `holder` or as the attribute `name` of a class."""

    call: cst.Call
    kind: str
    units: str  # source code for the number of units
    holder: Holder | None
    name: str
    uses: tuple[cst.Call, ...] = ()  # calls of the layer, if a class stores it as an attribute


@dataclass(frozen=True, eq=False)
class Layers:
    """The hidden layers of a model in one file, in the order in which the source constructs them."""

    syntax: Syntax
    hidden: tuple[Layer, ...]
    text: str  # the source code of the model


Make = Callable[[Layer], cst.BaseExpression]


def find_layers(script: Script, record: Record) -> Layers:
    """Return the hidden layers of the recorded model. Raise NotApplicable if the source does not show each of them."""
    if len(record.every_site(SiteKind.MODEL)) > 1:
        raise NotApplicable("there are several models")
    place = locate(script, record, SiteKind.MODEL)
    if is_call_of(place.syntax, place.call, "Sequential"):
        is_of_list = any(argument.star for argument in place.call.args)
        return _layers_of_class(place.syntax, enclosing_scope(place.syntax, place.call) if is_of_list else place.call)
    found = model_classes(script, place)
    syntax, homes = found[0], [home for home in found[1] if _has_layers(found[0], home)]
    if len(homes) != 1:
        raise NotApplicable("the model's layers are constructed in several places")
    return _layers_of_class(syntax, homes[0])


def _has_layers(syntax: Syntax, home: cst.ClassDef) -> bool:
    """Return whether a class constructs a linear or convolutional layer."""
    return any(_is_layer(syntax, call) for call in syntax.every(cst.Call, home))


def _is_layer(syntax: Syntax, call: cst.Call) -> bool:
    """Return whether a call constructs a linear or convolutional layer."""
    return last_name(call.func) in SIZE_ARGUMENTS and layer_kind(syntax, call) == "Module"


def _layers_of_class(syntax: Syntax, home: cst.CSTNode) -> Layers:
    """Return the hidden layers that a class or an expression constructs, which are all layers but the last."""
    calls, text = [call for call in syntax.every(cst.Call, home) if _is_layer(syntax, call)], syntax.code(home)
    if any(name in text for name in COMPOSITE_LAYERS) or len(calls) < 2:
        raise NotApplicable("the model's source does not show its hidden layers one by one")
    layers = [_layer(syntax, home, call) for call in calls]
    known = [layer for layer in layers if layer is not None]
    if len(known) < len(layers) or any(isinstance(outer, LOOPS) for outer in _nodes_between(syntax, home, calls[-1])):
        other = next((call for call, layer in zip(calls, layers) if layer is None), calls[-1])
        line = syntax.line(other)
        raise NotApplicable(f"the source does not show what follows the layer of line {line} in the network")
    return Layers(syntax, tuple(known[:-1]), text)


def _nodes_between(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> list[cst.CSTNode]:
    """Return the nodes that contain the call, from the inside out, up to the node `home`."""
    return list(takewhile(lambda outer: outer is not home, syntax.ancestors(call)))


def _layer(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> Layer | None:
    """Return the layer that a call constructs, or None if the source does not show where it is in the network."""
    kind = last_name(call.func)
    units, parent = find_argument(call, SIZE_ARGUMENTS[kind], 1), syntax.parents[call]
    around = _nodes_between(syntax, home, call)
    if units is None or any(isinstance(outer, BRANCHES) for outer in around):
        return None
    holder = _list_holder(syntax, home, call)
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


def _list_holder(syntax: Syntax, home: cst.CSTNode, call: cst.Call) -> Holder | None:
    """Return the list or ``append`` call that holds the layer, if the list becomes a Sequential; else None."""
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
            named = _receiver_of(around, "extend")
    else:
        named = _receiver_of(holder, "append") if isinstance(parent, cst.Arg) else None
    if named is None or not isinstance(holder, Holder):
        return None
    made = [c for c in syntax.every(cst.Call, home) if is_call_of(syntax, c, "Sequential")]
    lists = [syntax.code(a.value) for c in made for a in c.args if a.star == "*"]
    return holder if syntax.code(named) in lists else None


def _receiver_of(call: cst.CSTNode | None, method: str) -> cst.CSTNode | None:
    """Return the object whose method `method` is called, or None for other nodes."""
    if isinstance(call, cst.Call) and isinstance(call.func, cst.Attribute) and call.func.attr.value == method:
        return call.func.value
    return None


def insert_after_hidden_layers(
    layers: Layers, made: Make, used: Callable[[Layer, cst.BaseExpression], cst.BaseExpression]
) -> str:
    """Return the edited source with a module or function inserted after each hidden layer.

    `made` returns the new element of a Sequential; `used` returns the new expression for a call of a layer attribute.
    """
    changes: dict[cst.CSTNode, Change] = {}
    for holder in dict.fromkeys(layer.holder for layer in layers.hidden if layer.holder is not None):
        new = {layer.call: made(layer) for layer in layers.hidden if layer.holder is holder}
        changes[holder] = _inserted_elements(holder, new)
    for layer in layers.hidden:
        for use in layer.uses:
            changes[use] = _wrapped_call(layer, used)
    return layers.syntax.rewrite(changes)


def _wrapped_call(layer: Layer, used: Callable[[Layer, cst.BaseExpression], cst.BaseExpression]) -> Change:
    """Return the edit that wraps a call of a layer: ``torch.relu(self.hidden(x))`` for ``self.hidden(x)``."""

    def wrap_call(now: cst.CSTNode) -> cst.CSTNode:
        """Return the expression in which another call wraps the call of the layer, `now`."""
        assert isinstance(now, cst.BaseExpression)
        return used(layer, now)

    return wrap_call


def _inserted_elements(holder: Holder, new: Mapping[cst.Call, cst.BaseExpression]) -> Change:
    """Return the edit that inserts new modules after the layers in a collection such as Sequential(...)."""

    def insert_modules(now: cst.CSTNode) -> cst.CSTNode:
        """Return the collection of layers, `now`, with a new module after each of its layers."""
        if isinstance(now, cst.List) and isinstance(holder, cst.List):
            return now.with_changes(elements=_interleaved(holder.elements, now.elements, new))
        assert isinstance(now, cst.Call) and isinstance(holder, cst.Call)
        if isinstance(now.func, cst.Attribute) and now.func.attr.value == "append":
            both = cst.List([cst.Element(now.args[0].value), *map(cst.Element, new.values())])
            return now.with_changes(func=now.func.with_changes(attr=cst.Name("extend")), args=[cst.Arg(both)])
        return now.with_changes(args=_interleaved(holder.args, now.args, new))

    return insert_modules


def _interleaved(before: Sequence[Item], now: Sequence[Item], new: Mapping[cst.Call, cst.BaseExpression]) -> list[Item]:
    """Return the elements of a collection, with a new module after each of its layers."""
    items: list[Item] = []
    for old, item in zip(before, now, strict=True):
        if not isinstance(old.value, cst.Call) or old.value not in new:
            items.append(item)
            continue
        own = item.comma
        comma = own if isinstance(own, cst.Comma) and old is not before[-1] else _comma_between(now)
        kind = cst.Arg if isinstance(item, cst.Arg) else cst.Element
        items += [item.with_changes(comma=_without_comment(comma)), kind(new[old.value], comma=item.comma)]
    return items


def _comma_between(arguments: Sequence[Item]) -> cst.Comma:
    """Return the comma that separates the elements, with its white space; for a single element, ", "."""
    known = [argument.comma for argument in arguments[:-1] if isinstance(argument.comma, cst.Comma)]
    return known[0] if known else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


def _without_comment(comma: cst.Comma) -> cst.Comma:
    """Return a comma without the comment that follows it on the line."""
    blank = comma.whitespace_after
    if not isinstance(blank, cst.ParenthesizedWhitespace) or blank.first_line.comment is None:
        return comma
    line = blank.first_line.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
    return comma.with_changes(whitespace_after=blank.with_changes(first_line=line))
