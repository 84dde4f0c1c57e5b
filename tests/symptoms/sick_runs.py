"""All runs that show a symptom, and helpers for tables of tests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sick_dynamics import DYNAMICS
from sick_held import HELD
from sick_layers import LAYERS
from sick_metric import METRIC
from sick_statics import STATICS
from sick_wiring import WIRING

from descend.doctor.assess.symptom import Symptom
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import Record

Run = Callable[..., Record]
RUNS: dict[Run, str] = {
    **WIRING,
    **STATICS,
    **DYNAMICS,
    **LAYERS,
    **HELD,
    **METRIC,
}  # run -> id of the problem that it shows


def look(run: Run, **changes: Any) -> Symptom | None:
    """Return the symptom that the run should show; None if it is not detected."""
    return detect(RUNS[run], run(**changes))


def neighbours(table: Mapping[Run, Sequence[dict[str, Any]]]) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Yield pairs of a run and one of the changes listed for it."""
    return ((run, changes) for run, several in table.items() for changes in several)


def named(value: Any) -> str:
    """Return the name of a test parameter: the run's name, or its changes."""
    if isinstance(value, dict):
        return ",".join(f"{name}={getattr(v, '__name__', v)}" for name, v in value.items()) or "unchanged"
    return getattr(value, "__name__", "")
