"""Resolve a name, an attribute or a key to the only expression in this file that it is bound to."""

from itertools import count

import libcst as cst
from libcst.metadata import Assignment, Scope

from descend.doctor.codemod.syntax import Syntax, last_name

NAMESPACES = {"SimpleNamespace", "Namespace"}  # classes whose keyword arguments become attributes
FIELD_CALLS = {"field", "Field"}  # functions of dataclasses and pydantic that describe a field


def binding(syntax: Syntax, name: cst.Name) -> Assignment | None:
    """Return the assignment that gives a name its value, or None unless the file has exactly one."""
    scope: Scope | None = syntax.scopes.get(name)
    found = set(scope[name.value]) if scope is not None else set()
    only = found.pop() if len(found) == 1 else None
    return only if isinstance(only, Assignment) else None


def free_name(syntax: Syntax, name: str, *, of_object: bool = False) -> str:
    """Return a name that no variable of the file has: `name` itself, or `name` with a number appended.

    With `of_object`, attributes of that name count as well.
    """
    taken = {node.value for node in (syntax.every(cst.Name) if of_object else names_read(syntax.module))}
    return next(free for i in count(1) if (free := name if i == 1 else f"{name}_{i}") not in taken)


def names_read(node: cst.CSTNode) -> list[cst.Name]:
    """Return the variables that an expression reads; attributes and keywords are not variables."""
    if isinstance(node, cst.Attribute | cst.Arg):
        return names_read(node.value)
    own = [node] if isinstance(node, cst.Name) else []
    return [*own, *(name for child in node.children for name in names_read(child))]


def assigned_value(syntax: Syntax, name: cst.Name) -> cst.BaseExpression | None:
    """Return the value that the only assignment in the file gives to a name, or None."""
    bound = binding(syntax, name)
    if bound is None or not isinstance(bound.node, cst.Name):
        return None
    return value_of_target(syntax, bound.node)


def value_of_target(syntax: Syntax, target: cst.CSTNode) -> cst.BaseExpression | None:
    """Return the value that is assigned to `target`, alone or as in ``lr, momentum = 0.1, 0.9``; None if unclear."""
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
    """Return whether a call is one of the function or class `name`, possibly under an alias."""
    callee = call.func
    aliased = value_of(syntax, callee)
    names = {last_name(callee), last_name(aliased) if aliased is not None else ""}
    bound = binding(syntax, callee) if isinstance(callee, cst.Name) else None
    if bound is not None and isinstance(bound.node, cst.ImportFrom):
        aliases = bound.node.names if not isinstance(bound.node.names, cst.ImportStar) else []
        names |= {a.evaluated_name for a in aliases if a.evaluated_alias == bound.name}
    return name.strip("_") in {known.strip("_") for known in names}


def mapping_value(mapping: cst.BaseExpression | None, key: str) -> cst.BaseExpression | None:
    """Return the value of `key` in a literal mapping, ``{"lr": 0.1}`` or ``dict(lr=0.1)``, or None."""
    if isinstance(mapping, cst.Call) and last_name(mapping.func) == "dict":
        return keyword_value(mapping, key)
    if not isinstance(mapping, cst.Dict):
        return None
    for element in mapping.elements:
        if isinstance(element, cst.DictElement) and string_value(element.key) == key:
            return element.value
    return None


def keyword_value(call: cst.Call, name: str) -> cst.BaseExpression | None:
    """Return the value that a call passes by the keyword `name`, or None if it does not use this keyword."""
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == name), None)


def string_value(expression: cst.BaseExpression) -> str | None:
    """Return the text of a string literal, or None for other expressions."""
    if not isinstance(expression, cst.SimpleString):
        return None
    value = expression.evaluated_value
    return value if isinstance(value, str) else None


def subscript_key(subscript: cst.Subscript) -> str | None:
    """Return the string that is the key of a subscript, ``"lr"`` for ``config["lr"]``; None for other subscripts."""
    if len(subscript.slice) != 1 or not isinstance(index := subscript.slice[0].slice, cst.Index):
        return None
    return string_value(index.value)


def attribute_value(syntax: Syntax, attribute: cst.Attribute) -> cst.BaseExpression | None:
    """Return the value of an attribute such as ``self.lr``, ``Config.lr`` or ``config.lr``; None if it is unclear."""
    base, name = attribute.value, attribute.attr.value
    if isinstance(base, cst.Name) and base.value == "self":
        return _only_value(_member_values(syntax, enclosing_class(syntax, attribute), name))
    origin = base if _class_named(syntax, base) else value_of(syntax, base)
    return member_value(syntax, origin or _annotation(syntax, base), name)


