"""Numbers that the model's own forward pass is to know: buffers of it, registered before the training.

class Net(nn.Module):
    def forward(self, x):
        x = (x - self.input_mean) / self.input_std
        ...

model = Net()
inputs = torch.as_tensor(X, dtype=torch.float32)
model.register_buffer("input_mean", inputs.mean(0))
...
for epoch in range(10):

Only where the text shows that no forward pass is made before: of a class with one object, which nothing else is given.
"""

from collections.abc import Callable, Sequence

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.callers import CALLERS, only_caller
from descend.doctor.source.feed import Feed, insert_before_training
from descend.doctor.source.functions import (
    called_functions,
    first_statement,
    given_arguments,
    home_of,
    parameter_names,
    returned,
)
from descend.doctor.source.imports import with_torch
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.main_block import is_in_main_block
from descend.doctor.source.model_class import model_classes
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.whole_data import moved_to_model

Rewrite = Callable[[Syntax, cst.FunctionDef], str | NotApplicable]
ATOMS = cst.Name | cst.Attribute | cst.Call | cst.Subscript
LOOKS = frozenset("print repr str len".split())  # calls that run no forward pass


def with_buffers(
    script: Script, record: Record, syntax: Syntax, feed: Feed, lines: Callable[[str], Sequence[str]], rewrite: Rewrite
) -> Script | NotApplicable:
    """Insert the lines for the data before the training, and rewrite the `forward` of the model's class."""
    made = locate(script, record, "model")
    if isinstance(made, NotApplicable):
        return made
    if is_in_main_block(syntax, feed.at):
        return NotApplicable("the buffers would be missing from a model that another file imports and makes")
    if reason := _obstacle(syntax, feed, made):
        return NotApplicable(reason)
    text = insert_before_training(syntax, feed, lines)
    text = text if isinstance(text, NotApplicable) else with_torch(syntax, text)
    if isinstance(text, NotApplicable):
        return text
    edited = script.edit(syntax.file, text)
    made = locate(edited, record, "model")
    found = made if isinstance(made, NotApplicable) else model_classes(edited, made)
    if isinstance(found, NotApplicable):
        return found
    whole, (owner, *_) = found
    forward = [f for f in whole.every(cst.FunctionDef, owner) if f.name.value == "forward"]
    if len(forward) != 1 or any(last_name(base.value) == owner.name.value for base in _bases(whole)):
        return NotApplicable(f"`{owner.name.value}` is not seen to have one forward pass")
    if len([call for call in whole.every(cst.Call) if last_name(call.func) == owner.name.value]) > 1:
        return NotApplicable(f"there is more than one `{owner.name.value}`")
    rewritten = rewrite(whole, forward[0])
    return rewritten if isinstance(rewritten, NotApplicable) else edited.edit(whole.file, rewritten)


def registered(syntax: Syntax, model: str, of: str, values: str, over: str, constant: str) -> list[str]:
    """Return the lines that keep the mean and the standard deviation of `values` as buffers of the model.

    constant: what may never change, in words; "" where nothing does so.
    """
    to = moved_to_model(syntax.module.code).replace("model.", f"{model}.")
    lines = [f'{model}.register_buffer("{of}_{name}", {values}.{name}({over}){to})' for name in ("mean", "std")]
    one = f"{model}.{of}_std[{model}.{of}_std == 0] = 1  # {constant} that never change"
    return [*lines, one] if constant else lines


def first_input_becomes(scaled: str) -> Rewrite:
    """Return what changes the first input of a forward pass, `{}` in `scaled`, before all else."""

    def rewrite(syntax: Syntax, forward: cst.FunctionDef) -> str | NotApplicable:
        names = parameter_names(forward)
        if len(names) < 2:
            return NotApplicable("the forward pass does not name its input")
        return insert_before(syntax, first_statement(forward), f"{names[1]} = {scaled.format(names[1])}")

    return rewrite


def output_becomes(scaled: str) -> Rewrite:
    """Return what changes what a forward pass returns, `{}` in `scaled`."""

    def rewrite(syntax: Syntax, forward: cst.FunctionDef) -> str | NotApplicable:
        values = list(returned(syntax, forward))
        if len(values) != 1 or isinstance(values[0], cst.Tuple | cst.Dict):
            return NotApplicable("the forward pass does not return one tensor, in one place")
        value = syntax.code(values[0])
        whole = scaled.format(value if isinstance(values[0], ATOMS) else f"({value})")
        return syntax.replace(values[0], cst.parse_expression(whole))

    return rewrite


def _obstacle(syntax: Syntax, feed: Feed, made: Place) -> str:
    """Return where the model may run between where it is made and the training, or "" where it does not."""
    at, model = feed.at, feed.model
    for _ in range(CALLERS if made.syntax is syntax else 0):
        home = home_of(syntax, at)
        is_here = home_of(syntax, made.call) is home
        start = syntax.line(made.call) if is_here else syntax.line(home) if home is not syntax.module else 0
        end = min(map(syntax.line, [at, *loops_around(syntax, at)]))
        for node in (*syntax.every(cst.Name, home), *syntax.every(cst.Attribute, home)):
            if start < syntax.line(node) < end and syntax.code(node) == model and _may_run(syntax, node):
                return f"line {syntax.line(node)} may run the model before the training"
        caller = only_caller(syntax, home) if isinstance(home, cst.FunctionDef) else None
        given = given_arguments(home, caller).get(model) if caller and isinstance(home, cst.FunctionDef) else None
        if is_here or given is made.call:
            return ""
        if caller is None or not isinstance(given, cst.Name):
            break
        at, model = caller, given.value
    return "the model is made elsewhere"


def _may_run(syntax: Syntax, model: cst.CSTNode) -> bool:
    """Whether a model, or a method of its own, is called there, or it is given to what may call it."""
    holder = syntax.parents[model]
    if isinstance(holder, cst.Attribute):
        return _runs_forward(syntax, holder.attr.value)
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else holder
    if not isinstance(call, cst.Call) or last_name(call.func) in LOOKS:
        return False
    functions = called_functions(syntax, call) if call.func is not model else []
    if len(functions) != 1:
        return True
    names = [name for name, value in given_arguments(functions[0], call).items() if value is model]
    used = [node for node in syntax.every(cst.Name, functions[0].body) if node.value in names]
    return any(isinstance(syntax.parents[node], cst.Call | cst.Arg) for node in used)


def _runs_forward(syntax: Syntax, method: str) -> bool:
    """Whether a method of that name is the forward pass, or may call it by itself or by another method."""
    named = [function for function in syntax.every(cst.FunctionDef) if function.name.value == method]
    methods = {f"self.{function.name.value}" for function in syntax.every(cst.FunctionDef)}
    calls = {syntax.code(call.func) for function in named for call in syntax.every(cst.Call, function)}
    return method == "forward" or bool(calls & {"self", *methods})


def _bases(syntax: Syntax) -> list[cst.Arg]:
    return [base for owner in syntax.every(cst.ClassDef) for base in owner.bases]
