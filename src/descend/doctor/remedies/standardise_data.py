"""The data standardised where they are split: two lines below `train_test_split`, by the training part's statistics.

x_train, x_test, y_train, y_test = train_test_split(x, y)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

LeCun et al. 1998, section 4.3. It is what an author would write; for data that are not so split, and for all that is
given to the model in other ways, there is `standardise_inputs`.
"""

from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.functions import home_of
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import is_users
from descend.doctor.source.names import free_name, read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, last_name, parse

SPLIT = "train_test_split"
PARTS = 4  # inputs to train and to test with, and targets: with fewer the targets may be the inputs


def standardise_data(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert the lines below the only `train_test_split`. It takes no dose.

    Only where both parts have names, and what was split is not used again.
    """
    known = record.fact(facts.Inputs)
    if known is None or not known.finite or len(known.shape) != 2 or known.features < 2:
        return NotApplicable("the inputs are not seen to be rows of several finite features")
    sites = [Path(site.file) for site in record.sites]
    files = [f for f in dict.fromkeys([script.path, *sites]) if is_users(script, f) and script.has(f)]
    texts = [syntax for file in files if isinstance(syntax := parse(file, script.read(file)), Syntax)]
    splits = [(syntax, call) for syntax in texts for call in syntax.every(cst.Call) if last_name(call.func) == SPLIT]
    if len(splits) != 1:
        return NotApplicable(f"the data are not split by {SPLIT}, once")
    return _scaled(script, *splits[0], has_constant=known.constant_features > 0)


def _scaled(script: Script, syntax: Syntax, call: cst.Call, *, has_constant: bool) -> Script | NotApplicable:
    names, line = _parts(syntax, call), syntax.line(call)
    if names is None:
        return NotApplicable(f"line {line} does not give each part of the data a name")
    whole = {name.value for argument in call.args[:1] for name in read_names(argument.value)}
    later = [n for n in syntax.every(cst.Name, home_of(syntax, call)) if syntax.line(n) > line and n.value in whole]
    if later:
        return NotApplicable(
            f"line {syntax.line(later[0])} uses `{later[0].value}`, which line {line} has split, again"
        )
    train, test = names
    mean, std = free_name(syntax, "mean"), free_name(syntax, "std")
    lines = [f"{mean}, {std} = {train}.mean(0), {train}.std(0)"]
    lines += [f"{std}[{std} == 0] = 1  # features that never change"] if has_constant else []
    lines += [f"{train}, {test} = ({train} - {mean}) / {std}, ({test} - {mean}) / {std}"]
    text = insert_after(syntax, call, *lines)
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _parts(syntax: Syntax, call: cst.Call) -> tuple[str, str] | None:
    """Return what the statement calls the inputs to train with, and those to test with."""
    assign = syntax.parents[call]
    target = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    parts = [element.value for element in target.elements] if isinstance(target, cst.Tuple | cst.List) else []
    if len(parts) < PARTS or not all(isinstance(part, cst.Name) for part in parts[:2]):
        return None
    train, test = (syntax.code(part) for part in parts[:2])
    return (train, test) if train != test and "_" not in (train, test) else None
