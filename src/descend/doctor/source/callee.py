"""Another function or class of torch called, spelled as the file spells the one whose place it takes.

nn.NLLLoss()                  nn.CrossEntropyLoss()
NLLLoss()                     CrossEntropyLoss(), and the import names it
loss_fn = F.nll_loss          loss_fn = F.cross_entropy, where it is called by that name
"""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.arguments import with_arguments
from descend.doctor.source.imports import import_module, import_name
from descend.doctor.source.names import binding, value_behind
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, dotted, parse


def call_instead(syntax: Syntax, call: cst.Call, name: str, arguments: Sequence[cst.Arg]) -> str | NotApplicable:
    """Return the file's text with torch's `name` (dotted) called with `arguments` in the place of the call."""
    called = call.func
    behind = value_behind(syntax, called)
    if isinstance(behind, cst.Name | cst.Attribute) and list(arguments) == list(call.args):
        called = behind
    package = _package(syntax, called)
    new = _spelled(syntax, called, name, package)
    changed = new if called is behind else _with(call.with_changes(func=new), arguments)
    text = syntax.replace(called if called is behind else call, changed)
    if isinstance(called, cst.Name) and package:
        return _import_instead(syntax, text, package, called.value, name.split(".")[-1])
    return import_module(syntax.file, text, "torch") if syntax.code(new) == name else text


def _with(call: cst.Call, arguments: Sequence[cst.Arg]) -> cst.Call:
    if arguments:
        return with_arguments(call, arguments)
    return call.with_changes(args=(), whitespace_before_args=cst.SimpleWhitespace(""))


def _package(syntax: Syntax, called: cst.BaseExpression) -> str:
    """Return from where the file imports the name that is called, or ""."""
    bound = binding(syntax, called) if isinstance(called, cst.Name) else None
    statement = bound.node if bound is not None else None
    if not isinstance(statement, cst.ImportFrom) or statement.relative or isinstance(statement.names, cst.ImportStar):
        return ""
    is_plain = any(alias.asname is None and syntax.code(alias.name) == syntax.code(called) for alias in statement.names)
    return syntax.code(statement.module) if is_plain and statement.module is not None else ""


def _spelled(syntax: Syntax, called: cst.BaseExpression, name: str, package: str) -> cst.BaseExpression:
    last = cst.Name(name.split(".")[-1])
    if isinstance(called, cst.Attribute) and syntax.is_module(called.value):
        return called.with_changes(attr=last)
    return last if package else dotted(name)


def _import_instead(syntax: Syntax, text: str, package: str, old: str, new: str) -> str | NotApplicable:
    """Return `text` with `new` imported, instead of `old` where nothing else in the file reads that."""
    now = parse(syntax.file, text)
    if isinstance(now, NotApplicable):
        return now
    aliases = [a for a in now.every(cst.ImportAlias) if a.evaluated_name in (old, new)]
    reads = [n for n in now.every(cst.Name) if n.value == old and not isinstance(now.parents[n], cst.ImportAlias)]
    if reads or len(aliases) != 1:
        return import_name(syntax.file, text, package, new)
    return now.replace(aliases[0], aliases[0].with_changes(name=cst.Name(new)))
