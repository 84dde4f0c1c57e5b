"""Turn off shuffling in loaders of inputs and targets that are paired by position.

Equal seeds would not suffice: `zip` stops before the second loader's last draw, so the orders differ in the next epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from descend.doctor.codemod.argument_edits import apply_edits, loader_setting, set_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class KeepOrderArguments:
    """Arguments of the remedy `keep_order`, which turns off shuffling."""

    loaders: Sequence[str]  # indices of the data loaders in the script, as strings: "0" for the first


def keep_order(script: Script, record: Record, arguments: KeepOrderArguments) -> Script:
    """Turn off shuffling in data loaders whose batches the script pairs by position, such as inputs and targets."""
    for key in arguments.loaders:
        place = locate(script, record, SiteKind.LOADER, key)
        setting = loader_setting(place, "shuffle", 2, "shuffling")
        edit = set_argument(place, setting, False, script, record)
        script = apply_edits(script, place.syntax, [edit], setting.words)
    return script
