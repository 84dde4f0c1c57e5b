"""Values on their way to the model, and where that way begins."""

from dataclasses import dataclass

import libcst as cst

PARTS = ("inputs", "targets")
PLACES = ("first", "second")


@dataclass(frozen=True, eq=False)
class Flow:
    """Values on their way to the model. `_back` goes one step towards where they come from."""

    value: cst.BaseExpression
    at: cst.CSTNode  # where the value is read
    part: int  # which part of a batch they have to be
    path: tuple[int, ...] = ()  # which part of it goes to the model; of each batch, if these are batches
    batches: bool = False  # it is a series of batches
    found: tuple[str, ...] = ()  # expressions for the data met so far, the nearest to the model first
    cut: str = ""  # how examples are taken from a tensor: "sliced" one after another, "part", "picked" by an index
    reshaped: bool = False  # the model gets the same numbers in another shape
    by_key: bool = False  # a batch is a mapping


@dataclass(frozen=True, eq=False)
class Source:
    """The end of the way back: expressions for the data, or a parameter that carries it, or why neither."""

    expressions: tuple[str, ...] = ()
    function: cst.FunctionDef | None = None  # whose parameter `name` is the batch
    name: str = ""
    path: tuple[int, ...] = ()
    reason: str = ""
    cut: str = ""
    reshaped: bool = False
    by_key: bool = False
    is_series: bool = False  # of batches, of which `path` is the part that goes to the model


def is_wanted(flow: Flow) -> bool:
    """Return whether what is followed is its usual part of a batch, or the batch itself."""
    return not any(flow.path) if flow.part == 0 else flow.path in ((), (flow.part,))
