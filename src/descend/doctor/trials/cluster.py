"""Run trials on a Ray cluster. The script goes to a node, and the node streams its measurements back.

Nodes use the same seeds, threads and environment as this machine, which compares the results. A node on this machine
runs the script in place; other nodes receive the working directory. If a node dies, its trial runs count as failed.
"""

import atexit
import io
import logging
import os
import queue
import re
import socket
import sys
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import metadata
from math import inf
from pathlib import Path
from typing import Any

from descend.core.control_characters import on_one_line, shortened
from descend.core.errors import UsageError, reason_of
from descend.core.temporary import delete_leftover_folders, temporary_folder
from descend.doctor.execution.forking import ForkServer, fork_server
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Ending, Listener, Message, Record
from descend.doctor.sandbox.scratch import LEFT_OUT, LINKED_WHOLE
from descend.doctor.script.plan import Plan, cores
from descend.doctor.script.run_names import EndReason
from descend.doctor.script.script import Script

NO_RAY = "--ray needs Ray: pip install 'descend[ray]'"
MOST_BYTES = 512 << 20  # largest working directory, in bytes, that is sent to a node of the cluster
# packages that must have the same version on all machines, because losses depend on it
SAME_VERSION = ("descend", "torch", "numpy")
BOOT = Path("/proc/sys/kernel/random/boot_id")
RAY_PREFIX = "RAY_"  # prefix of the environment variables that Ray sets itself
CONNECTING_S = 10.0
ADDRESS = re.compile(r"(?:ray://)?(?P<host>[\w.-]{1,253}|\[[0-9a-fA-F:.]+\]):(?P<port>[0-9]{1,5})", re.ASCII)
_SERVERS: dict[tuple[object, ...], ForkServer] = {}


@dataclass(frozen=True)
class RemoteJob:
    """Everything that another machine needs to run a trial: script, plan, environment and package versions.

    reads: files outside the working directory that the script reads. left_s: seconds until the deadline. The clock of
    another machine has a different zero, so it receives no time of this machine's clock.
    """

    script: Script
    plan: Plan
    environment: Mapping[str, str]
    versions: Mapping[str, str]
    machine_id: str
    reads: tuple[str, ...]
    left_s: float = inf


class Cluster:
    """A Ray cluster that runs trials. slots: how many trials run at the same time."""

    def __init__(self, ray: Any, plan: Plan) -> None:
        self._ray, self._threads = ray, plan.threads
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1) // self._threads))
        self._archives: dict[Path, Any] = {}
        self._packing = threading.Lock()
        self._run_remotely = ray.remote(num_cpus=self._threads, num_returns="streaming", max_retries=0)(run_remotely)

    def run(self, script: Script, plan: Plan, record: Record, listen: Listener, reads: tuple[str, ...] = ()) -> None:
        """Run a script on a node of the cluster, and add the measurements that the node sends to `record`.

        listen: called with each batch of messages; an exception that it raises ends the run. Raises `UsageError` if a
        node has other versions than this machine, or the working directory is too large to send.
        """
        pinned = replace(plan, pinned_threads=self._threads, until=inf)
        outside = tuple(file for file in reads if not Path(file).is_relative_to(script.root))
        left_s = plan.until - time.monotonic()
        job = RemoteJob(script, pinned, dict(os.environ), _package_versions(), machine_id(), outside, left_s)
        answers = self._run_remotely.remote(job, self._send_directory(script.root))
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
            lost = Ending(EndReason.FAILED, 1, record.steps, error=f"the node that ran it was lost: {reason}\n")
            record.ending = lost
            listen([lost])
        finally:
            with suppress(Exception):  # Cancelling fails if the trial run has already ended.
                self._ray.cancel(answers)

    def _send_directory(self, root: Path) -> Any:
        """Zip the working directory, store it in the cluster and return the reference; None if all nodes are local."""
        nodes = {node["NodeManagerAddress"] for node in self._ray.nodes() if node["Alive"]}
        if nodes <= {self._ray.util.get_node_ip_address()}:
            return None
        with self._packing:
            if root not in self._archives:
                self._archives[root] = self._ray.put(zip_directory(root))
            return self._archives[root]


@contextmanager
def connect(address: str, plan: Plan) -> Iterator[Cluster]:
    """Connect to the Ray cluster at an address, or to a local one for "auto". Raise `UsageError` if that fails."""
    try:
        import ray
    except ImportError:
        raise UsageError(NO_RAY) from None
    _require_reachable(address)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        where = "running here" if address == "auto" else f"at {address}: {reason}"
        raise UsageError(f"no Ray cluster is {where}. Start one with ray start --head") from None
    try:
        yield Cluster(ray, plan)
    finally:
        ray.shutdown()


