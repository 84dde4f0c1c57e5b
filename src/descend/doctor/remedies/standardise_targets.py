"""Standardise the targets to mean 0 and standard deviation 1, with a model whose outputs keep their unit.

Loss, metrics and predictions stay in the unit of the targets. The model's own `forward` scales its output if the source
shows a single model with one `forward`, and if the optimizer's steps do not depend on the gradient's scale. Otherwise a
hook does. For targets that are not numbers or rows of numbers, the patch calls `descend.network.standardise_targets`.
"""

from functools import partial

from descend.doctor.codemod.aliases import name_at
from descend.doctor.codemod.data_source import DataSource
from descend.doctor.codemod.full_dataset import device_transfer, read_parameter, read_statement
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.loss_targets import find_targets
from descend.doctor.codemod.model_buffers import add_buffers, buffer_statements, rewrite_output
from descend.doctor.codemod.names import free_name
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.training_call import training_call
from descend.doctor.codemod.training_data import (
    TrainingData,
    find_training_data,
    fit_location,
    hookable_model,
    insert_fit,
)
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.remedies.standardise_inputs import may_be_wrapped
from descend.doctor.script.script import Script

HOOK = '''
def in_own_unit(module, args, output):
{learnt}    return module.target_mean + module.target_std * {name}


def standardise_targets(model, {data}):
    """Let `model` learn targets of mean 0 and standard deviation 1, and answer in their own unit."""
{read}
    model.register_buffer("target_mean", targets.mean({over}){to})
    model.register_buffer("target_std", targets.std({over}){to})
{constant}    model.register_forward_hook(in_own_unit)
'''
LEARNT = """\
    # the gradient is that of a squared error of targets with standard deviation 1
    learnt = output.detach() + (output - output.detach()) / module.target_std**2
"""
IN_FORWARD = "self.target_mean + self.target_std * {}"
CONSTANT = "    model.target_std[model.target_std == 0] = 1  # quantities that never change\n"
SCALE_FREE = frozenset(  # optimizers
    ("Adam", "Adamax", "NAdam", "RAdam", "AdamW", "RMSprop", "Rprop")
    + ("Adafactor", "Lion", "Muon", "SOAP", "ScheduleFreeAdamW")
)
# parts of the names of losses whose targets are classes
CLASSES = ("cross_entropy", "crossentropy", "nll", "bce", "hinge", "margin")


def standardise_targets(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Let the model learn standardised targets, and scale its output to the targets' unit in `forward` or by a hook."""
    feed, loss = _training_targets(script, record)
    if (by_itself := if_applicable(_scale_in_forward, script, record, feed, loss)) is not None:
        return by_itself
    return insert_fit(script, loss.syntax, feed, "standardise_targets", partial(_standardising_code, record, loss))


def _training_targets(script: Script, record: Record) -> tuple[TrainingData, Place]:
    """Return the data that contain the targets, and the call of the loss. Raise NotApplicable for class targets."""
    called, loss = training_call(script, record), locate(script, record, SiteKind.LOSS)
    model = hookable_model(called)
    syntax, line = loss.syntax, loss.syntax.line(loss.call)
    if kind := _class_loss_name(record):
        raise NotApplicable(f"the targets of {kind} are classes, not numbers")
    name = _model_variable_at_loss(called, model, loss)
    targets = find_targets(syntax, loss.call)
    if name is None:
        raise NotApplicable(f"line {line} is outside the scope of the model's variable")
    if targets is None:
        raise NotApplicable(f"line {line} does not contain the targets of the loss")
    return find_training_data(syntax, name, targets, loss.call, part=1), loss


def _ignores_gradient_scale(record: Record) -> bool:
    """Return whether the optimizer's steps are independent of the gradient's scale, as those of Adam are."""
    rule = record.fact(facts.Optimizer, "0")
    return rule is not None and rule.rule in SCALE_FREE


def _scale_in_forward(script: Script, record: Record, feed: TrainingData, loss: Place) -> Script:
    """Return the script in which the model stores the targets' statistics and scales its output in `forward`."""
    syntax, carried = loss.syntax, fit_location(loss.syntax, feed)
    several, targets = _are_targets_rows(record, loss, carried.source), free_name(syntax, "targets")
    if several is None or not _ignores_gradient_scale(record) or not read_statement(carried.source, targets, ""):
        raise NotApplicable("the optimizer's steps depend on the gradient's scale, or the targets are not numeric")

    def lines(data: str) -> list[str]:
        """Return the lines of source code that store the targets' mean and standard deviation in the model."""
        over = ("0", "quantities") if several else ("", "")
        return [
            read_statement(carried.source, targets, data),
            *buffer_statements(syntax, carried.model, "target", targets, *over),
        ]

    return add_buffers(script, record, syntax, carried, lines, rewrite_output(IN_FORWARD))


def _are_targets_rows(record: Record, loss: Place, source: DataSource) -> bool | None:
    """Return True if each target is a row of several numbers, False if it is one number, None if it is neither."""
    given, targets = record.fact(facts.LossInput), record.fact(facts.Targets)
    if given is None or targets is None or targets.mean is None or not targets.finite:
        return None
    shape = given.target_shape
    if not shape or len(shape) > 2 or may_be_wrapped(record, loss.syntax):
        return None
    several = len(shape) == 2 and shape[1] > 1
    return None if several and source.reshaped else several


def _standardising_code(record: Record, loss: Place, source: DataSource) -> str:
    """Return the source code of a function that standardises the targets; "" if the shape of the targets is unknown."""
    several, read = _are_targets_rows(record, loss, source), read_parameter(source, "targets")
    if several is None or read is None:
        return ""
    any_scale = _ignores_gradient_scale(record)
    return HOOK.format(
        learnt="" if any_scale else LEARNT,
        name="output" if any_scale else "learnt",
        data=read.parameter,
        read=read.lines,
        over="0" if several else "",
        to=device_transfer(loss.syntax.module.code),
        constant=CONSTANT if several else "",
    )


def _model_variable_at_loss(called: Place, model: str, loss: Place) -> str | None:
    """Return the variable that holds the model in the function that computes the loss, or None."""
    syntax = loss.syntax
    if called.syntax is not syntax:
        return None
    homes = [function_around(syntax, place.call) for place in (called, loss)]
    return model if homes[0] == homes[1] else name_at(syntax, called.call, model, loss.call)


def _class_loss_name(record: Record) -> str:
    """Return the name of the recorded loss, such as "cross_entropy", if its targets are classes; else ""."""
    details = [site.detail for site in record.sites if site.kind in (SiteKind.LOSS, SiteKind.LOSS_MODULE)]
    return next((detail for detail in details if any(word in detail.lower() for word in CLASSES)), "")
