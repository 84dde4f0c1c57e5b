"""Where namespaces fail, the part that fails is replaced, or a line names the call and the next level is used."""

import os
import subprocess
import sys
import textwrap

import pytest

from descend.doctor.execution import launch
from descend.doctor.sandbox import confinement

from .world import consulted, skip_unless_reached


@pytest.mark.slow
def test_a_run_without_its_namespaces_goes_on_at_the_next_level(tmp_path, monkeypatch):
    skip_unless_reached("namespaces")
    monkeypatch.setattr(confinement, "_lost", [])
    configure = launch._config

    def broken(*arguments):
        config = configure(*arguments)
        missing = [str(tmp_path / "missing")] if config.level == "namespaces" else []
        return type(config)(**{**vars(config), "writable": [*config.writable, *missing]})

    monkeypatch.setattr(launch, "_config", broken)
    record, _ = consulted(tmp_path, "auto", "attempt('own', os.getpid)")
    [note] = [note.reason for note in record.notes if note.probe == "sandbox"]
    assert f"no namespaces: open_tree {tmp_path / 'missing'}: No such file or directory" in note
    assert confinement.strongest_level() == "landlock"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator mounts")
def test_a_mount_among_the_temporary_files_takes_no_namespaces_away(tmp_path):
    skip_unless_reached("namespaces")
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    program = f"""
        import subprocess, sys
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "none", {str(mounted)!r}], check=True)
        open({str(mounted / "kept")!r}, "w").write("kept")
        from descend.doctor.sandbox.confinement import strongest_level, find_namespace_error
        print(strongest_level(), find_namespace_error())
    """
    command = ["unshare", "--mount", sys.executable, "-c", textwrap.dedent(program)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.split() == ["namespaces"], done.stderr
