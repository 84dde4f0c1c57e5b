"""Every run that shows a symptom, and tables of tests made of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sick_dynamics import DYNAMICS
from sick_held import HELD
from sick_layers import LAYERS
from sick_metric import METRIC
from sick_statics import STATICS
from sick_wiring import WIRING

from descend.doctor.canon import CANON
from descend.doctor.record import Record
from descend.doctor.symptoms import Symptom

Run = Callable[..., Record]
RUNS: dict[Run, str] = {**WIRING, **STATICS, **DYNAMICS, **LAYERS, **HELD, **METRIC}  # -> the id that they show


def look(run: Run, **changes: Any) -> Symptom | None:
    """Look for the symptom that a run was made for."""
    return CANON[RUNS[run]].look(run(**changes))


def neighbours(table: Mapping[Run, Sequence[dict[str, Any]]]) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Yield each run with each of its changes."""
    return ((run, changes) for run, several in table.items() for changes in several)


def named(value: Any) -> str:
    """Name a test by its run and by what is changed."""
    if isinstance(value, dict):
        return ",".join(f"{name}={getattr(v, '__name__', v)}" for name, v in value.items()) or "as it is"
    return getattr(value, "__name__", "")
