"""The model that averages its gradients over the processes, and what is made beside it."""

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.beside import statements_after
from descend.source.imports import import_name
from descend.source.insert import insert_after
from descend.source.locate import locate
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Syntax


def beside_model(
    script: Script, record: Record, kind: str, key: str
) -> tuple[Syntax, cst.Call, str, str] | NotApplicable:
    """Return, of the recorded call and that of `DistributedDataParallel`, the later one; and what both are called.

    Not applicable where they are not made in one block, each with a name of its own.
    """
    place = locate(script, record, kind, key)
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    wrapped = [call for call in syntax.every(cst.Call) if is_call_of(syntax, call, "DistributedDataParallel")]
    if len(wrapped) != 1:
        return NotApplicable(f"{syntax.file.name} does not make one DistributedDataParallel model")
    if any(isinstance(node, cst.Attribute) and node.attr.value == "no_sync" for node in syntax.every(cst.Attribute)):
        return NotApplicable("the script decides by itself in which backward passes gradients are averaged")
    calls = [place.call, wrapped[0]]
    names = [_name(syntax, call) for call in calls]
    if not all(names):
        line = next(syntax.line(call) for call, name in zip(calls, names) if not name)
        return NotApplicable(f"line {line} gives what it makes no name")
    statements = [syntax.parents[call] for call in calls]
    for first, later in ((0, 1), (1, 0)):
        if statements[later] in statements_after(syntax, calls[first]):
            return syntax, calls[later], names[0], names[1]
    lines = " and ".join(str(syntax.line(call)) for call in calls)
    return NotApplicable(f"lines {lines} do not stand in one block")


def another_loader(script: Script, record: Record, key: str, part: str, *arguments: str) -> Script | NotApplicable:
    """Insert `loader = part(loader, model, *arguments)` where both are made; `part` is one of descend.parallel."""
    made = beside_model(script, record, "loader", key)
    if isinstance(made, NotApplicable):
        return made
    syntax, call, loader, model = made
    text = insert_after(syntax, call, f"{loader} = {part}({', '.join((loader, model, *arguments))})")
    if isinstance(text, str):
        text = import_name(syntax.file, text, "descend.parallel", part)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _name(syntax: Syntax, call: cst.Call) -> str:
    """Return what a statement calls the outcome of the call that it consists of."""
    holder = syntax.parents[call]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        return syntax.code(holder.targets[0].target)
    return syntax.code(holder.target) if isinstance(holder, cst.AnnAssign) else ""
