"""Mistakes by which a hyperparameter acts otherwise than the source code states, or in another unit or scale."""

import ast
from collections.abc import Iterator

from mutations.mutant import Operator, argument, renamed
from mutations.script import OPTIMIZERS, Edit, Script, last_name, lines_of

SCHEDULERS = (
    "LambdaLR",
    "MultiplicativeLR",
    "StepLR",
    "MultiStepLR",
    "LinearLR",
    "ExponentialLR",
    "PolynomialLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "OneCycleLR",
    "SequentialLR",
)
CLIPPING = ("clip_grad_norm_", "clip_grad_value_")
DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "dropout")


def _made(script: Script, *kinds: str) -> dict[str, tuple[ast.Assign, ast.Call]]:
    """Return the assignments of objects of these classes by the name of the object."""
    found = {}
    for node in ast.walk(script.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and len(node.targets) == 1:
            if last_name(node.value.func) in kinds:
                found[ast.unparse(node.targets[0])] = (node, node.value)
    return found


def _receiver(call: ast.Call) -> str:
    return ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _body_of(script: Script, statement: ast.stmt) -> list[ast.stmt]:
    """Return the list of statements that a statement is in."""
    for field in ("body", "orelse", "finalbody"):
        body = getattr(script.parents[statement], field, [])
        if isinstance(body, list) and statement in body:
            return body
    return []


def _schedule_steps(script: Script) -> Iterator[tuple[ast.stmt, ast.Assign]]:
    """Yield the statements that step a schedule, and the assignment of the schedule."""
    made = _made(script, *SCHEDULERS)
    for call in script.calls("step"):
        if isinstance(script.parents[call], ast.Expr) and _receiver(call) in made:
            yield script.statement(call), made[_receiver(call)][0]


def _optimizer_steps(script: Script, within: ast.AST) -> list[ast.stmt]:
    """Return the statements of a loop that step an optimizer, directly or through a gradient scaler."""
    scalers = _made(script, "GradScaler")
    found = []
    for call in script.calls("step"):
        names = {_receiver(call), *map(ast.unparse, call.args)}
        is_step = _receiver(call) in script.optimizers or (_receiver(call) in scalers and names & script.optimizers)
        if is_step and isinstance(script.parents[call], ast.Expr) and within in _around(script, call):
            found.append(script.statement(call))
    return found


def _around(script: Script, node: ast.AST) -> Iterator[ast.AST]:
    while node in script.parents:
        node = script.parents[node]
        yield node


def _loop(script: Script, node: ast.AST) -> ast.For | ast.While | None:
    """Return the innermost loop of the same function around a node."""
    for outer in _around(script, node):
        if isinstance(outer, ast.For | ast.While):
            return outer
        if isinstance(outer, ast.FunctionDef):
            return None
    return None


def _line_start(script: Script, statement: ast.stmt) -> int:
    """Return where the line break in front of a statement is."""
    return script.start(statement) - statement.col_offset - 1


def _text(script: Script, start: int, end: int) -> str:
    return script.data[start:end].decode()


def _stepped_per_batch(script: Script) -> Iterator[Edit]:
    for step, made in _schedule_steps(script):
        outer = _loop(script, step)
        inner = [s for s in _optimizer_steps(script, outer) if _loop(script, s) is not outer] if outer else []
        if inner and _body_of(script, inner[-1]) and script.end(inner[-1]) < script.start(step):
            at, margin = script.end(inner[-1]), " " * inner[-1].col_offset
            between = _text(script, at, script.start(step)).rstrip()
            line = inner[-1].end_lineno + 1
            place = frozenset({line, line - 1, step.lineno + 1}) | lines_of(made)
            yield Edit(at, script.end(step), f"\n{margin}{script.code(step)}{between}", place)


def _stepped_too_rarely(script: Script) -> Iterator[Edit]:
    for step, made in _schedule_steps(script):
        inner = _loop(script, step)
        if inner is None or script.parents[step] is not inner or not _optimizer_steps(script, inner):
            continue
        outer, following = _loop(script, inner), [s for s in inner.body if s.lineno > step.lineno]
        begin = _line_start(script, step)
        if outer is not None and inner in outer.body:
            text = _text(script, script.end(step), script.end(inner))
            text += f"\n{' ' * inner.col_offset}{script.code(step)}"
            place = frozenset({step.lineno, inner.end_lineno, inner.end_lineno + 1}) | lines_of(made)
            yield Edit(begin, script.end(inner), text, place)
        elif following and isinstance(following[0], ast.If) and "%" in script.code(following[0].test):
            first = following[0].body[0]
            text = _text(script, script.end(step), script.start(first))
            text += f"{script.code(step)}\n{' ' * first.col_offset}"
            place = frozenset({step.lineno, following[0].lineno, first.lineno - 1, first.lineno}) | lines_of(made)
            yield Edit(begin, script.start(first), text, place)


def _rate_in_factor(script: Script) -> Iterator[Edit]:
    for call in script.calls("LambdaLR"):
        optimizer = _made(script, *OPTIMIZERS).get(ast.unparse(call.args[0])) if call.args else None
        if optimizer is not None and len(call.args) > 1 and isinstance(call.args[1], ast.Lambda):
            rate = next((k.value for k in optimizer[1].keywords if k.arg == "lr"), None)
            if rate is not None:
                body = call.args[1].body
                yield script.replaced(body, f"{script.code(rate)} * ({script.code(body)})")


def _constant(script: Script, node: ast.expr) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _decay_for_factor(script: Script) -> Iterator[Edit]:
    for call in script.calls("ExponentialLR"):
        given = [k.value for k in call.keywords if k.arg == "gamma"] or call.args[1:2]
        for node in given:
            value = _constant(script, node)
            if value is not None and value > 0.5:
                yield script.replaced(node, f"{1 - value:.4g}")


def _penalty_for_decay(script: Script) -> Iterator[Edit]:
    for call in script.calls("AdamW"):
        if "weight_decay" in script.code(call):
            yield from (e for e in renamed(("AdamW",), "Adam")(script) if e.start == script.end(call.func) - 5)


def _clipped_after(script: Script) -> Iterator[Edit]:
    for call in script.calls(*CLIPPING):
        clip = script.statement(call)
        body = _body_of(script, clip)
        loop = script.parents[clip]
        later = [s for s in body if s.lineno > clip.lineno and s in _optimizer_steps(script, loop)]
        if isinstance(clip, ast.Expr) and later:
            text = _text(script, script.end(clip), script.end(later[0])).lstrip()
            text += f"\n{' ' * clip.col_offset}{script.code(clip)}"
            place = frozenset(range(clip.lineno, later[0].end_lineno + 1))
            yield Edit(script.start(clip), script.end(later[0]), text, place)


def _clipped_scaled(script: Script) -> Iterator[Edit]:
    for call in script.calls("unscale_"):
        statement = script.statement(call)
        if isinstance(statement, ast.Expr) and len(_body_of(script, statement)) > 1:
            line = statement.lineno
            place = {line - 1, line, line + 1}
            yield Edit(_line_start(script, statement), script.end(statement), "", frozenset(place))


def _average_too_slow(script: Script) -> Iterator[Edit]:
    """Write the coefficient of a run of a million steps in the place of that of a short run."""
    named: list[ast.expr] = []
    for node in ast.walk(script.tree):
        if isinstance(node, ast.FunctionDef):
            pairs = zip(reversed(node.args.args), reversed(node.args.defaults))
            named += [default for argument, default in pairs if argument.arg in ("decay", "ema_decay")]
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if "ema" in node.targets[0].id.lower().split("_"):
                named.append(node.value)
        if isinstance(node, ast.Call) and last_name(node.func) in ("get_ema_multi_avg_fn", "get_ema_avg_fn"):
            named += node.args[:1]
        if isinstance(node, ast.Call) and "ema" in last_name(node.func).lower():
            named += [k.value for k in node.keywords if k.arg == "decay"]
    for node in dict.fromkeys(named):
        if (value := _constant(script, node)) is not None and 0.5 < value < 0.9995:
            yield script.replaced(node, "0.9999")


def _keep_probability(script: Script) -> Iterator[Edit]:
    """Write the probability to keep a unit in the place of that to drop it."""
    found: list[ast.expr] = []
    for call in script.calls(*DROPOUTS):
        found += [k.value for k in call.keywords if k.arg == "p"] or call.args[-1:]
    for node in ast.walk(script.tree):
        if isinstance(node, ast.FunctionDef):
            pairs = zip(reversed(node.args.args), reversed(node.args.defaults))
            found += [default for argument, default in pairs if argument.arg == "dropout"]
    for node in found:
        if (value := _constant(script, node)) is not None and 0 < value < 0.5:
            yield script.replaced(node, f"{1 - value:.4g}")


OPERATORS = (
    Operator("rate_inside_schedule_factor", _rate_in_factor, "https://github.com/lhoyer/MIC/issues/60", "lr squared"),
    Operator(
        "schedule_factor_compounded",
        renamed(("LambdaLR",), "MultiplicativeLR"),
        "https://github.com/open-edge-platform/physical-ai-studio/pull/407",
    ),
    Operator("epoch_schedule_stepped_per_batch", _stepped_per_batch, "https://github.com/ivadomed/ivadomed/pull/55"),
    Operator("step_schedule_stepped_too_rarely", _stepped_too_rarely, "https://github.com/espnet/espnet/pull/3319"),
    Operator(
        "schedule_floor_given_as_fraction",
        argument("eta_min", "0.1", ("CosineAnnealingLR",)),
        "commonly reported: eta_min is a rate, elsewhere a ratio (https://github.com/open-mmlab/mmengine/pull/725)",
        "0.1",
    ),
    Operator(
        "decay_given_for_decay_factor",
        _decay_for_factor,
        "https://github.com/shayneobrien/coreference-resolution/issues/22",
        "complement",
    ),
    Operator(
        "decoupled_decay_as_penalty",
        _penalty_for_decay,
        "https://github.com/TransformerLensOrg/TransformerLens/pull/81",
    ),
    Operator("clipped_after_the_step", _clipped_after, "https://github.com/awslabs/graphstorm/issues/1366"),
    Operator("clipped_while_still_scaled", _clipped_scaled, "https://github.com/milesial/Pytorch-UNet/issues/468"),
    Operator("average_slower_than_run", _average_too_slow, "https://github.com/roboflow/rf-detr/pull/59", "0.9999"),
    Operator(
        "keep_probability_for_dropout",
        _keep_probability,
        "https://github.com/hassony2/kinetics_i3d_pytorch/issues/6",
        "complement",
    ),
)

RIGHT = {
    "rate_inside_schedule_factor": (
        "The function of LambdaLR returns a learning rate instead of a factor, so the actual learning rate is "
        "the base rate times itself and far too small."
    ),
    "schedule_factor_compounded": (
        "MultiplicativeLR multiplies the current rate by a factor that was meant for the base rate, so the "
        "factors accumulate and the learning rate collapses."
    ),
    "epoch_schedule_stepped_per_batch": (
        "A schedule whose length is in epochs is stepped after every batch, so it runs through within the first epochs."
    ),
    "step_schedule_stepped_too_rarely": (
        "The schedule is stepped only once per epoch or per log message although its length is in optimizer "
        "steps or epochs, so most of the schedule never happens."
    ),
    "schedule_floor_given_as_fraction": (
        "eta_min is an absolute learning rate; 0.1 is larger than the base rate, so the schedule raises the "
        "learning rate to 0.1."
    ),
    "decay_given_for_decay_factor": (
        "gamma of ExponentialLR is the share that remains, not the share that is lost, so the learning rate "
        "vanishes after a few steps of the schedule."
    ),
    "decoupled_decay_as_penalty": (
        "A weight decay chosen for AdamW is used in Adam, where it is added to the gradient as an L2 penalty "
        "and acts much more strongly; use AdamW."
    ),
    "clipped_after_the_step": (
        "The gradients are clipped after the optimizer step, so the step uses unclipped gradients."
    ),
    "clipped_while_still_scaled": (
        "The gradients are clipped while they are still multiplied by the loss scale, because scaler.unscale_ "
        "is missing before, so they become far too small."
    ),
    "average_slower_than_run": (
        "The moving average is so slow, compared with the number of steps, that it still consists mainly of "
        "the initial weights."
    ),
    "keep_probability_for_dropout": (
        "The dropout probability is the probability to keep a unit, so most units are dropped."
    ),
}
