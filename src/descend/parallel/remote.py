"""A server or a centre in a process of its own, on Ray: replicas in other processes and machines talk to it.

It writes a checkpoint every few seconds. Where it dies Ray starts it again, it goes on from there, and each replica
says what was lost. A push carries its number, so that one which Ray repeats is applied once.
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
from descend.parallel.host import Host, MeetingHost
from descend.parallel.messages import pack, unpack
from descend.parallel.server import Fetched, check_pushed

NO_RAY = "parameter servers in other processes run on Ray: pip install 'descend[ray]'"
NAMESPACE = "descend"


class RemoteServer:
    """A replica's way to a server or centre in another process; it can be sent to other processes, too.

    lost: updates that the server had acknowledged and no longer holds. Raises `ImportError` where Ray is missing.

    >>> server = RemoteServer.start(DownpourServer, model.parameters(), "server.pt")
    """

    def __init__(self, shards: Sequence[Any], parameters: Sequence[Tensor]) -> None:
        self.shards = list(shards)
        self.like = [torch.empty(p.shape, dtype=p.dtype) for p in parameters]
        self.replica, self.pushes, self.lost = uuid.uuid4().hex, 0, 0
        self._seen: list[tuple[int, int]] | None = None  # of each shard: its life, and how many updates it had

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
        """Start the server's processes; one that finds its checkpoint goes on from it.

        make: makes a server or centre of some parameters. every: seconds between checkpoints, which is what a death of
        the server loses at most. shards: processes that each hold a part of the parameters. name: by which other
        processes find it. Raises `ValueError` for more shards than parameters, and for a checkpoint of another model.
        """
        ray = ray_module()
        held = [p.detach().cpu().clone() for p in parameters]
        if not 1 <= shards <= len(held):
            raise ValueError(f"shards must lie between 1 and {len(held)}, the number of tensors, not {shards}")
        kind = type(make([p.clone() for p in held]))  # what it raises is raised here
        begin_ray()
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )  # where the checkpoint's file is
        host = MeetingHost if issubclass(kind, BackupServer) else Host
        actor: Any = ray.remote(max_restarts=-1, max_task_retries=-1, num_cpus=0, scheduling_strategy=here)(host)
        hosts = []
        for number, part in enumerate(_parts(len(held), shards)):
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
        """Return a way to the server that another process of this Ray cluster has started by that name."""
        ray = ray_module()
        return cls([ray.get_actor(f"{name} {number}", NAMESPACE) for number in range(shards)], list(parameters))

    def fetch(self) -> Fetched:
        """Return copies of the parameters."""
        fetched = Fetched(0, [], [])
        told = []
        for number, (life, version, parameters, memory) in enumerate(self._ask("fetch")):
            like = self._like(number)
            told.append((life, version))
            fetched.parameters.extend(unpack(parameters, like))
            fetched.memory.extend(unpack(memory, like) if len(memory) else [])
        self._notice(told)
        self._fetched = told
        return Fetched(sum(version for _, version in told), fetched.parameters, fetched.memory)

    def push(self, gradients: Sequence[Tensor], fetched: Fetched) -> int | None:
        """Send gradients; return their staleness in the shard where it is greatest.

        None where a shard has died since they were taken: it has not applied them. Raises `ValueError` for what the
        server refuses, and where nothing has been fetched.
        """
        if self._seen is None:
            raise ValueError("fetch the parameters before gradients are pushed")
        check_pushed(gradients, self.like)  # here, where they are at hand; one shard would apply what another refuses
        self.pushes += 1
        arguments = []
        for number, (life, version) in enumerate(self._fetched):
            part = self._part(number)
            memory = [fetched.memory[k] for k in part] if fetched.memory else []
            packed = pack([gradients[k] for k in part])
            arguments.append((self.replica, self.pushes, life, version, packed, pack(memory)))
        answers = self._ask("push", arguments)
        for number, answer in enumerate(answers):
            if answer is not None:
                life, version = self._fetched[number]
                self._seen[number] = life, max(self._seen[number][1], version + answer + 1)
        return None if None in answers else max(answers)

    def exchange(self, replica: Sequence[Tensor]) -> list[Tensor]:
        """Return where the replica is pulled to by the centre. Raises `ValueError` for what it refuses."""
        check_pushed(replica, self.like)
        self.pushes += 1
        arguments = [
            (self.replica, self.pushes, pack([replica[k] for k in self._part(number)]))
            for number in range(len(self.shards))
        ]
        answers = self._ask("exchange", arguments)
        return [t for number, answer in enumerate(answers) for t in unpack(answer, self._like(number))]

    def attend(self, attends: bool) -> None:
        """Tell a `BackupServer` whether this replica takes part in the steps from now on."""
        self._ask("attend", [(self.replica, attends)] * len(self.shards))

    @property
    def parameters(self) -> list[Tensor]:
        """Copies of the parameters."""
        states = self._ask("state")
        self._notice([(life, version) for life, version, _ in states])
        return [t for number, (_, _, part) in enumerate(states) for t in unpack(part, self._like(number))]

    @property
    def version(self) -> int:
        """The number of updates that the server holds, of all shards together."""
        return sum(version for _, version, _ in self._ask("state"))

    def processes(self) -> list[int]:
        """Return the numbers of the server's processes."""
        return self._ask("process")

    def save(self) -> None:
        """Write the checkpoint now."""
        self._ask("save")

    def __getstate__(self) -> dict[str, Any]:
        return {"shards": self.shards, "like": self.like}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["shards"], state["like"])  # type: ignore[misc]

    def _part(self, number: int) -> range:
        return _parts(len(self.like), len(self.shards))[number]

    def _like(self, number: int) -> list[Tensor]:
        return [self.like[k] for k in self._part(number)]

    def _ask(self, what: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        import ray

        given = arguments or [()] * len(self.shards)
        answers = ray.get([getattr(shard, what).remote(*a) for shard, a in zip(self.shards, given)])
        for answer in answers:
            if isinstance(answer, str):
                raise ValueError(answer)
        return list(answers)

    def _notice(self, told: list[tuple[int, int]]) -> None:
        for number, ((life, version), (before, seen)) in enumerate(zip(told, self._seen or told)):
            if life > before:
                gone = max(0, seen - version)
                self.lost += gone
                warnings.warn(
                    f"the parameter server's process {number} died and went on from its checkpoint: of {seen} updates "
                    f"that this replica knew of, {gone} are lost",
                    stacklevel=3,
                )
        self._seen = told


def ray_module() -> Any:
    """Return Ray. Raises `ImportError`, which says how to install it."""
    try:
        import ray
    except ImportError:
        raise ImportError(NO_RAY) from None
    return ray


def begin_ray(address: str | None = None) -> str:
    """Join the Ray cluster of that address, or of RAY_ADDRESS, or else start one here; return its address."""
    ray = ray_module()
    address = address or os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():  # "local": another training's cluster, which ends with it, is not joined by accident
        ray.init(address or "local", logging_level="ERROR", **({} if address else {"include_dashboard": False}))
    return str(ray.get_runtime_context().gcs_address)


def _parts(tensors: int, shards: int) -> list[range]:
    return [range(tensors * k // shards, tensors * (k + 1) // shards) for k in range(shards)]
