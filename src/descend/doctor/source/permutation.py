"""The data brought into a random order before the loop that cuts them into batches.

order = torch.randperm(len(X))
X, y = X[order], y[order]
for epoch in range(10):
    for i in range(0, len(X), 32):
        loss = criterion(model(X[i:i + 32]), y[i:i + 32])
"""

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import bound_in, loops_around
from descend.doctor.source.callers import way_out
from descend.doctor.source.data_source import find_source
from descend.doctor.source.flow import PARTS, Source
from descend.doctor.source.functions import function_around, functions_around, parameter_names
from descend.doctor.source.imports import import_module
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import locate
from descend.doctor.source.loss_targets import find_targets
from descend.doctor.source.names import assigned_value, free_name
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.training_call import training_call


def insert_permutation(script: Script, record: Record) -> Script | NotApplicable:
    """Insert a permutation of the inputs and targets before the outermost training loop, where both are tensors."""
    called, loss = training_call(script, record), locate(script, record, "loss")
    if isinstance(called, NotApplicable):
        return called
    if isinstance(loss, NotApplicable):
        return loss
    syntax, targets = loss.syntax, find_targets(loss.syntax, loss.call)
    if targets is None or not called.call.args or called.syntax is not syntax:
        return NotApplicable(f"line {syntax.line(loss.call)} does not show the inputs and targets together")
    inputs = called.call.args[0].value
    sources = [find_source(syntax, inputs, called.call), find_source(syntax, targets, loss.call, part=1)]
    names = [_tensor(syntax, source, what) for source, what in zip(sources, PARTS)]
    for name in names:
        if isinstance(name, NotApplicable):
            return name
    unique = list(dict.fromkeys(map(str, names)))
    if len(unique) == 1 and syntax.code(inputs) != syntax.code(targets):
        return NotApplicable(f"inputs and targets are parts of one series, `{unique[0]}`")
    text = _insert(syntax, unique, called.call)
    if isinstance(text, str):
        text = import_module(syntax.file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _tensor(syntax: Syntax, source: Source, what: str) -> str | NotApplicable:
    """Return the name of the tensor that batches are cut from, one after the other."""
    name = source.name if source.function is not None and not source.path else next(iter(source.expressions), "")
    if source.cut == "picked":
        return NotApplicable(f"the {what} are picked by an index already")
    if source.cut != "sliced" or not name.replace(".", "").isidentifier():
        return NotApplicable(source.reason or f"it cannot be told which tensor the {what} are cut from")
    node = next((node for node in syntax.every(cst.Name) if node.value == name), None)
    made = assigned_value(syntax, node) if node is not None else None
    is_list = isinstance(made, cst.Call) and last_name(made.func) == "list"
    if is_list or isinstance(made, cst.List | cst.ListComp):
        return NotApplicable(f"`{name}` is a list, not a tensor")
    return name


def _insert(syntax: Syntax, names: list[str], at: cst.CSTNode) -> str | NotApplicable:
    homes = [_home(syntax, name, at) for name in names]
    joined = " and ".join(f"`{name}`" for name in names)
    if any(home is not homes[0] for home in homes):
        return NotApplicable(f"{joined} are made in different places")
    for node in way_out(syntax, at):
        if function_around(syntax, node) is not homes[0]:
            continue
        loops = [loop for loop in loops_around(syntax, node) if homes[0] in (function_around(syntax, loop), None)]
        free = [loop for loop in loops if not bound_in(syntax, loop) & set(names)]
        if loops and not free:
            return NotApplicable(f"{joined} are made inside the loop")
        return insert_before(syntax, free[0] if free else node, *_statements(syntax, names))
    return NotApplicable(f"it cannot be told where {joined} are complete")


def _home(syntax: Syntax, name: str, at: cst.CSTNode) -> cst.FunctionDef | None:
    """Return the function in which the name has its value; None for the whole file."""
    around, root = functions_around(syntax, at), name.partition(".")[0]
    own = (f for f in around if root == "self" or root in {*parameter_names(f), *bound_in(syntax, f)})
    return next(own, None)


def _statements(syntax: Syntax, names: list[str]) -> list[str]:
    order = free_name(syntax, "order")
    shuffled = ", ".join(f"{name}[{order}]" for name in names)
    return [f"{order} = torch.randperm(len({names[0]}))", f"{', '.join(names)} = {shuffled}"]
