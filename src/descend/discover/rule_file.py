"""The source of an optimizer for an expression: an ordinary file of an update rule, as in `descend.optim.rules`."""

from typing import cast

from descend.discover.expression import LEAVES, Expression
from descend.discover.values import BETA1, BETA2, EPS
from descend.optim.optimizer import Optimizer

TEMPLATE = '''"""{title}"""

from collections.abc import Iterable
{imports}from typing import Any, Unpack

from descend.optim.optimizer import Optimizer, Options
{own_imports}

def {function}(theta, g, t{states}, *, lr{hyper}):
    """Return the step{new_states}, of theta's shape."""
{lines}    return -lr * ({formula}){returned}


class {name}(Optimizer):
    """{title}

    Parameters
    ----------
    params : iterable
        The parameters to train, or dictionaries of parameter groups, as in torch.
    lr : float
        The learning rate.
{documented}    weight_decay : float
        The coefficient of weight decay, which is added to the gradient as weight_decay·θ.
    **options
        The options of every optimizer, such as `maximize` and `skip_nonfinite` (see `Optimizer`).
    """

    rule = staticmethod({function})

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = {lr:.2g},
{arguments}        weight_decay: float = 0.0,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(params, lr=lr{passed}, weight_decay=weight_decay, **options)
'''
BETAS = {
    "m": ("beta1", BETA1, "The decay factor of the running mean of the gradients."),
    "v": ("beta2", BETA2, "The decay factor of the running mean of the squared gradients."),
}


def source(expression: Expression, lr: float, name: str = "Found") -> str:
    """Return the source of an optimizer that takes the steps of an expression."""
    used = [state for state in ("m", "v") if state in expression.prefix]
    lines = []
    if "m" in used:
        lines.append("m = beta1 * m + (1 - beta1) * g")
    if "v" in used:
        lines += ["v = beta2 * v + (1 - beta2) * g**2", "v_hat = v / (1 - beta2**t)"]
    arguments = [BETAS[state] for state in used]
    if "/" in expression.prefix:
        arguments.append(("eps", EPS, "A small number that is added to denominators."))
    formula = expression.formula if "v" not in used else _with_corrected_mean(expression).formula
    means = "".join(f" and the new {'mean' if state == 'm' else 'mean square'} {state}" for state in used)
    return TEMPLATE.format(
        title=f"An update rule that a search has found: lr · {expression.formula}.",
        imports="from math import e\n" if "exp" in expression.prefix else "",
        own_imports="from descend.optim.vocabulary import sign\n" if "sign" in expression.prefix else "",
        function=name.lower(),
        name=name,
        states="".join(f", {state}=0.0" for state in used),
        hyper="".join(f", {argument}" for argument, _, _ in arguments),
        new_states=means,
        lines="".join(f"    {line}\n" for line in lines),
        formula=formula,
        returned="".join(f", {state}" for state in used) or ",",
        documented="".join(f"    {n} : float\n        {text}\n" for n, _, text in arguments),
        lr=lr,
        arguments="".join(f"        {n}: float = {value:g},\n" for n, value, _ in arguments),
        passed="".join(f", {n}={n}" for n, _, _ in arguments),
    )


def optimizer_of(expression: Expression, lr: float = 0.1, name: str = "Found") -> type[Optimizer]:
    """Return the class of the optimizer, made from its source."""
    known: dict[str, object] = {"__name__": "found"}
    exec(compile(source(expression, lr, name), f"<{name}>", "exec"), known)
    return cast(type[Optimizer], known[name])


def _with_corrected_mean(expression: Expression) -> Expression:
    """Return the expression with the corrected mean square's name in the source."""
    assert "v" in LEAVES
    if expression.symbol == "v":
        return Expression("v_hat")
    return Expression(expression.symbol, tuple(map(_with_corrected_mean, expression.arguments)))
