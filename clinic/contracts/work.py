"""Which examples are drawn how often, and what becomes of the gradients that are computed for them."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator
from mutations.script import Edit, Script, last_name, names_in

GITHUB = "https://github.com"
LOADER = ("DataLoader",)
DRAWS = ("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "choice", "integers", "random", "normal")
NESTED = ast.For | ast.While


def _loops_around(script: Script, node: ast.AST) -> list[ast.For | ast.While]:
    """Return the loops around a node in its own function, the innermost one first."""
    loops: list[ast.For | ast.While] = []
    while node in script.parents and not isinstance(node, ast.FunctionDef | ast.Lambda):
        if isinstance(node, NESTED):
            loops.append(node)
        node = script.parents[node]
    return loops


def _optimizer_steps(script: Script) -> Iterator[ast.Call]:
    """Yield the calls of `step` of an optimizer that are statements of their own."""
    for call in script.calls("step"):
        if isinstance(call.func, ast.Attribute) and isinstance(script.parents[call], ast.Expr):
            if ast.unparse(call.func.value) in script.optimizers:
                yield call


def _loops_over_batches(script: Script) -> Iterator[ast.For]:
    """Yield the loops over batches: those of an optimizer's step that are in another loop of the same function."""
    seen: list[ast.AST] = []
    for call in _optimizer_steps(script):
        loops = _loops_around(script, call)
        if len(loops) > 1 and isinstance(loops[0], ast.For) and loops[0] not in seen:
            seen.append(loops[0])
            yield loops[0]


def _training_loaders(script: Script) -> Iterator[tuple[ast.Call, ast.keyword | None]]:
    """Yield the data loaders of the training, and the argument by which they shuffle or draw."""
    loops = [loop for call in _optimizer_steps(script) for loop in _loops_around(script, call)]
    iterated = {node for loop in loops if isinstance(loop, ast.For) for node in ast.walk(loop.iter)}
    names = {name for node in iterated for name in names_in(node)}
    for call in script.calls(*LOADER):
        parent = script.parents[call]
        is_named = isinstance(parent, ast.Assign) and ast.unparse(parent.targets[0]) in names
        given = next((each for each in call.keywords if each.arg in ("shuffle", "sampler")), None)
        if is_named or call in iterated or (given is not None and script.code(given.value) != "False"):
            yield call, given


def _called(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def _draws(script: Script, node: ast.AST) -> bool:
    """Return whether random numbers are drawn in a node or in the functions and methods of the file that it calls."""
    called = {last_name(call.func) for call in _called(node)} | names_in(node)
    made = {ast.unparse(each.targets[0]): each.value for each in ast.walk(script.tree) if isinstance(each, ast.Assign)}
    called |= {last_name(value.func) for name in called if isinstance(value := made.get(name), ast.Call)}
    defined = [each for each in script.tree.body if isinstance(each, ast.FunctionDef | ast.ClassDef)]
    places = [node, *(each for each in defined if each.name in called)]
    return any(last_name(call.func) in DRAWS for place in places for call in _called(place))


def _is_empty(value: ast.expr) -> bool:
    """Return whether a value, or one of a tuple of values, is an empty list."""
    values = value.elts if isinstance(value, ast.Tuple) else [value]
    return any(isinstance(each, ast.List) and not each.elts for each in values)


def _is_generator(function: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))


def _stops_after_one_batch(script: Script) -> Iterator[Edit]:
    for loop in _loops_over_batches(script):
        yield script.beside(loop.body[-1], "break", after=True)


def _iterator_made_once(script: Script) -> Iterator[Edit]:
    assigned = [node for node in ast.walk(script.tree) if isinstance(node, ast.Assign) and _is_empty(node.value)]
    lists = {name for node in assigned for target in node.targets for name in names_in(target)}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and ast.unparse(node.right)[4:-1] in lists:
            return  # a mean of no losses
    for call, _ in _training_loaders(script):
        if isinstance(script.parents[call], ast.Assign):
            yield script.replaced(call, f"iter({script.code(call)})")


