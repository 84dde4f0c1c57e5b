"""A function that a patch needs, written into the user's file below its imports."""

from collections.abc import Sequence
from pathlib import Path

import libcst as cst

from descend.doctor.source.imports import end_of_imports, import_module, is_bound
from descend.doctor.source.insert import with_body
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, parse

OURS = (
    *("activated", "in_own_unit", "initialise", "initialise_recurrent", "insert_activations", "insert_normalisation"),
    *("normalised", "standardise_inputs", "standardise_targets", "standardised", "start_anew"),
    *("whiten_inputs", "whitened"),
)
APART = [cst.EmptyLine(indent=False)] * 2  # blank lines around a function


def with_function(file: Path, text: str, code: str) -> str | NotApplicable:
    """Return `text` with the functions of `code`, which may call torch, below its imports; as it is if they are there.

    Not applicable where the file calls something else by the name of one of them.
    """
    known = parse(file, text)
    if isinstance(known, NotApplicable):
        return known
    if calls_nn(known):
        code = code.replace("torch.nn.", "nn.")
    imported = import_module(file, text, "torch") if "torch." in code else text
    syntax = imported if isinstance(imported, NotApplicable) else parse(file, imported)
    if isinstance(syntax, NotApplicable):
        return syntax
    functions = [one for one in cst.parse_module(code).body if isinstance(one, cst.FunctionDef)]
    there = {syntax.code(one).strip() for one in syntax.every(cst.FunctionDef)}
    new = [one for one in functions if syntax.code(one).strip() not in there]
    taken = [one.name.value for one in new if is_bound(syntax, one.name.value)]
    if taken:
        return NotApplicable(f"{file.name} has a `{taken[0]}` of its own")
    body = syntax.module.body
    at = end_of_imports(body)
    while new and at < len(body) and _name(body[at]) in OURS and _name(body[at]) < new[0].name.value:
        at += 1  # whatever order remedies come in, their functions lie in one
    above, below = body[:at], list[cst.CSTNode](body[at:])
    spaced = [one.with_changes(leading_lines=APART) for one in new]
    if new and below:
        below[0] = _apart(below[0])
    return with_body(syntax, syntax.module, [*above, *spaced, *below])


def init_of(syntax: Syntax) -> str:
    """Return what the file calls torch.nn.init: by `nn` where it does so itself."""
    return "nn.init" if calls_nn(syntax) else "torch.nn.init"


def calls_nn(syntax: Syntax) -> bool:
    """Whether the file calls torch.nn `nn`."""
    named = [s for s in syntax.every(cst.ImportFrom) if s.module is not None and syntax.code(s.module) == "torch"]
    aliases = [a for s in named if not isinstance(s.names, cst.ImportStar) for a in s.names]
    is_from = any(a.evaluated_name == "nn" and a.evaluated_alias in (None, "nn") for a in aliases)
    modules = [a for s in syntax.every(cst.Import) for a in s.names]
    return is_from or any(a.evaluated_name == "torch.nn" and a.evaluated_alias == "nn" for a in modules)


def entry(code: str) -> str:
    """Return the name of the function of `code` that is to be called: the last one."""
    return [one.name.value for one in cst.parse_module(code).body if isinstance(one, cst.FunctionDef)][-1]


def _name(statement: cst.CSTNode) -> str:
    return statement.name.value if isinstance(statement, cst.FunctionDef) else ""


def _apart(statement: cst.CSTNode) -> cst.CSTNode:
    """Return a statement with two blank lines above it at least, and above its own comments."""
    lines: Sequence[cst.EmptyLine] = statement.leading_lines  # type: ignore[attr-defined]
    blank = next((i for i, line in enumerate(lines) if line.comment is not None), len(lines))
    return statement.with_changes(leading_lines=[*APART[min(blank, 2) :], *lines])
