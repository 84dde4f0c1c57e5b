"""The other processes of a script's group: each runs the same script, and of none more is observed than its pace.

They are forked before anything of torch's has begun. They have the sandbox and the seeds of the first, and end with it.
"""

import os
import signal
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from descend.doctor.sandbox.kernel import die_with_parent
from descend.doctor.sandbox.world import place

if TYPE_CHECKING:
    from descend.doctor.run.child import Config

ENDLESS = 2**62  # steps: a peer goes on until the first process has seen enough


def grouped(config: "Config") -> "Config":
    """Fork the other processes; return what this one, the first or one of the others, is to do."""
    first = os.getpid()
    for rank in range(1, config.peers + 1):
        if os.fork() == 0:
            die_with_parent(signal.SIGKILL)
            if os.getppid() != first:
                os._exit(1)
            return _as_peer(config, rank)
    return config


def _as_peer(config: "Config", rank: int) -> "Config":
    os.environ.update(place(rank))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    unheard = (config.descriptor,) if config.role == "bare" else (config.descriptor, config.telling)
    for descriptor in unheard:
        os.dup2(nowhere, descriptor)  # what it would say of itself is for nobody, but for how long its steps take
    os.close(nowhere)
    endless = replace(config, steps=ENDLESS, least_steps=ENDLESS, seconds=inf, patience=inf)
    return replace(endless, role="bare", peers=0, rank=rank, stage=None, asked={})
