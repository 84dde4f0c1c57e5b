"""Measure the largest memory that this process has used: resident memory or, with CUDA, that of the device."""

import resource
import sys

import torch

from descend.doctor.record import facts

BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024  # `ru_maxrss` is in bytes on macOS and in KiB on Linux


def peak_memory() -> facts.PeakMemory:
    """Return the largest memory of this process so far; that of the current CUDA device if the script uses one."""
    if torch.cuda.is_initialized():
        return facts.PeakMemory(torch.cuda.max_memory_allocated(), torch.cuda.get_device_name())
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_PER_UNIT
    return facts.PeakMemory(resident, "cpu")