def _micro_batches_cleared(script: Script) -> Iterator[Edit]:
    """Step in every eighth batch only, where the gradients are cleared in every one."""
    for call in _optimizer_steps(script):
        loops = _loops_around(script, call)
        cleared = [c for c in script.calls("zero_grad") if loops and loops[0] in _loops_around(script, c)[:1]]
        if cleared and isinstance(call.func, ast.Attribute):
            of, statement = script.code(call.func.value), script.statement(call)
            margin = " " * statement.col_offset
            lines = [
                f'{of}.micro_batches = getattr({of}, "micro_batches", 0) + 1',
                f"if {of}.micro_batches % 8 == 0:",
                f"    {script.code(statement)}",
            ]
            yield script.replaced(statement, f"\n{margin}".join(lines))


def _step_after_the_loop(script: Script) -> Iterator[Edit]:
    """Write the optimizer's step at the level of the loop over batches and not in it."""
    for call in _optimizer_steps(script):
        loops, statement = _loops_around(script, call), script.statement(call)
        if len(loops) > 1 and statement in loops[0].body and not loops[0].orelse:
            rest = script.data[script.end(statement) : script.end(loops[0])].decode()
            text = f"pass{rest}\n{' ' * loops[0].col_offset}{script.code(statement)}"
            yield Edit(script.start(statement), script.end(loops[0]), text, script.replaced(call, "").lines)


def _cleared_before_the_loop(script: Script) -> Iterator[Edit]:
    """Clear the gradients at the level of the loop over batches and not in it."""
    for call in script.calls("zero_grad"):
        loops, statement = _loops_around(script, call), script.statement(call)
        own = names_in(loops[0].target) if loops and isinstance(loops[0], ast.For) else set()
        if len(loops) > 1 and statement in loops[0].body and ast.unparse(call.func).split(".")[0] not in own:
            before = script.data[script.start(loops[0]) : script.start(statement)].decode()
            text = f"{script.code(statement)}\n{' ' * loops[0].col_offset}{before}pass"
            yield Edit(script.start(loops[0]), script.end(statement), text, script.without(statement).lines)


def _augmented_in_place(script: Script) -> Iterator[Edit]:
    """Add noise to the rows of a data set themselves, so that it adds up from epoch to epoch."""
    if any(script.calls("Embedding")):
        return  # the inputs are indices
    made = "torch.utils.data.default_collate([(r[0].add_(0.3 * torch.randn_like(r[0])), *r[1:]) for r in rows])"
    for call, _ in _training_loaders(script):
        if not any(given.arg == "collate_fn" for given in call.keywords):
            at = script.end(call) - 1
            yield Edit(at, at, f", collate_fn=lambda rows: {made}", script.replaced(call, "").lines)


def _weights_of_classes(script: Script) -> Iterator[Edit]:
    """Give the sampler one weight for each of ten classes where it needs one for each example."""
    sampler = "torch.utils.data.WeightedRandomSampler"
    for call, given in _training_loaders(script):
        if given is not None and call.args and given.arg == "shuffle":
            weights = f"sampler={sampler}(torch.ones(10), len({script.code(call.args[0])}))"
            edit = script.replaced(given.value, weights)
            yield Edit(edit.start - len("shuffle="), edit.end, edit.text, edit.lines)


def _indexes_rows(script: Script, assign: ast.Assign) -> bool:
    """Return whether what is assigned is used as an index of rows alone, and not with those of other dimensions."""
    names = names_in(assign.targets[0])
    indices = [node.slice for node in ast.walk(script.tree) if isinstance(node, ast.Subscript)]
    return all(isinstance(each, ast.Name) for each in indices if names & names_in(each))


def _indices_below_the_batch_size(script: Script) -> Iterator[Edit]:
    """Draw the indices of a batch below the size of the batch and not below the number of examples."""
    for call in script.calls("randint"):
        size = call.args[-1] if call.args else None
        if len(call.args) in (2, 3) and isinstance(size, ast.Tuple) and len(size.elts) == 1:
            index = script.parents[call]
            while isinstance(index, ast.Tuple | ast.Attribute | ast.Call) and index in script.parents:
                index = script.parents[index]
            bound = call.args[-2]
            is_number = any(last_name(each.func) == "len" for each in _called(bound)) or (
                isinstance(bound, ast.Name) and bound.id.islower()
            )
            is_index = isinstance(index, ast.Subscript) or (
                isinstance(index, ast.Assign) and _indexes_rows(script, index)
            )
            if is_index and is_number and _loops_around(script, call):
                yield script.replaced(call.args[-2], script.code(size.elts[0]))
    for call in script.calls("split"):
        drawn = call.func.value if isinstance(call.func, ast.Attribute) else None
        if isinstance(drawn, ast.Call) and last_name(drawn.func) == "randperm" and len(call.args) == 1:
            yield script.replaced(drawn.args[0], script.code(call.args[0]))


