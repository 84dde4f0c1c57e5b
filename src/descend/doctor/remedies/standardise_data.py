"""Standardise the data where they are made, by the statistics of the training data.

x_train, x_test, y_train, y_test = train_test_split(x, y)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

Missing values (NaN) are left out of the statistics and replaced by the mean, with functions of the arrays' library.
If the model gets rows of one array only, the statistics are those of all rows. See LeCun et al. 1998, section 4.3.
For inputs that reach the model in other ways, use `standardise_inputs`.
"""

from collections.abc import Sequence
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.array_library import array_library
from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.imports import module_alias
from descend.doctor.codemod.input_arrays import find_input_arrays
from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import is_user_file
from descend.doctor.codemod.names import free_name, names_read
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax, descendants, last_name, parse
from descend.doctor.record import Record, facts
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.remedies.standardise_inputs import mean_arguments_code
from descend.doctor.script.script import Script

SPLIT = "train_test_split"
PARTS = 4  # least number of results that `train_test_split` must have: inputs and targets, for training and test

REMAKES: frozenset[Remade] = frozenset({"inputs"})


def standardise_data(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Insert lines that standardise the data where the arrays are made, or after the script's only `train_test_split`.

    All inputs of the model must have a name there, and no other code may read them.
    """
    known = record.fact(facts.Inputs)
    if known is None:
        raise NotApplicable("the run did not show the inputs of the model")
    try:
        return _standardise_arrays(script, record, known)
    except NotApplicable as by_rows:
        if len(known.shape) != 2 or known.features < 2:
            raise
        try:
            return _standardise_split(script, record, known)
        except NotApplicable as split:
            raise NotApplicable(f"{split.reason}; {by_rows.reason}") from split


def _standardise_arrays(script: Script, record: Record, known: facts.Inputs) -> Script:
    """Return the script in which the arrays that contain the model's inputs are standardised."""
    given = find_input_arrays(script, record)
    over = mean_arguments_code(known, given.source)
    if over is None:
        raise NotApplicable("the run did not show which dimensions of the data are features")
    return _insert_scaling(script, given.syntax, given.bound, given.names, over, known)


def _standardise_split(script: Script, record: Record, known: facts.Inputs) -> Script:
    """Return the script in which the training and test inputs are standardised after `train_test_split`."""
    sites = [Path(site.file) for site in record.sites]
    files = [f for f in dict.fromkeys([script.path, *sites]) if is_user_file(script, f) and script.has_file(f)]
    texts = [syntax for file in files if (syntax := if_applicable(parse, file, script.read(file))) is not None]
    splits = [(syntax, call) for syntax in texts for call in syntax.every(cst.Call) if last_name(call.func) == SPLIT]
    if len(splits) != 1:
        raise NotApplicable(f"the data are not split by a single call of {SPLIT}")
    syntax, call = splits[0]
    names, line = _input_variables(syntax, call), syntax.line(call)
    if sum(argument.keyword is None and not argument.star for argument in call.args) == 1:
        raise NotApplicable(f"line {line} splits a single array, which may also contain the targets")
    if names is None:
        raise NotApplicable(f"line {line} does not assign each part of the data to a variable")
    whole = {name.value for argument in call.args[:1] for name in names_read(argument.value)}
    own = {id(node) for node in descendants(call)}
    later = [
        n for n in syntax.every(cst.Name, enclosing_scope(syntax, call)) if syntax.line(n) > line and id(n) not in own
    ]
    used = [n for n in later if n.value in whole]
    if used:
        raise NotApplicable(f"line {syntax.line(used[0])} still uses `{used[0].value}`, which line {line} has split")
    return _insert_scaling(script, syntax, call, names, "0", known)


def _insert_scaling(
    script: Script, syntax: Syntax, at: cst.CSTNode, names: Sequence[str], over: str, known: facts.Inputs
) -> Script:
    """Insert lines after `at` that scale the named arrays by the mean and standard deviation of the first one."""
    library = "" if known.finite else array_library(syntax, names[0], at)
    called = module_alias(syntax, library) if library else ""
    if not known.finite and (not called or len(known.shape) != 2 or known.features < 2):
        raise NotApplicable("some inputs are not finite, and no NumPy or PyTorch array of them was found in the source")
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
    return script.edit(syntax.file, text)


def _input_variables(syntax: Syntax, call: cst.Call) -> tuple[str, str] | None:
    """Return the variables to which `train_test_split` assigns the training and the test inputs; None if unclear."""
    assign = syntax.parents[call]
    target = assign.targets[0].target if isinstance(assign, cst.Assign) and len(assign.targets) == 1 else None
    parts = [element.value for element in target.elements] if isinstance(target, cst.Tuple | cst.List) else []
    if len(parts) < PARTS or not all(isinstance(part, cst.Name) for part in parts[:2]):
        return None
    train, test = (syntax.code(part) for part in parts[:2])
    return (train, test) if train != test and "_" not in (train, test) else None
