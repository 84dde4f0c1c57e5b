"""Mistakes by which an input and its target stop belonging together, or follow different conventions."""

import ast
import re
from collections.abc import Iterator

from mutations.mutant import REAL, Operator, argument
from mutations.script import Edit, Script, last_name, lines_of, names_in

DRAWS = ("randperm", "randint", "permutation", "choice", "linear_sum_assignment", "couple")
GEOMETRIC = ("flip", "fliplr", "flipud", "roll", "rot90", "transpose")
MASK = re.compile(r"mask|chosen|masked|hidden|valid|kept|keep|alive|observed")
HELD_OUT = re.compile(r"test|held|valid|novel|query")
FIRST_AXIS = re.compile(r"^(c?x|xx|xs|cols?|columns?|left)\b")
SECOND_AXIS = re.compile(r"^(c?y|yy|ys|rows?|top)\b")
SCALES = re.compile(r"std|sigma|scale|sd|spread")
SHIFTS = re.compile(r"mean|mu|shift|centre|offset")


def _calls(node: ast.AST) -> set[str]:
    return {last_name(each.func) for each in ast.walk(node) if isinstance(each, ast.Call)}


def _index_names(script: Script) -> set[str]:
    """Return the names of indices that are drawn, or cut from drawn ones."""
    found: set[str] = set()
    for _ in range(3):
        for node in ast.walk(script.tree):
            target, value = None, None
            if isinstance(node, ast.Assign):
                target, value = node.targets[0], node.value
            elif isinstance(node, ast.For):
                target, value = node.target, node.iter
            if isinstance(target, ast.Name) and value is not None:
                is_draw = isinstance(value, ast.Call) and bool(_calls(value) & set(DRAWS))
                is_part = isinstance(value, ast.Subscript) and ast.unparse(value.value) in found
                is_part = is_part or (isinstance(value, ast.Call) and "split" in _calls(value))
                if is_draw or (is_part and names_in(value) & found):
                    found.add(target.id)
    return found - {"t", "k"}


def _not_reordered(script: Script) -> Iterator[Edit]:
    """Of `x[rows], y[rows]` take the second in the order of the file."""
    indices = _index_names(script)
    seen: dict[tuple[int, str], list[tuple[str, int]]] = {}
    subscripts = [node for node in ast.walk(script.tree) if isinstance(node, ast.Subscript)]
    for node in sorted(subscripts, key=script.start):
        if not (isinstance(node.slice, ast.Name) and node.slice.id in indices and isinstance(node.ctx, ast.Load)):
            continue
        if not isinstance(node.value, ast.Name | ast.Attribute):
            continue
        scope = (id(script.function(node)), node.slice.id)
        arrays, array = seen.setdefault(scope, []), ast.unparse(node.value)
        near = [name for name, line in arrays if node.lineno - line <= 2]
        if near and array not in near and array not in script.models:
            yield script.replaced(node, f"{script.code(node.value)}[: len({node.slice.id})]")
        arrays.append((array, node.lineno))


def _one_step_further(script: Script) -> Iterator[Edit]:
    """Shift a target that is shifted already."""
    for node in ast.walk(script.tree):
        if not (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2):
            continue
        every, last = node.slice.elts
        if not (isinstance(every, ast.Slice) and every.lower is None and every.upper is None):
            continue
        if not (isinstance(last, ast.Slice) and last.lower is not None and last.step is None):
            continue
        is_next = isinstance(last.lower, ast.Constant) and last.lower.value == 1 and last.upper is None
        is_next = is_next or (isinstance(last.lower, ast.BinOp) and isinstance(last.lower.op, ast.Add))
        name, statement = ast.unparse(node.value), script.statement(node)
        is_next = is_next and isinstance(statement, ast.Assign)
        is_next = is_next and f"{name}[:, :1]" not in ast.unparse(script.function(node))  # two columns, not a sequence
        if is_next and name.isidentifier() and not re.search(r"pred|logit|out|mask|mark", name):
            yield script.replaced(node, f"{script.code(node)}.roll(-1, 1)")


