"""Loaders that keep the order of their data, so that what belongs together stays together.

Generators seeded alike would not do: `zip` leaves the second loader's last draw out, and they part in the next epoch.
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import apply, loader_setting, set_argument


def keep_order(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let none of the loaders `dose["loaders"]` shuffle."""
    for key in dose["loaders"]:
        place = locate(script, record, "loader", key)
        if isinstance(place, NotApplicable):
            return place
        setting = loader_setting(place, "shuffle", 2, "shuffling")
        edit = set_argument(place, setting, False, script, record)
        edited = edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], setting.words)
        if isinstance(edited, NotApplicable):
            return edited
        script = edited
    return script
