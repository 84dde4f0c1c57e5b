"""A world of one: what `torchrun` tells each process of a group, for a script that is examined by itself."""

import socket
from collections.abc import Mapping

ALONE = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
}
OF_THE_AGENT = ("TORCHELASTIC_", "GROUP_", "ROLE_")  # torchrun's own process, which has no part in the runs of ours
NOT_TOLD = "env:// rendezvous"  # what torch says that a script lacks which `torchrun` was to start


def is_told(environment: Mapping[str, str]) -> bool:
    """Whether a process is one of a group that `torchrun` has started."""
    return {"RANK", "WORLD_SIZE"} <= environment.keys()


def world_of_one(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which a process finds itself the only one of its group, at a port of its own."""
    kept = {name: value for name, value in environment.items() if not name.startswith(OF_THE_AGENT)}
    with socket.socket() as found:
        found.bind((ALONE["MASTER_ADDR"], 0))
        return {**kept, **ALONE, "MASTER_PORT": str(found.getsockname()[1])}
