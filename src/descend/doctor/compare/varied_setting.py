"""A setting that `--set` varies: its definition in the script, or else the remedy that sets it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isclose

from descend.core.errors import UsageError
from descend.doctor.assess.batches import mean_batch_size
from descend.doctor.changes.setting_name import is_same_name, normalise, parse_name
from descend.doctor.changes.setting_values import literal_value
from descend.doctor.changes.settings import find_setting, set_setting
from descend.doctor.codemod.arguments import POSITIONAL_ORDER, format_number
from descend.doctor.codemod.not_applicable import AlreadySet, NotApplicable, if_applicable
from descend.doctor.compare.choice import SAME_VALUE, Dimension
from descend.doctor.compare.own_optimizer import OwnOptimizer
from descend.doctor.compare.requested import RequestedSetting
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.arguments import ClippingArguments
from descend.doctor.remedies.batch_size import BatchSizeArguments, batch_size
from descend.doctor.remedies.clip_gradients import clip_gradients
from descend.doctor.remedies.clip_threshold import clip_threshold
from descend.doctor.remedies.optimizer_argument import OptimizerArgumentArguments, optimizer_argument
from descend.doctor.script.script import Script

LR, WEIGHT_DECAY, BATCH_SIZE, MAX_NORM = "lr", "weight_decay", "batch_size", "max_norm"
LOG_RATIO = 10.0  # A range is searched on a logarithmic scale if its limits differ by at least this factor.
NOT_NUMBERS = frozenset("params betas etas step_sizes ns_coefficients adjust_lr_fn line_search_fn".split())
# names of the arguments of optimizers that are numbers, except the learning rate
ARGUMENTS = frozenset(name for order in POSITIONAL_ORDER.values() for name in order.split()) - NOT_NUMBERS - {LR}
SetValue = Callable[[Script, str], Script]  # returns the script with a new value, given as text


@dataclass(frozen=True)
class VariedSetting:
    """A setting of the script, its present value, and the function that sets it."""

    name: str  # as the user typed it; `lr` for the learning rate
    # Sets the value; None for the learning rate, and for an argument that only another optimizer has.
    set_value: SetValue | None
    present: str = ""  # the present value as text; "" if it is unknown
    argument: str = ""  # its name as an argument of the optimizer; "" for another setting
    is_defined: bool = False  # whether the script defines it, so that the definition is edited

    @property
    def number(self) -> float | None:
        """The present value as a number; None if it is no number."""
        value = literal_value(self.present)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def is_present(self, text: str) -> bool:
        """Return whether a text states the present value."""
        value = literal_value(text.strip())
        if self.number is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return isclose(value, self.number, rel_tol=SAME_VALUE)
        return text.strip() == self.present or value == literal_value(self.present)

    def dimension(self, limits: tuple[float, float]) -> Dimension:
        """Return the dimension of the search between two limits. Raises `UsageError` if the value is no number."""
        low, high = limits
        if self.present and self.number is None:
            raise UsageError(f"--set {self.name}={low:g}:{high:g}: its value is {self.present}, not a number")
        is_log = low > 0 and high / low >= LOG_RATIO
        is_whole = isinstance(literal_value(self.present), int) or self.argument == "" and self.name == BATCH_SIZE
        return Dimension(self.name, low, high, is_log, is_whole and low.is_integer() and high.is_integer())


def check_settings(script: Script, requested: Sequence[RequestedSetting]) -> None:
    """Raise `UsageError` for a setting that the script lacks, or defines more than once, unless a remedy may set it.

    That is known before the script has run.
    """
    for setting in requested:
        if not is_same_name(_last_part(setting.name), LR) and not _argument_of(setting.name):
            find_setting(script, setting.name)


def vary_setting(script: Script, record: Record, own: OwnOptimizer, requested: RequestedSetting) -> VariedSetting:
    """Return the setting that a name denotes. Raises `UsageError` if the script has none and no remedy sets it."""
    if is_same_name(_last_part(requested.name), LR):
        return VariedSetting(LR, None, repr(own.lr) if own.lr else "", LR)
    argument = _argument_of(requested.name)
    try:
        found = find_setting(script, requested.name)
    except UsageError:
        if (remedied := _remedied_setting(script, record, own, requested, argument)) is not None:
            return remedied
        raise
    defined = VariedSetting(requested.name, partial(_set_defined, requested.name), found.text, is_defined=True)
    now = own.settings.get(argument)
    # A setting such as `alpha` may have another purpose. It is the optimizer's if it has the recorded value.
    is_of_optimizer = now is not None and defined.number is not None and isclose(now, defined.number)
    return replace(defined, argument=argument) if is_of_optimizer else defined


def _last_part(name: str) -> str:
    """Return the last part of a setting's dotted name, in lower case."""
    return normalise(parse_name(name).parts[-1])


