"""Evaluate the model in evaluation mode: dropout is off, and normalisation uses its running statistics.

`model.eval()` precedes the block without gradients and `model.train()` follows. If that block returns from its
function, training mode is set in the training loop. A functional dropout gets `training=self.training`.
"""

import libcst as cst

from descend.doctor.codemod.arguments import find_argument, keyword_argument, with_arguments
from descend.doctor.codemod.bindings import loops_around, names_bound_in
from descend.doctor.codemod.block_statements import statements_before
from descend.doctor.codemod.called_model import called_model
from descend.doctor.codemod.functions import first_statement, function_around, functions_around
from descend.doctor.codemod.insert import insert_above, insert_before, replace_body
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.no_grad_blocks import block_without_gradients
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.remedies.train_mode import train_mode, whole_model_variable
from descend.doctor.script.script import Script


def evaluation_mode(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Insert `model.eval()` and, if needed, `model.train()` at each recorded evaluation that runs in training mode."""
    edited, why = script, NotApplicable("the run did not show where the script evaluates the model")
    for key, mode in record.every(facts.TrainingMode).items():
        edits = [_with_training_argument, _with_mode_switch] if mode.by_itself else [_with_mode_switch]
        try:
            for edit in edits:
                edited = edit(edited, record, key)
        except NotApplicable as refused:
            why = refused
    if edited.edits == script.edits:
        raise why
    return edited


def _with_training_argument(script: Script, record: Record, key: str) -> Script:
    """Return the script in which a call of `F.dropout` gets the argument `training=self.training`."""
    place = locate(script, record, SiteKind.DRAWN, key)
    syntax, call = place.syntax, place.call
    line, function = syntax.line(call), function_around(syntax, call)
    first = function.params.params[0].name.value if function is not None and function.params.params else ""
    if first != "self" or find_argument(call, "training", 2) is not None:
        raise NotApplicable(f"the dropout in line {line} is outside a module or already gets the argument `training`")
    training = keyword_argument("training", cst.parse_expression("self.training"))
    return script.edit(syntax.file, syntax.replace(call, with_arguments(call, [*call.args, training])))


def _with_mode_switch(script: Script, record: Record, key: str) -> Script:
    """Return the script with `model.eval()` before the evaluation; unchanged if only a call of `F.dropout` is wrong."""
    place = locate(script, record, SiteKind.EVALUATED, key)
    called = called_model(place)
    syntax, model = place.syntax, whole_model_variable(called, record)
    if record.site(SiteKind.DRAWN, key) and any(last_name(call.func) == "eval" for call in syntax.every(cst.Call)):
        return script
    block = block_without_gradients(syntax, place.call)
    if block is not None and model.split(".")[0] in names_bound_in(syntax, block.body):
        block = None
    at = first_statement(block) if isinstance(block, cst.FunctionDef) else block or place.call
    switch = f"{model}.eval()"
    if switch in {syntax.code(statement) for statement in (*statements_before(syntax, at)[:1], at)}:
        return script  # The mode switch is already there, from the edit for another call in the same block.
    if isinstance(block, cst.With) and not syntax.every(cst.Return, block):
        return script.edit(syntax.file, _surround_with_modes(syntax, block, model))
    text = insert_before(syntax, at, switch)
    edited = script.edit(syntax.file, text)
    if not loops_around(syntax, place.call) and not functions_around(syntax, place.call):
        return edited
    return if_applicable(train_mode, edited, record, NoArguments()) or edited


def _surround_with_modes(syntax: Syntax, block: cst.With, model: str) -> str:
    """Insert `model.eval()` above a `with` block, and `model.train()` below it unless that is called elsewhere."""
    suite = syntax.parents[block]
    assert isinstance(suite, cst.Module | cst.IndentedBlock)
    statements: list[cst.CSTNode] = list(suite.body)
    at = statements.index(block)
    back = f"{model}.train()"
    is_over = not loops_around(syntax, block) and not functions_around(syntax, block)
    comes_back = any(syntax.code(call) == back and loops_around(syntax, call) for call in syntax.every(cst.Call))
    later = [] if is_over or comes_back else [cst.parse_statement(back)]
    before = cst.parse_statement(f"{model}.eval()")
    assert isinstance(before, cst.SimpleStatementLine)
    return replace_body(syntax, suite, [*statements[:at], *insert_above(block, before), *later, *statements[at + 1 :]])
