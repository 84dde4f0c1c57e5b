"""All the data that a model is fed with, read at once in the user's file: an array, or batches one after another."""

import re
from dataclasses import dataclass

from descend.doctor.source.flow import Source

ARRAY = "    {name} = torch.as_tensor({name}, dtype=torch.float32)"
BATCHES = """    with torch.random.fork_rng():  # the order of the batches stays as it is
        {name} = torch.cat([{part} for batch in batches]).float()"""
DEVICE = re.compile(r"\b(cuda|device|mps)\b")


@dataclass(frozen=True)
class Read:
    """How a function gets them: the name of its parameter, and the lines that make a tensor of it."""

    parameter: str
    lines: str


def read_whole(source: Source, name: str) -> Read | None:
    """Return how all of a source is read into `name`; None where it is a mapping's, or comes of a call."""
    if source.by_key or any(expression.startswith("lambda") for expression in source.expressions):
        return None
    if not source.is_series:
        return Read(name, ARRAY.format(name=name))
    part = "batch" + "".join(f"[{i}]" for i in source.path)
    return Read("batches", BATCHES.format(name=name, part=part))


def moved_to_model(text: str) -> str:
    """Return what brings a tensor to the device of `model`; "" where the script knows of no device but one."""
    return ".to(next(model.parameters()).device)" if DEVICE.search(text) else ""
