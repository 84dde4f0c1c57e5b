"""The exported measurements of a run can be read by the programs for which they are exported."""

import struct

import pytest
from complaints import complaints

from descend.doctor.record import Ending, Reading, Record
from descend.doctor.record.store import open_store


@pytest.fixture
def recorded(tmp_path):
    record = Record(role="watch", script="train.py")
    for step in range(500):
        record.add(Reading("loss", "0", step, 1 / (1 + step)))
    record.extend([Reading("curvature", "0", 7, 2.5), Reading("größe", "", 3, float("nan"))])
    record.add(Ending("finished", 0, 500))
    with open_store(tmp_path / ".descend") as store:
        store.save(record)
    return record


def expected(record: Record) -> dict:
    return {key: list(zip(*series)) for key, series in record.readings.items()}


@pytest.mark.slow
def test_parquet(recorded, descend_here, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    done = descend_here("export", cwd=tmp_path)
    assert done.stdout.strip() == ".descend/1/readings.parquet", done.stderr
    table = parquet.read_table(tmp_path / ".descend/1/readings.parquet")
    assert table.schema.metadata[b"script"] == b"train.py"
    found: dict = {}
    for row in table.to_pylist():
        found.setdefault((row["name"], row["place"]), []).append((row["step"], row["value"]))
    assert str(found) == str(expected(recorded))  # by their text: NaN is unequal to itself


@pytest.mark.slow
def test_tensorboard(recorded, descend_here, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    done = descend_here("export", "1", "--format", "tensorboard", "-o", "events", cwd=tmp_path)
    assert done.stdout.strip() == "events", done.stderr
    events = accumulator.EventAccumulator(str(tmp_path / "events"), {"scalars": 0, "tensors": 0}).Reload()
    assert set(events.Tags()["scalars"]) == {"loss/0", "curvature/0", "größe"}
    single = [(step, struct.unpack("f", struct.pack("f", value))[0]) for step, value in expected(recorded)["loss", "0"]]
    assert [(e.step, e.value) for e in events.Scalars("loss/0")] == single


@pytest.mark.slow
def test_a_failed_export_is_reported_in_one_line(recorded, descend_here, tmp_path):
    (tmp_path / "file").write_text("")
    for arguments, said in (
        (("export", "7"), "no run 7"),
        (("export", "--store", "elsewhere"), "no runs are recorded in elsewhere"),
        (("export", "-o", "file/x.parquet"), "file/x.parquet cannot be written"),
        (("export", "--format", "csv"), "csv"),
    ):
        done = descend_here(*arguments, cwd=tmp_path)
        assert done.returncode == 2 and said in done.stderr and len(complaints(done.stderr)) == 1, done.stderr
