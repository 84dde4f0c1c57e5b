"""Where a Transformers Trainer makes the optimizer, its numbers stand in the script's `TrainingArguments(...)`."""

from pathlib import Path
from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.locate import Place
from descend.source.not_applicable import NotApplicable
from descend.source.setting import Setting, apply, set_argument
from descend.source.syntax import last_name, parse

CLASSES = frozenset({"TrainingArguments", "Seq2SeqTrainingArguments"})
NAMES = {"lr": "learning_rate", "weight_decay": "weight_decay"}  # the optimizer's names in theirs


def trainer_argument(
    script: Script, record: Record, dose: dict[str, Any], otherwise: NotApplicable
) -> Script | NotApplicable:
    """Give the one `TrainingArguments` of the script the optimizer's argument `dose["argument"]`.

    Return `otherwise` where the optimizer is not the Trainer's, or its arguments are not written out in the script.
    """
    site = record.site("optimizer", dose.get("optimizer", "0"))
    name = NAMES.get(dose["argument"])
    if site is None or name is None or "transformers" not in Path(site.file).parts:
        return otherwise
    syntax = parse(script.path, script.read(script.path))
    if isinstance(syntax, NotApplicable):
        return syntax
    calls = [call for call in syntax.every(cst.Call) if last_name(call.func) in CLASSES]
    if len(calls) != 1:
        return otherwise
    setting = Setting(name, None, name.replace("_", " "))
    edit = set_argument(Place(syntax, calls[0], site), setting, dose["value"], script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, syntax, [edit], setting.words)
