"""`descend export`: write the measurements of a recorded run as a Parquet table or as TensorBoard events."""

from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from descend.core.errors import UsageError
from descend.doctor.commands.options import DEFAULT_STORE, Number, Where

if TYPE_CHECKING:
    from descend.doctor.record import Record


class ExportFormat(StrEnum):
    """The file format of the exported measurements."""

    parquet = "parquet"
    tensorboard = "tensorboard"


def export(
    run: Number = None,
    kind: Annotated[
        ExportFormat, typer.Option("--format", help="Write a Parquet table, or a folder for tensorboard --logdir.")
    ] = (ExportFormat.parquet),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The file or folder to write. Default: a new one in the folder of the run's report."
        ),
    ] = None,
    store: Where = DEFAULT_STORE,
) -> None:
    r"""Write all measurements of a recorded run as Parquet or TensorBoard events, and print the path.

    A Parquet table has the columns name, place, step and value. It needs pip install 'descend\[export]'.
    """
    from descend.core.regular_files import write_output
    from descend.doctor.record.store import open_existing
    from descend.doctor.redaction.private import make_folder

    with open_existing(store) as kept:
        number = kept.number(run)
        record = kept.load(number)
        name = "readings.parquet" if kind is ExportFormat.parquet else "tensorboard"
        path = output or kept.folder_of(number) / name
    try:
        if kind is ExportFormat.parquet:
            make_folder(path.parent)
            write_output(path, _parquet_table(record))
        else:
            make_folder(path)
            _write_tensorboard(record, path)
    except ModuleNotFoundError as error:
        raise UsageError(f"{kind} needs the Python package {error.name}: pip install 'descend[export]'") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None
    typer.echo(path)


def _parquet_table(record: "Record") -> bytes:
    """Return the bytes of a Parquet file with one row for each measured value: name, place, step, value."""
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
    buffer = BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def _write_tensorboard(record: "Record", path: Path) -> None:
    """Write a folder of TensorBoard events, with one scalar event for each measured value, tagged `name/place`."""
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
