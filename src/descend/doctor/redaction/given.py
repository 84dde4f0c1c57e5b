"""Texts that a source or a file of settings gives to a secret's name, found in its syntax tree.

The text alone does not show them: `PASSWORD = (\n    "..."\n)`, `field(default="...")`, a block of YAML.
"""

import ast
from collections.abc import Iterator
from typing import Any

from descend.doctor.redaction.names import is_password, is_sure
from descend.ground.errors import TOO_DEEP

SIGNING_IN = ("login", "auth")  # functions that take a user's name and a password: smtp.login, HTTPBasicAuth
ASKING = frozenset({"input", "getpass"})  # functions that take a question
LONGEST = 4000  # characters of a value; what is longer is a text


def given_in_source(text: str) -> set[str]:
    """Return the text constants that a Python source gives to secrets' names; nothing where it cannot be parsed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, *TOO_DEEP):
        return set()
    given = [value for node in ast.walk(tree) for name, value in _pairs(node) if _is_secret(name)]
    return {found for value in given for found in _texts(value)}


def given_in_settings(text: str) -> set[str]:
    """Return the scalars below the keys of YAML or JSON that are secrets' names; nothing where it cannot be parsed."""
    import yaml  # here: it takes a while, and no secret's name may be in the text

    try:
        return set(_scalars(yaml.compose(text), False, set()))
    except (yaml.YAMLError, ValueError, *TOO_DEEP):
        return set()


def _is_secret(name: str) -> bool:
    return is_sure(name) or is_password(name)


def _pairs(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names in a node and what each is given, or compared with."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((_name(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield _name(target), value
        case ast.AugAssign(target=target, value=value):
            yield _name(target), value
        case ast.keyword(arg="auth", value=ast.Tuple(elts=[_, value])):  # requests.get(url, auth=(user, password))
            yield "password", value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            yield from ((_name(key), value) for key, value in zip(keys, values))
        case ast.Compare(left=left, comparators=[right]):
            yield _name(left), right
        case ast.Call(func=func, args=[_, second]) if _name(func).lower().endswith(SIGNING_IN):
            yield "password", second
        case ast.Call(args=[first, second, *_]):  # os.environ.setdefault(name, value)
            yield _name(first), second
        case ast.Call(args=[first], keywords=keywords):  # parser.add_argument(name, default=value)
            yield from ((_name(first), word.value) for word in keywords if word.arg == "default")
        case ast.arguments(args=names, defaults=defaults):
            yield from ((name.arg, value) for name, value in zip(reversed(names), reversed(defaults)))


def _name(node: ast.AST | None) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _texts(value: ast.AST | None) -> Iterator[str]:
    """Yield the text constants of a value: of the calls in it the arguments, and no keys or names of variables."""
    match value:
        case ast.Constant(value=str(text)) if len(text) <= LONGEST:
            yield text.strip()
        case ast.Constant(value=bytes(data)) if len(data) <= LONGEST:
            yield data.decode(errors="replace").strip()
        case ast.Call(func=ast.Attribute(attr="get" | "getenv"), args=[_, *others]):  # the first is another's name
            for inner in others:
                yield from _texts(inner)
        case ast.Call(func=func) if _name(func) in ASKING:
            return
        case ast.Subscript() | ast.Dict() | None:
            return
        case _:
            for child in ast.iter_child_nodes(value):
                yield from _texts(child)


def _scalars(node: Any, is_inside: bool, seen: set[int]) -> Iterator[str]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.value, str):
        if is_inside:
            yield node.value.strip()
        return
    for entry in node.value:
        if isinstance(entry, tuple):
            key, value = entry
            yield from _scalars(value, is_inside or _is_secret(str(key.value)), seen)
        else:
            yield from _scalars(entry, is_inside, seen)
