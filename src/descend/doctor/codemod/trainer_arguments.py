"""Set arguments of a framework's trainer, for scripts in which the framework creates or steps the optimizer.

Examples are ``TrainingArguments(learning_rate=…)`` of Transformers and ``Trainer(gradient_clip_val=…)`` of Lightning.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import last_name, parse
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class Framework:
    """Classes of a framework that take training arguments, and the framework's names for torch's arguments."""

    classes: frozenset[str]
    names: dict[str, str]  # name of the argument in torch -> its name in the framework


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
FRAMEWORKS = {
    "transformers": TRANSFORMERS,
    "lightning": LIGHTNING,
    "pytorch_lightning": LIGHTNING,
}  # package -> framework


def set_trainer_argument(
    script: Script, record: Record, key: str, given: tuple[str, Any], otherwise: NotApplicable
) -> Script:
    """Return the script with a new value for a trainer's argument. `given` is its name in torch and the value.

    Raise `otherwise` if no framework trains, or if the trainer's arguments are not written out in the script.
    """
    argument, value = given
    sites = [site for kind in (SiteKind.OPTIMIZER, SiteKind.STEP) if (site := record.site(kind, key)) is not None]
    inside = [(FRAMEWORKS[part], site) for site in sites for part in Path(site.file).parts if part in FRAMEWORKS]
    if not inside or (name := inside[0][0].names.get(argument)) is None:
        raise otherwise
    framework, site = inside[0]
    syntax = parse(script.path, script.read(script.path))
    calls = [call for call in syntax.every(cst.Call) if last_name(call.func) in framework.classes]
    if len(calls) != 1:
        raise otherwise
    setting = Setting(name, None, name.replace("_", " "))
    edit = set_argument(Place(syntax, calls[0], site), setting, value, script, record)
    return apply_edits(script, syntax, [edit], setting.words)
