"""The Ray actor of a parameter server: it runs one server or centre in its own process and writes its checkpoints."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from descend.parallel.packing import pack, unpack
from descend.parallel.server import Fetched


class HostedServer(Protocol):
    """The parameter server or elastic averaging centre that a `Host` runs."""

    parameters: list[Tensor]
    version: int

    def state_dict(self) -> dict[str, Any]:
        """Return the complete state for a checkpoint."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state from a checkpoint."""
        ...


class Host:
    """A Ray actor that runs one parameter server or centre, writes its checkpoints, and answers repeated requests.

    It stores the answer to each replica's last request. make: creates the server from its parameters. every: seconds
    between checkpoints.
    """

    def __init__(self, make: Callable[[list[Tensor]], Any], checkpoint: Path, every: float) -> None:
        torch.set_num_threads(1)
        self.make, self.checkpoint, self.every = make, checkpoint, every
        self.life = 0  # the number of restarts of this server
        # For each replica, the number of its last request and the answer to this request.
        self.answers: dict[str, tuple[int, int | str | None]] = {}
        if checkpoint.exists():
            saved = torch.load(checkpoint, weights_only=True)
            self.kept = make(saved["kept"]["parameters"])
            self.kept.load_state_dict(saved["kept"])
            self.life, self.answers = saved["life"] + 1, saved["answers"]
            self.save()

    def begin(self, parameters: list[Tensor]) -> str | None:
        """Create the server unless a checkpoint was loaded; return an error message if the checkpoint does not fit.

        The checkpoint must contain tensors of the same shapes and dtypes as `parameters`.
        """
        if not hasattr(self, "kept"):
            self.kept = self.make(parameters)
            self.save()
        held, given = ([(tuple(p.shape), p.dtype) for p in row] for row in (self.kept.parameters, parameters))
        other = f"{self.checkpoint} is the checkpoint of a different model. Delete it, or choose another path"
        return None if held == given else other

    def fetch(self) -> tuple[int, int, Any, Any]:
        """Return the number of restarts, the number of updates, and the parameters and the memory as packed bytes."""
        fetched = self.kept.uncopied_state
        return self.life, fetched.version, pack(fetched.parameters), pack(fetched.memory)

    def push(self, replica: str, number: int, life: int, version: int, gradients: Any, memory: Any) -> int | str | None:
        """Apply packed gradients, but only once per request; return their staleness in updates or an error message.

        Returns None, and applies nothing, if the parameters were fetched before a restart. A repeated request gets the
        stored answer.
        """
        if number <= self.answers.get(replica, (0, None))[0]:
            return self.answers[replica][1]
        if life != self.life:
            return None
        like = self.kept.parameters
        try:
            taken = Fetched(version, [], unpack(memory, like) if len(memory) else [])
            answer: int | str = self.kept.apply(unpack(gradients, like), taken)
        except ValueError as error:
            answer = str(error)
        self._store_answer(replica, number, answer)
        return answer

    def exchange(self, replica: str, number: int, parameters: Any) -> Any:
        """Exchange packed parameters with the centre; return the replica's new parameters, or an error message.

        If Ray repeats a request, the centre does not move a second time.
        """
        try:
            sent = unpack(parameters, self.kept.parameters)
            if number <= self.answers.get(replica, (0, None))[0]:
                return pack(self.kept.pull_replica(sent))
            answer = pack(self.kept.exchange(sent))
        except ValueError as error:
            return str(error)
        self._store_answer(replica, number, None)
        return answer

    def state(self) -> tuple[int, int, Any]:
        """Return the number of restarts, the number of updates, and the parameters as packed bytes."""
        return self.life, self.kept.version, pack(self.kept.parameters)

    def process(self) -> int:
        """Return the id of the server's process."""
        return os.getpid()

    def save(self) -> None:
        """Write the server's checkpoint. The old file is replaced only after the new file is complete."""
        self.saved = time.monotonic()
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({"kept": self.kept.state_dict(), "life": self.life, "answers": self.answers}, partial)
        partial.replace(self.checkpoint)

    def _store_answer(self, replica: str, number: int, answer: int | str | None) -> None:
        """Store the answer to a replica's request. Write a checkpoint if the last is older than `every` seconds."""
        self.answers[replica] = number, answer
        if time.monotonic() - self.saved > self.every:
            self.save()


class BackupHost(Host):
    """A Ray actor that runs a `BackupServer`. Its `push` is a coroutine that returns after the server's step."""

    def __init__(self, make: Callable[[list[Tensor]], Any], checkpoint: Path, every: float) -> None:
        super().__init__(make, checkpoint, every)
        self.news = asyncio.Event()  # This event wakes the waiting pushes, and is then replaced by a new event.

    async def push(  # type: ignore[override]  # Ray awaits coroutines of actors.
        self, replica: str, number: int, life: int, version: int, gradients: Any, memory: Any
    ) -> int | str | None:
        """Apply packed gradients and return after the server's next step, with the same results as `Host.push`."""
        answer = super().push(replica, number, life, version, gradients, memory)
        self._wake_waiting()
        while answer == 0 and self.kept.version <= version:
            await self.news.wait()
        return answer

    def attend(self, replica: str, attends: bool) -> None:
        """Record whether a replica takes part in the next steps, and wake all waiting calls of `push`."""
        self.kept.attend(replica, attends)
        self._wake_waiting()

    def _wake_waiting(self) -> None:
        """Wake all calls of `push` that wait for a step."""
        self.news.set()
        self.news = asyncio.Event()