def _repeated_otherwise(script: Script) -> Iterator[Edit]:
    """Exchange the orders a, a, b, b and a, b, a, b."""
    for call in script.calls("repeat_interleave", "repeat"):
        if not isinstance(call.func, ast.Attribute) or not call.args:
            continue
        owner, code = ast.unparse(call.func.value), [script.code(each) for each in call.args]
        of = script.code(call.func.value)
        if call.func.attr == "repeat_interleave" and owner != "torch":
            times = ", 1" if call.keywords else ""
            yield script.replaced(call, f"{of}.repeat({code[0]}{times})")
        elif call.func.attr == "repeat" and owner in ("np", "numpy") and len(code) == 2:
            yield script.replaced(call, f"{of}.tile({code[0]}, {code[1]})")
        elif call.func.attr == "repeat" and len(code) == 2 and code[1] == "1":
            yield script.replaced(call, f"{of}.repeat_interleave({code[0]}, dim=0)")


def _coordinates_exchanged(script: Script) -> Iterator[Edit]:
    """Write (y, x) for (x, y) in one place."""
    for call in script.calls("stack", "tensor", "cat"):
        if call.args and isinstance(call.args[0], ast.List | ast.Tuple) and len(call.args[0].elts) == 2:
            a, b = call.args[0].elts
            if FIRST_AXIS.search(ast.unparse(a)) and SECOND_AXIS.search(ast.unparse(b)):
                between = script.data[script.end(a) : script.start(b)].decode()
                text = f"{script.code(b)}{between}{script.code(a)}"
                yield Edit(script.start(a), script.end(b), text, script.replaced(call, "").lines)
    for call in script.calls(*REAL):
        if len(call.args) > 1:
            target = call.args[1]
            name = ast.unparse(target).split("[")[0]
            if re.search(r"box", name):
                yield script.replaced(target, f"{script.code(target)}[:, [1, 0, 3, 2]]")
            elif re.search(r"point|coord|landmark|centre|center", name):
                yield script.replaced(target, f"{script.code(target)}.flip(-1)")


def _augmented_alone(script: Script) -> Iterator[Edit]:
    """Turn, mirror, shift or crop the input and leave its target as it was."""
    for node in ast.walk(script.tree):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if not isinstance(body, list):
                continue
            for first, second in zip(body, body[1:]):
                a, b = _changed_in_place(first), _changed_in_place(second)
                if a and b and a != b and isinstance(first, ast.Assign) and _is_geometric(first.value, a):
                    lines = lines_of(first) | lines_of(second)
                    yield Edit(script.start(second), script.end(second), "pass", lines)
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Tuple)
            and isinstance(node.value, ast.Tuple)
        ):
            names = [ast.unparse(each) for each in node.targets[0].elts]
            values = node.value.elts
            if (
                len(names) == len(values) >= 2
                and _is_geometric(values[0], names[0])
                and names[1] in names_in(values[1])
            ):
                yield script.replaced(values[1], names[1])


def _changed_in_place(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        name = statement.targets[0].id
        return name if name in names_in(statement.value) else None
    return None


def _is_geometric(value: ast.expr, name: str) -> bool:
    is_crop = isinstance(value, ast.Subscript) and ast.unparse(value.value) == name
    is_crop = is_crop and any(isinstance(each, ast.Slice) for each in ast.walk(value))
    return is_crop or bool(_calls(value) & set(GEOMETRIC) and name in names_in(value))


def _loss_masks(template: str, float_template: str):
    """Read the mask of a loss otherwise: `{}` its name."""

    def sites(script: Script) -> Iterator[Edit]:
        for node in sorted((n for n in ast.walk(script.tree) if isinstance(n, ast.expr)), key=script.start):
            if not _is_in_a_loss(script, node):
                continue
            if isinstance(node, ast.Call) and len(node.args) > 1:
                a, b = node.args[:2]
                both = isinstance(a, ast.Subscript) and isinstance(b, ast.Subscript)
                if both and isinstance(a.slice, ast.Name) and ast.unparse(a.slice) == ast.unparse(b.slice):
                    if MASK.search(a.slice.id):
                        new = template.format(a.slice.id)
                        text = f"{script.code(a.value)}[{new}], {script.code(b.value)}[{new}]"
                        yield Edit(script.start(a), script.end(b), text, script.replaced(node, "").lines)
            elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.right, ast.Name):
                if MASK.search(node.right.id):
                    yield script.replaced(node.right, float_template.format(node.right.id))
            elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name) and MASK.search(node.slice.id):
                parent = script.parents[node]
                if isinstance(parent, ast.Attribute) and parent.attr in ("mean", "sum"):
                    yield script.replaced(node.slice, template.format(node.slice.id))

    return sites


def _is_in_a_loss(script: Script, node: ast.AST) -> bool:
    function = script.function(node)
    if isinstance(function, ast.FunctionDef) and "loss" in function.name:
        return True
    statement = script.statement(node)
    return isinstance(statement, ast.Assign) and "loss" in ast.unparse(statement.targets[0])


