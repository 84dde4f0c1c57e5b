"""Fork the other processes of a script's group: each runs the same script, and only its step times are recorded.

They are forked before torch has started any threads. They share the sandbox and seeds of the first process, and end
with it.
"""

import os
import signal
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from descend.doctor.sandbox.kernel import die_with_parent
from descend.doctor.sandbox.world import rank_variables
from descend.doctor.script.run_names import Role

if TYPE_CHECKING:
    from descend.doctor.execution.child import Config

ENDLESS = 2**62  # step limit of the processes other than the first, so large that they run until the first process ends


def fork_peers(config: "Config") -> "Config":
    """Fork the other processes of the script's group; return, in each process, the settings of that process."""
    first = os.getpid()
    for rank in range(1, config.peers + 1):
        if os.fork() == 0:
            die_with_parent(signal.SIGKILL)
            if os.getppid() != first:
                os._exit(1)
            return _as_peer(config, rank)
    return config


def _as_peer(config: "Config", rank: int) -> "Config":
    """Return the settings of the process with this rank, and discard all of its messages except step times."""
    os.environ.update(rank_variables(rank))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    unheard = (config.descriptor,) if config.role == Role.BARE else (config.descriptor, config.telling)
    for descriptor in unheard:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    endless = replace(config, steps=ENDLESS, least_steps=ENDLESS, seconds=inf, patience=inf)
    return replace(endless, role="bare", peers=0, rank=rank, stage=None, asked={})
