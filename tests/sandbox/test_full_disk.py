"""A script whose files find no space ends with a message that says what the user can do."""

import errno
import os

import pytest

from descend.doctor.execution.launch import new_record, run
from descend.doctor.record.exception_lines import exception_line
from descend.doctor.sandbox.confinement import strongest_level
from descend.doctor.sandbox.full_disk import full_disk_message
from descend.doctor.script.plan import Plan
from descend.doctor.script.script import Script

ERROR = f"OSError: [Errno {errno.ENOSPC}] {os.strerror(errno.ENOSPC)}"


@pytest.mark.parametrize(
    "error", [ERROR, "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534"]
)
def test_the_message_says_where_the_files_are(error):
    on_disk, in_memory = (full_disk_message(error, level) for level in ("landlock", "namespaces"))
    assert "Set TMPDIR to a larger disk" in on_disk and "memory" not in on_disk
    assert "Set TMPDIR to a larger disk" in in_memory and "Write large files to the working directory" in in_memory


@pytest.mark.parametrize(("error", "level"), [("ValueError: no space", "namespaces"), ("", "hooks"), (ERROR, "none")])
def test_other_errors_get_no_message(error, level):
    assert full_disk_message(error, level) == ""


@pytest.mark.slow
def test_a_failed_run_ends_with_the_message(tmp_path):
    (tmp_path / "train.py").write_text(f"import os\nraise OSError({errno.ENOSPC}, os.strerror({errno.ENOSPC}))\n")
    script, plan = Script(tmp_path / "train.py", tmp_path), Plan(role="baseline")
    record = run(script, plan, new_record(script, plan))
    assert record.ending is not None and exception_line(record.ending.error) == ERROR
    assert record.ending.error.endswith(full_disk_message(ERROR, strongest_level()))
