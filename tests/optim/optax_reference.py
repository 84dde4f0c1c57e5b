"""Writes optax_reference.json: where optax's rules are after 500 steps. `pip install optax; python optax_reference.py`.

Kept as figures so that the tests need no JAX. Parameters and gradients are fractions that all compute alike.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

STEPS, SIZE = 500, 16
RULES = {
    "sgd": optax.sgd(0.01),
    "momentum": optax.sgd(0.01, momentum=0.9),
    "nesterov": optax.sgd(0.01, momentum=0.9, nesterov=True),
    "adagrad": optax.adagrad(0.01, initial_accumulator_value=0.1, eps=1e-7),
    "adadelta": optax.adadelta(1.0, rho=0.9, eps=1e-6),
    "rmsprop": optax.rmsprop(0.001, decay=0.9, eps=1e-8, eps_in_sqrt=False),
    "rmsprop_eps_inside": optax.rmsprop(0.001, decay=0.9, eps=1e-6, eps_in_sqrt=True),
    "rmsprop_corrected": optax.rmsprop(0.001, decay=0.9, eps=1e-8, eps_in_sqrt=False, bias_correction=True),
    "rmsprop_centered": optax.rmsprop(0.001, decay=0.9, eps=1e-8, eps_in_sqrt=False, centered=True),
    "adam": optax.adam(0.001),
    "adamw": optax.adamw(0.001, weight_decay=0.01),
    "adamax": optax.adamax(0.002),
    "lars": optax.lars(0.1, weight_decay=0.0, trust_coefficient=0.001, momentum=0.9),
    "lamb": optax.lamb(0.001, eps=1e-6, weight_decay=0.01),
}


def gradient(step: int) -> np.ndarray:
    """Return the gradient of a step: (37·step + 101·i mod 199) / 99.5 − 1."""
    return ((37 * step + 101 * np.arange(SIZE)) % 199) / 99.5 - 1


def final(rule: optax.GradientTransformation, dtype: str) -> list[float]:
    """Return the parameters after all steps, from (i − 8)/8."""
    theta = jnp.asarray((np.arange(SIZE) - 8) / 8, dtype)
    state = rule.init(theta)
    update = jax.jit(rule.update)
    for step in range(STEPS):
        change, state = update(jnp.asarray(gradient(step), dtype), state, theta)
        theta = optax.apply_updates(theta, change)
    return [float(value) for value in theta]


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    found = {name: {dtype: final(rule, dtype) for dtype in ("float32", "float64")} for name, rule in RULES.items()}
    text = json.dumps({"optax": optax.__version__, "steps": STEPS, "parameters": found}, indent=1)
    Path(__file__).with_suffix(".json").write_text(text + "\n")
