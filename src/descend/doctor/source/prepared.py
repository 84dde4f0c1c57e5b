"""Statements beside the training that make something else of what a name holds: `x = x / 255`, `shuffle(y)`.

Each can be left out: the name holds something without it. Calls that fit again what has been fitted before, as a
scaler or an encoder to the test data: `coder.fit_transform(test)`. And those that only count values off anew, in the
one or the other order of dimensions: `text.view(-1, 20)`, `images.reshape(-1, 3, 32, 32)`; or that put all of them
elsewhere: `torch.tensor(x).flip(1)`.

A statement from which the targets come is left out: without it the task would be another one. Only what moves the
targets themselves is kept, as a shuffle of the labels alone: their values stay what they are.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import libcst as cst

from descend.doctor.record import Fact, Message, Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.averaged import loops_over_parameters
from descend.doctor.source.bindings import outermost_loop
from descend.doctor.source.changed_names import base_name, changed_in_place
from descend.doctor.source.compared import compared_with_predictions
from descend.doctor.source.counted import counted_sizes
from descend.doctor.source.functions import function_around, functions_around
from descend.doctor.source.locate import site_of, training_file
from descend.doctor.source.model_class import holds_layers
from descend.doctor.source.names import enclosing_class
from descend.doctor.source.partners import partners
from descend.doctor.source.rearranged import only_rearranges, rearranging
from descend.doctor.source.syntax import Syntax, last_name
from descend.doctor.source.target_flow import TargetFlow
from descend.doctor.source.weights import weighing_quotients

MOST, COUNTED, PARTNERS, QUOTIENTS, REARRANGED = 12, 3, 3, 2, 3
CONVERSIONS = frozenset(  # of which the values are those of what is converted
    """
    BoolTensor FloatTensor IntTensor LongTensor Tensor array as_tensor asarray ascontiguousarray astype clone contiguous
    copy cpu cuda detach double expand_dims float from_numpy half int list long numpy pin_memory reshape squeeze tensor
    to to_numpy tuple unsqueeze view
    """.split()
)
NO_DATA = frozenset({"append", "backward", "eval", "parameters", "state_dict", "step", "train", "zero_grad"})  # methods


def prepared(script: Script, record: Record) -> list[Message]:
    """Return the sites and the facts `prepared`, the statements nearest to the training first."""
    if (known := training_file(script, record)) is None:
        return []
    syntax, backward = known
    inside = [n for n in _statements(syntax) if syntax.spans_line(n, backward.line)]
    flow = TargetFlow(syntax, compared_with_predictions(script, record, syntax))
    again = [call for call in _fitted_again(syntax) if not flow.is_upstream(call)]
    found: list[tuple[cst.CSTNode, dict[str, Any]]] = [(call, {"edit": "transform"}) for call in again]
    beside, left_out = _beside(syntax, inside[-1]) if inside else [], _no_data(syntax)
    changing = [(s, name) for s in beside if (name := _changed(syntax, s)) and name not in left_out]
    counted = [call for s in beside for call in _counted_off(syntax, s) if _moves_targets_at_most(flow, call)]
    found += [(call, {"edit": "transpose", "moves_targets": flow.is_upstream(call)}) for call in counted][:COUNTED]
    found += [
        (statement, {"edit": "partner", "moved": name, "partner": partner, "moves_targets": flow.holds(partner)})
        for statement, name in changing
        for partner in partners(syntax, statement, name)
        if not flow.holds(partner) or only_rearranges(syntax, statement)
    ][:PARTNERS]
    weighing = [q for q in weighing_quotients(syntax, beside) if not flow.is_upstream(q)]
    found += [(quotient, {"edit": "exchange"}) for quotient in weighing][:QUOTIENTS]
    others = [statement for statement in beside if statement not in {s for s, _ in changing}]
    rearranged = [(c, name) for c, name in rearranging(syntax, others) if _moves_targets_at_most(flow, c)]
    found += [(c, {"edit": "skip", "function": name, "moves_targets": flow.is_upstream(c)}) for c, name in rearranged][
        :REARRANGED
    ]
    left = [statement for statement, _ in changing if _may_be_left(syntax, flow, statement)]
    found += [(s, {"edit": "leave", "moves_targets": flow.is_upstream(s)}) for s in left]
    told: list[Message] = []
    for number, (node, edit) in enumerate(found[:MOST]):
        site = site_of(syntax, node, "prepared", str(number), backward.file)
        site = replace(site, detail=edit.get("function", ""))
        place = facts.Prepared(line=site.line, is_followed=flow.is_known, **edit)
        told += [site, Fact.of(place, 0, site.key)]
    return told


def _moves_targets_at_most(flow: TargetFlow, node: cst.CSTNode) -> bool:
    """Whether targets that come from a statement are the numbers that it makes, so that it can only move them."""
    return not flow.is_upstream(node) or flow.gives_targets(node)


def _may_be_left(syntax: Syntax, flow: TargetFlow, statement: cst.BaseSmallStatement) -> bool:
    """Whether the targets have the same values without a statement, be it in another order."""
    return _moves_targets_at_most(flow, statement) and (
        not flow.is_upstream(statement) or only_rearranges(syntax, statement)
    )


def unaveraged_buffers(script: Script, record: Record) -> list[Message]:
    """Return site and fact of that name for each loop that hands on a network's parameters, not its running means."""
    known = training_file(script, record) if record.every(facts.RunningStatistics) else None
    if known is None:
        return []
    syntax, backward = known
    told: list[Message] = []
    for number, loop in enumerate(loops_over_parameters(syntax)):
        site = site_of(syntax, loop, "unaveraged_buffers", str(number), backward.file)
        told += [site, Fact.of(facts.UnaveragedBuffers(site.line), 0, site.key)]
    return told


