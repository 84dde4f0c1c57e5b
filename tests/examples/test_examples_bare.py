"""The examples under plain python: deterministic, faulty or working as their README says, fixed by the named remedy."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from sampling import sampled

EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBER = r"-?[\d.]+|nan|inf"


@dataclass(frozen=True)
class Ending:
    """How the last lines of a script read, and the training loss and score that separate faulty from working."""

    pattern: str  # with LOSS and SCORE in place of the numbers
    loss: float
    score: float  # accuracy (a share or a percentage, as the script prints it) or R2

    def read(self, stdout: str) -> tuple[float, float]:
        pattern = self.pattern.replace("LOSS", f"(?P<loss>{NUMBER})").replace("SCORE", f"(?P<score>{NUMBER})")
        found = re.search(pattern, stdout)
        assert found, stdout[-500:]
        return float(found["loss"]), float(found["score"])


HEALTHY = {
    "digits_deep": Ending("final: train loss LOSS, train acc SCORE", 0.02, 0.99),
    "digits_cnn": Ending(r"Train set: loss LOSS, accuracy \d+/\d+ \(SCORE%", 0.03, 99),
    "topics_transformer": Ending("train loss LOSS, next-character accuracy SCORE", 2.2, 0.38),
    "digits_lstm": Ending("training loss LOSS, training accuracy SCORE", 0.03, 0.99),
}
# The faulty examples are worse than both values; after the fixes below, they are better than both.
SICK = {
    "digits_mlp": Ending("train loss LOSS  train accuracy SCORE", 2.0, 0.3),
    "cancer_trainer": Ending("training loss = LOSS, training accuracy = SCORE", 0.2, 0.99),
    "digits_classifier": Ending("Training loss: LOSS, training accuracy: SCORE", 1.46, 99.0),
    "diabetes_regression": Ending("train: mse LOSS, R2 SCORE", 0.95, 0.05),
    "digits_by_hand": Ending("train loss LOSS acc SCORE", 1.0, 0.5),
    "digits_tanh": Ending("training accuracy SCORE%, training loss LOSS", 1.2, 60.0),
}
FIXES = {
    "digits_mlp": ("torch.tensor(digits.data, dtype=torch.float32)", "torch.tensor(STANDARD).float()"),
    "cancer_trainer": ("default=2.0", "default=0.1"),
    "digits_classifier": ("    nn.Softmax(dim=1),\n", ""),
    "diabetes_regression": (
        "layer.weight.copy_(torch.rand_like(layer.weight) * bound - bound)",
        "nn.init.kaiming_normal_(layer.weight)",
    ),
    "digits_by_hand": ("        loss.backward()", "        optimizer.zero_grad()\n        loss.backward()"),
    "digits_tanh": ("nn.init.constant_(m.weight, 0.05)", "nn.init.xavier_uniform_(m.weight)"),
}
SHOWN = (
    "digits_mlp",
    "cancer_trainer",
    "diabetes_regression",
    "digits_deep",
)  # those in the README, and a working one
STANDARD = "(digits.data - digits.data.mean(0)) / (digits.data.std(0) + (digits.data.std(0) == 0))"


def plain_python(script: Path, directory: Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, script], cwd=directory, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_is_listed_here_and_in_the_readme() -> None:
    scripts = {path.stem for path in EXAMPLES.glob("*.py")}
    assert scripts == HEALTHY.keys() | SICK.keys()
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"{name}.py" in readme for name in scripts)


def test_no_script_mentions_descend() -> None:
    for path in EXAMPLES.glob("*.py"):
        assert "descend" not in path.read_text().lower(), path.name


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled([*SICK, *HEALTHY], *SHOWN))
def test_a_run_ends_with_the_listed_values_and_writes_no_files(name: str, tmp_path: Path) -> None:
    first = plain_python(EXAMPLES / f"{name}.py", tmp_path)
    assert not list(tmp_path.iterdir())
    if name in HEALTHY:
        loss, score = HEALTHY[name].read(first)
        assert loss < HEALTHY[name].loss and score > HEALTHY[name].score
    else:
        loss, score = SICK[name].read(first)
        assert loss > SICK[name].loss and score < SICK[name].score


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(SICK, "digits_mlp", "diabetes_regression"))
def test_the_named_remedy_fixes_the_script(name: str, tmp_path: Path) -> None:
    source = (EXAMPLES / f"{name}.py").read_text()
    before, after = FIXES[name]
    assert source.count(before) == 1
    fixed = tmp_path / f"{name}.py"
    fixed.write_text(source.replace(before, after.replace("STANDARD", STANDARD)))
    loss, score = SICK[name].read(plain_python(fixed, tmp_path))
    assert score > SICK[name].score
    if name == "digits_classifier":  # its printed loss has a floor of log(1 + 9/e) = 1.461
        assert loss < 0.05
    else:
        assert loss < SICK[name].loss / 2