def _clean_by_noise(script: Script) -> dict[str, str]:
    """Return the names of noise vectors, and of the data that each one is drawn for."""
    clean: dict[str, str] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            for call in (each for each in ast.walk(node.value) if isinstance(each, ast.Call)):
                if last_name(call.func) == "randn_like" and call.args and isinstance(call.args[0], ast.Name):
                    clean[node.targets[0].id] = call.args[0].id
    return clean


def _data_for_noise(script: Script) -> Iterator[Edit]:
    """Take the clean data as the target where the sampler takes the output for the noise."""
    clean = _clean_by_noise(script)
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("target", "targets"):
            for name in (each for each in ast.walk(node.value) if isinstance(each, ast.Name) and each.id in clean):
                if clean[name.id] not in names_in(node.value):
                    yield script.replaced(name, clean[name.id])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name):
            if node.right.id in clean and isinstance(node.left, ast.Call) and _is_in_a_loss(script, node):
                yield script.replaced(node.right, clean[node.right.id])
    for call in script.calls(*REAL):
        if len(call.args) > 1 and isinstance(call.args[1], ast.Name) and call.args[1].id in clean:
            yield script.replaced(call.args[1], clean[call.args[1].id])


def _time_backwards(script: Script) -> Iterator[Edit]:
    """Turn the direction of a path in training alone, or the time that the network receives."""
    drawn: dict[str, str] = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if re.fullmatch(r"t|time|times|timesteps?", name) and isinstance(value, ast.Call):
                if last_name(value.func) == "rand":
                    drawn[name] = "1"
                elif last_name(value.func) == "randint" and len(value.args) == 2:
                    drawn[name] = f"{script.code(value.args[0])} - 1"
            if re.fullmatch(r"target|velocity|flow|v|u|ut", name) and isinstance(value, ast.BinOp):
                if isinstance(value.op, ast.Sub) and isinstance(value.left, ast.Name):
                    if isinstance(value.right, ast.Name):
                        yield script.replaced(value, f"{value.right.id} - {value.left.id}")
    for call in script.model_calls():
        for given in call.args[1:]:
            if isinstance(given, ast.Name) and given.id in drawn and _is_in_a_loss(script, call):
                yield script.replaced(given, f"{drawn[given.id]} - {given.id}")


def _scaled_back_wrongly(script: Script) -> Iterator[Edit]:
    """Undo a standardisation in the wrong order: of `y * std + mean` make `(y + mean) * std`."""
    for node in ast.walk(script.tree):
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and isinstance(node.left, ast.BinOp)):
            continue
        scale, shift = node.left.right, node.right
        if isinstance(node.left.op, ast.Mult) and isinstance(shift, ast.Name | ast.Constant | ast.Attribute):
            is_named = SCALES.search(ast.unparse(scale)) and SHIFTS.search(ast.unparse(shift))
            is_half = ast.unparse(scale) == ast.unparse(shift) == "0.5"
            if is_named or is_half:
                y, s, m = (script.code(each) for each in (node.left.left, scale, shift))
                yield script.replaced(node, f"({y} + {m}) * {s}")


