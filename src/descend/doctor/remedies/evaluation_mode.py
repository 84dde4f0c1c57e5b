"""The model in evaluation mode where it is evaluated: dropout rests, and normalisation takes what it has learnt.

`model.eval()` stands before the block without gradients and `model.train()` behind it; where that block leaves its
function, training mode is set where the training is. A dropout that is told no mode is told that of its module.
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.remedies.train_mode import train_mode, whole_model
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, keyword, with_arguments
from descend.doctor.source.beside import statements_before
from descend.doctor.source.bindings import bound_in, loops_around
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import first_statement, function_around, functions_around
from descend.doctor.source.insert import above, insert_before, with_body
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.without_gradients import block_without_gradients


def evaluation_mode(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Switch the mode at each place of the record that evaluates in training mode. It takes no dose."""
    edited, why = script, NotApplicable("the run did not show where the script evaluates")
    for key, mode in record.every(facts.TrainingMode).items():
        edits = [_told, _switched] if mode.by_itself else [_switched]
        for edit in edits:
            changed = edit(edited, record, key)
            if isinstance(changed, NotApplicable):
                why = changed
                break
            edited = changed
    return edited if edited.edits != script.edits else why


def _told(script: Script, record: Record, key: str) -> Script | NotApplicable:
    """Return the script whose dropout, a function that no mode is given, is given that of its module."""
    place = locate(script, record, "drawn", key)
    if isinstance(place, NotApplicable):
        return place
    syntax, call = place.syntax, place.call
    line, function = syntax.line(call), function_around(syntax, call)
    first = function.params.params[0].name.value if function is not None and function.params.params else ""
    if first != "self" or find_argument(call, "training", 2) is not None:
        return NotApplicable(f"line {line} is in no module, whose mode it could follow")
    training = keyword("training", cst.parse_expression("self.training"))
    return script.edit(syntax.file, syntax.replace(call, with_arguments(call, [*call.args, training])))


def _switched(script: Script, record: Record, key: str) -> Script | NotApplicable:
    """Return the script that switches the mode around the call; as it is where a dropout alone was told none."""
    place = locate(script, record, "evaluated", key)
    if isinstance(place, NotApplicable):
        return place
    called = called_model(place)
    if isinstance(called, NotApplicable):
        return called
    syntax, model = place.syntax, whole_model(called, record)
    if record.site("drawn", key) and any(last_name(call.func) == "eval" for call in syntax.every(cst.Call)):
        return script
    block = block_without_gradients(syntax, place.call)
    if block is not None and model.split(".")[0] in bound_in(syntax, block.body):
        block = None
    at = first_statement(block) if isinstance(block, cst.FunctionDef) else block or place.call
    switch = f"{model}.eval()"
    if switch in {syntax.code(statement) for statement in (*statements_before(syntax, at)[:1], at)}:
        return script  # another call of the same block has had it put there
    if isinstance(block, cst.With) and not syntax.every(cst.Return, block):
        return script.edit(syntax.file, _around(syntax, block, model))
    text = insert_before(syntax, at, switch)
    if isinstance(text, NotApplicable):
        return text
    edited = script.edit(syntax.file, text)
    if not loops_around(syntax, place.call) and not functions_around(syntax, place.call):
        return edited
    back = train_mode(edited, record, {})
    return edited if isinstance(back, NotApplicable) else back


def _around(syntax: Syntax, block: cst.With, model: str) -> str:
    suite = syntax.parents[block]
    assert isinstance(suite, cst.Module | cst.IndentedBlock)
    statements: list[cst.CSTNode] = list(suite.body)
    at = statements.index(block)
    back = f"{model}.train()"
    is_over = not loops_around(syntax, block) and not functions_around(syntax, block)
    comes_back = any(syntax.code(call) == back and loops_around(syntax, call) for call in syntax.every(cst.Call))
    behind = [] if is_over or comes_back else [cst.parse_statement(back)]
    before = cst.parse_statement(f"{model}.eval()")
    assert isinstance(before, cst.SimpleStatementLine)
    return with_body(syntax, suite, [*statements[:at], *above(block, before), *behind, *statements[at + 1 :]])
