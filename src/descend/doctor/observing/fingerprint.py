"""Fingerprints of tensors, by their very bytes."""

import hashlib
import random
import sys
from collections.abc import Iterable

import torch
from torch import Tensor

from descend.doctor.tape.randomness import RandomState


def fingerprint(parameters: Iterable[Tensor]) -> str:
    """Return the SHA-256 of the parameters' bytes in whatever order they come; "" where there are none."""
    digests = sorted(hashlib.sha256(bytes_of(p)).hexdigest() for p in {id(p): p for p in parameters}.values())
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def bytes_of(tensor: Tensor) -> bytes:
    """Return a tensor's values as they lie in memory."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def value_bytes(tensor: Tensor) -> bytes:
    """Return a tensor's values in their order, whatever its shape and its type of numbers."""
    values = tensor.detach().reshape(-1)
    return bytes_of(values if values.is_complex() else values.double())


def random_streams() -> str:
    """Return a fingerprint of the states of the global random generators of torch, Python and NumPy."""
    state, numpy = RandomState.now(), sys.modules.get("numpy")
    sha = hashlib.sha256(state.cpu + repr((state.cuda, random.getstate())).encode())
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        sha.update(keys.tobytes() + repr((kind, rest)).encode())
    return sha.hexdigest()[:16]
