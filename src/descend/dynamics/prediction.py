"""Prediction of an optimizer's motion along one direction of a quadratic: it decays, oscillates or diverges.

For a rule that is linear in the gradient, a coordinate with curvature λ follows the recurrence x′ = s·x − p·x⁻, and its
roots determine the motion (Polyak 1964; Ba, CSC413 lecture 4, Ill-conditioned curvature). For an adaptive rule with a
fixed preconditioner P, λ is an eigenvalue of P⁻¹H (Cohen et al. 2022). This module does not need torch.
"""

from cmath import sqrt
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log
from typing import Any, Literal

Kind = Literal["decays", "oscillates", "diverges", "stays"]
BY_DIVISOR = ("RMSprop", "Adagrad", "Adadelta", "Rprop")  # optimizers that precondition the latest gradient
BY_MEAN = ("Adam", "AdamW", "Adamax", "RAdam", "SparseAdam")  # optimizers that precondition the running mean
DECOUPLED = ("AdamW", "NAdam", "RAdam", "Adam")  # optimizers that can use decoupled weight decay
MEANS = ("average", "blend")  # forms of `Momentum` that use a running mean of the gradients
STAYS = 1e-12  # A root of the recurrence that is closer to 1 than this counts as 1: the difference is a rounding error.


@dataclass(frozen=True)
class LinearRule:
    """An update rule that is linear in the gradient, such as SGD's with momentum, described by four coefficients.

    m ← memory·m + g is the momentum buffer, g the gradient. A step subtracts α·((now − direct)·m + direct·g) from the
    parameters θ. Decoupled weight decay also multiplies θ by 1 − α·decay.

    Parameters
    ----------
    memory : float
        The coefficient of the momentum buffer.
    now : float
        The weight of the present gradient in the step.
    direct : float
        The part of this weight that does not pass through m.
    decay : float
        The coefficient of decoupled weight decay.
    """

    memory: float
    now: float
    direct: float = 0.0
    decay: float = 0.0

    @property
    def bound(self) -> float:
        """The largest α·λ (learning rate × curvature) at which training is stable, without weight decay."""
        return 2 * (1 + self.memory) / (self.now + self.memory * self.direct)


@dataclass(frozen=True)
class Motion:
    """The motion along one direction. In the long run, each step multiplies the distance from the minimum by `rate`.

    Parameters
    ----------
    kind : str
        The kind of motion: "decays", "oscillates", "diverges" or "stays".
    rate : float
        The number that multiplies the distance from the minimum in each step, in the long run.
    root : complex
        The larger root of the recurrence, with magnitude `rate`. It is complex or negative if the motion oscillates.
    """

    kind: Kind
    rate: float
    root: complex

    @property
    def half_life(self) -> float:
        """Number of steps in which the distance from the minimum halves; infinite if the distance does not shrink."""
        return log(2) / -log(self.rate) if 0 < self.rate < 1 else inf if self.rate else 0.0


def linear_rule(optimizer: Mapping[str, Any], step: int | None = None) -> LinearRule | None:
    """Return the coefficients of an optimizer's update rule; None if it is unknown or not linear in the gradient.

    Parameters
    ----------
    optimizer : dict
        The name of the optimizer's `class`, and its hyper-parameters.
    step : int, optional
        The number of the step, for NAdam, whose momentum grows with the step. Default: the final momentum.

    Returns
    -------
    LinearRule or None
        The coefficients.
    """
    name = optimizer.get("class", "")
    rule = _rule_by_name(name, optimizer, step)
    if rule is None or rule.now <= 0:  # The weight of the gradient in the step is not positive.
        return None
    if name == "AdamW" or (name in DECOUPLED and optimizer.get("decoupled_weight_decay")):
        return LinearRule(rule.memory, rule.now, rule.direct, float(optimizer.get("weight_decay") or 0.0))
    return rule


def _rule_by_name(name: str, optimizer: Mapping[str, Any], step: int | None) -> LinearRule | None:
    """Return the update rule of an optimizer class, without decoupled weight decay; None if the class is unknown."""
    momentum = float(optimizer.get("momentum") or 0.0)
    beta1 = float((optimizer.get("betas") or [0.9])[0])
    if name == "Nesterov" or (name == "SGD" and momentum and optimizer.get("nesterov")):
        return LinearRule(momentum, 1 + momentum, 1.0)
    if name == "SGD":
        return LinearRule(momentum, 1 - float(optimizer.get("dampening") or 0.0) if momentum else 1.0)
    if name == "Momentum":
        return LinearRule(momentum, 1 - momentum if optimizer.get("form") in MEANS else 1.0)
    if name in BY_MEAN:
        return LinearRule(beta1, 1 - beta1)
    if name == "NAdam":
        # The bias correction by the product of all momenta is left out, because this product soon vanishes.
        decay = float(optimizer.get("momentum_decay") or 4e-3)
        ahead = beta1 if step is None else beta1 * (1 - 0.5 * 0.96 ** (step * decay))
        # In Dozat 2016, Algorithm 2, the momentum buffer decays by the growing momentum.
        memory = ahead if optimizer.get("form") == "dozat" else beta1
        return LinearRule(memory, 1 - ahead * memory, 1 - ahead)
    if name in BY_DIVISOR:
        return LinearRule(momentum if name == "RMSprop" else 0.0, 1.0)
    return None


def predicted(rule: LinearRule, lr: float, curvature: float) -> Motion:
    """Return the predicted motion along a Hessian eigenvector that has the eigenvalue `curvature`.

    For weight decay that is added to the gradient, add its coefficient to the curvature.

    Parameters
    ----------
    rule : LinearRule
        The update rule.
    lr : float
        The learning rate α.
    curvature : float
        The Hessian's eigenvalue λ.

    Returns
    -------
    Motion
        The predicted motion.
    """
    return classify_motion(*recurrence_coefficients(rule, lr, curvature))


def recurrence_coefficients(rule: LinearRule, lr: float, curvature: float) -> tuple[float, float]:
    """Return s and p of the recurrence x′ = s·x − p·x⁻, which gives the next coordinate from the last two."""
    kept, length = 1 - lr * rule.decay, lr * curvature
    return rule.memory + kept - length * rule.now, rule.memory * (kept - length * rule.direct)


def classify_motion(trace: float, determinant: float) -> Motion:
    """Return the motion of a coordinate whose next value is `trace` × its value − `determinant` × its last value."""
    half = sqrt(trace * trace - 4 * determinant)
    larger = (trace + half) / 2 if trace >= 0 else (trace - half) / 2
    root = complex(larger.real, abs(larger.imag))
    rate = abs(root)
    if abs(root - 1) <= STAYS:
        return Motion("stays", 1.0, root)
    if rate > 1 + STAYS:
        return Motion("diverges", rate, root)
    return Motion("oscillates" if abs(root.imag) > STAYS or root.real < 0 else "decays", rate, root)
