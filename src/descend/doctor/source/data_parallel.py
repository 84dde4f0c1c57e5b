"""The model that averages its gradients over the processes, and what is made beside it."""

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import makes_optimizer
from descend.doctor.source.beside import statements_after
from descend.doctor.source.imports import import_name
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax


def beside_model(
    script: Script, record: Record, *made: tuple[str, str]
) -> tuple[Syntax, cst.Call, list[str]] | NotApplicable:
    """Return, of recorded calls and that of `DistributedDataParallel`, the last one; and what they make is called.

    made: the kind and key of each. The model's name comes last. Not applicable where they are not all in one block,
    each with a name of its own.
    """
    places = [locate(script, record, kind, key) for kind, key in made]
    found = [place for place in places if isinstance(place, Place)]
    if len(found) < len(places):
        return next(place for place in places if isinstance(place, NotApplicable))
    if any(place.site.kind == "optimizer" and not makes_optimizer(place) for place in found):
        return NotApplicable("the script does not make its optimizer by itself")
    syntax = found[0].syntax
    if any(place.syntax is not syntax for place in found):
        return NotApplicable("what has to be changed is not made in one file")
    wrapped = [call for call in syntax.every(cst.Call) if is_call_of(syntax, call, "DistributedDataParallel")]
    if len(wrapped) != 1:
        return NotApplicable(f"{syntax.file.name} does not make one DistributedDataParallel model")
    if any(isinstance(node, cst.Attribute) and node.attr.value == "no_sync" for node in syntax.every(cst.Attribute)):
        return NotApplicable("the script decides by itself in which backward passes gradients are averaged")
    calls = [*(place.call for place in found), wrapped[0]]
    names = [_name(syntax, call) for call in calls]
    if not all(names):
        line = next(syntax.line(call) for call, name in zip(calls, names) if not name)
        return NotApplicable(f"line {line} gives what it makes no name")
    for last in calls:
        others = [call for call in calls if call is not last]
        if all(syntax.parents[last] in statements_after(syntax, call) for call in others):
            return syntax, last, names
    lines = " and ".join(str(line) for line in sorted(map(syntax.line, calls)))
    return NotApplicable(f"lines {lines} do not stand in one block")


def another_loader(
    script: Script, record: Record, part: str, *arguments: str, beside: tuple[tuple[str, str], ...] = ()
) -> Script | NotApplicable:
    """Insert `loader = part(loader, model, *beside, *arguments)` where all are made; `part` is of descend.parallel.

    beside: the kind and key of what else the part is given.
    """
    made = beside_model(script, record, ("loader", "0"), *beside)
    if isinstance(made, NotApplicable):
        return made
    syntax, call, (loader, *others, model) = made
    text = insert_after(syntax, call, f"{loader} = {part}({', '.join((loader, model, *others, *arguments))})")
    if isinstance(text, str):
        text = import_name(syntax.file, text, "descend.parallel", part)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _name(syntax: Syntax, call: cst.Call) -> str:
    """Return what a statement calls the outcome of the call that it consists of."""
    holder = syntax.parents[call]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        return syntax.code(holder.targets[0].target)
    return syntax.code(holder.target) if isinstance(holder, cst.AnnAssign) else ""
