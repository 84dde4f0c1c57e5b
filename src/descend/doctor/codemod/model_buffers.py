"""Store constants as buffers of the model before training, and use them in its forward pass.

class Net(nn.Module):
    def forward(self, x):
        x = (x - self.input_mean) / self.input_std
        ...

model = Net()
inputs = torch.as_tensor(X, dtype=torch.float32)
model.register_buffer("input_mean", inputs.mean(0))
...
for epoch in range(10):

The class must have one object, and the source must show that no forward pass runs before the buffers exist.
"""

from collections.abc import Callable, Sequence

import libcst as cst

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.callers import MAX_CALLERS, only_caller
from descend.doctor.codemod.full_dataset import device_transfer
from descend.doctor.codemod.functions import (
    bind_arguments,
    called_functions,
    enclosing_scope,
    first_statement,
    parameter_names,
    returned_values,
)
from descend.doctor.codemod.imports import import_torch_if_called
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.main_block import is_in_main_block
from descend.doctor.codemod.model_class import model_classes
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.training_data import TrainingData, insert_before_training
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

Rewrite = Callable[[Syntax, cst.FunctionDef], str]
ATOMS = cst.Name | cst.Attribute | cst.Call | cst.Subscript
NON_FORWARD_CALLS = frozenset("print repr str len".split())  # functions that do not call a model passed to them


def add_buffers(
    script: Script,
    record: Record,
    syntax: Syntax,
    feed: TrainingData,
    lines: Callable[[str], Sequence[str]],
    rewrite: Rewrite,
) -> Script:
    """Return the script with buffers of the model computed before training, and with a forward pass that uses them."""
    made = locate(script, record, SiteKind.MODEL)
    if is_in_main_block(syntax, feed.at):
        raise NotApplicable("the buffers would be missing from a model that another file imports and constructs")
    if reason := _obstacle_message(syntax, feed, made):
        raise NotApplicable(reason)
    text = import_torch_if_called(syntax, insert_before_training(syntax, feed, lines))
    edited = script.edit(syntax.file, text)
    whole, (owner, *_) = model_classes(edited, locate(edited, record, SiteKind.MODEL))
    forward = [f for f in whole.every(cst.FunctionDef, owner) if f.name.value == "forward"]
    if len(forward) != 1 or any(last_name(base.value) == owner.name.value for base in _base_classes(whole)):
        raise NotApplicable(f"`{owner.name.value}` does not define exactly one forward method")
    if len([call for call in whole.every(cst.Call) if last_name(call.func) == owner.name.value]) > 1:
        raise NotApplicable(f"the script constructs more than one `{owner.name.value}`")
    return edited.edit(whole.file, rewrite(whole, forward[0]))


def buffer_statements(syntax: Syntax, model: str, of: str, values: str, over: str, constant: str) -> list[str]:
    """Return the lines that register the mean and standard deviation of an array as buffers of the model.

    `constant` describes quantities that may be constant, in words; "" if there are none.
    """
    to = device_transfer(syntax.module.code).replace("model.", f"{model}.")
    lines = [f'{model}.register_buffer("{of}_{name}", {values}.{name}({over}){to})' for name in ("mean", "std")]
    one = f"{model}.{of}_std[{model}.{of}_std == 0] = 1  # {constant} that never change"
    return [*lines, one] if constant else lines


def rewrite_input(scaled: str) -> Rewrite:
    """Return the edit that replaces a forward method's first input by the code `scaled`, such as ``{} / self.std``."""

    def replace_input(syntax: Syntax, forward: cst.FunctionDef) -> str:
        """Return the source in which `forward` first replaces its input."""
        names = parameter_names(forward)
        if len(names) < 2:
            raise NotApplicable("the forward method does not name its input")
        return insert_before(syntax, first_statement(forward), f"{names[1]} = {scaled.format(names[1])}")

    return replace_input


def rewrite_output(scaled: str) -> Rewrite:
    """Return the edit that replaces a forward method's output by the code `scaled`, such as ``{} * self.std``."""

    def replace_output(syntax: Syntax, forward: cst.FunctionDef) -> str:
        """Return the source in which `forward` returns the new output."""
        values = list(returned_values(syntax, forward))
        if len(values) != 1 or isinstance(values[0], cst.Tuple | cst.Dict):
            raise NotApplicable("the forward method does not return exactly one tensor in exactly one place")
        value = syntax.code(values[0])
        whole = scaled.format(value if isinstance(values[0], ATOMS) else f"({value})")
        return syntax.replace(values[0], cst.parse_expression(whole))

    return replace_output


def _obstacle_message(syntax: Syntax, feed: TrainingData, made: Place) -> str:
    """Return a message if the model may run before its new buffers exist, else ""."""
    at, model = feed.at, feed.model
    for _ in range(MAX_CALLERS if made.syntax is syntax else 0):
        home = enclosing_scope(syntax, at)
        is_here = enclosing_scope(syntax, made.call) is home
        start = syntax.line(made.call) if is_here else syntax.line(home) if home is not syntax.module else 0
        end = min(map(syntax.line, [at, *loops_around(syntax, at)]))
        for node in (*syntax.every(cst.Name, home), *syntax.every(cst.Attribute, home)):
            if start < syntax.line(node) < end and syntax.code(node) == model and _may_run_forward(syntax, node):
                return f"line {syntax.line(node)} may run the model before training"
        caller = only_caller(syntax, home) if isinstance(home, cst.FunctionDef) else None
        given = bind_arguments(home, caller).get(model) if caller and isinstance(home, cst.FunctionDef) else None
        if is_here or given is made.call:
            return ""
        if caller is None or not isinstance(given, cst.Name):
            break
        at, model = caller, given.value
    return "the model is created elsewhere"


def _may_run_forward(syntax: Syntax, model: cst.CSTNode) -> bool:
    """Return whether code that uses the model may run its forward method."""
    holder = syntax.parents[model]
    if isinstance(holder, cst.Attribute):
        return _method_runs_forward(syntax, holder.attr.value)
    call = syntax.parents[holder] if isinstance(holder, cst.Arg) else holder
    if not isinstance(call, cst.Call) or last_name(call.func) in NON_FORWARD_CALLS:
        return False
    functions = called_functions(syntax, call) if call.func is not model else []
    if len(functions) != 1:
        return True
    names = [name for name, value in bind_arguments(functions[0], call).items() if value is model]
    used = [node for node in syntax.every(cst.Name, functions[0].body) if node.value in names]
    return any(isinstance(syntax.parents[node], cst.Call | cst.Arg) for node in used)


def _method_runs_forward(syntax: Syntax, method: str) -> bool:
    """Return whether the method `method` of the model is ``forward`` itself or may call it."""
    named = [function for function in syntax.every(cst.FunctionDef) if function.name.value == method]
    methods = {f"self.{function.name.value}" for function in syntax.every(cst.FunctionDef)}
    calls = {syntax.code(call.func) for function in named for call in syntax.every(cst.Call, function)}
    return method == "forward" or bool(calls & {"self", *methods})


def _base_classes(syntax: Syntax) -> list[cst.Arg]:
    """Return the base classes of all classes in the file, as arguments of the class statements."""
    return [base for owner in syntax.every(cst.ClassDef) for base in owner.bases]