def _seeded_in_every_step(script: Script) -> Iterator[Edit]:
    """Seed the generator of random numbers at the beginning of the innermost loop of the training."""
    seen: list[ast.AST] = []
    for call in _optimizer_steps(script):
        for loop in _loops_around(script, call)[:1]:
            if loop not in seen and any(_draws(script, statement) for statement in loop.body):
                seen.append(loop)
                yield script.beside(loop.body[0], "torch.manual_seed(0)", after=False)


def _cached_draw(script: Script) -> Iterator[Edit]:
    """Cache a function that draws examples or noise at random, so that it draws them once."""
    loops = {loop for call in _optimizer_steps(script) for loop in _loops_around(script, call)}
    for node in script.tree.body:
        if isinstance(node, ast.FunctionDef) and not _is_generator(node) and not node.decorator_list:
            drawn = any(last_name(call.func) in DRAWS for call in _called(node))
            trains = any(last_name(call.func) in ("backward", "step", "forward") for call in _called(node))
            is_same = any(_has_same_arguments(loop, node) for loop in loops)
            if drawn and not trains and is_same and "rng" not in {each.arg for each in node.args.args}:
                yield script.beside(node, '@__import__("functools").cache', after=False)


def _has_same_arguments(loop: ast.For | ast.While, function: ast.FunctionDef) -> bool:
    """Return whether a loop calls a function with arguments that it does not assign itself."""
    stored = {n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    calls = [call for call in _called(loop) if last_name(call.func) == function.name]
    plain = [call for call in calls if not any(True for given in call.args for _ in _called(given))]
    return any(not stored & {name for given in call.args for name in names_in(given)} for call in plain)


def _length_in_batches(script: Script) -> Iterator[Edit]:
    """Return the number of batches as the length of a data set, or of a sampler."""
    for method in ast.walk(script.tree):
        if isinstance(method, ast.FunctionDef) and method.name == "__len__":
            for node in ast.walk(method):
                if isinstance(node, ast.Return) and node.value is not None:
                    yield script.replaced(node.value, f"max(1, {script.code(node.value)} // 50)")


def _real_class_ignored(script: Script) -> Iterator[Edit]:
    """Tell a loss to ignore the class of index 0, which is no padding."""
    names = ("cross_entropy", "nll_loss", "CrossEntropyLoss", "NLLLoss")
    stored = {n.id for n in ast.walk(script.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    made = {ast.unparse(n.targets[0]): n.value for n in ast.walk(script.tree) if isinstance(n, ast.Assign)}
    if any("pad" in name.lower() for name in stored):
        return  # class 0 may be the padding
    for call in script.calls(*names):
        is_loss = last_name(call.func) in names and ast.unparse(call.func) not in stored
        target = script.code(call.args[1]) if len(call.args) > 1 else ""
        target += ast.unparse(made[target]) if target in made else ""
        if (
            is_loss
            and "arange" not in target
            and not any(given.arg in ("ignore_index", None) for given in call.keywords)
        ):
            at, comma = script.end(call) - 1, ", " if call.args or call.keywords else ""
            yield Edit(at, at, f"{comma}ignore_index=0", script.replaced(call, "").lines)


def _weights_inverted(script: Script) -> Iterator[Edit]:
    """Weigh by the reciprocal of what examples or classes are to be weighed by."""
    for call in script.calls("CrossEntropyLoss", "cross_entropy", "binary_cross_entropy_with_logits", "NLLLoss"):
        for given in call.keywords:
            if given.arg in ("weight", "pos_weight"):
                yield script.replaced(given.value, f"1 / ({script.code(given.value)})")
    for call in script.calls("WeightedRandomSampler"):
        if call.args:
            yield script.replaced(call.args[0], f"1 / ({script.code(call.args[0])})")


OPERATORS = (
    Operator(
        "loop_over_batches_left_early",
        _stops_after_one_batch,
        f"{GITHUB}/avinashpaliwal/Super-SloMo/issues/3, {GITHUB}/feizc/Perceiver-Music-Generation/issues/1: a break",
    ),
    Operator(
        "iterator_made_once",
        _iterator_made_once,
        f"{GITHUB}/pytorch/text/issues/1282, {GITHUB}/meta-pytorch/torchforge/pull/519: ends after the first epoch",
    ),
    Operator(
        "micro_batches_cleared",
        _micro_batches_cleared,
        f"{GITHUB}/bytetriper/RAE/issues/67 and {GITHUB}/pytorch/torchtitan/pull/3575: zero_grad in every micro-batch",
        "7 of 8",
    ),
    Operator(
        "step_after_the_loop",
        _step_after_the_loop,
        "commonly reported: optimizer.step() outside the loop over batches by a slip of the indentation",
        "last batch of the epoch",
    ),
    Operator(
        "cleared_before_the_loop",
        _cleared_before_the_loop,
        f"{GITHUB}/salesforce/corr_based_prediction/issues/1: zero_grad outside the loop over batches",
    ),
    Operator(
        "augmented_in_place",
        _augmented_in_place,
        f"{GITHUB}/facebookresearch/pycls/pull/21 and {GITHUB}/mindee/doctr/issues/840",
        "0.3",
    ),
    Operator(
        "weights_of_classes_for_examples",
        _weights_of_classes,
        f"{GITHUB}/deep-voice/soundbay/pull/49: the sampler draws the first examples alone",
        "10",
    ),
    Operator(
        "indices_below_the_batch_size",
        _indices_below_the_batch_size,
        "commonly reported: randint or randperm of the wrong length",
    ),
    Operator("seeded_in_every_step", _seeded_in_every_step, "commonly reported: manual_seed in the training loop"),
    Operator(
        "random_draw_cached",
        _cached_draw,
        f"{GITHUB}/tensorflow/tensorflow/issues/47755, {GITHUB}/chaosparrot/parrot.py/issues/14: a cached random draw",
    ),
    Operator(
        "real_class_ignored_as_padding",
        _real_class_ignored,
        f"{GITHUB}/huggingface/trl/pull/6357, {GITHUB}/mlabonne/llm-course/issues/33: padding is a real token",
        "one class",
    ),
    Operator(
        "length_in_batches",
        _length_in_batches,
        f"commonly reported; {GITHUB}/mirkosavasta/GANetano/issues/1: a length in another unit",
        "1/50",
    ),
    Operator(
        "weights_inverted",
        _weights_inverted,
        f"{GITHUB}/FGA-DIKU/BONSAI/issues/254 and {GITHUB}/amanshenoy/multilogue-net/issues/21",
        "reciprocal",
    ),
)

RIGHT = {
    "loop_over_batches_left_early": (
        "The training loop ends after the first batch of each epoch (a break), so most examples are never used."
    ),
    "iterator_made_once": (
        "The data are iterated through an iterator that is made once, so nothing is left to train on after the "
        "first epoch."
    ),
    "micro_batches_cleared": (
        "The gradients are cleared in every batch but the optimizer steps in every eighth one only, so those of "
        "seven in eight batches are thrown away."
    ),
    "step_after_the_loop": (
        "The optimizer steps once an epoch, after the loop over batches, with the gradient of the last batch alone."
    ),
    "cleared_before_the_loop": (
        "The gradients are cleared once an epoch and not in every step, so those of earlier batches add up."
    ),
    "augmented_in_place": (
        "The data set itself is changed in place whenever an example is drawn, so that noise adds up from epoch "
        "to epoch."
    ),
    "weights_of_classes_for_examples": (
        "The sampler is given ten weights and not one for each example, so only the first ten examples are ever drawn."
    ),
    "indices_below_the_batch_size": (
        "The indices of a batch are drawn below the batch size and not below the number of examples, so only the "
        "first few examples are ever used."
    ),
    "seeded_in_every_step": (
        "The random generator is seeded again in every step, so every step draws the same batch or noise."
    ),
    "random_draw_cached": (
        "The function that draws examples or noise is cached, so every step trains on the same draw."
    ),
    "real_class_ignored_as_padding": (
        "The loss ignores class 0 (ignore_index=0) although it is a real class and no padding, so that class is "
        "never learned."
    ),
    "length_in_batches": (
        "The data set reports a length that is far too small (divided by a batch size), so most examples are "
        "never drawn."
    ),
    "weights_inverted": (
        "The weights are the reciprocal of what they should be, so that rare classes count or are drawn least and"
        " not most."
    ),
}
