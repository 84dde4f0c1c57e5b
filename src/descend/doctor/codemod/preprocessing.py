"""Find statements outside training that change the data (`x = x / 255`, `shuffle(y)`), and the edit to try for each.

A statement is left out if the name also has a value without it. Other edits change calls: a second
``fit_transform`` of a scaler or encoder, on the test data; a reshape that relies on an order of dimensions,
``images.reshape(-1, 3, 32, 32)``; a rearrangement, ``torch.tensor(x).flip(1)``.

An edit may compute other targets, and then the task changes. The source does not show that reliably, but a trial does:
it records the targets. Only edits that reorder values may give examples other targets.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import libcst as cst

from descend.doctor.codemod.bindings import outermost_loop
from descend.doctor.codemod.functions import function_around, functions_around
from descend.doctor.codemod.in_place_changes import indexed_name, name_changed_in_place
from descend.doctor.codemod.locate import site_of_node, training_file
from descend.doctor.codemod.model_class import holds_layers
from descend.doctor.codemod.names import enclosing_class
from descend.doctor.codemod.parallel_arrays import unchanged_partners
from descend.doctor.codemod.parameter_averaging import find_average_decay, parameter_averaging_loops
from descend.doctor.codemod.rearrangement import find_rearrangements, only_rearranges
from descend.doctor.codemod.reshape_sizes import explicit_sizes
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Fact, Message, Record, SiteKind, facts
from descend.doctor.script.script import Script

MAX_STATEMENTS, MAX_RESHAPES, MAX_PARTNERS, MAX_REARRANGEMENTS = 12, 3, 3, 3
CONVERSIONS = frozenset(  # functions that keep the values of an array
    """
    BoolTensor FloatTensor IntTensor LongTensor Tensor array as_tensor asarray ascontiguousarray astype clone contiguous
    copy cpu cuda detach double expand_dims float from_numpy half int list long numpy pin_memory reshape squeeze tensor
    to to_numpy tuple unsqueeze view
    """.split()
)
# Objects with these methods are models, optimizers and lists, not data.
NON_DATA_METHODS = frozenset({"append", "backward", "eval", "parameters", "state_dict", "step", "train", "zero_grad"})

_Edit = tuple[cst.CSTNode, dict[str, Any]]  # the node to edit, and a description of the edit for the record of the run


def preprocessing_edits(script: Script, record: Record) -> list[Message]:
    """Return messages for the record with the places and descriptions of preprocessing code that a trial may edit."""
    if (known := training_file(script, record)) is None:
        return []
    syntax, backward = known
    inside = [n for n in _statements(syntax) if syntax.spans_line(n, backward.line)]
    found: list[_Edit] = [(call, {"edit": "transform"}) for call in _repeated_fits(syntax)]
    statements = _statements_outside_training(syntax, inside[-1]) if inside else []
    non_data = _non_data_names(syntax)
    changing = [(s, name) for s in statements if (name := _changed_name(syntax, s)) and name not in non_data]
    others = [statement for statement in statements if statement not in {s for s, _ in changing}]
    reshapes = [call for statement in statements for call in _ambiguous_reshapes(syntax, statement)]
    found += [(call, {"edit": "transpose", "reorders": True}) for call in reshapes[:MAX_RESHAPES]]
    found += _partner_edits(syntax, changing)[:MAX_PARTNERS]
    for part, name in list(find_rearrangements(syntax, others))[:MAX_REARRANGEMENTS]:
        found.append((part, {"edit": "skip", "function": name, "reorders": True}))
    found += [(s, {"edit": "leave", "reorders": only_rearranges(syntax, s)}) for s, _ in changing]
    messages: list[Message] = []
    for number, (node, edit) in enumerate(found[:MAX_STATEMENTS]):
        site = site_of_node(syntax, node, SiteKind.PREPARED, str(number), backward.file)
        site = replace(site, detail=edit.get("function", ""))
        place = facts.Prepared(line=site.line, **edit)
        messages += [site, Fact.of(place, 0, site.key)]
    return messages


def _partner_edits(syntax: Syntax, changing: list[tuple[cst.BaseSmallStatement, str]]) -> list[_Edit]:
    """Return edits that also apply a statement to an array that is defined with the changed one, such as targets."""
    return [
        (s, {"edit": "partner", "moved": name, "partner": partner, "reorders": only_rearranges(syntax, s)})
        for s, name in changing
        for partner in unchanged_partners(syntax, s, name)
    ]


def unaveraged_buffers(script: Script, record: Record) -> list[Message]:
    """Return a site and a fact for each loop that averages a network's parameters but not its buffers."""
    known = training_file(script, record) if record.every(facts.RunningStatistics) else None
    if known is None:
        return []
    syntax, backward = known
    messages: list[Message] = []
    for number, loop in enumerate(parameter_averaging_loops(syntax)):
        site = site_of_node(syntax, loop, SiteKind.UNAVERAGED_BUFFERS, str(number), backward.file)
        messages += [site, Fact.of(facts.UnaveragedBuffers(site.line), 0, site.key)]
    return messages


def average_decay(script: Script, record: Record) -> list[Message]:
    """Return a site and a fact for the decay by which the script averages parameters into a copy that it evaluates."""
    known = training_file(script, record) if record.every(facts.EvaluatedCopy) else None
    found = find_average_decay(known[0], script.arguments) if known is not None else None
    if known is None or found is None:
        return []
    (syntax, backward), (literal, value) = known, found
    site = site_of_node(syntax, literal, SiteKind.AVERAGE_DECAY, "0", backward.file)
    return [site, Fact.of(facts.AverageDecay(max(value, 1 - value), is_complement=value < 0.5), 0, "0")]