def _test_not_prepared(script: Script) -> Iterator[Edit]:
    """Leave out of the evaluation what the training inputs are divided and shifted by."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            inner = node.left
            if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Sub):
                inner = inner.left
            elif not (isinstance(node.right, ast.Constant) and isinstance(inner, ast.Name | ast.Call | ast.Attribute)):
                continue
            code = ast.unparse(inner)
            is_network = bool(names_in(inner) & script.models)
            if HELD_OUT.search(code) and "train" not in code and not is_network and "len(" not in code:
                if not re.search(r"sum\(|mean\(|y_test|right|hits", code):
                    yield script.replaced(node, script.code(inner))


def _preference_turned(script: Script) -> Iterator[Edit]:
    """Ask for the lower score where the higher one is wanted."""
    for call in script.calls("logsigmoid", "softplus", "relu"):
        if not call.args or not _is_in_a_loss(script, call):
            continue
        given = call.args[0]
        rest = ""
        if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Add) and isinstance(given.left, ast.BinOp):
            rest, given = f" + {script.code(given.right)}", given.left
        if isinstance(given, ast.BinOp) and isinstance(given.op, ast.Sub):
            turned = f"{script.code(given.right)} - {script.code(given.left)}"
        elif isinstance(given, ast.UnaryOp) and isinstance(given.op, ast.USub):
            turned = script.code(given.operand)
        elif isinstance(given, ast.Name) and last_name(call.func) != "relu":
            turned = f"-{given.id}"
        else:
            continue
        yield script.replaced(call.args[0], turned + rest)


OPERATORS = (
    Operator("target_not_reordered", _not_reordered, "github.com/mlcommons/GaNDLF/pull/870", "pairing"),
    Operator("target_one_step_further", _one_step_further, "github.com/huggingface/transformers/issues/47394", "1"),
    Operator("repeated_in_the_other_order", _repeated_otherwise, "github.com/wenet-e2e/west/pull/121", "order"),
    Operator(
        "coordinates_exchanged", _coordinates_exchanged, "github.com/lucidrains/deformable-attention/pull/7", "(y, x)"
    ),
    Operator("augmented_without_its_target", _augmented_alone, "github.com/ivadomed/ivadomed/issues/1280", "one"),
    Operator(
        "loss_at_the_other_positions",
        _loss_masks("~{}", "{}.logical_not()"),
        "github.com/649453932/Bert-Chinese-Text-Classification-Pytorch/issues/176",
        "mask",
    ),
    Operator(
        "loss_mask_one_late",
        _loss_masks("{}.roll(1, -1)", "{}.roll(1, -1)"),
        "github.com/verl-project/verl/pull/3287",
        "1",
    ),
    Operator(
        "padded_on_the_left",
        argument("padding_side", '"left"', ("pad_sequence",)),
        "github.com/huggingface/transformers/issues/35909",
        "side",
    ),
    Operator("data_for_noise", _data_for_noise, "github.com/irom-princeton/dppo/issues/14", "target"),
    Operator("time_runs_backwards", _time_backwards, "github.com/primepake/splitmeanflow/issues/2", "direction"),
    Operator(
        "scaled_back_in_the_wrong_order",
        _scaled_back_wrongly,
        "github.com/tsinghua-fib-lab/Spatio-temporal-Diffusion-Point-Processes/issues/9",
        "order",
    ),
    Operator("test_inputs_not_prepared", _test_not_prepared, "github.com/JeasunLok/ResNet-pytorch/issues/1", "all"),
    Operator("preference_turned", _preference_turned, "github.com/tensorflow/ranking/issues/23", "sign"),
)

RIGHT = {
    "target_not_reordered": (
        "Inputs are taken by the drawn indices, but the targets (or another part of each example) are not, so "
        "each input is trained with the target of another example: index both with the same rows."
    ),
    "target_one_step_further": (
        "The targets are shifted by one step too many, so the network is trained to predict the value after "
        "the next one: shift them once."
    ),
    "repeated_in_the_other_order": (
        "repeat and repeat_interleave are exchanged, so the repeated labels or indices are in another order "
        "than the rows that they belong to."
    ),
    "coordinates_exchanged": (
        "One part of the program writes coordinates as (y, x) and the other as (x, y): rows and columns are exchanged."
    ),
    "augmented_without_its_target": (
        "The image is mirrored or cropped at random but its target point is not changed with it, so the "
        "labels of augmented images are wrong."
    ),
    "loss_at_the_other_positions": (
        "The mask of the loss is inverted: the loss covers the positions that should be left out and leaves "
        "out those that should be learnt."
    ),
    "loss_mask_one_late": (
        "The mask of the loss is shifted by one position against the tokens, so the loss covers neighbouring "
        "positions instead of the right ones."
    ),
    "padded_on_the_left": (
        "One of the padded tensors is padded on the left while its partners or the code that reads it assume "
        "padding on the right, so positions no longer correspond."
    ),
    "data_for_noise": (
        "The network is trained to predict the clean data, but the sampler (or the evaluation) uses its "
        "output as the noise: the training target must be the noise."
    ),
    "time_runs_backwards": (
        "Training and sampling use opposite directions of time or of the velocity: the training target or the "
        "time that is given to the network is turned round."
    ),
    "scaled_back_in_the_wrong_order": (
        "The predictions are scaled back in the wrong order, (y + mean) * std instead of y * std + mean, so "
        "the evaluation is wrong although the network is right."
    ),
    "test_inputs_not_prepared": (
        "The test inputs are not standardised as the training inputs are: preprocessing differs between "
        "training and evaluation."
    ),
    "preference_turned": (
        "The sign in the pairwise loss is turned, so the loss asks for lower scores of preferred or positive "
        "examples (or higher ones of negatives)."
    ),
}
