"""`descend runs` lists the runs with the command that recorded them and how they ended."""

from descend.doctor.record import Ending, Record
from descend.doctor.record.store import open_store


def test_each_run_has_its_command_and_its_end(descend_here, tmp_path):
    with open_store(tmp_path / ".descend") as store:
        for role, reason in (("baseline", "window"), ("watch", "finished")):
            record = Record(script="train.py", root=str(tmp_path), role=role)
            record.add(Ending(reason, 0, 40))
            store.save(record)
    header, first, second = descend_here("runs").stdout.splitlines()
    assert header.split()[3:5] == ["command", "script"]
    assert "doctor" in first and "stopped by descend" in first and "baseline" not in first
    assert "watch" in second and "finished" in second
