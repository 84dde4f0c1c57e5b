"""The choice of the folders that get a private layer."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from descend.doctor.sandbox.layers import users_folders, without_mounts_inside

from .in_namespaces import needs_namespaces, needs_root, open_folder


@pytest.fixture
def root(tmp_path):
    for folder in ("etc", "usr/share", "var/home/ann", "var/lib/service", "var/tmp", "data", "run/media"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "swapfile").touch()
    for name, target in {"home": "var/home", "media": "run/media", "settings": "etc", "bin": "usr/share"}.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("home", "further"),
    [
        ("home/ann", ["var/home"]),
        ("var/home/ann", ["var/home"]),
        ("var/lib/service", ["var/home", "var/lib/service"]),
        ("data/ann", ["var/home"]),
        ("var/tmp/ann", ["var/home"]),
        ("etc", ["var/home"]),
        ("", ["var/home"]),
    ],
)
def test_homes_in_system_folders_get_a_layer(root, home, further):
    found = users_folders(str(root), str(root / home))
    assert [os.path.relpath(path, root) for path in found] == ["data", "var/tmp", *further]


def test_automount_points_get_no_layer(tmp_path):
    for folder in ("home/ann", "home/ben", "direct", "data"):
        (tmp_path / folder).mkdir(parents=True)
    home, direct = str(tmp_path / "home"), str(tmp_path / "direct")
    mounts = {"/": "ext4", home: "autofs", f"{home}/ann": "nfs", direct: "autofs"}
    assert list(without_mounts_inside(str(tmp_path), mounts)) == [str(tmp_path / "data"), f"{home}/ann"]
    assert list(without_mounts_inside(direct, mounts)) == []
    assert list(without_mounts_inside(direct, mounts | {direct: "nfs"})) == [direct]


AUTOMOUNT = """
    import os, select, signal, sys
    from pathlib import Path
    from descend.doctor.sandbox import kernel, namespaces
    folder, top = Path(sys.argv[1]), Path(sys.argv[2])
    kernel.keep_mounts_private()
    requests, mounting = os.pipe()
    is_ready, ready = os.pipe()
    until, done = os.pipe()
    daemon = os.fork()
    if daemon == 0:  # the process group of the program that mounts sees the folders without automounts
        os.setsid()
        kernel.mount("test", str(folder), "autofs", f"fd={mounting},pgrp={os.getpgrp()},minproto=5,maxproto=5,indirect")
        for name in ("mounted", "waiting"):
            (folder / name).mkdir()
        kernel.mount("none", str(folder / "mounted"), "tmpfs")
        os.write(ready, b"x")
        os.close(done)
        os.read(until, 1)
        os._exit(0)
    os.read(is_ready, 1)
    run = os.fork()
    if run == 0:
        signal.alarm(20)
        namespaces.enter_new_namespaces()
        first = os.fork()
        if first == 0:
            kernel.die_with_parent(signal.SIGKILL)  # a request that the other program does not answer waits forever
            private = namespaces.make_files_read_only(top, [])
            print([path.name for path in private if path.parent == folder], flush=True)
            os._exit(0)
        os.waitpid(first, 0)
        os._exit(0)
    requested, _, _ = select.select([requests], [], [], {patience})
    print("mounts" if requested else "no mount")
"""


@needs_root
@needs_namespaces
@pytest.mark.skipif("\tautofs\n" not in Path("/proc/filesystems").read_text(), reason="the kernel has no autofs")
def test_layers_neither_trigger_nor_hide_automounts():
    with open_folder("/var/tmp", os.geteuid()) as folder, open_folder("/tmp", os.geteuid()) as top:
        program = textwrap.dedent(AUTOMOUNT).replace("{patience}", "2")
        command = ["unshare", "--mount", sys.executable, "-c", program, str(folder), str(top)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.stdout.splitlines() == ["['mounted']", "no mount"], done