def _repeated_fits(syntax: Syntax) -> Iterator[cst.Call]:
    """Yield calls of ``fit_transform`` on an object that the same function has already fitted, as on test data."""
    fitted: set[tuple[str, cst.CSTNode | None]] = set()
    for call in syntax.every(cst.Call):
        coder = call.func.value if isinstance(call.func, cst.Attribute) else None
        if isinstance(coder, cst.Name | cst.Attribute) and last_name(call.func) in ("fit", "fit_transform"):
            place = syntax.code(coder), function_around(syntax, call)
            if place in fitted and last_name(call.func) == "fit_transform":
                yield call
            fitted.add(place)


def _statements_outside_training(syntax: Syntax, backward: cst.BaseSmallStatement) -> list[cst.BaseSmallStatement]:
    """Return the statements outside training steps and networks that run before training ends, last first."""
    loop, home = outermost_loop(syntax, backward), functions_around(syntax, backward)
    trained, begins = set(_statements(syntax, loop)), syntax.line(backward)
    whole, found = isinstance(loop, cst.Module), []
    for statement in reversed(_statements(syntax)):
        around = functions_around(syntax, statement)
        is_trained = bool(home) and home[0] in around if whole else statement in trained
        is_behind = around[:1] == home[:1] and syntax.line(statement) > begins
        if (
            not is_trained
            and not is_behind
            and not any(holds_layers(syntax, enclosing_class(syntax, f)) for f in around)
        ):
            found.append(statement)
    return found


def _ambiguous_reshapes(syntax: Syntax, statement: cst.BaseSmallStatement) -> Iterator[cst.Call]:
    """Yield calls that reshape to explicit sizes, except those that flatten each example."""
    for call in syntax.every(cst.Call, statement):
        sizes = explicit_sizes(call)
        is_flat = not sizes or _is_example_count(sizes[0]) or any(syntax.code(size) == "1" for size in sizes)
        if not is_flat and isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value):
            yield call


def _is_example_count(size: cst.BaseExpression) -> bool:
    """Return whether a size in the source is the number of examples: ``len(x)``, ``x.size(0)`` or ``x.shape[0]``."""
    if isinstance(size, cst.Subscript):
        return last_name(size.value) == "shape"
    return isinstance(size, cst.Call) and last_name(size.func) in ("len", "size")


def _statements(syntax: Syntax, within: cst.CSTNode | None = None) -> list[cst.BaseSmallStatement]:
    """Return all simple statements in the file, or in one of its nodes, in source order."""
    return syntax.every(cst.BaseSmallStatement, within)  # type: ignore[type-abstract]


def _changed_name(syntax: Syntax, statement: cst.BaseSmallStatement) -> str:
    """Return the variable that a statement changes, in place or by computing a new value from the old; "" for none."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        return _name_changed_by_assignment(syntax, statement.targets[0].target, statement.value)
    return name_changed_in_place(syntax, statement)


def _name_changed_by_assignment(syntax: Syntax, target: cst.BaseExpression, value: cst.BaseExpression) -> str:
    """Return the first variable whose new value an assignment computes from its old value; "" for none."""
    if isinstance(target, cst.Subscript):
        return indexed_name(syntax, target)
    if isinstance(target, cst.Tuple):
        names = [element.value for element in target.elements]
        each = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value] * len(names)
        changed = [_name_changed_by_assignment(syntax, name, given) for name, given in zip(names, each)]
        return changed[0] if changed and all(changed) and len(each) == len(names) else ""
    known = isinstance(target, cst.Name | cst.Attribute) and _reads_variable(syntax, value, syntax.code(target))
    return syntax.code(target) if known and not _only_converts_or_slices(syntax, value) else ""


def _only_converts_or_slices(syntax: Syntax, value: cst.BaseExpression) -> bool:
    """Return whether an expression only converts a value, as ``torch.tensor(x)``, or slices it, as ``x[:9]``.

    A slice is not worth removing, because a mistake in the script does not disappear with more data.
    """
    if isinstance(value, cst.Subscript) and all(_is_plain_slice(element.slice) for element in value.slice):
        return True
    calls = syntax.every(cst.Call, value)
    others = syntax.every(cst.BinaryOperation, value) + syntax.every(cst.Subscript, value)
    return bool(calls) and not others and all(last_name(call.func) in CONVERSIONS for call in calls)


def _is_plain_slice(index: cst.BaseSlice) -> bool:
    """Return whether an index of a subscript is a slice without a step."""
    return isinstance(index, cst.Slice) and index.step is None


def _reads_variable(syntax: Syntax, value: cst.BaseExpression, name: str) -> bool:
    """Return whether an expression reads the variable or attribute `name`."""
    nodes = [*syntax.every(cst.Name, value), *syntax.every(cst.Attribute, value)]
    return any(syntax.code(node) == name and not _is_attribute_or_keyword(syntax, node) for node in nodes)


def _is_attribute_or_keyword(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Return whether the node only names an attribute or a keyword, as ``mean`` in ``x.mean()`` or ``f(mean=0)``."""
    outer = syntax.parents[node]
    return (
        isinstance(outer, cst.Attribute) and outer.attr is node or isinstance(outer, cst.Arg) and outer.keyword is node
    )


def _non_data_names(syntax: Syntax) -> set[str]:
    """Return the names that hold no data but models, optimizers, lists or counters."""
    names = {syntax.code(a.value) for a in syntax.every(cst.Attribute) if a.attr.value in NON_DATA_METHODS}
    for assign in syntax.every(cst.Assign):
        if isinstance(assign.value, cst.Integer | cst.Float):
            names |= {syntax.code(target.target) for target in assign.targets}
    return names
