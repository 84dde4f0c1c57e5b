"""The share that a new batch has in a normalisation's running statistics, the same in all of its layers.

torch.nn.BatchNorm2d(64, momentum=0.1): Keras and the papers write the same as momentum 0.9.
"""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting
from descend.doctor.source.together import set_at_once

WORDS = "momentum of the running statistics"


def statistics_momentum(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give every layer with running statistics the momentum `dose["momentum"]`."""
    return set_at_once(
        script, record, "running_statistics", "the normalisation is made", _setting, float(dose["momentum"])
    )


def _setting(place: Place) -> Setting:
    return Setting("momentum", 2, WORDS, is_call_of(place.syntax, place.call, place.site.detail))