def member_value(syntax: Syntax, origin: cst.BaseExpression | None, name: str) -> cst.BaseExpression | None:
    """Return the value of the attribute `name` of a class, or of an object created by a call ``Config(lr=0.1)``."""
    if isinstance(origin, cst.Call) and last_name(origin.func) in NAMESPACES:
        return keyword_value(origin, name)
    owner = _class_named(syntax, origin.func if isinstance(origin, cst.Call) else origin)
    return _field_value(syntax, owner, name) if owner else None


def value_of(syntax: Syntax, expression: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the expression that was assigned to a name, an attribute or a key, or None if that is unclear."""
    if isinstance(expression, cst.Name):
        return assigned_value(syntax, expression)
    if isinstance(expression, cst.Attribute):
        return attribute_value(syntax, expression)
    if isinstance(expression, cst.Subscript) and (key := subscript_key(expression)) is not None:
        return mapping_value(value_of(syntax, expression.value), key)
    return None


def enclosing_class(syntax: Syntax, node: cst.CSTNode) -> cst.ClassDef | None:
    """Return the innermost class that contains the node, or None."""
    return next((outer for outer in syntax.ancestors(node) if isinstance(outer, cst.ClassDef)), None)


def _class_named(syntax: Syntax, expression: cst.BaseExpression | None) -> cst.ClassDef | None:
    """Return the class in this file that an expression such as ``Config`` refers to, or None."""
    bound = binding(syntax, expression) if isinstance(expression, cst.Name) else None
    return bound.node if bound is not None and isinstance(bound.node, cst.ClassDef) else None


def _annotation(syntax: Syntax, base: cst.BaseExpression) -> cst.BaseExpression | None:
    """Return the type annotation of a function's parameter, or None."""
    bound = binding(syntax, base) if isinstance(base, cst.Name) else None
    if bound is None or not isinstance(bound.node, cst.Param) or bound.node.annotation is None:
        return None
    return bound.node.annotation.annotation


def _field_value(syntax: Syntax, owner: cst.ClassDef, name: str) -> cst.BaseExpression | None:
    """Return the value that the only constructor call passes for a class's field, or else the field's default."""
    made = [c for c in syntax.every(cst.Call) if _class_named(syntax, c.func) is owner]
    if any(a.keyword is None for call in made for a in call.args):
        return None
    given = [call for call in made if keyword_value(call, name) is not None]
    if not given:
        return _only_value(_member_values(syntax, owner, name))
    return keyword_value(given[0], name) if len(made) == 1 else None


def _member_values(syntax: Syntax, owner: cst.ClassDef | None, name: str) -> list[cst.BaseExpression | None]:
    """Return all values that a class assigns to its attribute `name`, in its body or through ``self``."""
    if owner is None:
        return []
    values = []
    for target in [*syntax.every(cst.Name, owner.body), *syntax.every(cst.Attribute, owner.body)]:
        is_own = syntax.code(target) == f"self.{name}" or _is_class_attribute(syntax, owner, target, name)
        if is_own and is_target(syntax, target):
            values.append(field_default(value_of_target(syntax, target)))
    return values


def is_target(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether an assignment gives the node a value, alone or by unpacking."""
    holder = syntax.parents[node]
    if isinstance(holder, cst.Element):
        return is_target(syntax, syntax.parents[holder])
    if isinstance(holder, cst.AnnAssign | cst.AugAssign):
        return holder.target is node
    return isinstance(holder, cst.AssignTarget)


def _is_class_attribute(syntax: Syntax, owner: cst.ClassDef, target: cst.CSTNode, name: str) -> bool:
    """Return whether the body of a class, outside its methods, assigns to the attribute `name`."""
    if not isinstance(target, cst.Name) or target.value != name:
        return False
    inner = next((o for o in syntax.ancestors(target) if isinstance(o, cst.FunctionDef | cst.ClassDef)), None)
    return inner is owner


def field_default(value: cst.BaseExpression | None) -> cst.BaseExpression | None:
    """Return the default of a field: ``0.1`` for ``field(default=0.1)``, for ``Field(0.1)``, and for ``0.1`` itself."""
    if isinstance(value, cst.Call) and last_name(value.func) in FIELD_CALLS:
        first = next((a.value for a in value.args[:1] if a.keyword is None and a.star == ""), None)
        return keyword_value(value, "default") or first
    return value


def _only_value(values: list[cst.BaseExpression | None]) -> cst.BaseExpression | None:
    """Return the value of a list with exactly one value, else None."""
    return values[0] if len(values) == 1 else None
