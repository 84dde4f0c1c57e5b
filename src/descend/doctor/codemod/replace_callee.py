"""Replace the torch function or class that a call uses, keeping the spelling.

nn.NLLLoss()                  becomes nn.CrossEntropyLoss()
NLLLoss()                     becomes CrossEntropyLoss(), which is then imported
loss_fn = F.nll_loss          becomes loss_fn = F.cross_entropy, if the call uses the name loss_fn
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.arguments import with_arguments
from descend.doctor.codemod.imports import import_module, import_name
from descend.doctor.codemod.names import binding, value_of
from descend.doctor.codemod.syntax import Syntax, dotted_name_expression, parse


def replace_callee(syntax: Syntax, call: cst.Call, name: str, arguments: Sequence[cst.Arg]) -> str:
    """Return the edited source in which a call uses another class or function of torch, such as "torch.nn.L1Loss"."""
    called = call.func
    aliased = value_of(syntax, called)
    if isinstance(aliased, cst.Name | cst.Attribute) and list(arguments) == list(call.args):
        called = aliased
    package = _imported_package(syntax, called)
    new = _spelled_like(syntax, called, name, package)
    changed = new if called is aliased else _with_new_arguments(call.with_changes(func=new), arguments)
    text = syntax.replace(called if called is aliased else call, changed)
    if isinstance(called, cst.Name) and package:
        return _replace_import(syntax, text, package, called.value, name.split(".")[-1])
    return import_module(syntax.file, text, "torch") if syntax.code(new) == name else text


def _with_new_arguments(call: cst.Call, arguments: Sequence[cst.Arg]) -> cst.Call:
    """Return the call with new arguments in place of the old ones."""
    if arguments:
        return with_arguments(call, arguments)
    return call.with_changes(args=(), whitespace_before_args=cst.SimpleWhitespace(""))


def _imported_package(syntax: Syntax, called: cst.BaseExpression) -> str:
    """Return the package from which ``from package import name`` imports the called name, or ""."""
    bound = binding(syntax, called) if isinstance(called, cst.Name) else None
    statement = bound.node if bound is not None else None
    if not isinstance(statement, cst.ImportFrom) or statement.relative or isinstance(statement.names, cst.ImportStar):
        return ""
    is_plain = any(alias.asname is None and syntax.code(alias.name) == syntax.code(called) for alias in statement.names)
    return syntax.code(statement.module) if is_plain and statement.module is not None else ""


def _spelled_like(syntax: Syntax, called: cst.BaseExpression, name: str, package: str) -> cst.BaseExpression:
    """Return the new class or function in the spelling of the old one: ``nn.L1Loss`` in place of ``nn.MSELoss``."""
    last = cst.Name(name.split(".")[-1])
    if isinstance(called, cst.Attribute) and syntax.is_module(called.value):
        return called.with_changes(attr=last)
    return last if package else dotted_name_expression(name)


def _replace_import(syntax: Syntax, text: str, package: str, old: str, new: str) -> str:
    """Return the source with an import of `new`, which replaces that of `old` if nothing else uses `old`."""
    now = parse(syntax.file, text)
    aliases = [a for a in now.every(cst.ImportAlias) if a.evaluated_name in (old, new)]
    reads = [n for n in now.every(cst.Name) if n.value == old and not isinstance(now.parents[n], cst.ImportAlias)]
    if reads or len(aliases) != 1:
        return import_name(syntax.file, text, package, new)
    return now.replace(aliases[0], aliases[0].with_changes(name=cst.Name(new)))