def _require_reachable(address: str) -> None:
    """Raise `UsageError` if no server listens at an address.

    Ray would start a cluster for some words, load a module for others, and wait for minutes for a server that is not
    there.
    """
    if address == "auto":
        return
    found = ADDRESS.fullmatch(address)
    if found is None:
        shown = shortened(on_one_line(address))
        raise UsageError(f"--ray {shown} is not an address: write auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((found["host"].strip("[]"), int(found["port"])), timeout=CONNECTING_S).close()
    except (OSError, ValueError, OverflowError) as error:
        reason = reason_of(error)
        raise UsageError(f"no Ray cluster is at {address}: {reason}. Start one with ray start --head") from None


def run_remotely(job: RemoteJob, archive: bytes | None) -> Iterator[list[Message] | Ending | None]:
    """Run a script on this node of the cluster. Yield its measurements and, at the end, how it ended."""
    _require_same_versions(job)
    plan = replace(job.plan, until=time.monotonic() + job.left_s)
    for name in [name for name in os.environ if name not in job.environment and not name.startswith(RAY_PREFIX)]:
        del os.environ[name]
    os.environ.update(job.environment)
    seen: queue.SimpleQueue[Any] = queue.SimpleQueue()
    stop = threading.Event()

    def listen(messages: list[Message]) -> None:
        """Put messages of the run into the queue. If the trial was cancelled, stop the run."""
        if stop.is_set():
            raise _TrialCancelled
        seen.put(list(messages))

    def run_script(script: Script) -> None:
        """Run the script, and put its ending, or the exception that it raised, into the queue."""
        record = new_record(script, plan)
        try:
            run(script, plan, record, listen, _fork_server(script))
            seen.put(record.ending)
        except _TrialCancelled:
            seen.put(None)
        except BaseException as error:
            seen.put(error)

    with ExitStack() as stack:
        script = job.script if job.machine_id == machine_id() else _unzip_directory(job, archive, stack)
        worker = threading.Thread(target=run_script, args=(script,))
        worker.start()
        stack.callback(worker.join)
        stack.callback(stop.set)
        while isinstance(message := seen.get(), list):
            yield message
        if isinstance(message, BaseException):
            raise message
        yield message


def _fork_server(script: Script) -> ForkServer:
    """Return the process that is forked for each run of a script, and start it if it does not run yet."""
    key = script.python, script.arguments, script.module or script.path.name
    if key not in _SERVERS:
        stack = ExitStack()
        atexit.register(stack.close)
        _SERVERS[key] = stack.enter_context(fork_server(script))
    return _SERVERS[key]


def machine_id() -> str:
    """Return an id of this machine. It changes with each reboot."""
    with suppress(OSError):
        return BOOT.read_text().strip()
    return os.uname().nodename


def zip_directory(root: Path) -> bytes:
    """Return the files of a folder as a zip archive. Raise `UsageError` if they are too large to be sent."""
    buffer, left = io.BytesIO(), MOST_BYTES
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for folder, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name not in LEFT_OUT | LINKED_WHOLE]
            for file in (Path(folder, name) for name in files):
                if not file.is_file():
                    continue
                left -= file.stat().st_size
                if left < 0:
                    most = f"{MOST_BYTES >> 20} MB"
                    raise UsageError(f"{root} is larger than the {most} that can be sent to a node of the cluster")
                archive.write(file, file.relative_to(root))
    return buffer.getvalue()


class _TrialCancelled(Exception):
    """Raised inside a run to stop it, because the trial was cancelled."""


def _unzip_directory(job: RemoteJob, archive: bytes | None, stack: ExitStack) -> Script:
    """Unpack the working directory into a temporary folder on this node, and return the script with its new paths."""
    missing = [file for file in job.reads if not Path(file).exists()]
    if missing or archive is None:
        name = missing[0] if missing else "the working directory"
        raise UsageError(f"{os.uname().nodename}, a node of the cluster, does not have {name}, which the script reads")
    delete_leftover_folders()
    script, root = job.script, stack.enter_context(temporary_folder()) / "files"
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        files.extractall(root)

    def path_in_copy(path: Path) -> Path:
        """Return the path of a file in the unpacked copy. Paths outside the working directory stay the same."""
        return root / path.relative_to(script.root) if path.is_relative_to(script.root) else path

    return replace(
        script,
        path=path_in_copy(script.path),
        root=root,
        arguments=tuple(str(path_in_copy(Path(a))) if a.startswith("/") else a for a in script.arguments),
        python=sys.executable,
        edits={path_in_copy(file): text for file, text in script.edits.items()},
        sources=None,
    )


def _require_same_versions(job: RemoteJob) -> None:
    """Raise `UsageError` if this node has too few cores or other package versions than the job requires."""
    here = _package_versions()
    for name, version in job.versions.items():
        if here.get(name) != version:
            node = os.uname().nodename
            raise UsageError(
                f"{node}, a node of the cluster, has {name} {here.get(name, 'not at all')}, but this machine has "
                f"{version}, so the losses on both machines could not be compared"
            )
    if cores() < job.plan.threads:
        raise UsageError(f"{os.uname().nodename}, a node of the cluster, has fewer than {job.plan.threads} cores")


def _package_versions() -> dict[str, str]:
    """Return the installed version of each package that affects losses, such as torch."""
    found = {}
    for name in SAME_VERSION:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
