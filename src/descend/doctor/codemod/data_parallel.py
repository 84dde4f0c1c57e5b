"""Find the DistributedDataParallel model of a script, and wrap its data loader."""

import libcst as cst

from descend.doctor.codemod.arguments import makes_optimizer
from descend.doctor.codemod.block_statements import statements_after
from descend.doctor.codemod.imports import import_name
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


def find_data_parallel_model(
    script: Script, record: Record, *made: tuple[SiteKind, str]
) -> tuple[Syntax, cst.Call, list[str]]:
    """Return the file, the last of the calls that create a data-parallel run's objects, and the names of the objects.

    The calls are ``DistributedDataParallel(…)`` and the recorded calls whose kinds and keys are in `made`. The model's
    name is last. Raise NotApplicable if the calls are not in one block, or if a result has no name.
    """
    found = [locate(script, record, kind, key) for kind, key in made]
    if any(place.site.kind == SiteKind.OPTIMIZER and not makes_optimizer(place) for place in found):
        raise NotApplicable("the script does not create its optimizer itself")
    syntax = found[0].syntax
    if any(place.syntax is not syntax for place in found):
        raise NotApplicable("the objects to change are not created in the same file")
    wrapped = [call for call in syntax.every(cst.Call) if is_call_of(syntax, call, "DistributedDataParallel")]
    if len(wrapped) != 1:
        raise NotApplicable(f"{syntax.file.name} does not create exactly one DistributedDataParallel model")
    if any(isinstance(node, cst.Attribute) and node.attr.value == "no_sync" for node in syntax.every(cst.Attribute)):
        raise NotApplicable("the script itself selects the backward passes that average gradients")
    calls = [*(place.call for place in found), wrapped[0]]
    names = [_result_name(syntax, call) for call in calls]
    if not all(names):
        line = next(syntax.line(call) for call, name in zip(calls, names) if not name)
        raise NotApplicable(f"line {line} does not assign its result to a name")
    for last in calls:
        others = [call for call in calls if call is not last]
        if all(syntax.parents[last] in statements_after(syntax, call) for call in others):
            return syntax, last, names
    lines = " and ".join(str(line) for line in sorted(map(syntax.line, calls)))
    raise NotApplicable(f"lines {lines} are not in the same block")


def wrap_loader(
    script: Script, record: Record, part: str, *arguments: str, extra_sites: tuple[tuple[SiteKind, str], ...] = ()
) -> Script:
    """Insert ``loader = f(loader, model, ...)`` into a script, where `part` names the function f of descend.parallel.

    The further arguments are the results of the calls at `extra_sites` (kind and key of each), and `arguments`.
    """
    syntax, call, (loader, *others, model) = find_data_parallel_model(
        script, record, (SiteKind.LOADER, "0"), *extra_sites
    )
    text = insert_after(syntax, call, f"{loader} = {part}({', '.join((loader, model, *others, *arguments))})")
    return script.edit(syntax.file, import_name(syntax.file, text, "descend.parallel", part))


def _result_name(syntax: Syntax, call: cst.Call) -> str:
    """Return the name that a statement gives to the result of a call, or ""."""
    holder = syntax.parents[call]
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        return syntax.code(holder.targets[0].target)
    return syntax.code(holder.target) if isinstance(holder, cst.AnnAssign) else ""
