"""Call a function as a user in new namespaces, with a scratch copy in a new temporary folder."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from descend.doctor.sandbox.confinement import find_namespace_error
from descend.doctor.sandbox.kernel import hide_memory
from descend.doctor.sandbox.layers import mount_points
from descend.doctor.sandbox.namespaces import enter_new_namespaces, make_files_read_only

USER, OTHER, GROUP = 23456, 34567, 34568  # user numbers and a group number that no account has

needs_namespaces = pytest.mark.skipif(bool(find_namespace_error()), reason="the machine allows no new namespaces")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only an administrator makes files of several users")


@contextmanager
def open_folder(parent: str = "/var/tmp", owner: int = USER) -> Iterator[Path]:
    """Yield a new folder that its owner can change and that all users can read. pytest's folders are root's alone."""
    with tempfile.TemporaryDirectory(dir=parent, prefix=".descend-test-") as made:
        give(Path(made), owner)
        yield Path(made)


def give(path: Path, owner: int, group: int | None = None, mode: int = 0o755) -> None:
    if os.geteuid() == 0:
        os.chown(path, owner, owner if group is None else group)
    path.chmod(mode)


def run_in_namespaces(top: Path, call: Callable[[], Any], user: int | None = None) -> Any:
    """Return the result of `call`, as JSON carries it, in namespaces where `top` is the scratch copy."""
    mount_points()  # imports a codec, which the user may not be allowed to read
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            if user is not None:
                os.setgroups([])
                os.setgid(user)
                os.setuid(user)
                hide_memory(False)  # a new user is not the owner of its process's folder in /proc otherwise
            enter_new_namespaces()
            if os.fork() == 0:
                make_files_read_only(top, [])
                os.write(writer, json.dumps(call()).encode())
        except BaseException as error:
            os.write(writer, json.dumps(f"{type(error).__name__}: {error}").encode())
        finally:
            if os.getpid() != 1:
                os.close(writer)
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as said:
        found = json.loads(said.read())
    os.waitpid(child, 0)
    return found
