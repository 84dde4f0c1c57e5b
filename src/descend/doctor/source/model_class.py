"""The class of the model, the classes of the same file that it is built of, and what makes a layer in them."""

from pathlib import Path

import libcst as cst

from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place
from descend.doctor.source.names import binding
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name, parse


def model_classes(script: Script, place: Place) -> tuple[Syntax, list[cst.ClassDef]] | NotApplicable:
    """Return the class that the call makes an object of, then those that it names, with the syntax of their file."""
    name = place.site.detail
    for file in (place.syntax.file, _imported_from(script, place.syntax, name)):
        syntax = parse(file, script.read(file)) if file is not None else None
        if isinstance(syntax, NotApplicable):
            return syntax
        classes = _classes(syntax) if syntax is not None else {}
        if syntax is not None and name in classes:
            return syntax, _in_use(syntax, classes, name)
    return NotApplicable(f"the class `{name}` of the model is not defined in {place.syntax.file.name}")


def _imported_from(script: Script, syntax: Syntax, name: str) -> Path | None:
    """Return the file of the user's own from which `name` is imported, or None."""
    for statement in syntax.every(cst.ImportFrom):
        if isinstance(statement.names, cst.ImportStar) or statement.module is None:
            continue
        if name in {alias.evaluated_name for alias in statement.names}:
            parts = syntax.code(statement.module).split(".")
            files = [folder.joinpath(*parts).with_suffix(".py") for folder in (syntax.file.parent, script.root)]
            return next((file for file in files if script.has(file)), None)
    return None


def _classes(syntax: Syntax) -> dict[str, cst.ClassDef]:
    return {found.name.value: found for found in syntax.every(cst.ClassDef)}


def _in_use(syntax: Syntax, classes: dict[str, cst.ClassDef], name: str) -> list[cst.ClassDef]:
    names = [name]
    for used in names:
        read = {n.value for n in syntax.every(cst.Name, classes[used])}
        names += [other for other in classes if other in read and other not in names]
    return [classes[used] for used in names]


def holds_layers(syntax: Syntax, holder: cst.ClassDef | None) -> bool:
    """Whether a class makes layers."""
    return holder is not None and any(layer_kind(syntax, call) for call in syntax.every(cst.Call, holder))


def layer_kind(syntax: Syntax, value: cst.BaseExpression) -> str:
    """Return "Module" or "Parameter" where the expression makes one, or ""."""
    if isinstance(value, cst.IfExp):
        return layer_kind(syntax, value.body) or layer_kind(syntax, value.orelse)
    if not isinstance(value, cst.Call):
        return ""
    callee, name = value.func, last_name(value.func)
    if isinstance(callee, cst.Attribute) and isinstance(callee.value, cst.Call):
        return layer_kind(syntax, callee.value)  # nn.Linear(2, 2).to(device)
    if _is_of_torch(syntax, callee):
        return "Parameter" if name == "Parameter" else "Module"
    if name in _classes(syntax):
        return "Module" if _derives(syntax, name) else ""
    functions = [f for f in syntax.every(cst.FunctionDef) if f.name.value == name]
    returned = [r.value for f in functions for r in syntax.every(cst.Return, f) if r.value is not None]
    return next((kind for v in returned if v is not value and (kind := layer_kind(syntax, v))), "")


def _is_of_torch(syntax: Syntax, callee: cst.BaseExpression) -> bool:
    """Return whether the callee is a class of torch.nn: `nn.Linear`, or `Linear` imported from there."""
    if not last_name(callee)[:1].isupper():
        return False
    if isinstance(callee, cst.Attribute):
        return syntax.is_module(callee.value) and last_name(callee.value) in ("nn", "modules")
    bound = binding(syntax, callee) if isinstance(callee, cst.Name) else None
    statement = bound.node if bound is not None else None
    is_named = isinstance(statement, cst.ImportFrom) and statement.module is not None
    return is_named and isinstance(statement, cst.ImportFrom) and _is_nn(syntax, statement)


def _is_nn(syntax: Syntax, statement: cst.ImportFrom) -> bool:
    return statement.module is not None and f"{syntax.code(statement.module)}.".startswith("torch.nn.")


def _derives(syntax: Syntax, name: str, seen: tuple[str, ...] = ()) -> bool:
    """Return whether a class of the file is one of modules: by torch's name, or by a base in the file that is."""
    classes = _classes(syntax)
    if name not in classes or name in seen:
        return False
    bases = [base.value for base in classes[name].bases]
    is_own = any(_is_of_torch(syntax, base) or last_name(base) == "Module" for base in bases)
    return is_own or any(_derives(syntax, last_name(base), (*seen, name)) for base in bases)
