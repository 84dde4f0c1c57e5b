"""Read the environment variables that `torchrun` sets for a process group, and set them for an examined script."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from descend.core.control_characters import shortened
from descend.core.errors import UsageError

HERE = "127.0.0.1"
# Prefixes of environment variables of torchrun's agent process. Descend's own runs have no such agent.
AGENT_VARIABLES = ("TORCHELASTIC_", "GROUP_", "ROLE_")
JOB = ("TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "MASTER_ADDR", "MASTER_PORT")
TORCHRUN_MISSING = "env:// rendezvous"  # part of torch's error message if a script needs `torchrun`


@dataclass(frozen=True)
class World:
    """The group of processes that `torchrun` has started, as seen by one of the processes."""

    rank: int
    size: int
    job: str  # an id of the group that all its processes have in common


def read_world(environment: Mapping[str, str]) -> World | None:
    """Return the process group that environment variables describe; None for no group or a group of one process."""
    try:
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
    except (KeyError, ValueError):
        return None
    return World(rank, size, " ".join(environment.get(name, "") for name in JOB)) if size > 1 else None


def role_and_group(environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the role that a watched process has in its record, and a dict that describes its process group."""
    world = read_world(environment)
    if world is None:
        return "watch", {}
    group = {"rank": str(world.rank), "world_size": str(world.size), "job": world.job}
    return ("rank" if world.rank else "watch"), group


def is_in_group(environment: Mapping[str, str]) -> bool:
    """Return whether environment variables are those of a process that `torchrun` has started."""
    return {"RANK", "WORLD_SIZE"} <= environment.keys()


def is_other_rank(environment: Mapping[str, str]) -> bool:
    """Return whether environment variables are those of a process that `torchrun` has started with a rank above 0.

    Raises `UsageError` if RANK is not a number: another rank does nothing and ends with status 0.
    """
    if not is_in_group(environment):
        return False
    rank = environment["RANK"]
    if not re.fullmatch("[0-9]{1,9}", rank):
        raise UsageError(f"RANK must be a whole number, not {shortened(rank)}. Unset it to run without torchrun")
    return int(rank) > 0


def new_group_variables(environment: Mapping[str, str], processes: int = 1) -> dict[str, str]:
    """Return environment variables for the first process of a new process group that communicates over a free port."""
    kept = {name: value for name, value in environment.items() if not name.startswith(AGENT_VARIABLES)}
    with socket.socket() as found:
        found.bind((HERE, 0))
        kept |= {"MASTER_ADDR": HERE, "MASTER_PORT": str(found.getsockname()[1])}
    return kept | rank_variables(0) | dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes))


def rank_variables(rank: int) -> dict[str, str]:
    """Return the environment variables RANK and LOCAL_RANK of a process, for a group on a single machine."""
    return dict.fromkeys(("RANK", "LOCAL_RANK"), str(rank))


def local_group_size(environment: Mapping[str, str], most: int) -> int:
    """Return the size of the process group if it is on this machine only and has at most `most` processes.

    Returns 1 for other groups, and 0 for a process that is not part of a group.
    """
    if not is_in_group(environment):
        return 0
    world = read_world(environment)
    is_here = world is not None and environment.get("LOCAL_WORLD_SIZE") == str(world.size)
    return world.size if world is not None and is_here and world.size <= most else 1
