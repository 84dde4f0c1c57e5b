"""Examples in random order: `shuffle=True` for a loader; a permutation of the data where batches are cut by hand."""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import binding, value_behind
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.permutation import insert_permutation
from descend.doctor.source.setting import apply, loader_setting, set_argument
from descend.doctor.source.syntax import Syntax, last_name

SAMPLERS = {"sampler": 3, "batch_sampler": 4}  # places among a DataLoader's arguments
STREAMS = {"IterableDataset", "IterDataPipe"}


def shuffle(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let the loader `dose["loader"]` shuffle; without a loader, draw one order before the training loop."""
    key = dose.get("loader", "0")
    if record.site("loader", key) is None and record.site("model_call") is not None:
        return insert_permutation(script, record)
    place = locate(script, record, "loader", key)
    if isinstance(place, NotApplicable):
        return place
    if reason := _obstacle(place):
        return NotApplicable(reason)
    edit = set_argument(place, loader_setting(place, "shuffle", 2, "shuffling"), True, script, record)
    return edit if isinstance(edit, NotApplicable) else apply(script, place.syntax, [edit], "shuffling")


def _obstacle(place: Place) -> str:
    syntax, call = place.syntax, place.call
    for name, index in SAMPLERS.items():
        given = find_argument(call, name, index)
        if given is not None and syntax.code(given.value) != "None":
            return f"the {name} in line {syntax.line(given)} decides on the order of the examples"
    dataset = find_argument(call, "dataset", 0)
    if dataset is not None and _is_stream(syntax, dataset.value):
        return f"the data in line {syntax.line(call)} come as a stream, which a loader cannot shuffle"
    return ""


def _is_stream(syntax: Syntax, dataset: cst.BaseExpression) -> bool:
    made = dataset if isinstance(dataset, cst.Call) else value_behind(syntax, dataset)
    bound = binding(syntax, made.func) if isinstance(made, cst.Call) and isinstance(made.func, cst.Name) else None
    if bound is None or not isinstance(bound.node, cst.ClassDef):
        return False
    return any(last_name(base.value) in STREAMS for base in bound.node.bases)
