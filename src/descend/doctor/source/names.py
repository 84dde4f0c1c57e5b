"""What a name, an attribute or a key stands for: the one expression in this file that it is bound to."""

from itertools import count

import libcst as cst
from libcst.metadata import Assignment, Scope

from descend.doctor.source.syntax import Syntax, last_name

NAMESPACES = {"SimpleNamespace", "Namespace"}  # constructors whose keywords become attributes


def binding(syntax: Syntax, name: cst.Name) -> Assignment | None:
    """Return the only place where `name` is bound; None when there are several, or none in this file."""
    scope: Scope | None = syntax.scopes.get(name)
    found = set(scope[name.value]) if scope is not None else set()
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, Assignment) else None


def free_name(syntax: Syntax, name: str, *, of_object: bool = False) -> str:
    """Return `name`, or with a number behind it, so that no variable in the file is called that.

    of_object: nor any attribute, since the name is to be one.
    """
    taken = {node.value for node in (syntax.every(cst.Name) if of_object else read_names(syntax.module))}
    return next(free for i in count(1) if (free := name if i == 1 else f"{name}_{i}") not in taken)


def read_names(node: cst.CSTNode) -> list[cst.Name]:
    """Return the names that an expression reads, not those of attributes and keywords: `tb` of `tb.max(dim=1) + 1`."""
    if isinstance(node, cst.Attribute | cst.Arg):
        return read_names(node.value)
    own = [node] if isinstance(node, cst.Name) else []
    return [*own, *(name for child in node.children for name in read_names(child))]


def assigned_value(syntax: Syntax, name: cst.Name) -> cst.BaseExpression | None:
    """Return the expression in the only assignment to `name`, or None."""
    bound = binding(syntax, name)
    if bound is None or not isinstance(bound.node, cst.Name):
        return None
    return value_of_target(syntax, bound.node)


def value_of_target(syntax: Syntax, target: cst.CSTNode) -> cst.BaseExpression | None:
    """Return what an assignment gives to `target`, also as one of several (`lr, momentum = 0.1, 0.9`)."""
    holder = syntax.parents[target]
    if isinstance(holder, cst.AnnAssign):
        return holder.value if holder.target is target else None
    if isinstance(holder, cst.AssignTarget):
        assign = syntax.parents[holder]
        return assign.value if isinstance(assign, cst.Assign) else None
    if isinstance(holder, cst.Element) and isinstance(row := syntax.parents[holder], cst.Tuple | cst.List):
        value = value_of_target(syntax, row)
        if isinstance(value, cst.Tuple | cst.List) and len(value.elements) == len(row.elements):
            return value.elements[list(row.elements).index(holder)].value
    return None


def is_call_of(syntax: Syntax, call: cst.Call, name: str) -> bool:
    """Return whether what is called has that name, also by another (`rule = torch.optim.SGD`, `… as Rule`)."""
    callee = call.func
    behind = value_behind(syntax, callee)
    names = {last_name(callee), last_name(behind) if behind is not None else ""}
    bound = binding(syntax, callee) if isinstance(callee, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.ImportFrom):
        aliases = bound.node.names if not isinstance(bound.node.names, cst.ImportStar) else []
        names |= {a.evaluated_name for a in aliases if a.evaluated_alias == bound.name}
    return name.strip("_") in {known.strip("_") for known in names}


def mapping_entry(mapping: cst.BaseExpression | None, key: str) -> cst.BaseExpression | None:
    """Return the value under `key` in `{"lr": 0.1}` or `dict(lr=0.1)`, or None."""
    if isinstance(mapping, cst.Call) and last_name(mapping.func) == "dict":
        return given_keyword(mapping, key)
    if not isinstance(mapping, cst.Dict):
        return None
    for element in mapping.elements:
        if isinstance(element, cst.DictElement) and text_of(element.key) == key:
            return element.value
    return None


def given_keyword(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """Return the value that the call gives to the keyword `name`, or None."""
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == name), None)


def text_of(expression: cst.BaseExpression) -> str | None:
    """Return the value of a string literal, or None."""
    if not isinstance(expression, cst.SimpleString):
        return None
    value = expression.evaluated_value
    return value if isinstance(value, str) else None


def subscript_key(subscript: cst.Subscript) -> str | None:
    """Return the key of `config["lr"]`, or None when it is not one string literal."""
    if len(subscript.slice) != 1 or not isinstance(index := subscript.slice[0].slice, cst.Index):
        return None
    return text_of(index.value)


