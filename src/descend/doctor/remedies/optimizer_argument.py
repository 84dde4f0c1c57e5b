"""Change one argument of the optimizer, such as weight decay, momentum or betas."""

from dataclasses import dataclass, replace
from typing import Any

from descend.doctor.codemod.argument_edits import Setting, apply_edits, find_setting, set_argument
from descend.doctor.codemod.arguments import (
    accepts_argument,
    argument_position,
    find_argument,
    has_group_argument,
    makes_optimizer,
    with_arguments,
)
from descend.doctor.codemod.literals import is_number
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.overwritten_setting import find_overwriting_statement, set_overwritten_value
from descend.doctor.codemod.syntax import last_name
from descend.doctor.codemod.trainer_arguments import set_trainer_argument
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script

WORDS = {"lr": "learning rate"}


@dataclass(frozen=True)
class OptimizerArgumentArguments:
    """Arguments of the remedy `optimizer_argument`, which sets one argument of the optimizer."""

    argument: str
    value: Any
    default: Any = None  # value that the optimizer uses if its call omits the argument
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def optimizer_argument(script: Script, record: Record, arguments: OptimizerArgumentArguments) -> Script:
    """Set one argument in the optimizer's call; if the new value is the default, remove the argument."""
    key = arguments.optimizer
    try:
        place = locate(script, record, SiteKind.OPTIMIZER, key)
    except NotApplicable as refused:
        return set_trainer_argument(script, record, key, (arguments.argument, arguments.value), refused)
    optimizer = record.fact(facts.Optimizer, key)
    now = optimizer.settings.get(arguments.argument) if optimizer else None
    setting = replace(_describe_argument(place, arguments.argument), now=now)
    if (found := find_overwriting_statement(script, record, key, setting.name)) is not None and setting.name != "lr":
        return set_overwritten_value(script, record, found, (setting.name, setting.words), arguments.value)
    if reason := _obstacle_message(place, setting, arguments):
        raise NotApplicable(reason)
    if (text := _without_argument(place, setting, arguments)) is not None:
        return script.edit(place.syntax.file, text)
    edit = set_argument(place, setting, arguments.value, script, record)
    return apply_edits(script, place.syntax, [edit], setting.words)


def _without_argument(place: Place, setting: Setting, arguments: OptimizerArgumentArguments) -> str | None:
    """Return the file's source without the argument, if its new value is the optimizer's default; else None."""
    given = find_argument(place.call, setting.name, None)
    if given is None or not setting.is_own or arguments.value != arguments.default or not is_number(given.value):
        return None
    others = [argument for argument in place.call.args if argument is not given]
    return place.syntax.replace(place.call, with_arguments(place.call, others))


def _describe_argument(place: Place, name: str) -> Setting:
    """Return the name and position of an argument in the optimizer's call, and what messages call it."""
    index = 1 if name == "lr" else argument_position(_called_name(place), name)
    return Setting(name, index, WORDS.get(name, name.replace("_", " ")), makes_optimizer(place))


def _called_name(place: Place) -> str:
    """Return the name that the source calls to make the optimizer: its class, such as "SGD", or a function."""
    called = last_name(place.call.func)
    return place.site.detail if is_call_of(place.syntax, place.call, place.site.detail) else called


def _obstacle_message(place: Place, setting: Setting, arguments: OptimizerArgumentArguments) -> str:
    """Return why the argument cannot be set, or "" if it can."""
    rule, value = _called_name(place), arguments.value
    if has_group_argument(place.syntax, place.call, setting.name):
        plural = setting.words if setting.words.endswith("s") else f"{setting.words}s"
        return f"the parameter groups have their own {plural}"
    if setting.is_own and not place.call.args:
        return "the optimizer is created without parameters"
    nesterov = find_argument(place.call, "nesterov", argument_position(rule, "nesterov"))
    if setting.name == "momentum" and not value and nesterov and place.syntax.code(nesterov.value) != "False":
        return f"Nesterov momentum in line {place.syntax.line(place.call)} needs a momentum above 0"
    try:
        is_given = find_setting(place, setting) is not None
    except NotApplicable:
        is_given = True  # The call unpacks a dict: the number may be in a configuration file.
    if is_given:
        return ""
    if not accepts_argument(rule, setting.name):
        return f"{rule} takes no {setting.words}"
    return f"the {setting.words} is {value} already" if value == arguments.default else ""
