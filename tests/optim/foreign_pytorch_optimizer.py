"""Runs pytorch_optimizer's training tests on our classes: `python foreign_pytorch_optimizer.py FOLDER`.

FOLDER holds its sources. Its table of optimizers is exchanged for ours
before pytest collects the tests: a small logistic regression must divide its loss by 1.5 in the iterations given, in
float32 with and without foreach, in bfloat16, and with complex weights.
"""

import os
import sys

import pytest

from descend import optim

SUITES = ("test_f32_optimizers", "test_bf16_optimizers", "test_complex_optimizers")
OURS = [  # where it has the rule, its own rates and iterations
    (optim.Adamax, {"lr": 1e0, "weight_decay": 1e-3}, 5),
    (optim.Adadelta, {"lr": 5e1}, 5),
    (optim.LARS, {"lr": 5e-1, "weight_decay": 1e-3, "trust": 0.1}, 20),
    (optim.LAMB, {"lr": 2e-1, "weight_decay": 1e-3}, 5),
    (optim.SGD, {"lr": 5e-1, "momentum": 0.9}, 5),
    (optim.Momentum, {"lr": 5e-1}, 5),
    (optim.SGD, {"lr": 5e-1, "momentum": 0.9, "nesterov": True}, 5),
    (optim.Adagrad, {"lr": 1e0}, 5),
    (optim.RMSprop, {"lr": 1e-1}, 5),
    (optim.Adam, {"lr": 1e0}, 5),
    (optim.AdamW, {"lr": 1e0}, 5),
    (optim.NAdam, {"lr": 1e0}, 5),
    (optim.PowerSign, {"lr": 5e-1}, 5),
    (optim.AddSign, {"lr": 5e-1}, 5),
    (optim.Rprop, {"lr": 1e-1}, 10),
    (optim.DeltaBarDelta, {"lr": 5e-1}, 10),
    (optim.YellowFin, {"lr": 1e0}, 200),
]


class Exchange:
    """Puts our classes where the suite keeps its own, before it is collected."""

    def pytest_collectstart(self) -> None:
        """Exchange the tables."""
        import tests.constants as constants

        constants.OPTIMIZERS = OURS
        names = frozenset(kind.__name__.lower() for kind, _, _ in OURS)
        constants.FOREACH_OPTIMIZERS = constants.COMPLEX_OPTIMIZERS = names
        constants.SKIP_BF16_OPTIMIZERS = frozenset()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    sys.path.insert(0, os.getcwd())
    sys.exit(
        pytest.main(
            [
                "tests/test_optimizers.py",
                "-q",
                "-c",
                os.devnull,
                "--rootdir",
                ".",
                "-k",
                " or ".join(SUITES),
                *sys.argv[2:],
            ],
            plugins=[Exchange()],
        )
    )
