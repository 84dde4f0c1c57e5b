"""Whether there is room for so many vectors as long as the parameters, counted before they are made."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import torch

from descend.landscape.loss import CurvatureUnavailable
from descend.landscape.vectors import row_bytes

MEMORY = Path("/proc/meminfo")
GIB = 2**30
LITTLE = 2**26  # bytes that are there anyway: asking takes as long as a small network's product


def require_room(vectors: int, parameters: Sequence[torch.Tensor]) -> None:
    """Raise `CurvatureUnavailable` with the numbers where `vectors` of all parameters in a row do not fit."""
    needed = vectors * row_bytes(parameters)
    if needed > LITTLE and needed > (free := free_bytes(parameters[0].device)):
        length = sum(t.numel() for t in parameters)
        raise CurvatureUnavailable(
            f"{vectors} vectors of {length:,} parameters need {needed / GIB:.1f} GiB; {free / GIB:.1f} GiB are free"
        )


def free_bytes(device: torch.device) -> float:
    """Return the memory that a device has left; infinity where the system does not tell."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        told = dict(line.split(":", 1) for line in MEMORY.read_text(encoding="ascii").splitlines())
        return 1024 * int(told["MemAvailable"].split()[0])
    except (OSError, KeyError):
        return inf
