"""The edits of one choice as data: its optimizer, schedule, clipping, initialisation and settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, isclose, isfinite

from descend.core.errors import UsageError
from descend.doctor.assess.effective_rate import find_overriding_scheduler
from descend.doctor.changes.setting_values import literal_value
from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.not_applicable import AlreadySet, NotApplicable
from descend.doctor.codemod.replace_optimizer import NewOptimizer, replace_optimizer
from descend.doctor.codemod.unused_definitions import remove_unused_code
from descend.doctor.compare.choice import SAME_VALUE, Dimension, Values
from descend.doctor.compare.initialisers import set_initialiser
from descend.doctor.compare.known_optimizers import KnownOptimizer
from descend.doctor.compare.own_optimizer import OwnOptimizer, optimizer_label, set_learning_rate
from descend.doctor.compare.schedule_choices import SCHEDULES, set_schedule
from descend.doctor.compare.varied_setting import (
    LR,
    WEIGHT_DECAY,
    VariedSetting,
    set_clipping,
    set_if_new,
    value_text,
)
from descend.doctor.record import Record
from descend.doctor.remedies.optimizer_argument import OptimizerArgumentArguments, optimizer_argument
from descend.doctor.script.script import Script

NO_CLIPPING = 1e30  # threshold above every norm, because a patch cannot write infinity as a number


@dataclass(frozen=True)
class Recipe:
    """All edits of one choice. Without any, only the learning rate of the script's own optimizer is searched."""

    record: Record = field(repr=False)
    own: OwnOptimizer
    optimizer: KnownOptimizer | None = None  # the new optimizer; None for the script's own one
    schedule: str = ""  # name of the new schedule; "" for the script's own one
    initialiser: str = ""  # name of the new initialisation; "" for the script's own one
    clip: float | None = None  # new threshold of the gradient norm; None for the script's own one
    points: Mapping[VariedSetting, str] = field(default_factory=dict)  # settings with one new value, as text
    searched: Mapping[VariedSetting, Dimension] = field(default_factory=dict)  # settings that are searched

    @property
    def keeps_optimizer(self) -> bool:
        """Whether only searched settings, and settings of the script's optimizer, are changed."""
        is_own = (self.optimizer, self.schedule, self.initialiser, self.clip) == (None, "", "", None)
        return is_own and all(setting.argument for setting in self.points)

    @property
    def _rule(self) -> str:
        """The class name of the optimizer; "" if it is unknown."""
        return self.optimizer.class_name if self.optimizer is not None else self.own.rule

    @property
    def _swaps_class(self) -> bool:
        """Whether the optimizer's call is replaced by that of another class."""
        return self.optimizer is not None and not self.own.is_variant(self.optimizer)

    def has_setting(self, setting: VariedSetting) -> bool:
        """Return whether a setting exists in this choice: it is no optimizer argument, or its optimizer has it."""
        argument = setting.argument
        if not argument or argument == LR:
            return True
        if self._swaps_class and self.optimizer is not None:
            return self.optimizer.accepts(argument)
        return setting.is_defined or argument in self.own.settings

    @property
    def fixed(self) -> dict[str, float]:
        """The numeric settings of this choice that are not searched."""
        if self._swaps_class and self.optimizer is not None:
            settings = {name: float(value) for name, value in self.optimizer.settings.items()}
        else:
            settings = {**self.own.settings, **{name: float(value) for name, value in self._variant.items()}}
        settings |= {s.argument or s.name: n for s, text in self.points.items() if (n := _as_number(text)) is not None}
        for setting in self.searched:
            settings.pop(setting.argument, None)
        return settings

    @property
    def _variant(self) -> Mapping[str, float | bool]:
        """The settings that turn the script's optimizer into another one of its class, such as Nesterov momentum."""
        if self.optimizer is None:
            return {}
        given = {setting.argument for setting in (*self.points, *self.searched)}
        return {n: value for n, value in self.own.missing_settings(self.optimizer).items() if n not in given}

    @property
    def label(self) -> str:
        """The name of the choice: "AdamW", or "SGD with momentum 0.9 and linear decay, batch_size 16"."""
        name = optimizer_label(self._rule, self.fixed)
        if self.schedule:
            name += f"{' and' if ' with ' in name else ' with'} {SCHEDULES[self.schedule].label}"
        added = [f"{self.initialiser} initialisation"] if self.initialiser else []
        if self.clip is not None:
            added.append(f"gradient norm clipped at {self.clip:g}" if isfinite(self.clip) else "no clipping")
        added += [f"{setting.name} {text}" for setting, text in self.points.items() if setting.argument != "momentum"]
        return ", ".join([name, *added])

    @property
    def family(self) -> str:
        """The name of the family of choices that differ only in numbers."""
        texts = [f"{s.name} {text}" for s, text in self.points.items() if _as_number(text) is None]
        clip = [] if self.clip is None else [f"clip {self.clip:g}"]
        return ", ".join([self._rule, *filter(None, [self.schedule, self.initialiser]), *clip, *texts])

    def edit(self, script: Script, values: Values) -> Script:
        """Return the script with this choice and the given values of the searched settings.

        Raises `NotApplicable` if an edit cannot be made. Searched numbers are written with three significant digits.
        """
        try:
            return remove_unused_code(script, self._edited(script, values))
        except (OSError, UsageError, NotApplicable):
            raise
        except Exception as error:  # Even if an edit fails on an unusual script, the other choices are compared.
            raise NotApplicable(f"this is a bug in descend: the edit raised {type(error).__name__}: {error}") from error

    def _edited(self, script: Script, values: Values) -> Script:
        """Return the script after all edits. The optimizer is last, so that recorded source lines are still found."""
        texts = dict(self.points)
        for setting, dimension in self.searched.items():
            texts[setting] = value_text(values[dimension.name], is_integer=dimension.is_integer)
        arguments: dict[str, str] = {}
        edited = script
        for setting, text in texts.items():
            if self._is_argument_of_new_call(setting):
                arguments[setting.argument] = text
            elif setting.set_value is not None and self._needs_edit(setting, values):
                edited = set_if_new(setting.set_value, edited, text)
        if self.schedule:
            has_schedule = self.own.has_schedule
            edited = set_schedule(edited, self.record, self.own.key, self.schedule, has_schedule=has_schedule)
        if self.clip is not None:
            threshold = self.clip if self.clip < inf else NO_CLIPPING
            edited = set_clipping(edited, self.record, self.own.key, threshold)
        if self.initialiser:
            edited = set_initialiser(edited, self.record, self.own.key, self.initialiser)
        rate = values.get(LR, _as_number(next((t for s, t in self.points.items() if s.argument == LR), "")))
        return self._with_optimizer(edited, rate, arguments)

    def _needs_edit(self, setting: VariedSetting, values: Values) -> bool:
        """Return whether a setting's value differs from the present one."""
        value, present = values.get(setting.name), setting.number
        return value is None or present is None or not isclose(value, present, rel_tol=SAME_VALUE)

    def _is_argument_of_new_call(self, setting: VariedSetting) -> bool:
        """Return whether a setting is an argument that the call of the new optimizer does not take from the old one."""
        if not self._swaps_class or not setting.argument or setting.argument == LR:
            return False
        return not (setting.is_defined and setting.argument == WEIGHT_DECAY)

    def _with_optimizer(self, script: Script, rate: float | None, arguments: Mapping[str, str]) -> Script:
        """Return the script with the optimizer of this choice, its learning rate and its arguments."""
        record, own = self.record, self.own
        if self._swaps_class and self.optimizer is not None:
            given = {name: literal_value(text) for name, text in arguments.items()}
            lr = float(format_number(self.optimizer.lr if rate is None else rate))
            new = NewOptimizer(self.optimizer.class_name, lr, {**self.optimizer.settings, **given})
            return replace_optimizer(script, record, own.key, new, own.lr, find_overriding_scheduler(record))
        for name, value in self._variant.items():
            default = None if value else value  # Without momentum, which is the default, the argument is removed.
            script = optimizer_argument(script, record, OptimizerArgumentArguments(name, value, default, own.key))
        keeps_schedule = not (self.schedule and own.has_schedule)
        if rate is None or keeps_schedule and isclose(rate, own.lr, rel_tol=SAME_VALUE):
            return script
        try:
            return set_learning_rate(script, record, own, rate)
        except AlreadySet:
            return script


def _as_number(text: str) -> float | None:
    """Return the number that a text states; None for another text."""
    value = literal_value(text.strip())
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
