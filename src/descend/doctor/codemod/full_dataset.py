"""Write the code that reads all training data at once, from an array or from batches."""

import re
from dataclasses import dataclass
from textwrap import dedent

from descend.doctor.codemod.data_source import DataSource

ARRAY = "    {name} = torch.as_tensor({data}, dtype=torch.float32)"
BATCHES = """    with torch.random.fork_rng():  # the order of the batches stays as it is
        {name} = torch.cat([{part} for batch in {data}]).float()"""
DEVICE = re.compile(r"\b(cuda|device|mps)\b")


@dataclass(frozen=True)
class ReadCode:
    """The parameter by which a new function receives the training data, and its lines that make them one tensor."""

    parameter: str
    lines: str


def read_parameter(source: DataSource, name: str) -> ReadCode | None:
    """Return a function's parameter for the data, and code that makes them one tensor, `name`; None if impossible."""
    parameter = "batches" if source.is_series else name
    lines = _tensor_code(source, name, parameter)
    return ReadCode(parameter, lines) if lines else None


def read_statement(source: DataSource, name: str, data: str) -> str:
    """Return a statement that makes one tensor of all `data` and assigns it to `name`; "" if that is impossible."""
    return dedent(_tensor_code(source, name, data))


def _tensor_code(source: DataSource, name: str, data: str) -> str:
    """Return lines that make one tensor of all `data`; "" if a batch is a mapping, or if a call creates the batches."""
    if source.by_key or any(expression.startswith("lambda") for expression in source.expressions):
        return ""
    part = "batch" + "".join(f"[{i}]" for i in source.path)
    return BATCHES.format(name=name, part=part, data=data) if source.is_series else ARRAY.format(name=name, data=data)


def device_transfer(text: str) -> str:
    """Return the code that moves a tensor to the model's device, or "" if the script uses only the CPU."""
    return ".to(next(model.parameters()).device)" if DEVICE.search(text) else ""
