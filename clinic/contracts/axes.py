"""Mistakes about which axis of a tensor is which, and about what belongs to one example."""

import ast
from collections.abc import Iterator

from mutations.mutant import CLASSES, Operator
from mutations.script import Edit, Script, last_name

VIEWS = ("view", "reshape")
JOINED = (1, -1)  # the dimensions of columns


def _dimension(call: ast.Call, position: int) -> ast.expr | None:
    """Return the node of the argument `dim`."""
    given = next((each.value for each in call.keywords if each.arg in ("dim", "axis")), None)
    return given if given is not None or len(call.args) <= position else call.args[position]


def _integer(node: ast.expr | None) -> int | None:
    try:
        value = ast.literal_eval(node) if node is not None else None
    except ValueError:
        return None
    return value if isinstance(value, int) else None


def _is_drawn(script: Script, node: ast.AST) -> bool:
    """Return whether a node draws random numbers, so that the order of its entries does not matter."""
    return any(word in script.code(node) for word in ("torch.rand", "multinomial"))


def _of_torch(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "torch"


def _method_of(script: Script, call: ast.Call) -> str | None:
    """Return the text of the tensor that a method is called of."""
    is_method = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) not in ("torch", "np", "F")
    return script.code(call.func.value) if is_method else None


def _read_at_the_other_end(script: Script) -> Iterator[Edit]:
    """Read the first step of a sequence for the last, or the other way round."""
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            whole, place = node.slice.elts
            method = script.function(node)
            is_of_network = isinstance(node.value, ast.Call) or getattr(method, "name", "") == "forward"
            is_cut = ":-1" in script.code(script.statement(node))  # the other part of a table is used, too
            if isinstance(whole, ast.Slice) and script.code(whole) == ":" and _integer(place) in (0, -1):
                if is_of_network and isinstance(node.ctx, ast.Load) and not is_cut:
                    yield script.replaced(place, "0" if _integer(place) == -1 else "-1")


def _final_states_viewed(script: Script) -> Iterator[Edit]:
    """Write `h.reshape(batch, -1)` for `torch.cat([h[-2], h[-1]], dim=1)`."""
    for call in script.calls("cat"):
        listed = call.args[0] if call.args else None
        if isinstance(listed, ast.List) and len(listed.elts) == 2 and _integer(_dimension(call, 1)) in JOINED:
            parts = [each for each in listed.elts if isinstance(each, ast.Subscript)]
            names = {script.code(each.value) for each in parts}
            if len(parts) == 2 and len(names) == 1 and all(_integer(each.slice) is not None for each in parts):
                name = names.pop()
                yield script.replaced(call, f"{name}.reshape({name}.shape[1], -1)")


def _repeated_in_the_other_order(script: Script) -> Iterator[Edit]:
    for call in script.calls("repeat_interleave"):
        of = _method_of(script, call)
        if of is not None and call.args:
            times = script.code(call.args[0])
            yield script.replaced(call, f"torch.cat([{of}] * ({times}))")


def _targets_flattened_time_first(script: Script) -> Iterator[Edit]:
    for call in script.calls(*CLASSES):
        if len(call.args) > 1 and isinstance(call.args[1], ast.Call):
            flat = call.args[1]
            of = _method_of(script, flat)
            is_flat = last_name(flat.func) == "flatten" and not flat.args
            is_viewed = last_name(flat.func) in VIEWS and [_integer(each) for each in flat.args] == [-1]
            if of is not None and (is_flat or is_viewed):
                yield script.replaced(flat, f"{of}.transpose(0, 1).reshape(-1)")


def _joined_then_viewed(script: Script) -> Iterator[Edit]:
    """Join the steps along the batch and view the result, where they were to be stacked."""
    for call in script.calls("stack"):
        is_of_steps = bool(call.args) and isinstance(call.args[0], ast.Name)
        if _of_torch(call) and is_of_steps and _integer(_dimension(call, 1)) in JOINED:
            steps = script.code(call.args[0])
            yield script.replaced(call, f"torch.cat({steps}).reshape({script.code(call)}.shape)")


def _gathered_over_the_batch(script: Script) -> Iterator[Edit]:
    for call in script.calls("gather"):
        if not _of_torch(call) and len(call.args) == 2 and _integer(call.args[0]) in JOINED:
            is_of_one = script.code(call.args[1]).endswith(("unsqueeze(1)", "unsqueeze(-1)", "[:, None]"))
            if is_of_one:
                yield script.replaced(call.args[0], "0")


