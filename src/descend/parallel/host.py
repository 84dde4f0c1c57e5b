"""What runs in a server's own process: one server or centre, its checkpoint, and the last push of each replica."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from descend.parallel.messages import pack, unpack
from descend.parallel.server import Fetched


class Kept(Protocol):
    """What can be served: a parameter server or a centre."""

    parameters: list[Tensor]
    version: int

    def state_dict(self) -> dict[str, Any]:
        """Return all that it needs to go on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        ...


class Host:
    """What runs in the server's process: one server, its checkpoint, and the last push of each replica."""

    def __init__(self, make: Callable[[list[Tensor]], Any], checkpoint: Path, every: float) -> None:
        torch.set_num_threads(1)
        self.make, self.checkpoint, self.every = make, checkpoint, every
        self.life = 0  # counts its restarts
        self.answers: dict[str, tuple[int, int | str | None]] = {}  # each replica's last push, and what it was told
        if checkpoint.exists():
            saved = torch.load(checkpoint, weights_only=True)
            self.kept = make(saved["kept"]["parameters"])
            self.kept.load_state_dict(saved["kept"])
            self.life, self.answers = saved["life"] + 1, saved["answers"]
            self.save()

    def begin(self, parameters: list[Tensor]) -> str | None:
        """Take the parameters, unless there was a checkpoint; return why the checkpoint cannot be gone on from."""
        if not hasattr(self, "kept"):
            self.kept = self.make(parameters)
            self.save()
        held, given = ([(tuple(p.shape), p.dtype) for p in row] for row in (self.kept.parameters, parameters))
        other = f"{self.checkpoint} is the checkpoint of another model: delete it, or name another"
        return None if held == given else other

    def fetch(self) -> tuple[int, int, Any, Any]:
        """Return its life, the number of updates, the parameters and the rule's memory."""
        fetched = self.kept.held
        return self.life, fetched.version, pack(fetched.parameters), pack(fetched.memory)

    def push(self, replica: str, number: int, life: int, version: int, gradients: Any, memory: Any) -> int | str | None:
        """Apply gradients once; return their staleness, none where they are from an earlier life, or why not."""
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
        self._done(replica, number, answer)
        return answer

    def exchange(self, replica: str, number: int, parameters: Any) -> Any:
        """Pull and be pulled, once; one that Ray repeats pulls alone. Return why not where it is refused."""
        try:
            sent = unpack(parameters, self.kept.parameters)
            if number <= self.answers.get(replica, (0, None))[0]:
                return pack(self.kept.pulled(sent))
            answer = pack(self.kept.exchange(sent))
        except ValueError as error:
            return str(error)
        self._done(replica, number, None)
        return answer

    def state(self) -> tuple[int, int, Any]:
        """Return its life, the number of updates and the parameters."""
        return self.life, self.kept.version, pack(self.kept.parameters)

    def process(self) -> int:
        """Return the number of this process."""
        return os.getpid()

    def save(self) -> None:
        """Write the checkpoint: the old one stays until the new one is whole."""
        self.saved = time.monotonic()
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({"kept": self.kept.state_dict(), "life": self.life, "answers": self.answers}, partial)
        partial.replace(self.checkpoint)

    def _done(self, replica: str, number: int, answer: int | str | None) -> None:
        self.answers[replica] = number, answer
        if time.monotonic() - self.saved > self.every:
            self.save()


class MeetingHost(Host):
    """The process of a `BackupServer`: a push is answered when the step is made. Ray runs it as coroutines."""

    def __init__(self, make: Callable[[list[Tensor]], Any], checkpoint: Path, every: float) -> None:
        super().__init__(make, checkpoint, every)
        self.news = asyncio.Event()  # that something was pushed or a replica has gone; another one each time

    async def push(  # type: ignore[override]  # Ray awaits it
        self, replica: str, number: int, life: int, version: int, gradients: Any, memory: Any
    ) -> int | str | None:
        """Push, and wait until the server has made a step since the gradients were taken."""
        answer = super().push(replica, number, life, version, gradients, memory)
        self._tell()
        while answer == 0 and self.kept.version <= version:
            await self.news.wait()
        return answer

    def attend(self, replica: str, attends: bool) -> None:
        """Tell the server whether a replica takes part."""
        self.kept.attend(replica, attends)
        self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()
