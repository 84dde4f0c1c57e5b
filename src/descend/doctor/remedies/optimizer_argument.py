"""Another value for one argument of the optimizer: weight decay, momentum, betas."""

from dataclasses import replace
from typing import Any

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import (
    find_argument,
    is_in_groups,
    makes_optimizer,
    place_in,
    takes,
    with_arguments,
)
from descend.doctor.source.literals import is_number
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.overwritten import overwrite, overwriting
from descend.doctor.source.setting import Setting, apply, find_setting, set_argument
from descend.doctor.source.syntax import last_name
from descend.doctor.source.trainer_arguments import trainer_argument

WORDS = {"lr": "learning rate"}


def optimizer_argument(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the argument `dose["argument"]` of the optimizer the value `dose["value"]`.

    `dose["default"]` is what it is where the call does not give it.
    """
    key = dose.get("optimizer", "0")
    place = locate(script, record, "optimizer", key)
    if isinstance(place, NotApplicable):
        return trainer_argument(script, record, key, (dose["argument"], dose["value"]), place)
    optimizer = record.fact(facts.Optimizer, key)
    now = optimizer.settings.get(dose["argument"]) if optimizer else None
    setting = replace(_setting(place, dose["argument"]), now=now)
    if (found := overwriting(script, record, key, setting.name)) is not None and setting.name != "lr":
        return overwrite(script, record, found, (setting.name, setting.words), dose["value"])
    if reason := _obstacle(place, setting, dose):
        return NotApplicable(reason)
    if (text := _without(place, setting, dose)) is not None:
        return script.edit(place.syntax.file, text)
    edit = set_argument(place, setting, dose["value"], script, record)
    if isinstance(edit, NotApplicable):
        return edit
    return apply(script, place.syntax, [edit], setting.words)


def _without(place: Place, setting: Setting, dose: dict[str, Any]) -> str | None:
    """Return the text in which the argument is left out: by its keyword and a number of its own, to be the default."""
    given = find_argument(place.call, setting.name, None)
    if given is None or not setting.is_own or dose["value"] != dose.get("default") or not is_number(given.value):
        return None
    others = [argument for argument in place.call.args if argument is not given]
    return place.syntax.replace(place.call, with_arguments(place.call, others))


def _setting(place: Place, name: str) -> Setting:
    index = 1 if name == "lr" else place_in(_rule(place), name)
    return Setting(name, index, WORDS.get(name, name.replace("_", " ")), makes_optimizer(place))


def _rule(place: Place) -> str:
    """Return the optimizer's class where the call itself names it."""
    called = last_name(place.call.func)
    return place.site.detail if is_call_of(place.syntax, place.call, place.site.detail) else called


def _obstacle(place: Place, setting: Setting, dose: dict[str, Any]) -> str:
    rule, value = _rule(place), dose["value"]
    if is_in_groups(place.syntax, place.call, setting.name):
        plural = setting.words if setting.words.endswith("s") else f"{setting.words}s"
        return f"the parameter groups have {plural} of their own"
    if setting.is_own and not place.call.args:
        return "the optimizer is made without parameters"
    nesterov = find_argument(place.call, "nesterov", place_in(rule, "nesterov"))
    if setting.name == "momentum" and not value and nesterov and place.syntax.code(nesterov.value) != "False":
        return f"Nesterov's rule in line {place.syntax.line(place.call)} needs a momentum"
    if find_setting(place, setting) is not None:
        return ""
    if not takes(rule, setting.name):
        return f"{rule} takes no {setting.words}"
    return f"the {setting.words} is {value} already" if value == dose.get("default") else ""