def _argument_of(name: str) -> str:
    """Return the argument that a remedy may set for a setting of this name; "" if no remedy can set it."""
    last = _last_part(name)
    return next((known for known in (*ARGUMENTS, MAX_NORM, BATCH_SIZE) if is_same_name(last, known)), "")


def _set_defined(name: str, script: Script, text: str) -> Script:
    """Return the script with a new value of a setting that it defines."""
    return set_setting(script, name, text)


def _remedied_setting(
    script: Script, record: Record, own: OwnOptimizer, requested: RequestedSetting, argument: str
) -> VariedSetting | None:
    """Return a setting that the script does not define, but a remedy can set; None if no remedy can."""
    name = requested.name
    if argument == MAX_NORM:
        clip = record.fact(facts.Clip)
        return VariedSetting(name, partial(_set_clipping, record, own.key), repr(clip.limit) if clip else "")
    if argument == BATCH_SIZE:
        set_size = partial(_set_batch_size, record, own.key)
        trial = [*requested.values, *(f"{limit:g}" for limit in requested.limits or ())][0]
        is_possible = if_applicable(set_if_new, set_size, script, trial) is not None
        return VariedSetting(name, set_size, _batch_size(record)) if is_possible else None
    if argument in ARGUMENTS:
        now = own.settings.get(argument)
        set_argument = partial(_set_argument, record, own.key, argument)
        return VariedSetting(name, set_argument, "" if now is None else repr(now), argument)
    return None


def _batch_size(record: Record) -> str:
    """Return the recorded batch size as text: of the first data loader, or of the first batches; "" if unclear."""
    loader = record.fact(facts.Loader, "0")
    size = loader.batch_size if loader is not None and loader.batch_size else mean_batch_size(record)
    return str(int(size)) if size and int(size) == size else ""


def _set_batch_size(record: Record, key: str, script: Script, text: str) -> Script:
    """Return the script with a new batch size."""
    return batch_size(script, record, BatchSizeArguments(int(_number("batch_size", text)), optimizer=key))


def _set_argument(record: Record, key: str, argument: str, script: Script, text: str) -> Script:
    """Return the script with a new value of an argument of its optimizer."""
    value = literal_value(text.strip())
    return optimizer_argument(script, record, OptimizerArgumentArguments(argument, value, optimizer=key))


def _set_clipping(record: Record, key: str, script: Script, text: str) -> Script:
    """Return the script with a new threshold of the gradient norm."""
    return set_clipping(script, record, key, _number(MAX_NORM, text))


def set_clipping(script: Script, record: Record, key: str, threshold: float) -> Script:
    """Return the script with a threshold of the gradient norm: the present one is changed, or clipping is added."""
    edit = clip_gradients if record.site(SiteKind.CLIP) is None else clip_threshold
    return edit(script, record, ClippingArguments(threshold, optimizer=key))


def set_if_new(set_value: SetValue, script: Script, text: str) -> Script:
    """Return the script with a new value, or the script itself if it has this value already."""
    try:
        return set_value(script, text)
    except AlreadySet:
        return script


def value_text(value: float, *, is_integer: bool) -> str:
    """Return the value of a searched setting as it is written in a script, with at most three significant digits."""
    return str(round(value)) if is_integer else format_number(value)


def _number(name: str, text: str) -> float:
    """Return the number that a text states. Raises `NotApplicable` for another text."""
    try:
        return float(text)
    except ValueError:
        raise NotApplicable(f"{name} must be a number, not {text}") from None
