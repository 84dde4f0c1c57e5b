"""The two convex examples against what is known of them: a bound on mistakes, and SciPy's optimum."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import scale
from sklearn.svm import SVC

EXAMPLES = Path(__file__).parents[2] / "examples" / "convex"

pytestmark = pytest.mark.slow


def printed(name: str) -> str:
    return subprocess.run(
        [sys.executable, EXAMPLES / name], capture_output=True, text=True, check=True, timeout=300
    ).stdout


def shown(command: str, lines: int) -> list[str]:
    """Return what the page on the parts shows as the output of an example."""
    page = (EXAMPLES.parents[1] / "docs" / "knobs.md").read_text()
    after = page.split(f"    $ python examples/convex/{command}\n")[1]
    return [line.strip() for line in after.splitlines()[:lines]]


@pytest.mark.thorough
def test_the_perceptron_makes_no_more_mistakes_than_novikoffs_bound():
    data = load_digits()
    images = np.hstack([data.data / 16, np.ones((len(data.data), 1))])
    signs = np.where(data.target == 0, 1.0, -1.0)
    separable = linprog(np.zeros(65), A_ub=-signs[:, None] * images, b_ub=-np.ones(len(signs)), bounds=(None, None))
    assert separable.status == 0
    machine = SVC(kernel="linear", C=1e6).fit(images[:, :-1], signs)
    normal = np.append(machine.coef_[0], machine.intercept_)
    margin = (signs * (images @ normal)).min() / np.linalg.norm(normal)
    bound = (np.linalg.norm(images, axis=1).max() / margin) ** 2
    out = printed("perceptron.py")
    mistakes = int(re.search(r"^mistakes: (\d+)", out, re.MULTILINE)[1])
    assert margin > 0 and 0 < mistakes <= bound
    assert out.splitlines()[-2].endswith(": 0 mistakes")  # it ended because it had learnt them all
    assert out.splitlines()[-2:] == shown("perceptron.py | tail -2", 2)


def test_logistic_regression_comes_to_scipys_optimum():
    data = load_breast_cancer()
    x, signs = np.hstack([scale(data.data), np.ones((len(data.data), 1))]), 2.0 * data.target - 1

    def cost(w):
        return np.logaddexp(0, -signs * (x @ w)).mean() + 0.005 * w @ w

    best = minimize(cost, np.zeros(31), method="L-BFGS-B", options={"maxiter": 5000, "maxfun": 10**6}).fun
    last, mean = (float(v) for v in re.findall(r"cost of .*: ([\d.]+)", printed("logistic_regression.py")))
    assert [float(line.split()[-1]) for line in shown("logistic_regression.py", 2)] == pytest.approx([last, mean], 1e-3)
    assert best <= last < 1.001 * best and best <= mean < 1.001 * best
