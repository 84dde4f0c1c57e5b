"""Trial runs on a Ray cluster: the script goes to where there is room, and what is seen of it comes back as it is seen.

Observed and judged here, run there with the same seeds, threads and environment. On this machine a trial run runs where
the script lies; to others the working directory is sent. A node that dies costs the trial runs that ran on it.
"""

import atexit
import io
import logging
import os
import queue
import socket
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

from descend.doctor.record import Ending, Listener, Message, Record
from descend.doctor.run.forking import ForkServer, forking
from descend.doctor.run.launch import new_record, run
from descend.doctor.sandbox.scratch import LEFT_OUT, LINKED_WHOLE
from descend.doctor.script.plan import Plan, cores
from descend.doctor.script.script import Script
from descend.ground.errors import UsageError, reason_of
from descend.ground.temporary import sweep, temporary_folder

NO_RAY = "--ray needs Ray: pip install 'descend[ray]'"
MOST_BYTES = 512 << 20  # of a working directory that is sent
ALIKE = ("descend", "torch", "numpy")  # packages whose versions must be the same, or no trial could be compared
BOOT = Path("/proc/sys/kernel/random/boot_id")
RAYS_OWN = "RAY_"
CONNECTING_S = 10.0
_SERVERS: dict[tuple[object, ...], ForkServer] = {}


@dataclass(frozen=True)
class Errand:
    """All that a trial run needs elsewhere. reads: files outside the working directory that the script reads."""

    script: Script
    plan: Plan
    environment: Mapping[str, str]
    versions: Mapping[str, str]
    machine: str
    reads: tuple[str, ...]


class Cluster:
    """A Ray cluster that trial runs are run on. slots: how many at a time."""

    def __init__(self, ray: Any, plan: Plan) -> None:
        self._ray, self._threads = ray, plan.threads
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1) // self._threads))
        self._archives: dict[Path, Any] = {}
        self._packing = threading.Lock()
        self._run_there = ray.remote(num_cpus=self._threads, num_returns="streaming", max_retries=0)(there)

    def run(self, script: Script, plan: Plan, record: Record, listen: Listener, reads: tuple[str, ...] = ()) -> None:
        """Run a trial run into `record`; `listen` is shown the messages as they come, and ends it by raising.

        Raises `UsageError` where a node is not as this machine is, or the working directory is too large to be sent.
        """
        alike = replace(plan, pinned_threads=self._threads)
        outside = tuple(file for file in reads if not Path(file).is_relative_to(script.root))
        errand = Errand(script, alike, dict(os.environ), _versions(), machine(), outside)
        answers = self._run_there.remote(errand, self._archive(script.root))
        try:
            for answer in answers:
                messages = self._ray.get(answer)
                if isinstance(messages, Ending):
                    record.ending = messages
                    continue
                record.extend(messages)
                listen(messages)
        except self._ray.exceptions.RayTaskError as error:
            raise UsageError(str(error.cause)) if isinstance(error.cause, UsageError) else error from None
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            lost = Ending("failed", 1, record.steps, error=f"the node that ran it was lost: {reason}\n")
            record.ending = lost
            listen([lost])
        finally:
            with suppress(Exception):  # a trial run that is over needs no end
                self._ray.cancel(answers)

    def _archive(self, root: Path) -> Any:
        """Return the working directory as nodes elsewhere unpack it; nothing where all nodes are this machine."""
        nodes = {node["NodeManagerAddress"] for node in self._ray.nodes() if node["Alive"]}
        if nodes <= {self._ray.util.get_node_ip_address()}:
            return None
        with self._packing:
            if root not in self._archives:
                self._archives[root] = self._ray.put(packed(root))
            return self._archives[root]


@contextmanager
def joined(address: str, plan: Plan) -> Iterator[Cluster]:
    """Yield the Ray cluster at an address, or the one that is found with `auto`. Raises `UsageError`."""
    try:
        import ray
    except ImportError:
        raise UsageError(NO_RAY) from None
    _require_listener(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        where = "running here" if address == "auto" else f"at {address}: {reason}"
        raise UsageError(f"no Ray cluster is {where}; ray start --head begins one") from None
    try:
        yield Cluster(ray, plan)
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Raise `UsageError` where nobody listens at an address: Ray itself would go on asking for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECTING_S).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = reason_of(error)
        raise UsageError(f"no Ray cluster is at {address}: {reason}; ray start --head begins one") from None