def _fitted_again(syntax: Syntax) -> Iterator[cst.Call]:
    """Yield the calls of `fit_transform` on what the same function, or the file's first level, has fitted before."""
    fitted: set[tuple[str, cst.CSTNode | None]] = set()
    for call in syntax.every(cst.Call):
        coder = call.func.value if isinstance(call.func, cst.Attribute) else None
        if isinstance(coder, cst.Name | cst.Attribute) and last_name(call.func) in ("fit", "fit_transform"):
            place = syntax.code(coder), function_around(syntax, call)
            if place in fitted and last_name(call.func) == "fit_transform":
                yield call
            fitted.add(place)


def _beside(syntax: Syntax, backward: cst.BaseSmallStatement) -> list[cst.BaseSmallStatement]:
    """Return the statements of no training step and no network, none behind the training, the last ones first."""
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


def _counted_off(syntax: Syntax, statement: cst.BaseSmallStatement) -> Iterator[cst.Call]:
    """Yield the calls that give values several dimensions by their number alone, unless they flatten each example."""
    for call in syntax.every(cst.Call, statement):
        sizes = counted_sizes(call)
        is_flat = not sizes or _counts_examples(sizes[0]) or any(syntax.code(size) == "1" for size in sizes)
        if not is_flat and isinstance(call.func, cst.Attribute) and not syntax.is_module(call.func.value):
            yield call


def _counts_examples(size: cst.BaseExpression) -> bool:
    """Whether a size is read off the data: `len(x)`, `x.size(0)`, `x.shape[0]`."""
    if isinstance(size, cst.Subscript):
        return last_name(size.value) == "shape"
    return isinstance(size, cst.Call) and last_name(size.func) in ("len", "size")


def _statements(syntax: Syntax, within: cst.CSTNode | None = None) -> list[cst.BaseSmallStatement]:
    return syntax.every(cst.BaseSmallStatement, within)  # type: ignore[type-abstract]


def _changed(syntax: Syntax, statement: cst.BaseSmallStatement) -> str:
    """Return the name whose value a statement makes into another one, or ""."""
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        return _assigned(syntax, statement.targets[0].target, statement.value)
    return changed_in_place(syntax, statement)


def _assigned(syntax: Syntax, target: cst.BaseExpression, value: cst.BaseExpression) -> str:
    """Return the first name that an assignment changes; where it makes several, each of them has to be changed."""
    if isinstance(target, cst.Subscript):
        return base_name(syntax, target)
    if isinstance(target, cst.Tuple):
        names = [element.value for element in target.elements]
        each = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value] * len(names)
        changed = [_assigned(syntax, name, given) for name, given in zip(names, each)]
        return changed[0] if changed and all(changed) and len(each) == len(names) else ""
    known = isinstance(target, cst.Name | cst.Attribute) and _reads(syntax, value, syntax.code(target))
    return syntax.code(target) if known and not _is_converted(syntax, value) else ""


def _is_converted(syntax: Syntax, value: cst.BaseExpression) -> bool:
    """Whether an expression is made of conversions alone, `torch.tensor(x).float()`, or is a part of a whole, `x[:9]`.

    More data are better than fewer, and no mistake is mended by them.
    """
    if isinstance(value, cst.Subscript) and all(_is_part(element.slice) for element in value.slice):
        return True
    calls = syntax.every(cst.Call, value)
    others = syntax.every(cst.BinaryOperation, value) + syntax.every(cst.Subscript, value)
    return bool(calls) and not others and all(last_name(call.func) in CONVERSIONS for call in calls)


def _is_part(index: cst.BaseSlice) -> bool:
    return isinstance(index, cst.Slice) and index.step is None


def _reads(syntax: Syntax, value: cst.BaseExpression, name: str) -> bool:
    nodes = [*syntax.every(cst.Name, value), *syntax.every(cst.Attribute, value)]
    return any(syntax.code(node) == name and not _is_a_part_of_a_name(syntax, node) for node in nodes)


def _is_a_part_of_a_name(syntax: Syntax, node: cst.CSTNode) -> bool:
    """Whether it is `mean` in `x.mean()`, or in `f(mean=0)`."""
    outer = syntax.parents[node]
    return (
        isinstance(outer, cst.Attribute) and outer.attr is node or isinstance(outer, cst.Arg) and outer.keyword is node
    )


def _no_data(syntax: Syntax) -> set[str]:
    """Return the names of what trains and of counters: their methods, or the number that they begin with, say so."""
    told = {syntax.code(a.value) for a in syntax.every(cst.Attribute) if a.attr.value in NO_DATA}
    for assign in syntax.every(cst.Assign):
        if isinstance(assign.value, cst.Integer | cst.Float):
            told |= {syntax.code(target.target) for target in assign.targets}
    return told
