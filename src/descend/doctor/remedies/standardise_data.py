"""The data standardised where they are made, by the training part's statistics: below the split, or below the arrays.

x_train, x_test, y_train, y_test = train_test_split(x, y)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

Where the model is given rows of one array alone, the statistics are those of all its rows. LeCun et al. 1998, section
4.3. It is what an author would write; for all that is given to the model in other ways, there is `standardise_inputs`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.record import Record, facts
from descend.doctor.remedies.standardise_inputs import mean_over
from descend.doctor.script.script import Script
from descend.doctor.source.called_model import called_model
from descend.doctor.source.functions import home_of
from descend.doctor.source.given_arrays import arrays_given, given_elsewhere
from descend.doctor.source.insert import insert_after
from descend.doctor.source.locate import is_users, locate
from descend.doctor.source.names import free_name, read_names
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax, descendants, last_name, parse
from descend.doctor.source.training_call import training_call

SPLIT = "train_test_split"
PARTS = 4  # inputs to train and to test with, and targets: with fewer the targets may be the inputs


def standardise_data(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert the lines below the only `train_test_split`, or below the arrays. It takes no dose.

    Only where all that the model is given has a name there, and nothing else is made of it.
    """
    known = record.fact(facts.Inputs)
    if known is None or not known.finite:
        return NotApplicable("the inputs are not seen to be finite")
    by_rows = _of_arrays(script, record, known)
    if isinstance(by_rows, Script) or len(known.shape) != 2 or known.features < 2:
        return by_rows
    split = _below_split(script, record, known)
    return split if isinstance(split, Script) else NotApplicable(f"{split.reason}; {by_rows.reason}")


def _of_arrays(script: Script, record: Record, known: facts.Inputs) -> Script | NotApplicable:
    place, made = training_call(script, record), locate(script, record, "model")
    if isinstance(place, NotApplicable):
        return place
    if isinstance(made, NotApplicable):
        return made
    model = called_model(place)
    if isinstance(model, NotApplicable):
        return model
    if made.syntax is not place.syntax or not place.call.args:
        return NotApplicable("the model is made and trained in two files, or is given nothing")
    if (handed := given_elsewhere(script, place.syntax, model)) is not None:
        return NotApplicable(
            f"line {place.syntax.line(handed)} gives the model to another file, which may give it data"
        )
    given = arrays_given(place, model, made)
    if isinstance(given, NotApplicable):
        return given
    over = mean_over(known, given.source)
    if over is None:
        return NotApplicable("which dimensions of the data are features is not known")
    return _scaled(script, place.syntax, given.bound, given.names, over, known)


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
    first, is_constant = names[0], known.constant_features > 0 and known.features > 1
    if len(names) == 1 and not is_constant:
        lines = [f"{first} = ({first} - {first}.mean({over})) / {first}.std({over})"]
    else:
        mean, std = free_name(syntax, "mean"), free_name(syntax, "std")
        lines = [f"{mean}, {std} = {first}.mean({over}), {first}.std({over})"]
        lines += [f"{std}[{std} == 0] = 1  # features that never change"] if is_constant else []
        lines += [f"{', '.join(names)} = {', '.join(f'({name} - {mean}) / {std}' for name in names)}"]
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
