"""Add helper functions that a patch needs to the user's file, after its imports."""

from collections.abc import Sequence
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.imports import end_of_imports, import_module, is_name_taken
from descend.doctor.codemod.insert import replace_body
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, parse

HELPER_NAMES = (
    *("activated", "augment_inputs", "dropped", "in_own_unit", "initialise", "initialise_recurrent"),
    *("insert_activations", "insert_dropout", "insert_normalisation", "insert_residuals", "normalised"),
    *("standardise_inputs", "standardise_targets", "standardised", "start_anew", "whiten_inputs", "whitened"),
    *("with_input", "with_noise", "with_shift"),
)
TWO_BLANK_LINES = [cst.EmptyLine(indent=False)] * 2  # the blank lines above and below a new function


def add_function(file: Path, text: str, code: str) -> str:
    """Insert the functions defined in `code` after the imports of the source `text`, unless they are already there.

    Raise NotApplicable if the file uses the name of one of the functions for something else.
    """
    known = parse(file, text)
    if imports_nn(known):
        code = code.replace("torch.nn.", "nn.")
    imported = import_module(file, text, "torch") if "torch." in code else text
    syntax = parse(file, imported)
    functions = [one for one in cst.parse_module(code).body if isinstance(one, cst.FunctionDef)]
    there = {syntax.code(one).strip() for one in syntax.every(cst.FunctionDef)}
    new = [one for one in functions if syntax.code(one).strip() not in there]
    taken = [one.name.value for one in new if is_name_taken(syntax, one.name.value)]
    if taken:
        raise NotApplicable(f"{file.name} already uses the name `{taken[0]}`")
    body = syntax.module.body
    at = end_of_imports(body)
    while (
        new
        and at < len(body)
        and _function_name(body[at]) in HELPER_NAMES
        and _function_name(body[at]) < new[0].name.value
    ):
        at += 1  # The functions are sorted, so that the result does not depend on the order of the remedies.
    above, below = body[:at], list[cst.CSTNode](body[at:])
    spaced = [one.with_changes(leading_lines=TWO_BLANK_LINES) for one in new]
    if new and below:
        below[0] = _with_blank_lines(below[0])
    return replace_body(syntax, syntax.module, [*above, *spaced, *below])


def init_module_name(syntax: Syntax) -> str:
    """Return the name by which the file can use torch.nn.init: ``nn.init`` if it imports ``nn``."""
    return "nn.init" if imports_nn(syntax) else "torch.nn.init"


def imports_nn(syntax: Syntax) -> bool:
    """Return whether the file imports torch.nn as ``nn``."""
    named = [s for s in syntax.every(cst.ImportFrom) if s.module is not None and syntax.code(s.module) == "torch"]
    aliases = [a for s in named if not isinstance(s.names, cst.ImportStar) for a in s.names]
    is_from = any(a.evaluated_name == "nn" and a.evaluated_alias in (None, "nn") for a in aliases)
    modules = [a for s in syntax.every(cst.Import) for a in s.names]
    return is_from or any(a.evaluated_name == "torch.nn" and a.evaluated_alias == "nn" for a in modules)


def entry_point_name(code: str) -> str:
    """Return the name of the last function defined in `code`, which calls the other functions."""
    return [one.name.value for one in cst.parse_module(code).body if isinstance(one, cst.FunctionDef)][-1]


def _function_name(statement: cst.CSTNode) -> str:
    """Return the name of the function that a statement defines, or "" for other statements."""
    return statement.name.value if isinstance(statement, cst.FunctionDef) else ""


def _with_blank_lines(statement: cst.CSTNode) -> cst.CSTNode:
    """Return a statement with at least two blank lines above it and above its comments."""
    lines: Sequence[cst.EmptyLine] = statement.leading_lines  # type: ignore[attr-defined]
    blank = next((i for i, line in enumerate(lines) if line.comment is not None), len(lines))
    return statement.with_changes(leading_lines=[*TWO_BLANK_LINES[min(blank, 2) :], *lines])
