"""Check that vectors of the size of all parameters fit into memory, before they are allocated."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import torch

from descend.landscape.loss import CurvatureUnavailable
from descend.landscape.vectors import flat_bytes

MEMORY = Path("/proc/meminfo")
GIB = 2**30
UNCHECKED = 2**26  # Fewer bytes are not checked, because reading the free memory takes as long as a small product.


def require_memory(vectors: int, parameters: Sequence[torch.Tensor]) -> None:
    """Raise `CurvatureUnavailable` if `vectors` copies of the parameters do not fit into the free memory."""
    needed = vectors * flat_bytes(parameters)
    if needed > UNCHECKED and needed > (free := free_bytes(parameters[0].device)):
        length = sum(t.numel() for t in parameters)
        raise CurvatureUnavailable(
            f"{vectors} vectors of {length:,} parameters need {needed / GIB:.1f} GiB, but {free / GIB:.1f} are free"
        )


def free_bytes(device: torch.device) -> float:
    """Return the free bytes of a device; infinity if the operating system does not report them."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        fields = dict(line.split(":", 1) for line in MEMORY.read_text(encoding="ascii").splitlines())
        return 1024 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError):
        return inf
