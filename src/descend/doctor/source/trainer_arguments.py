"""Where a framework's trainer makes the optimizer or steps it, the numbers stand in the script's call of that trainer.

`TrainingArguments(learning_rate=…)` for Transformers, `Trainer(gradient_clip_val=…)` for Lightning.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument
from descend.doctor.source.syntax import last_name, parse


@dataclass(frozen=True)
class Framework:
    """What a framework's numbers are called, and what they are given to."""

    classes: frozenset[str]
    names: dict[str, str]  # torch's name of a number -> its name there


TRANSFORMERS = Framework(
    frozenset({"TrainingArguments", "Seq2SeqTrainingArguments"}),
    {
        "lr": "learning_rate",
        "weight_decay": "weight_decay",
        "batch_size": "per_device_train_batch_size",
        "max_norm": "max_grad_norm",
        "warmup_steps": "warmup_steps",
    },
)
LIGHTNING = Framework(frozenset({"Trainer"}), {"max_norm": "gradient_clip_val"})
FRAMEWORKS = {"transformers": TRANSFORMERS, "lightning": LIGHTNING, "pytorch_lightning": LIGHTNING}  # by package


def trainer_argument(
    script: Script, record: Record, key: str, given: tuple[str, Any], otherwise: NotApplicable
) -> Script | NotApplicable:
    """Give the trainer of the optimizer `key` an argument, by torch's name for it, and its value.

    Return `otherwise` where no framework trains, or its arguments are not written out in the script.
    """
    argument, value = given
    sites = [site for kind in ("optimizer", "step") if (site := record.site(kind, key)) is not None]
    inside = [(FRAMEWORKS[part], site) for site in sites for part in Path(site.file).parts if part in FRAMEWORKS]
    if not inside or (name := inside[0][0].names.get(argument)) is None:
        return otherwise
    framework, site = inside[0]
    syntax = parse(script.path, script.read(script.path))
    if isinstance(syntax, NotApplicable):
        return syntax
    calls = [call for call in syntax.every(cst.Call) if last_name(call.func) in framework.classes]
    if len(calls) != 1:
        return otherwise
    setting = Setting(name, None, name.replace("_", " "))
    edit = set_argument(Place(syntax, calls[0], site), setting, value, script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, syntax, [edit], setting.words)
