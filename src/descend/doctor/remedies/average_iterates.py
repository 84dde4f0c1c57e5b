"""Average the weights over the last part of the training, and use the average after it (Polyak & Juditsky 1992).

average = AveragedModel(model)                      # after the optimizer
average.update_parameters(model)                    # after each step
model.load_state_dict(average.module.state_dict())  # after the training loop
"""

from dataclasses import dataclass

from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.callers import training_loop
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_after, insert_after_block
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import free_name
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.optimizer_step import find_step_call
from descend.doctor.codemod.stepped_model import stepped_model_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

MODULE = "torch.optim.swa_utils"


@dataclass(frozen=True)
class AverageIteratesArguments:
    """Arguments of the remedy `average_iterates`, which averages the weights over the steps."""

    decay: float  # weight of the former average in each step, from 0 to 1
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def average_iterates(script: Script, record: Record, arguments: AverageIteratesArguments) -> Script:
    """Insert a moving average of the model's weights, which the model gets after the training loop."""
    key = arguments.optimizer
    made, stepping = locate(script, record, SiteKind.OPTIMIZER, key), find_step_call(script, record, key)
    syntax, step = made.syntax, stepping.place.call
    model, loop = stepped_model_name(made, stepping), training_loop(syntax, step, made.call)
    if model is None or not _are_in_one_function(made, stepping.place) or loop is None:
        raise NotApplicable(f"the model, the optimizer and the loop around line {syntax.line(step)} are not together")
    name = free_name(syntax, "average")
    at_end = insert_after_block(syntax, loop, f"{model}.load_state_dict({name}.module.state_dict())")
    script = script.edit(syntax.file, at_end)
    again = find_step_call(script, record, key).place
    updated = insert_after(again.syntax, again.call, f"{name}.update_parameters({model})")
    script = script.edit(syntax.file, updated)
    again = locate(script, record, SiteKind.OPTIMIZER, key)
    averaging = f"{MODULE}.get_ema_multi_avg_fn({format_number(arguments.decay)})"
    code = f"{name} = {MODULE}.AveragedModel({model}, multi_avg_fn={averaging}, use_buffers=True)"
    return script.edit(syntax.file, import_module(syntax.file, insert_after(again.syntax, again.call, code), MODULE))


def _are_in_one_function(made: Place, stepped: Place) -> bool:
    """Return whether one function creates the optimizer and steps it."""
    functions = [function_around(place.syntax, place.call) for place in (made, stepped)]
    return made.syntax is stepped.syntax and functions[0] is functions[1]
