"""Find the class of the model, the classes it uses, and the expressions that construct layers."""

from pathlib import Path

import libcst as cst

from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import binding
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name, parse
from descend.doctor.script.script import Script


def model_classes(script: Script, place: Place) -> tuple[Syntax, list[cst.ClassDef]]:
    """Return the file that defines the model's class, with this class and the classes that it uses."""
    name = place.site.detail
    for file in (place.syntax.file, _defining_file(script, place.syntax, name)):
        syntax = parse(file, script.read(file)) if file is not None else None
        classes = _classes_by_name(syntax) if syntax is not None else {}
        if syntax is not None and name in classes:
            return syntax, _referenced_classes(syntax, classes, name)
    raise NotApplicable(f"the model's class `{name}` is not defined in {place.syntax.file.name}")


def _defining_file(script: Script, syntax: Syntax, name: str) -> Path | None:
    """Return the user's file from which another file imports the class `name`, or None if it is no file of the user."""
    for statement in syntax.every(cst.ImportFrom):
        if isinstance(statement.names, cst.ImportStar) or statement.module is None:
            continue
        if name in {alias.evaluated_name for alias in statement.names}:
            parts = syntax.code(statement.module).split(".")
            files = [folder.joinpath(*parts).with_suffix(".py") for folder in (syntax.file.parent, script.root)]
            return next((file for file in files if script.has_file(file)), None)
    return None


def _classes_by_name(syntax: Syntax) -> dict[str, cst.ClassDef]:
    """Return the classes that the file defines, by their names."""
    return {found.name.value: found for found in syntax.every(cst.ClassDef)}


def _referenced_classes(syntax: Syntax, classes: dict[str, cst.ClassDef], name: str) -> list[cst.ClassDef]:
    """Return the class `name` and the classes of the file that it uses, directly or indirectly."""
    names = [name]
    for used in names:
        read = {n.value for n in syntax.every(cst.Name, classes[used])}
        names += [other for other in classes if other in read and other not in names]
    return [classes[used] for used in names]


def holds_layers(syntax: Syntax, holder: cst.ClassDef | None) -> bool:
    """Return whether a class constructs layers or parameters of torch.nn."""
    return holder is not None and any(layer_kind(syntax, call) for call in syntax.every(cst.Call, holder))


def layer_kind(syntax: Syntax, value: cst.BaseExpression, seen: frozenset[str] = frozenset()) -> str:
    """Return "Module" or "Parameter" if an expression constructs a module or a parameter, else "".

    seen: names of the functions through which the value has been followed, because a function may call itself.
    """
    if isinstance(value, cst.IfExp):
        return layer_kind(syntax, value.body, seen) or layer_kind(syntax, value.orelse, seen)
    if not isinstance(value, cst.Call):
        return ""
    callee, name = value.func, last_name(value.func)
    if isinstance(callee, cst.Attribute) and isinstance(callee.value, cst.Call):
        return layer_kind(syntax, callee.value, seen)  # a method of a new layer, such as nn.Linear(2, 2).to(device)
    if _is_torch_module(syntax, callee):
        return "Parameter" if name == "Parameter" else "Module"
    if name in _classes_by_name(syntax):
        return "Module" if _is_module_subclass(syntax, name) else ""
    functions = [f for f in syntax.every(cst.FunctionDef) if f.name.value == name and name not in seen]
    returned = [r.value for f in functions for r in syntax.every(cst.Return, f) if r.value is not None]
    return next((kind for v in returned if (kind := layer_kind(syntax, v, seen | {name}))), "")


def _is_torch_module(syntax: Syntax, callee: cst.BaseExpression) -> bool:
    """Return whether a call constructs a class of torch.nn, such as ``nn.Linear``."""
    if not last_name(callee)[:1].isupper():
        return False
    if isinstance(callee, cst.Attribute):
        return syntax.is_module(callee.value) and last_name(callee.value) in ("nn", "modules")
    bound = binding(syntax, callee) if isinstance(callee, cst.Name) else None
    statement = bound.node if bound is not None else None
    is_named = isinstance(statement, cst.ImportFrom) and statement.module is not None
    return is_named and isinstance(statement, cst.ImportFrom) and _is_nn(syntax, statement)


def _is_nn(syntax: Syntax, statement: cst.ImportFrom) -> bool:
    """Return whether a statement imports from torch.nn or one of its submodules."""
    return statement.module is not None and f"{syntax.code(statement.module)}.".startswith("torch.nn.")


def _is_module_subclass(syntax: Syntax, name: str, seen: tuple[str, ...] = ()) -> bool:
    """Return whether a class that the file defines is derived from ``nn.Module``, directly or indirectly."""
    classes = _classes_by_name(syntax)
    if name not in classes or name in seen:
        return False
    bases = [base.value for base in classes[name].bases]
    is_own = any(_is_torch_module(syntax, base) or last_name(base) == "Module" for base in bases)
    return is_own or any(_is_module_subclass(syntax, last_name(base), (*seen, name)) for base in bases)
