"""All the data that a model is fed with, read at once in the user's file: an array, or batches one after another."""

import re
from dataclasses import dataclass
from textwrap import dedent

from descend.doctor.source.flow import Source

ARRAY = "    {name} = torch.as_tensor({data}, dtype=torch.float32)"
BATCHES = """    with torch.random.fork_rng():  # the order of the batches stays as it is
        {name} = torch.cat([{part} for batch in {data}]).float()"""
DEVICE = re.compile(r"\b(cuda|device|mps)\b")


@dataclass(frozen=True)
class Read:
    """How a function gets them: the name of its parameter, and the lines that make a tensor of it."""

    parameter: str
    lines: str


def read_whole(source: Source, name: str) -> Read | None:
    """Return how a function reads all of a source into `name`; None where it is a mapping's, or comes of a call."""
    parameter = "batches" if source.is_series else name
    lines = _reading(source, name, parameter)
    return Read(parameter, lines) if lines else None


def read_here(source: Source, name: str, data: str) -> str:
    """Return the statement that reads all of `data` into `name`; "" where it is a mapping's, or comes of a call."""
    return dedent(_reading(source, name, data))


def _reading(source: Source, name: str, data: str) -> str:
    if source.by_key or any(expression.startswith("lambda") for expression in source.expressions):
        return ""
    part = "batch" + "".join(f"[{i}]" for i in source.path)
    return BATCHES.format(name=name, part=part, data=data) if source.is_series else ARRAY.format(name=name, data=data)


def moved_to_model(text: str) -> str:
    """Return what brings a tensor to the device of `model`; "" where the script knows of no device but one."""
    return ".to(next(model.parameters()).device)" if DEVICE.search(text) else ""
