"""The fork server: a process that imports the modules of all runs once, and forks one run for each request.

Importing torch, the first optimizer and scikit-learn takes four seconds, forking a few milliseconds. Needs torch
and the standard library only. The server computes nothing, so it has no thread pool, which a fork would break.
"""

import gc
import importlib
import json
import os
import select
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from descend.doctor.execution.child import Config, arrange_path, run_script
from descend.doctor.execution.forked import STATUS
from descend.doctor.execution.keeper import Confinement, keep_run
from descend.doctor.execution.package import start_arguments
from descend.doctor.execution.torch_version import paused_garbage_collection, require_torch

LENGTH = 8  # each request begins with its length, an integer of this many bytes
POLL_MS = 100  # During the imports, a thread waits this many milliseconds at a time for the socket to be closed.
DESCRIPTORS = 4  # file descriptors in a request: messages, workers' messages, standard error, exit status


def main(package_folder: str) -> NoReturn:
    """Fork a run for each request on the socket whose descriptor is the first argument, until the socket is closed."""
    connection, modules = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    require_torch()
    arrange_path(package_folder)
    with _exit_on_hang_up(connection):
        _import_for_all_runs(modules)
    server = os.getpid()
    while request := _next_request(connection):
        settings, descriptors = request
        if os.fork() == 0:
            connection.close()
            _become_keeper(settings, descriptors, package_folder, server)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(0)


def _import_for_all_runs(modules: list[str]) -> None:
    """Import `modules`, and all modules that torch imports when the first optimizer is created."""
    # Without this setting, torch's check for CUDA initialises CUDA, and CUDA then fails after a fork.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    import torch

    with paused_garbage_collection():
        from descend.doctor.execution import observations, reads, seeds, stage, uncompiled, untrained  # noqa: F401
        from descend.doctor.instrumentation import (  # noqa: F401
            component_observers,
            custom_functions,
            dataset_calls,
            drawn_examples,
            evaluation_tape,
            hooks,
            network_copies,
            printed_metrics,
            run_observation,
            step_counter,
            training_mode_calls,
        )
        from descend.doctor.sandbox import effects, imports, replaced_functions  # noqa: F401

        torch.optim.SGD([torch.zeros(1)])
        for name in modules:
            with suppress(Exception):  # the script's own import will raise this error
                importlib.import_module(name)
    replaced_functions.scan_modules()
    gc.collect()
    gc.freeze()
    tempfile.tempdir = None  # each run then determines its own temporary folder


@contextmanager
def _exit_on_hang_up(connection: socket.socket) -> Iterator[None]:
    """Inside the `with` block, exit within 0.1 s when the process at the other end closes the connection.

    The other end is also closed if its process is killed. Otherwise torch would continue its imports and create its
    cache in a deleted folder. The thread ends with the block, because no thread may run when a process forks.
    """
    hang_up, is_left = select.poll(), threading.Event()
    hang_up.register(connection, select.POLLRDHUP)

    def wait() -> None:
        """End this process when the other end of the connection is closed."""
        while not is_left.is_set():
            if hang_up.poll(POLL_MS):
                os._exit(0)

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    try:
        yield
    finally:
        is_left.set()
        waiting.join()


def _next_request(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and the file descriptors for its answers; None if the socket is closed."""
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH, DESCRIPTORS)
    if len(head) < LENGTH:
        return None
    with connection.makefile("rb", buffering=0) as stream:
        text, left = b"", int.from_bytes(head, "big")
        while block := stream.read(left - len(text)):
            text += block
    return json.loads(text), descriptors


def _become_keeper(settings: dict[str, Any], descriptors: list[int], package_folder: str, server: int) -> NoReturn:
    """Start the requested run, wait for it and exit; send the id of this process, later the run's exit status."""
    *own, status = descriptors
    os.write(status, STATUS.pack(os.getpid()))

    def become_run() -> NoReturn:
        """Turn this process, a fork of the keeper, into the requested run."""
        os.close(status)
        _become_run(settings, own, package_folder)

    os.dup2(own[2], 2)
    ended = keep_run(become_run, Confinement.from_settings(settings["config"]), server)
    with suppress(OSError):  # the process that requested the run may have ended
        os.write(status, STATUS.pack(ended))
    os._exit(0)


def _become_run(settings: dict[str, Any], descriptors: list[int], package_folder: str) -> NoReturn:
    """Turn this process into the requested run, with the same state as a newly started process."""
    messages, telling, errors = descriptors
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(number, target)
    os.close(nothing)
    os.close(errors)
    environment, config = (
        settings["environment"],
        Config(**settings["config"] | {"descriptor": messages, "telling": telling}),
    )
    os.chdir(config.root)
    if _hides_a_module(config):
        for descriptor in (messages, telling):
            os.set_inheritable(descriptor, True)
        command = [
            sys.executable,
            *start_arguments("descend.doctor.execution.child", package_folder),
            json.dumps(vars(config)),
        ]
        os.execve(sys.executable, command, environment)
    moved = dict(zip(_folders(os.environ.get("PYTHONPATH", "")), _folders(environment.get("PYTHONPATH", ""))))
    sys.path[:] = [moved.get(folder, folder) for folder in sys.path]
    os.environ.clear()
    os.environ.update(environment)
    run_script(config)


def _hides_a_module(config: Config) -> bool:
    """Return whether one of the user's files has the name of an imported module, which would hide the file."""
    folder = Path(config.root) if config.module else Path(os.path.realpath(config.path)).parent
    files = {file.stem for file in folder.glob("*.py")} | {file.parent.name for file in folder.glob("*/__init__.py")}
    return not files.isdisjoint(sys.modules)


def _folders(path: str) -> list[str]:
    """Return the folders of a search path such as PYTHONPATH, as absolute paths."""
    return [os.path.abspath(folder) for folder in path.split(os.pathsep) if folder]
