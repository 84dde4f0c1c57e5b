"""Shuffle the examples: `shuffle=True` for a loader, or a permutation of data that the loop slices."""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.argument_edits import apply_edits, loader_setting, set_argument
from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import binding, value_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.permutation import insert_permutation
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

SAMPLERS = {"sampler": 3, "batch_sampler": 4}  # arguments of DataLoader that determine the order -> their positions
STREAMS = {"IterableDataset", "IterDataPipe"}


@dataclass(frozen=True)
class ShuffleArguments:
    """Arguments of the remedy `shuffle`, which turns on shuffling."""

    loader: str = "0"  # index of the data loader in the script, as a string: "0" for the first


def shuffle(script: Script, record: Record, arguments: ShuffleArguments) -> Script:
    """Turn on shuffling in the data loader. Without a loader, permute the data once before the training loop."""
    key = arguments.loader
    if record.site(SiteKind.LOADER, key) is None and record.site(SiteKind.MODEL_CALL) is not None:
        return insert_permutation(script, record)
    place = locate(script, record, SiteKind.LOADER, key)
    if reason := _obstacle_message(place):
        raise NotApplicable(reason)
    edit = set_argument(place, loader_setting(place, "shuffle", 2, "shuffling"), True, script, record)
    return apply_edits(script, place.syntax, [edit], "shuffling")


def _obstacle_message(place: Place) -> str:
    """Return why the data loader cannot shuffle; "" if it can."""
    syntax, call = place.syntax, place.call
    for name, index in SAMPLERS.items():
        given = find_argument(call, name, index)
        if given is not None and syntax.code(given.value) != "None":
            return f"the {name} in line {syntax.line(given)} determines the order of the examples"
    dataset = find_argument(call, "dataset", 0)
    if dataset is not None and _is_iterable_dataset(syntax, dataset.value):
        return f"the data in line {syntax.line(call)} come from an IterableDataset, which a loader cannot shuffle"
    return ""


def _is_iterable_dataset(syntax: Syntax, dataset: cst.BaseExpression) -> bool:
    """Return whether the data set is an instance of an IterableDataset class in the script."""
    made = dataset if isinstance(dataset, cst.Call) else value_of(syntax, dataset)
    bound = binding(syntax, made.func) if isinstance(made, cst.Call) and isinstance(made.func, cst.Name) else None
    if bound is None or not isinstance(bound.node, cst.ClassDef):
        return False
    return any(last_name(base.value) in STREAMS for base in bound.node.bases)
