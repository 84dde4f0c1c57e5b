"""Fingerprints of tensors and of random states, from their bytes."""

import gc
import hashlib
import random
import sys
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from descend.doctor.tape.randomness import RandomState


def fingerprint(parameters: Iterable[Tensor]) -> str:
    """Return a SHA-256 digest of the parameters' bytes that does not depend on their order; "" without parameters."""
    digests = sorted(hashlib.sha256(bytes_of(p)).hexdigest() for p in {id(p): p for p in parameters}.values())
    return hashlib.sha256("".join(digests).encode()).hexdigest() if digests else ""


def fingerprint_of_modules() -> str:
    """Return a digest of the parameters and buffers of all modules in memory; "" if there are none.

    It is also "" if a value has no bytes, such as an uninitialised parameter.
    """
    gc.collect()  # Otherwise, modules that are no longer used would be included in some runs.
    modules = [found for found in gc.get_objects() if issubclass(type(found), nn.Module)]
    try:
        return fingerprint(value for module in modules for value in (*module.parameters(False), *module.buffers(False)))
    except Exception:  # A user's module may have parameters of any kind. Without a digest, less is known at the end.
        return ""


def bytes_of(tensor: Tensor) -> bytes:
    """Return the bytes of a tensor's values, as they are in memory."""
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def value_bytes(tensor: Tensor) -> bytes:
    """Return the bytes of a tensor's values in float64, so that they do not depend on the tensor's shape and dtype."""
    values = tensor.detach().reshape(-1)
    return bytes_of(values if values.is_complex() else values.double())


def random_state_fingerprint() -> str:
    """Return a fingerprint of the states of the random generators of torch, Python and NumPy."""
    state, numpy = RandomState.now(), sys.modules.get("numpy")
    sha = hashlib.sha256(state.cpu + repr((state.cuda, random.getstate())).encode())
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        sha.update(keys.tobytes() + repr((kind, rest)).encode())
    return sha.hexdigest()[:16]
