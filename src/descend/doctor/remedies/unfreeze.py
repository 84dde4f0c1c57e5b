"""Train frozen parameters: remove the statements that set `requires_grad` to False."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.frozen_parameters import Freeze, find_freezes
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.model_class import model_classes
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.remove import remove_statement
from descend.doctor.codemod.syntax import Syntax, parse
from descend.doctor.codemod.unwrap_call import unwrap_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

# kinds of recorded calls whose files are searched for statements that freeze parameters
SITES = (SiteKind.MODEL, SiteKind.MODEL_CALL, SiteKind.OPTIMIZER, SiteKind.BACKWARD)


@dataclass(frozen=True)
class UnfreezeArguments:
    """Arguments of the remedy `unfreeze`, which trains frozen parameters."""

    parameters: Sequence[str] = ()  # names of the frozen parameters to train; all if empty


def unfreeze(script: Script, record: Record, arguments: UnfreezeArguments) -> Script:
    """Remove the statements that freeze the given parameters; by default, all statements that freeze parameters."""
    parameters = list(arguments.parameters)
    models, files = _model_names(script, record), _files_to_search(script, record)
    # First, remove the statements that certainly freeze these parameters. Without any, remove those that may do so.
    for sure in (True, None):
        edited = script
        for file in files:
            edited = _without_freezes(edited, file, models, parameters, sure)
        if edited is not script:
            return edited
    what = f"`{parameters[0]}`" if parameters else "parameters"
    raise NotApplicable(f"no statement that freezes {what} was found in {', '.join(file.name for file in files)}")


def _model_names(script: Script, record: Record) -> set[str]:
    """Return the variables that hold the model: where it is made and where it is called."""
    made, call = record.site(SiteKind.MODEL), if_applicable(locate, script, record, SiteKind.MODEL_CALL)
    called = if_applicable(called_model, call) if call is not None else None
    return {name for name in (made.variable if made else "", called) if name}


def _files_to_search(script: Script, record: Record) -> list[Path]:
    """Return the files to search for statements that freeze: the script, and those of the model and of its calls."""
    places = [place for kind in SITES if (place := if_applicable(locate, script, record, kind)) is not None]
    classes = [if_applicable(model_classes, script, place) for place in places if place.site.kind == SiteKind.MODEL]
    defining = [found[0].file for found in classes if found is not None]
    return list(dict.fromkeys([script.path, *(place.syntax.file for place in places), *defining]))


def _without_freezes(
    script: Script, file: Path, models: set[str], parameters: Sequence[str], sure: bool | None
) -> Script:
    """Remove a file's statements that freeze the parameters if `sure` is True, those that may do so if it is None."""
    while (syntax := if_applicable(parse, file, script.read(file))) is not None:
        wanted = [f for f in find_freezes(syntax) if _contains_parameters(f.owner, models, parameters) is sure]
        if not wanted:
            break
        script = script.edit(file, _without_freeze(syntax, wanted[-1]))
    return script


def _without_freeze(syntax: Syntax, freeze: Freeze) -> str:
    """Return a file's source without one statement or call that freezes parameters."""
    if isinstance(freeze.node, cst.Call) and isinstance(freeze.node.func, cst.Attribute):
        return unwrap_call(syntax, freeze.node, freeze.node.func.value)
    return remove_statement(syntax, freeze.node)


def _contains_parameters(owner: str, models: set[str], parameters: Sequence[str]) -> bool | None:
    """Return whether the module `owner`, such as `model.head`, contains any of the parameters; None if unknown."""
    if not parameters or owner in models:
        return True
    for model in models:
        if owner.startswith(model + "."):
            path = owner.removeprefix(model + ".")
            return any(f"{name}.".startswith(path + ".") for name in parameters)
    if owner.startswith("self."):  # Here, `self` is the model or a part of it.
        path = owner.removeprefix("self")
        return any(f"{path}." in f".{name}." for name in parameters)
    return None
