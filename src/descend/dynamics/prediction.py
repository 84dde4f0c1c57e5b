"""What an update rule does along one direction of a quadratic, predicted: it decays, oscillates or diverges.

A rule that is linear in the gradient makes of a coordinate with curvature λ the recurrence x′ = s·x − p·x⁻, whose roots
say all (Polyak 1964; Ba, CSC413 lecture 4, Ill-conditioned curvature). For an adaptive rule, whose divisor P is held
fixed, λ is an eigenvalue of P⁻¹H (Cohen et al. 2022). Plain numbers come in and go out: nothing here needs torch.
"""

from cmath import sqrt
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log
from typing import Any, Literal

Kind = Literal["decays", "oscillates", "diverges", "stays"]
BY_DIVISOR = ("RMSprop", "Adagrad", "Adadelta", "Rprop")  # which divide the gradient itself
BY_MEAN = ("Adam", "AdamW", "Adamax", "RAdam", "SparseAdam")  # which divide the gradient's running mean
DECOUPLED = ("AdamW", "NAdam", "RAdam", "Adam")  # whose decay may be taken off the parameters
MEANS = ("average", "blend")  # forms of `Momentum` that keep a running mean
STAYS = 1e-12  # from 1: a factor that only rounding sets apart


@dataclass(frozen=True)
class LinearRule:
    """The rule m ← memory·m + g, θ ← (1 − α·decay)·θ − α·(…), by the weights of its gradients within one step.

    now: that of the present gradient, of which `direct` has not gone through the memory.
    """

    memory: float
    now: float
    direct: float = 0.0
    decay: float = 0.0

    @property
    def bound(self) -> float:
        """The largest α·λ that does not diverge, without decay: where a root is −1."""
        return 2 * (1 + self.memory) / (self.now + self.memory * self.direct)


@dataclass(frozen=True)
class Motion:
    """What a direction does: by `rate` its distance is multiplied at each step, in the long run.

    root: the larger one of the recurrence, of which `rate` is the magnitude; complex or negative where it oscillates.
    """

    kind: Kind
    rate: float
    root: complex

    @property
    def half_life(self) -> float:
        """Steps in which the distance halves; infinite where it does not shrink."""
        return log(2) / -log(self.rate) if 0 < self.rate < 1 else inf if self.rate else 0.0


def linear_rule(optimizer: Mapping[str, Any], step: int | None = None) -> LinearRule | None:
    """Return the rule of an optimizer, given by the name of its `class` and its hyper-parameters, or None.

    None: it is not linear in the gradient (LAMB, Rprop aside), or none is known of that name. `step`: for NAdam, whose
    momentum grows with it; where none is given it is grown.
    """
    name = optimizer.get("class", "")
    rule = _by_name(name, optimizer, step)
    if rule is None or rule.now <= 0:  # no gradient gets in
        return None
    if name == "AdamW" or (name in DECOUPLED and optimizer.get("decoupled_weight_decay")):
        return LinearRule(rule.memory, rule.now, rule.direct, float(optimizer.get("weight_decay") or 0.0))
    return rule


def _by_name(name: str, optimizer: Mapping[str, Any], step: int | None) -> LinearRule | None:
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
    if name == "NAdam":  # the product of all its momenta is taken for zero
        decay = float(optimizer.get("momentum_decay") or 4e-3)
        ahead = beta1 if step is None else beta1 * (1 - 0.5 * 0.96 ** (step * decay))
        memory = ahead if optimizer.get("form") == "dozat" else beta1  # of the running mean (Dozat 2016, Algorithm 2)
        return LinearRule(memory, 1 - ahead * memory, 1 - ahead)
    if name in BY_DIVISOR:
        return LinearRule(momentum if name == "RMSprop" else 0.0, 1.0)
    return None


def predicted(rule: LinearRule, lr: float, curvature: float) -> Motion:
    """Return what the rule does along an eigenvector with that curvature, which coupled weight decay has added to."""
    return motion(*recurrence(rule, lr, curvature))


def recurrence(rule: LinearRule, lr: float, curvature: float) -> tuple[float, float]:
    """Return s and p of x′ = s·x − p·x⁻: the sum of the roots and their product."""
    kept, length = 1 - lr * rule.decay, lr * curvature
    return rule.memory + kept - length * rule.now, rule.memory * (kept - length * rule.direct)


def motion(trace: float, determinant: float) -> Motion:
    """Return what x′ = trace·x − determinant·x⁻ does."""
    half = sqrt(trace * trace - 4 * determinant)
    larger = (trace + half) / 2 if trace >= 0 else (trace - half) / 2
    root = complex(larger.real, abs(larger.imag))
    rate = abs(root)
    if abs(root - 1) <= STAYS:
        return Motion("stays", 1.0, root)
    if rate > 1 + STAYS:
        return Motion("diverges", rate, root)
    return Motion("oscillates" if abs(root.imag) > STAYS or root.real < 0 else "decays", rate, root)
