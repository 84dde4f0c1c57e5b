"""A parameter server or centre in its own Ray process, for replicas in other processes and on other machines.

The server writes a checkpoint every few seconds. If it dies, Ray restarts it from the checkpoint, and each replica
warns about lost updates. Each push has a number, so a push that Ray repeats is applied only once.
"""

import os
import uuid
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from descend.parallel.backup import BackupServer
from descend.parallel.host import BackupHost, Host
from descend.parallel.packing import pack, unpack
from descend.parallel.server import Fetched, check_pushed

NO_RAY = "parameter servers in other processes need Ray: pip install 'descend[ray]'"
NAMESPACE = "descend"


class RemoteServer:
    """A replica's connection to a parameter server or centre in another process. It can be pickled.

    lost: the number of acknowledged updates that the server lost.

    Parameters
    ----------
    shards : sequence
        The handles of the server's processes, each with a part of the parameters.
    parameters : sequence of torch.Tensor
        Tensors with the shapes of the parameters.

    Raises
    ------
    ImportError
        If Ray is not installed.

    Examples
    --------
    >>> server = RemoteServer.start(DownpourServer, model.parameters(), "server.pt")
    """

    def __init__(self, shards: Sequence[Any], parameters: Sequence[Tensor]) -> None:
        self.shards = list(shards)
        self.like = [torch.empty(p.shape, dtype=p.dtype) for p in parameters]
        self.replica, self.pushes, self.lost = uuid.uuid4().hex, 0, 0
        self._seen: list[tuple[int, int]] | None = None  # (number of restarts, number of updates) of each shard

    @classmethod
    def start(
        cls,
        make: Callable[[list[Tensor]], Any],
        parameters: Any,
        checkpoint: str | Path,
        *,
        every: float = 2.0,
        shards: int = 1,
        name: str | None = None,
    ) -> "RemoteServer":
        """Start the processes of a server, which resume from existing checkpoints; return a connection to them.

        make: creates a server or centre from parameters. every: seconds between checkpoints; a crash loses at most the
        updates of this time. shards: number of processes, each with a part of the parameters. name: the name for
        `find`. Raises `ValueError` for more shards than parameters, and for a checkpoint of another model.
        """
        ray = ray_module()
        held = [p.detach().cpu().clone() for p in parameters]
        if not 1 <= shards <= len(held):
            raise ValueError(f"shards must be between 1 and {len(held)}, the number of tensors, not {shards}")
        kind = type(make([p.clone() for p in held]))  # An invalid argument raises its error here, not in the actor.
        begin_ray()
        # The actor must run on the node that has the checkpoint's file.
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        host = BackupHost if issubclass(kind, BackupServer) else Host
        actor: Any = ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0, scheduling_strategy=here)(host)
        hosts = []
        for number, part in enumerate(_indices_by_shard(len(held), shards)):
            path = Path(checkpoint).absolute()
            path = path if shards == 1 else path.with_name(f"{path.stem}-{number}-of-{shards}{path.suffix}")
            named = {"name": f"{name} {number}", "namespace": NAMESPACE} if name else {}
            hosts.append(actor.options(**named).remote(make, path, every))
            why = ray.get(hosts[-1].begin.remote([held[k] for k in part]))
            if why:
                raise ValueError(why)
        return cls(hosts, held)

    @classmethod
    def find(cls, name: str, parameters: Any, shards: int = 1) -> "RemoteServer":
        """Return a connection to the server that another process of this Ray cluster has started with this name."""
        ray = ray_module()
        return cls([ray.get_actor(f"{name} {number}", NAMESPACE) for number in range(shards)], list(parameters))

    def fetch(self) -> Fetched:
        """Return copies of the server's parameters, one tensor per parameter and of its shape."""
        fetched = Fetched(0, [], [])
        versions = []
        for number, (life, version, parameters, memory) in enumerate(self._call_shards("fetch")):
            like = self._empty_tensors(number)
            versions.append((life, version))
            fetched.parameters.extend(unpack(parameters, like))
            fetched.memory.extend(unpack(memory, like) if len(memory) else [])
        self._note_restarts(versions)
        self._fetched = versions
        return Fetched(sum(version for _, version in versions), fetched.parameters, fetched.memory)

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int | None:
        """Send one gradient per parameter to the server; return the largest staleness of all shards, in updates.

        Returns None if a shard died since the fetch, and has not applied the gradients. Raises `ValueError` for
        gradients that the server rejects, and if no parameters have been fetched.
        """
        if self._seen is None:
            raise ValueError("fetch the parameters before you push gradients")
        # If each shard checked only its own gradients, it could apply them although another shard rejects its part.
        check_pushed(gradients, self.like)
        self.pushes += 1
        arguments = []
        for number, (life, version) in enumerate(self._fetched):
            part = self._shard_indices(number)
            memory = [fetched.memory[k] for k in part] if fetched.memory else []
            packed = pack([gradients[k] for k in part])
            arguments.append((self.replica, self.pushes, life, version, packed, pack(memory)))
        answers = self._call_shards("push", arguments)
        for number, answer in enumerate(answers):
            if answer is not None:
                life, version = self._fetched[number]
                self._seen[number] = life, max(self._seen[number][1], version + answer + 1)
        return None if None in answers else max(answers)

    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Exchange parameters with the centre; return the new parameters. Raises `ValueError` for invalid tensors."""
        check_pushed(replica, self.like)
        self.pushes += 1
        arguments = [
            (self.replica, self.pushes, pack([replica[k] for k in self._shard_indices(number)]))
            for number in range(len(self.shards))
        ]
        answers = self._call_shards("exchange", arguments)
        return [t for number, answer in enumerate(answers) for t in unpack(answer, self._empty_tensors(number))]

    def attend(self, attends: bool) -> None:
        """Report to a `BackupServer` whether this replica takes part in the next steps."""
        self._call_shards("attend", [(self.replica, attends)] * len(self.shards))

    @property
    def parameters(self) -> list[Tensor]:
        """Return copies of the server's parameters."""
        states = self._call_shards("state")
        self._note_restarts([(life, version) for life, version, _ in states])
        return [t for number, (_, _, part) in enumerate(states) for t in unpack(part, self._empty_tensors(number))]

    @property
    def version(self) -> int:
        """Return the number of updates of the server, summed over all shards."""
        return sum(version for _, version, _ in self._call_shards("state"))

    def processes(self) -> list[int]:
        """Return the process ids of the server's processes."""
        return self._call_shards("process")

    def save(self) -> None:
        """Make all shards write their checkpoints now."""
        self._call_shards("save")

    def __getstate__(self) -> dict[str, Any]:
        return {"shards": self.shards, "like": self.like}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["shards"], state["like"])  # type: ignore[misc]

    def _shard_indices(self, number: int) -> range:
        """Return the indices of the parameters that one shard has."""
        return _indices_by_shard(len(self.like), len(self.shards))[number]

    def _empty_tensors(self, number: int) -> list[Tensor]:
        """Return empty tensors with the shapes and dtypes of one shard's parameters."""
        return [self.like[k] for k in self._shard_indices(number)]

    def _call_shards(self, what: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method of all shards, and return the results. Raises `ValueError` if a result is an error message."""
        import ray

        given = arguments or [()] * len(self.shards)
        answers = ray.get([getattr(shard, what).remote(*a) for shard, a in zip(self.shards, given)])
        for answer in answers:
            if isinstance(answer, str):
                raise ValueError(answer)
        return list(answers)

    def _note_restarts(self, versions: list[tuple[int, int]]) -> None:
        """Store the numbers of restarts and updates of each shard, and warn about updates that a restart has lost."""
        for number, ((life, version), (before, seen)) in enumerate(zip(versions, self._seen or versions)):
            if life > before:
                gone = max(0, seen - version)
                self.lost += gone
                warnings.warn(
                    f"process {number} of the parameter server died and restarted from its checkpoint, so {gone} of "
                    f"the {seen} updates that this replica had seen are lost",
                    stacklevel=3,
                )
        self._seen = versions


def ray_module() -> Any:
    """Return the `ray` module. Raises `ImportError` with the installation command if Ray is missing."""
    try:
        import ray
    except ImportError:
        raise ImportError(NO_RAY) from None
    return ray


def begin_ray(address: str | None = None) -> str:
    """Connect to the Ray cluster at `address` or RAY_ADDRESS, or start a local cluster; return its address."""
    ray = ray_module()
    address = address or os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():  # The address "local" never connects to an existing cluster.
        ray.init(address or "local", logging_level="ERROR", **({} if address else {"include_dashboard": False}))
    return str(ray.get_runtime_context().gcs_address)


def _indices_by_shard(tensors: int, shards: int) -> list[range]:
    """Return, for each shard, the indices of the tensors that it has."""
    return [range(tensors * k // shards, tensors * (k + 1) // shards) for k in range(shards)]
