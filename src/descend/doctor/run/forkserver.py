"""A process that has imported what every run needs, and forks one for each request.

Importing torch, the first optimizer and scikit-learn takes four seconds, forking a few milliseconds. Needs torch
and the standard library only. Nothing is computed here: no thread pool exists that a fork would break.
"""

import gc
import importlib
import json
import os
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from descend.doctor.run.child import Config, arrange_path, begin
from descend.doctor.run.forked import STATUS
from descend.doctor.run.keeper import Confinement, kept
from descend.doctor.run.package import starting
from descend.doctor.run.torch_version import require_torch, uncollected

LENGTH = 8  # bytes that say how long a request is
OBSERVING = ("observation", "hooks", "custom", "beside_the_loop", "modes")
RUN = ("reads", "seeds", "stage", "uncompiled")
DESCRIPTORS = 4  # messages, forked workers' messages, standard error, exit status


def main(house: str) -> NoReturn:
    """Answer requests on the socket whose descriptor is the first argument, until it is closed."""
    connection, modules = socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2])
    require_torch()
    arrange_path(house)
    _import(modules)
    server = os.getpid()
    while request := _received(connection):
        asked, descriptors = request
        if os.fork() == 0:
            connection.close()
            _keep(asked, descriptors, house, server)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(0)


def _import(modules: list[str]) -> None:
    """Import what is asked, and what torch itself imports only with the first optimizer."""
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # the other way to ask begins a CUDA that no fork can use
    import torch

    with uncollected():
        for room, names in (("observing", OBSERVING), ("run", RUN)):
            for name in names:
                importlib.import_module(f"descend.doctor.{room}.{name}")
        torch.optim.SGD([torch.zeros(1)])
        for name in modules:
            with suppress(Exception):  # the script will say so itself
                importlib.import_module(name)
    gc.collect()
    gc.freeze()
    tempfile.tempdir = None  # each run has its own


def _received(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request and what it may write to; None when nobody will ask any more."""
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH, DESCRIPTORS)
    if len(head) < LENGTH:
        return None
    with connection.makefile("rb", buffering=0) as stream:
        text, left = b"", int.from_bytes(head, "big")
        while block := stream.read(left - len(text)):
            text += block
    return json.loads(text), descriptors


def _keep(asked: dict[str, Any], descriptors: list[int], house: str, server: int) -> NoReturn:
    """Be the keeper of the run that is asked for: tell one's number first, and how the run has ended at last."""
    *own, status = descriptors
    os.write(status, STATUS.pack(os.getpid()))

    def begin() -> NoReturn:
        os.close(status)
        _become(asked, own, house)

    os.dup2(own[2], 2)
    ended = kept(begin, Confinement.of(asked["config"]), server)
    with suppress(OSError):  # nobody waits for it
        os.write(status, STATUS.pack(ended))
    os._exit(0)


def _become(asked: dict[str, Any], descriptors: list[int], house: str) -> NoReturn:
    """Go on as the run that was asked for, as though it had been started by itself."""
    messages, telling, errors = descriptors
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(number, target)
    os.close(nothing)
    os.close(errors)
    environment, config = asked["environment"], Config(**asked["config"] | {"descriptor": messages, "telling": telling})
    os.chdir(config.root)
    if _hides_a_module(config):
        for descriptor in (messages, telling):
            os.set_inheritable(descriptor, True)
        command = [sys.executable, *starting("descend.doctor.run.child", house), json.dumps(vars(config))]
        os.execve(sys.executable, command, environment)
    moved = dict(zip(_folders(os.environ.get("PYTHONPATH", "")), _folders(environment.get("PYTHONPATH", ""))))
    sys.path[:] = [moved.get(folder, folder) for folder in sys.path]
    os.environ.clear()
    os.environ.update(environment)
    begin(config)


def _hides_a_module(config: Config) -> bool:
    """Whether a file of the user's has the name of a module that is already imported, and would stand before it."""
    folder = Path(config.root) if config.module else Path(os.path.realpath(config.path)).parent
    files = {file.stem for file in folder.glob("*.py")} | {file.parent.name for file in folder.glob("*/__init__.py")}
    return not files.isdisjoint(sys.modules)


def _folders(path: str) -> list[str]:
    return [os.path.abspath(folder) for folder in path.split(os.pathsep) if folder]