def _chosen_for_all_examples(script: Script) -> Iterator[Edit]:
    """Index all rows with the columns of all examples: `p[:, y]` for `p[torch.arange(n), y]`."""
    for call in script.calls("squeeze"):
        inner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(inner, ast.Call) and last_name(inner.func) == "gather" and len(inner.args) == 2:
            of, column = _method_of(script, inner), script.code(inner.args[1])
            is_kept = last_name(getattr(script.parents[call], "func", call)) == "append"  # it has to be one column
            for ending in (".unsqueeze(1)", ".unsqueeze(-1)", "[:, None]"):
                if of is not None and column.endswith(ending) and not is_kept:
                    yield script.replaced(call, f"{of}[:, {column.removesuffix(ending)}]")
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            rows = node.slice.elts[0]
            is_of_all = isinstance(rows, ast.Call) and last_name(rows.func) == "arange" and _of_torch(rows)
            if is_of_all and ".mean(" in script.code(script.statement(node)):
                yield script.replaced(rows, ":")


def _positions_of_the_batch(script: Script) -> Iterator[Edit]:
    """Add the position embedding along the batch, and so the same one to all steps of an example."""
    for method in ast.walk(script.tree):
        if isinstance(method, ast.FunctionDef) and method.name == "forward" and len(method.args.args) > 1:
            example = method.args.args[1].arg
            for node in ast.walk(method):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and _is_of_positions(node.right):
                    added = script.code(node.right)
                    row = f"torch.arange(len({example})) % len({added})"
                    yield script.replaced(node.right, f"{added}[{row}].unsqueeze(1)")


def _is_of_positions(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Attribute) and each.attr.startswith("pos") for each in ast.walk(node))


def _flipped_over_the_batch(script: Script) -> Iterator[Edit]:
    for call in script.calls("flip"):
        place = call.args[-1] if call.args else None
        if isinstance(place, ast.Tuple | ast.List) and len(place.elts) == 1:
            place = place.elts[0]
        if _integer(place) in JOINED:
            yield script.replaced(place, "0")


def _viewed_in_the_other_order(script: Script) -> Iterator[Edit]:
    """View with the first two sizes in the other order and exchange them afterwards."""
    for call in script.calls(*VIEWS):
        of = _method_of(script, call)
        if of is not None and len(call.args) > 1 and not _is_drawn(script, call.func):
            sizes = [script.code(each) for each in call.args]
            if "1" not in sizes[:2]:
                sizes[:2] = sizes[1], sizes[0]
                yield script.replaced(call, f"{of}.{last_name(call.func)}({', '.join(sizes)}).transpose(0, 1)")


def _columns_exchanged(script: Script) -> Iterator[Edit]:
    """Put two columns that other code reads by their place into the other order."""
    for call in script.calls("stack", "cat"):
        listed = call.args[0] if call.args else None
        is_of_columns = _of_torch(call) and _integer(_dimension(call, 1)) in JOINED
        function, outer = script.function(call), script.parents[call]
        is_given_on = isinstance(outer, ast.Call) and call in outer.args  # to a layer, or it is joined again
        is_of_data = isinstance(function, ast.FunctionDef) and "torch.rand" in script.code(function)
        is_free = getattr(function, "name", "") == "forward" or is_given_on or is_of_data
        if isinstance(listed, ast.List) and len(listed.elts) in (2, 3) and is_of_columns and not is_free:
            first, second = listed.elts[:2]
            between = script.data[script.end(first) : script.start(second)].decode()
            text = f"{script.code(second)}{between}{script.code(first)}"
            place = script.replaced(call, "").lines
            yield Edit(script.start(first), script.end(second), text, place)


