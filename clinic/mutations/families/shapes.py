"""Which entry is which: dimensions, masks, shifts and orders of sequences, maps and pairs."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator, argument, number, renamed, rewritten
from mutations.script import Edit, Script

REDUCTIONS = ("softmax", "log_softmax", "mean", "sum", "max", "amax", "logsumexp", "cat", "cumsum", "argmax")
TAXONOMY = "Humbatova et al. 2020, wrong tensor shape or dimension"
SHIFTS = "shifts and masks"


def _dimension(other: str):
    def sites(script: Script) -> Iterator[Edit]:
        for call in script.calls(*REDUCTIONS, "Softmax", "LogSoftmax"):
            places = [each.value for each in call.keywords if each.arg in ("dim", "axis")]
            if not places and isinstance(call.func, ast.Attribute) and call.args:
                last = call.args[-1]
                places = [last] if isinstance(last, ast.Constant | ast.UnaryOp) else []
            for place in places:
                if script.code(place) != other and script.code(place).lstrip("-").isdigit():
                    yield script.replaced(place, other)

    return sites


def _slices(begin: str, end: str):
    """Read a slice that leaves out the first entries, or the last ones, otherwise."""

    def sites(script: Script) -> Iterator[Edit]:
        for node in ast.walk(script.tree):
            if isinstance(node, ast.Slice) and node.step is None and isinstance(script.parents[node], ast.Tuple):
                if script.code(node) == begin:
                    statement = script.statement(node)
                    yield Edit(script.start(node), script.end(node), end, script.without(statement).lines)

    return sites


def _reshaped(script: Script) -> Iterator[Edit]:
    """Read the entries in their order where they were to change places: `x.transpose(1, 2)` as a view."""
    for call in script.calls("transpose", "permute", "t", "swapaxes"):
        if isinstance(call.func, ast.Attribute):
            of = script.code(call.func.value)
            yield script.replaced(call, f"{of}.reshape({script.code(call)}.shape)")


OPERATORS = (
    Operator("over_the_batch", _dimension("0"), TAXONOMY, "dimension"),
    Operator("over_the_second", _dimension("1"), TAXONOMY, "dimension"),
    Operator("over_the_last", _dimension("-1"), TAXONOMY, "dimension"),
    Operator("target_is_the_input", _slices("1:", ":-1"), SHIFTS, "leak"),
    Operator("input_is_the_target", _slices(":-1", "1:"), SHIFTS, "leak"),
    Operator("mask_turned", renamed(("triu",), "tril"), SHIFTS, "mask"),
    Operator("mask_turned_back", renamed(("tril",), "triu"), SHIFTS, "mask"),
    Operator("mask_moved", number("diagonal", lambda k: k - 1, ("triu", "tril")), SHIFTS, "1"),
    Operator("mask_moved_on", number("diagonal", lambda k: k + 1, ("triu", "tril")), SHIFTS, "1"),
    Operator("mask_of_nothing", rewritten(("masked_fill",), "{of}"), SHIFTS, "mask"),
    Operator("mask_inverted", rewritten(("masked_fill",), "{of}.masked_fill(~({0}), {1})"), SHIFTS, "mask"),
    Operator("read_in_order", _reshaped, TAXONOMY, "view for transpose"),
    Operator("not_transposed", rewritten(("transpose", "permute", "t"), "{of}"), TAXONOMY),
    Operator(
        "batch_for_time",
        argument("batch_first", "False", ("LSTM", "GRU", "RNN", "MultiheadAttention", "TransformerEncoderLayer")),
        TAXONOMY,
    ),
    Operator("not_flattened", renamed(("squeeze",), "unsqueeze"), TAXONOMY, "broadcasting"),
)
