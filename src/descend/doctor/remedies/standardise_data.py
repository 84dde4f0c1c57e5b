"""The data standardised where they are made, by the training part's statistics: below the split, or below the arrays.

x_train, x_test, y_train, y_test = train_test_split(x, y)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

What is missing is left out of the statistics and read as the mean, by the functions of the library that the arrays are
known to be of.
Where the model is given rows of one array alone, the statistics are those of all its rows. LeCun et al. 1998, section
4.3. It is what an author would write; for all that is given to the model in other ways, there is `standardise_inputs`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.standardise_inputs import mean_over
from descend.doctor.script.script import Script
from descend.doctor.source.array_library import array_library
from descend.doctor.source.functions import home_of
from descend.doctor.source.given_arrays import arrays_given
from descend.doctor.source.imports import imported_as
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import is_users
from descend.doctor.source.names import free_name, read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, descendants, last_name, parse

SPLIT = "train_test_split"
PARTS = 4  # inputs to train and to test with, and targets: with fewer the targets may be the inputs

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def standardise_data(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert the lines below the only `train_test_split`, or below the arrays. It takes no dose.

    Only where all that the model is given has a name there, and nothing else is made of it.
    """
    known = record.fact(facts.Inputs)
    if known is None:
        return NotApplicable("the run did not show the inputs")
    by_rows = _of_arrays(script, record, known)
    if isinstance(by_rows, Script) or len(known.shape) != 2 or known.features < 2:
        return by_rows
    split = _below_split(script, record, known)
    return split if isinstance(split, Script) else NotApplicable(f"{split.reason}; {by_rows.reason}")


def _of_arrays(script: Script, record: Record, known: facts.Inputs) -> Script | NotApplicable:
    given = arrays_given(script, record)
    if isinstance(given, NotApplicable):
        return given
    over = mean_over(known, given.source)
    if over is None:
        return NotApplicable("which dimensions of the data are features is not known")
    return _scaled(script, given.syntax, given.bound, given.names, over, known)


def _below_split(script: Script, record: Record, known: facts.Inputs) -> Script | NotApplicable:
    sites = [Path(site.file) for site in record.sites]
    files = [f for f in dict.fromkeys([script.path, *sites]) if is_users(script, f) and script.has(f)]
    texts = [syntax for file in files if isinstance(syntax := parse(file, script.read(file)), Syntax)]
    splits = [(syntax, call) for syntax in texts for call in syntax.every(cst.Call) if last_name(call.func) == SPLIT]
    if len(splits) != 1:
        return NotApplicable(f"the data are not split by {SPLIT}, once")
    syntax, call = splits[0]
    names, line = _parts(syntax, call), syntax.line(call)
    if names is None:
        return NotApplicable(f"line {line} does not give each part of the data a name")
    whole = {name.value for argument in call.args[:1] for name in read_names(argument.value)}
    own = {id(node) for node in descendants(call)}
    later = [n for n in syntax.every(cst.Name, home_of(syntax, call)) if syntax.line(n) > line and id(n) not in own]
    used = [n for n in later if n.value in whole]
    if used:
        return NotApplicable(f"line {syntax.line(used[0])} uses `{used[0].value}`, which line {line} has split, again")
    return _scaled(script, syntax, call, names, "0", known)


def _scaled(
    script: Script, syntax: Syntax, at: cst.CSTNode, names: Sequence[str], over: str, known: facts.Inputs
) -> Script | NotApplicable:
    """Insert, below the statement at `at`, what scales the arrays of these names by the statistics of the first."""
    library = "" if known.finite else array_library(syntax, names[0], at)
    called = imported_as(syntax, library) if library else ""
    if not known.finite and (not called or len(known.shape) != 2 or known.features < 2):
        return NotApplicable("the inputs are not finite, and are not seen to be rows of NumPy's or PyTorch's")
    first, is_constant = names[0], known.constant_features > 0 and known.features > 1
    lines, scaled = [], "({} - {mean}) / {std}"
    if not known.finite:
        first = free_name(syntax, "known")
        lines = [f"{first} = {names[0]}[{called}.isfinite({names[0]}).all(1)]  # rows without a missing value"]
        zeros = "0, 0, 0" if library == "torch" else "nan=0, posinf=0, neginf=0"
        scaled = f"{called}.nan_to_num(({{}} - {{mean}}) / {{std}}, {zeros})"
    if len(names) == 1 and not lines and not is_constant:
        lines = [f"{first} = ({first} - {first}.mean({over})) / {first}.std({over})"]
    else:
        mean, std = free_name(syntax, "mean"), free_name(syntax, "std")
        lines += [f"{mean}, {std} = {first}.mean({over}), {first}.std({over})"]
        lines += [f"{std}[{std} == 0] = 1  # features that never change"] if is_constant else []
        each = [scaled.format(name, mean=mean, std=std) for name in names]
        lines += [f"{', '.join(names)} = {', '.join(each)}"] if known.finite else map("{} = {}".format, names, each)
    text = insert_after(syntax, at, *lines)
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