def there(errand: Errand, archive: bytes | None) -> Iterator[list[Message] | Ending | None]:
    """Run a trial run on a node, and yield what is seen of it; last how it ended. Raises `UsageError`."""
    _require_alike(errand)
    for name in [name for name in os.environ if name not in errand.environment and not name.startswith(RAYS_OWN)]:
        del os.environ[name]
    os.environ.update(errand.environment)
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()

    def listen(messages: list[Message]) -> None:
        if stop.is_set():
            raise _Stopped
        seen.put(list(messages))

    def work(script: Script) -> None:
        record = new_record(script, errand.plan)
        try:
            run(script, errand.plan, record, listen, _server(script))
            seen.put(record.ending)
        except _Stopped:
            seen.put(None)
        except BaseException as error:
            seen.put(error)

    with ExitStack() as stack:
        script = errand.script if errand.machine == machine() else _unpacked(errand, archive, stack)
        worker = threading.Thread(target=work, args=(script,))
        worker.start()
        stack.callback(worker.join)
        stack.callback(stop.set)
        while isinstance(message := seen.get(), list):
            yield message
        if isinstance(message, BaseException):
            raise message
        yield message


def _server(script: Script) -> ForkServer:
    """Return what forks the trial runs of a script in this process of Ray's, which may be given several of them."""
    key = script.python, script.arguments, script.module or script.path.name
    if key not in _SERVERS:
        stack = ExitStack()
        atexit.register(stack.close)
        _SERVERS[key] = stack.enter_context(forking(script))
    return _SERVERS[key]


def machine() -> str:
    """Return what tells this machine, since it was started, from all others."""
    with suppress(OSError):
        return BOOT.read_text().strip()
    return os.uname().nodename


def packed(root: Path) -> bytes:
    """Return the files of a working directory as an archive. Raises `UsageError` where they are too many."""
    room, kept = io.BytesIO(), MOST_BYTES
    with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in LEFT_OUT | LINKED_WHOLE]
            for file in (Path(folder, name) for name in files):
                if not file.is_file():
                    continue
                kept -= file.stat().st_size
                if kept < 0:
                    most = f"{MOST_BYTES >> 20} MB"
                    raise UsageError(f"{root} holds more than the {most} that are sent to the nodes of a cluster")
                archive.write(file, file.relative_to(root))
    return room.getvalue()


class _Stopped(Exception):
    """Nobody waits for this trial run any more."""


def _unpacked(errand: Errand, archive: bytes | None, stack: ExitStack) -> Script:
    """Return the script as it lies in a folder of this node's, which goes with the trial run."""
    missing = [file for file in errand.reads if not Path(file).exists()]
    if missing or archive is None:
        what = missing[0] if missing else "the working directory"
        raise UsageError(f"{os.uname().nodename}, a node of the cluster, has no {what}, which the script reads")
    sweep()
    script, root = errand.script, stack.enter_context(temporary_folder()) / "files"
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(root)

    def moved(path: Path) -> Path:
        return root / path.relative_to(script.root) if path.is_relative_to(script.root) else path

    return replace(
        script,
        path=moved(script.path),
        root=root,
        arguments=tuple(str(moved(Path(a))) if a.startswith("/") else a for a in script.arguments),
        python=sys.executable,
        edits={moved(file): text for file, text in script.edits.items()},
        sources=None,
    )


def _require_alike(errand: Errand) -> None:
    here = _versions()
    for name, version in errand.versions.items():
        if here.get(name) != version:
            node = os.uname().nodename
            raise UsageError(
                f"{node}, a node of the cluster, has {name} {here.get(name, 'not at all')}, and this machine has "
                f"{version}: their losses could not be compared"
            )
    if cores() < errand.plan.threads:
        raise UsageError(f"{os.uname().nodename}, a node of the cluster, has fewer than {errand.plan.threads} cores")


def _versions() -> dict[str, str]:
    found = {}
    for name in ALIKE:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
