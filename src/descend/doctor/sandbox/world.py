"""What `torchrun` tells each process of a group; and a group of our own, for a script that is examined."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from descend.ground.control_characters import shortened
from descend.ground.errors import UsageError

HERE = "127.0.0.1"
OF_THE_AGENT = ("TORCHELASTIC_", "GROUP_", "ROLE_")  # torchrun's own process, which has no part in the runs of ours
JOB = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT")
NOT_TOLD = "env:// rendezvous"  # what torch says that a script lacks which `torchrun` was to start


@dataclass(frozen=True)
class World:
    """The group of processes that a process has been started in, as `torchrun` tells it."""

    rank: int
    size: int
    job: str  # the same for all of them


def world_of(environment: Mapping[str, str]) -> World | None:
    """Return the group that a process is one of; None where it is told none, or is the only one."""
    try:
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
    except (KeyError, ValueError):
        return None
    return World(rank, size, " ".join(environment.get(name, "") for name in JOB)) if size > 1 else None


def watched_as(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the role of a watched process's record, and what that says of the group which the process is one of."""
    world = world_of(environment)
    if world is None:
        return "watch", {}
    group = {"rank": str(world.rank), "world_size": str(world.size), "job": world.job}
    return ("rank" if world.rank else "watch"), group


def is_told(environment: Mapping[str, str]) -> bool:
    """Whether a process is one of a group that `torchrun` has started."""
    return {"RANK", "WORLD_SIZE"} <= environment.keys()


def is_other_rank(environment: Mapping[str, str]) -> bool:
    """Whether a process is one of a group that `torchrun` has started, and not the first one.

    Raises `UsageError` where RANK is no number: to take it for another rank would do nothing and end with status 0.
    """
    if not is_told(environment):
        return False
    rank = environment["RANK"]
    if not re.fullmatch("[0-9]{1,9}", rank):
        raise UsageError(f"RANK must be a whole number from 0, not {shortened(rank)}: torchrun sets it; else unset it")
    return int(rank) > 0


def own_world(environment: Mapping[str, str], processes: int = 1) -> dict[str, str]:
    """Return an environment in which a process finds itself the first of a new group, at a port of its own."""
    kept = {name: value for name, value in environment.items() if not name.startswith(OF_THE_AGENT)}
    with socket.socket() as found:
        found.bind((HERE, 0))
        kept |= {"MASTER_ADDR": HERE, "MASTER_PORT": str(found.getsockname()[1])}
    return kept | place(0) | dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes))


def place(rank: int) -> dict[str, str]:
    """Return what tells a process which of its group it is, where all are on one machine."""
    return dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank))


def processes_here(environment: Mapping[str, str], most: int) -> int:
    """Return how many processes of its group `torchrun` has started, where they are all here and at most so many.

    1 where they are not, and 0 for a process that is no part of a group.
    """
    if not is_told(environment):
        return 0
    world = world_of(environment)
    is_here = world is not None and environment.get("LOCAL_WORLD_SIZE") == str(world.size)
    return world.size if world is not None and is_here and world.size <= most else 1