OPERATORS = (
    Operator(
        "read_at_the_other_end",
        _read_at_the_other_end,
        "https://github.com/StarlightSearch/EmbedAnything/issues/213; "
        "https://github.com/huggingface/peft/issues/3620 "
        "(the pooled position is at the end of the sequence where the content is not)",
        "place",
    ),
    Operator(
        "final_states_viewed",
        _final_states_viewed,
        "https://github.com/graykode/nlp-tutorial/issues/38; https://github.com/timbmg/Sentence-VAE/issues/15; "
        "https://github.com/facebookresearch/fairseq/issues/239",
        "view for concatenation",
    ),
    Operator(
        "repeated_in_the_other_order",
        _repeated_in_the_other_order,
        "https://github.com/wenet-e2e/west/pull/121; https://github.com/huggingface/diffusers/pull/13441; "
        "https://github.com/StarsfieldAI/R1-V/issues/67",
        "repeat for repeat_interleave",
    ),
    Operator(
        "targets_flattened_time_first",
        _targets_flattened_time_first,
        "https://github.com/user0407/CLUDA/issues/6 (features and labels are flattened in different orders)",
        "order",
    ),
    Operator(
        "joined_then_viewed",
        _joined_then_viewed,
        "https://github.com/ikostrikov/pytorch-a2c-ppo-acktr-gail/issues/97 "
        "(torch.stack(steps, dim=1) is not torch.cat(steps).view(-1, len(steps)))",
        "view for stack",
    ),
    Operator(
        "gathered_over_the_batch",
        _gathered_over_the_batch,
        "commonly reported: gather with dim=0 in DQN and policy-gradient code, which reads rows of other examples",
        "axis",
    ),
    Operator(
        "chosen_for_all_examples",
        _chosen_for_all_examples,
        "commonly reported: logits[:, labels] for logits[torch.arange(n), labels], a (batch, batch) matrix; "
        "a loss of that shape: https://github.com/PacktPublishing/Deep-Reinforcement-Learning-Hands-On/issues/33",
        "outer indexing",
    ),
    Operator(
        "positions_of_the_batch",
        _positions_of_the_batch,
        "https://github.com/AkiRusProd/numpy-transformer/issues/1; https://github.com/songyangco/GETNext/issues/2; "
        "https://github.com/tanjimin/C.Origami/issues/42",
        "axis",
    ),
    Operator(
        "flipped_over_the_batch",
        _flipped_over_the_batch,
        "https://github.com/EderSantana/seya/issues/32; https://github.com/tensorflow/tensorflow/issues/39635",
        "axis",
    ),
    Operator(
        "viewed_in_the_other_order",
        _viewed_in_the_other_order,
        "https://github.com/HHTseng/video-classification/issues/42; https://github.com/StarsfieldAI/R1-V/issues/67; "
        "https://github.com/OpenNMT/OpenNMT-py/issues/1521",
        "order of sizes",
    ),
    Operator(
        "columns_exchanged",
        _columns_exchanged,
        "https://github.com/keras-team/keras-io/issues/479; https://github.com/pytorch/vision/issues/1856",
        "x for y",
    ),
)

RIGHT = {
    "read_at_the_other_end": "The output is read from the wrong end of the sequence (first step for last, or last for "
    "first), where the network has not seen the needed input or which is not the position trained for this.",
    "final_states_viewed": "The final states of the directions (directions, batch, hidden) are viewed as (batch, "
    "directions * hidden) without a transpose or concatenation, so the rows mix states of different examples.",
    "repeated_in_the_other_order": "The rows are repeated as whole copies (a, b, a, b) where the other code expects "
    "each row repeated in place (a, a, b, b), so rows are paired with those of other examples.",
    "targets_flattened_time_first": "The targets are flattened time first and the predictions batch first, so each "
    "prediction is compared with the target of another example and another step.",
    "joined_then_viewed": "The steps are concatenated along the batch and then viewed as (batch, steps), where they "
    "have to be stacked along dimension 1; steps of different examples are mixed.",
    "gathered_over_the_batch": "gather runs along the batch (dim=0) where it has to choose a column of each row "
    "(dim=1), so values of other examples are read.",
    "chosen_for_all_examples": "The index chooses the columns of all examples for every example (a batch by batch "
    "matrix) where one entry per example is needed, so examples get the actions or labels of others.",
    "positions_of_the_batch": "The position embedding is added along the batch axis: it depends on the index of the "
    "example in the batch and is the same for all steps, so the network does not know the order of the sequence.",
    "flipped_over_the_batch": "flip reverses the batch (dim=0) where it has to reverse the sequence (dim=1), so an "
    "example is combined with another example.",
    "viewed_in_the_other_order": "The tensor is viewed with its first two sizes in the wrong order and then "
    "transposed, so entries of different examples (or steps, or groups) are mixed.",
    "columns_exchanged": "Two columns (coordinates, or parts of a vector) are put together in another order than the "
    "code that reads them expects.",
}