def attribute_value(syntax: Syntax, attribute: cst.Attribute) -> cst.BaseExpression | None:
    """Return what `self.lr`, `Config.lr`, `config.lr` is bound to, or None."""
    base, name = attribute.value, attribute.attr.value
    if isinstance(base, cst.Name) and base.value == "self":
        return _only(_members(syntax, enclosing_class(syntax, attribute), name))
    origin = base if _class_named(syntax, base) else value_behind(syntax, base)
    return member_of(syntax, origin or _annotation(syntax, base), name)


def member_of(syntax: Syntax, origin: cst.BaseExpression | None, name: str) -> cst.BaseExpression | None:
    """Return what `name` is bound to in the object that `origin` makes, `Config(lr=0.1)`, or in a class; or None."""
    if isinstance(origin, cst.Call) and last_name(origin.func) in NAMESPACES:
        return given_keyword(origin, name)
    owner = _class_named(syntax, origin.func if isinstance(origin, cst.Call) else origin)
    return _field(syntax, owner, name) if owner else None


def value_behind(syntax: Syntax, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression behind a name, an attribute or a key, one step back, or None."""
    if isinstance(expression, cst.Name):
        return assigned_value(syntax, expression)
    if isinstance(expression, cst.Attribute):
        return attribute_value(syntax, expression)
    if isinstance(expression, cst.Subscript) and (key := subscript_key(expression)) is not None:
        return mapping_entry(value_behind(syntax, expression.value), key)
    return None


def enclosing_class(syntax: Syntax, node: cst.CSTNode) -> cst.ClassDef | None:
    """Return the class whose body holds the node, or None."""
    return next((outer for outer in syntax.ancestors(node) if isinstance(outer, cst.ClassDef)), None)


def _class_named(syntax: Syntax, expression: cst.BaseExpression | None) -> cst.ClassDef | None:
    bound = binding(syntax, expression) if isinstance(expression, cst.Name) else None
    return bound.node if bound is not None and isinstance(bound.node, cst.ClassDef) else None


def _annotation(syntax: Syntax, base: cst.BaseExpression) -> cst.BaseExpression | None:
    bound = binding(syntax, base) if isinstance(base, cst.Name) else None
    if bound is None or not isinstance(bound.node, cst.Param) or bound.node.annotation is None:
        return None
    return bound.node.annotation.annotation


def _field(syntax: Syntax, owner: cst.ClassDef, name: str) -> cst.BaseExpression | None:
    """Return the field's value: what the only construction gives it, or else its default."""
    made = [c for c in syntax.every(cst.Call) if _class_named(syntax, c.func) is owner]
    if any(a.keyword is None for call in made for a in call.args):
        return None
    given = [call for call in made if given_keyword(call, name) is not None]
    if not given:
        return _only(_members(syntax, owner, name))
    return given_keyword(given[0], name) if len(made) == 1 else None


def _members(syntax: Syntax, owner: cst.ClassDef | None, name: str) -> list[cst.BaseExpression | None]:
    """Return every value that the class body or `self.name = …` in its methods gives to `name`."""
    if owner is None:
        return []
    values = []
    for target in [*syntax.every(cst.Name, owner.body), *syntax.every(cst.Attribute, owner.body)]:
        is_own = syntax.code(target) == f"self.{name}" or _is_in_body(syntax, owner, target, name)
        if is_own and is_target(syntax, target):
            values.append(_default(value_of_target(syntax, target)))
    return values


def is_target(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether an assignment writes to the node, alone or as one of several."""
    holder = syntax.parents[node]
    if isinstance(holder, cst.Element):
        return is_target(syntax, syntax.parents[holder])
    if isinstance(holder, cst.AnnAssign | cst.AugAssign):
        return holder.target is node
    return isinstance(holder, cst.AssignTarget)


def _is_in_body(syntax: Syntax, owner: cst.ClassDef, target: cst.CSTNode, name: str) -> bool:
    if not isinstance(target, cst.Name) or target.value != name:
        return False
    inner = next((o for o in syntax.ancestors(target) if isinstance(o, cst.FunctionDef | cst.ClassDef)), None)
    return inner is owner


def _default(value: cst.BaseExpression | None) -> cst.BaseExpression | None:
    if isinstance(value, cst.Call) and last_name(value.func) == "field":
        return given_keyword(value, "default")
    return value


def _only(values: list[cst.BaseExpression | None]) -> cst.BaseExpression | None:
    return values[0] if len(values) == 1 else None
