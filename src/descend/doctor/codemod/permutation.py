"""Permute the training data once, before the loop that slices them into batches.

order = torch.randperm(len(X))
X, y = X[order], y[order]
for epoch in range(10):
    for i in range(0, len(X), 32):
        loss = criterion(model(X[i:i + 32]), y[i:i + 32])
"""

import libcst as cst

from descend.doctor.codemod.bindings import loops_around, names_bound_in
from descend.doctor.codemod.callers import call_chain
from descend.doctor.codemod.data_source import BATCH_PARTS, DataSource, RowSelection, find_source
from descend.doctor.codemod.functions import function_around, functions_around, parameter_names
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.loss_targets import find_targets
from descend.doctor.codemod.names import assigned_value, free_name
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.training_call import training_call
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


def insert_permutation(script: Script, record: Record) -> Script:
    """Return the script with a random permutation of inputs and targets inserted before the training loop."""
    called, loss = training_call(script, record), locate(script, record, SiteKind.LOSS)
    syntax, targets = loss.syntax, find_targets(loss.syntax, loss.call)
    if targets is None or not called.call.args or called.syntax is not syntax:
        raise NotApplicable(f"line {syntax.line(loss.call)} does not contain both the inputs and the targets")
    inputs = called.call.args[0].value
    sources = [find_source(syntax, inputs, called.call), find_source(syntax, targets, loss.call, part=1)]
    names = [_sliced_tensor(syntax, source, what) for source, what in zip(sources, BATCH_PARTS)]
    unique = list(dict.fromkeys(names))
    if len(unique) == 1 and syntax.code(inputs) != syntax.code(targets):
        raise NotApplicable(f"inputs and targets are parts of the same series of batches, `{unique[0]}`")
    text = _insert_statements(syntax, unique, called.call)
    return script.edit(syntax.file, import_module(syntax.file, text, "torch"))


def _sliced_tensor(syntax: Syntax, source: DataSource, what: str) -> str:
    """Return the name of the tensor that the script slices into consecutive batches."""
    name = source.name if source.function is not None and not source.path else next(iter(source.expressions), "")
    if source.rows is RowSelection.INDEXED:
        raise NotApplicable(f"the {what} are already selected by an index")
    if source.rows is not RowSelection.CONSECUTIVE or not name.replace(".", "").isidentifier():
        raise NotApplicable(source.reason or f"the tensor that the {what} are sliced from is unknown")
    node = next((node for node in syntax.every(cst.Name) if node.value == name), None)
    made = assigned_value(syntax, node) if node is not None else None
    is_list = isinstance(made, cst.Call) and last_name(made.func) == "list"
    if is_list or isinstance(made, cst.List | cst.ListComp):
        raise NotApplicable(f"`{name}` is a list, not a tensor")
    return name


def _insert_statements(syntax: Syntax, names: list[str], at: cst.CSTNode) -> str:
    """Return the edited source with the permutation inserted where all the tensors exist, before the training loop."""
    homes = [_scope_of_name(syntax, name, at) for name in names]
    joined = " and ".join(f"`{name}`" for name in names)
    if any(home is not homes[0] for home in homes):
        raise NotApplicable(f"{joined} are created in different functions")
    for node in call_chain(syntax, at):
        if function_around(syntax, node) is not homes[0]:
            continue
        loops = [loop for loop in loops_around(syntax, node) if homes[0] in (function_around(syntax, loop), None)]
        free = [loop for loop in loops if not names_bound_in(syntax, loop) & set(names)]
        if loops and not free:
            raise NotApplicable(f"{joined} are created inside the loop")
        return insert_before(syntax, free[0] if free else node, *_statements(syntax, names))
    raise NotApplicable(f"the source does not show where {joined} are created")


def _scope_of_name(syntax: Syntax, name: str, at: cst.CSTNode) -> cst.FunctionDef | None:
    """Return the function around the node `at` in which a name is bound, or None for the module."""
    around, root = functions_around(syntax, at), name.partition(".")[0]
    own = (f for f in around if root == "self" or root in {*parameter_names(f), *names_bound_in(syntax, f)})
    return next(own, None)


def _statements(syntax: Syntax, names: list[str]) -> list[str]:
    """Return the two statements that draw a random order and permute the tensors."""
    order = free_name(syntax, "order")
    shuffled = ", ".join(f"{name}[{order}]" for name in names)
    return [f"{order} = torch.randperm(len({names[0]}))", f"{', '.join(names)} = {shuffled}"]
