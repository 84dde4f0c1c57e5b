"""`descend export`: a recorded run's readings for other programs, as a Parquet table or as TensorBoard's events."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.doctor.commands.options import DEFAULT_STORE, Number, Where
from descend.ground.errors import UsageError

if TYPE_CHECKING:
    from descend.doctor.record import Record


class Kind(StrEnum):
    """What readings can be written as."""

    parquet = "parquet"
    tensorboard = "tensorboard"


def export(
    run: Number = None,
    kind: Annotated[Kind, typer.Option("--format", help="A table, or a folder that tensorboard --logdir shows.")] = (
        Kind.parquet
    ),
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Default: beside the run's report."),
    ] = None,
    store: Where = DEFAULT_STORE,
) -> None:
    r"""Write all measurements of a recorded run as Parquet or TensorBoard events, and print the path.

    A Parquet table has the columns name, place, step and value. It needs pip install 'descend\[export]'.
    """
    from descend.doctor.record.store import open_existing
    from descend.doctor.redaction.private import make_folder, prepare_file

    with open_existing(store) as kept:
        number = kept.number(run)
        record = kept.load(number)
        name = "readings.parquet" if kind is Kind.parquet else "tensorboard"
        path = output or kept.folder_of(number) / name
    try:
        if kind is Kind.parquet:
            make_folder(path.parent)
            prepare_file(path)
        else:
            make_folder(path)
        (_parquet if kind is Kind.parquet else _tensorboard)(record, path)
    except ModuleNotFoundError as error:
        raise UsageError(f"{kind} needs the Python package {error.name}: pip install 'descend[export]'") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    typer.echo(path)


def _parquet(record: "Record", path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    rows = [
        (*key, step, value) for key, (steps, values) in record.readings.items() for step, value in zip(steps, values)
    ]
    names, places, steps, values = zip(*rows) if rows else ((),) * 4
    table = pa.table(
        {
            "name": pa.array(names, pa.string()).dictionary_encode(),
            "place": pa.array(places, pa.string()).dictionary_encode(),
            "step": pa.array(steps, pa.int64()),
            "value": pa.array(values, pa.float64()),
        },
        metadata={"run": str(record.run), "script": record.script},
    )
    parquet.write_table(table, path)


def _tensorboard(record: "Record", path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(path))
    for (name, place), (steps, values) in record.readings.items():
        tag = f"{name}/{place}" if place else name
        for step, value in zip(steps, values):
            summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
            writer.add_event(Event(step=step, summary=summary))
    writer.close()
