r"""Find the strings that a Python source or a settings file assigns to a secret's name, by parsing it.

A search line by line misses them: `PASSWORD = (\n    "..."\n)`, `field(default="...")`, a block of YAML.
"""

import ast
from collections.abc import Iterator
from typing import Any

from descend.core.errors import TOO_DEEP
from descend.doctor.redaction.names import is_password_abbreviation, is_secret_name

LOGIN_FUNCTIONS = ("login", "auth")  # Functions whose names end like this take a password, as smtp.login does.
PROMPT_FUNCTIONS = frozenset({"input", "getpass"})  # The argument of these functions is a prompt, not a secret.
LONGEST = 4000  # A string with more characters counts as ordinary text, not as a secret.


def secrets_in_source(text: str) -> set[str]:
    """Return the strings that Python code assigns to names such as `password`; none if the code cannot be parsed."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, *TOO_DEEP):
        return set()
    given = [value for node in ast.walk(tree) for name, value in _named_values(node) if _names_a_secret(name)]
    return {found for value in given for found in _string_constants(value)}


def secrets_in_settings(text: str) -> set[str]:
    """Return the values of keys such as `password` in a YAML or JSON text; none if the text cannot be parsed."""
    import yaml  # PyYAML is imported only when needed, because the import is slow.

    try:
        return set(_secret_scalars(yaml.compose(text), False, set()))
    except (yaml.YAMLError, ValueError, *TOO_DEEP):
        return set()


def _names_a_secret(name: str) -> bool:
    """Return whether a variable or key with this name holds a secret, as `api_key` and `db_pass` do."""
    return is_secret_name(name) or is_password_abbreviation(name)


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield each name that a syntax node assigns a value to, or compares with a value, together with the value."""
    match node:
        case ast.Assign(targets=targets, value=value):
            yield from ((_node_name(target), value) for target in targets)
        case ast.AnnAssign(target=target, value=value) | ast.NamedExpr(target=target, value=value):
            yield _node_name(target), value
        case ast.AugAssign(target=target, value=value):
            yield _node_name(target), value
        case ast.keyword(arg="auth", value=ast.Tuple(elts=[_, value])):  # requests.get(url, auth=(user, password))
            yield "password", value
        case ast.keyword(arg=str(name), value=value):
            yield name, value
        case ast.Dict(keys=keys, values=values):
            yield from ((_node_name(key), value) for key, value in zip(keys, values))
        case ast.Compare(left=left, comparators=[right]):
            yield _node_name(left), right
        case ast.Call(func=func, args=[_, second]) if _node_name(func).lower().endswith(LOGIN_FUNCTIONS):
            yield "password", second
        case ast.Call(args=[first, second, *_]):  # os.environ.setdefault(name, value)
            yield _node_name(first), second
        case ast.Call(args=[first], keywords=keywords):  # parser.add_argument(name, default=value)
            yield from ((_node_name(first), word.value) for word in keywords if word.arg == "default")
        case ast.arguments(args=names, defaults=defaults):
            yield from ((name.arg, value) for name, value in zip(reversed(names), reversed(defaults)))


def _node_name(node: ast.AST | None) -> str:
    """Return the name in a syntax node that is a variable, an attribute, a key or a string; "" for other nodes."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _string_constants(value: ast.AST | None) -> Iterator[str]:
    """Yield the string constants in an expression, except keys, prompts and names of environment variables."""
    match value:
        case ast.Constant(value=str(text)) if len(text) <= LONGEST:
            yield text.strip()
        case ast.Constant(value=bytes(data)) if len(data) <= LONGEST:
            yield data.decode(errors="replace").strip()
        case ast.Call(func=ast.Attribute(attr="get" | "getenv"), args=[_, *others]):
            # The first argument is the name of an environment variable, not a secret.
            for inner in others:
                yield from _string_constants(inner)
        case ast.Call(func=func) if _node_name(func) in PROMPT_FUNCTIONS:
            return
        case ast.Subscript() | ast.Dict() | None:
            return
        case _:
            for child in ast.iter_child_nodes(value):
                yield from _string_constants(child)


def _secret_scalars(node: Any, is_inside: bool, visited: set[int]) -> Iterator[str]:
    """Yield the values of keys such as `password` in a YAML node. `is_inside`: the node belongs to such a key."""
    if node is None or id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node.value, str):
        if is_inside:
            yield node.value.strip()
        return
    for entry in node.value:
        if isinstance(entry, tuple):
            key, value = entry
            yield from _secret_scalars(value, is_inside or _names_a_secret(str(key.value)), visited)
        else:
            yield from _secret_scalars(entry, is_inside, visited)
