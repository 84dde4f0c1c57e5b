"""Read the options of `descend compare` that say what is compared: optimizers, settings, schedules, initialisers."""

import re
from collections.abc import Callable, Sequence
from math import isnan

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.changes.setting_name import is_same_name, normalise, parse_name
from descend.doctor.compare.initialisers import find_initialiser
from descend.doctor.compare.known_optimizers import find_optimizer
from descend.doctor.compare.requested import Requested, RequestedSetting
from descend.doctor.compare.schedule_choices import find_schedule

NO_CLIPPING_NAMES = frozenset({"none", "off"})  # texts for a threshold of infinity, in addition to "inf"


def read_requested(
    optimizers: str = "",
    settings: Sequence[str] = (),
    schedules: str = "",
    initialisers: str = "",
    clip: str = "",
    find_lr: bool = False,
) -> Requested:
    """Return the requested choices. All texts but the settings are comma-separated lists, "" for an empty one.

    settings: texts such as "lr=1e-4:1e-1" (a range) or "batch_size=16,64" (a list). Raises `UsageError` for a wrong
    value.
    """
    read = [_read_setting(part, text) for text in settings for part in re.split(r",(?=[^,=]+=)", text)]
    for setting in read:
        if sum(is_same_name(setting.name, other.name) for other in read) > 1:
            raise UsageError(f"--set names {shortened(setting.name)} more than once: give all its values in one list")
    return Requested(
        _read_list("--optimizers", optimizers, lambda text: find_optimizer(text).name),
        tuple(read),
        _read_list("--schedules", schedules, find_schedule),
        _read_list("--initialisers", initialisers, find_initialiser),
        tuple(_read_threshold(text) for text in _read_list("--clip", clip, str.strip)),
        find_lr,
    )


def _read_list(option: str, text: str, read: Callable[[str], str]) -> tuple[str, ...]:
    """Return the parts of a comma-separated list as `read` returns them, without repetitions."""
    if not text:
        return ()
    parts = text.split(",")
    if not all(part.strip() for part in parts):
        raise UsageError(
            f"{option} has an empty part: write it as a list such as A,B, not {shortened(text) or repr('')}"
        )
    return tuple(dict.fromkeys(map(read, parts)))


def _read_setting(text: str, whole: str) -> RequestedSetting:
    """Return the setting that one part of `--set` varies. whole: the text of the whole option, for messages."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (equals and name and value):
        raise UsageError(f"--set must be NAME=LOW:HIGH or NAME=A,B, such as lr=1e-4:1e-1, not {shortened(whole)}")
    parse_name(name)
    if ":" in value and "," not in value:
        return RequestedSetting(name, limits=_read_limits(name, value))
    values = _read_list(f"--set {name}", value, str.strip)
    if len(values) == 1:
        raise UsageError(
            f"--set {shortened(text)} is one value: write a range, {name}=LOW:HIGH, or a list, {name}=A,B; "
            f"descend prove --set {shortened(text)} tests one value"
        )
    if is_same_name(_last(name), "lr"):
        for each in values:
            _require_positive(name, each, _read_number(f"--set {name}", each))
    return RequestedSetting(name, values)


def _read_limits(name: str, text: str) -> tuple[float, float]:
    """Return the limits of a range such as 1e-4:1e-1."""
    parts = text.split(":")
    if len(parts) != 2:
        raise UsageError(f"--set {name}={shortened(text)} is no range: write two limits, LOW:HIGH")
    low, high = (_read_number(f"--set {name}", part) for part in parts)
    if low > high:
        raise UsageError(
            f"--set {name}={text}: the limits are reversed; write {name}={parts[1].strip()}:{parts[0].strip()}"
        )
    if low == high:
        raise UsageError(
            f"--set {name}={text}: the limits are equal; descend prove --set {name}={parts[0]} tests one value"
        )
    if is_same_name(_last(name), "lr"):
        _require_positive(name, parts[0], low)
    return low, high


def _last(name: str) -> str:
    """Return the last part of the name of a setting, in lower case with underscores."""
    return normalise(parse_name(name).parts[-1])


def _require_positive(name: str, text: str, value: float) -> None:
    """Raise `UsageError` unless a learning rate is above 0."""
    if value <= 0:
        raise UsageError(f"--set {name}: a learning rate must be above 0, not {shortened(text)}")


def _read_number(option: str, text: str) -> float:
    """Return the finite number that a text states."""
    try:
        value = float(text)
    except ValueError:
        raise UsageError(f"{option}: {shortened(text) or repr('')} is not a number") from None
    if isnan(value) or value in (float("inf"), float("-inf")):
        raise UsageError(f"{option}: {shortened(text)} is not a finite number")
    return value


def _read_threshold(text: str) -> float:
    """Return a threshold of the gradient norm; infinity for no clipping."""
    if text.lower() in NO_CLIPPING_NAMES or text.lower() == "inf":
        return float("inf")
    value = _read_number("--clip", text)
    if value <= 0:
        raise UsageError(f"--clip: a threshold must be above 0 (none: no clipping), not {shortened(text)}")
    return value
