"""`descend lab linear` and `descend lab jacobians`: what theory says of a linear unit and of deep networks."""

import pytest
import torch
from typer.testing import CliRunner

from descend.cli import app
from descend.trajectories.linear_network import batch_descent, steps_along_top, stochastic_descent, two_classes

DATA = two_classes()


def test_the_curvatures_are_those_of_the_paper():
    low, high = torch.linalg.eigvalsh(DATA.hessian).tolist()
    assert high == pytest.approx(0.84, rel=0.05) and low == pytest.approx(0.036, rel=0.15)
    assert DATA.gradient(DATA.solution).abs().max() < 1e-12 and DATA.excess(DATA.solution) == pytest.approx(
        0, abs=1e-12
    )


@pytest.mark.parametrize(("share", "fate"), [(0.95, "converges"), (1.05, "diverges")])
def test_descent_is_stable_below_twice_the_best_learning_rate(share, fate):
    assert batch_descent(DATA, share * 2 * DATA.best_lr, 400).fate == fate


def test_each_step_multiplies_the_offset_along_an_eigenvector():
    values, vectors = torch.linalg.eigh(DATA.hessian)
    path = batch_descent(DATA, 1.5, 5)
    offsets = (torch.tensor(path.weights).double() - DATA.solution) @ vectors
    for number, value in enumerate(values):
        torch.testing.assert_close(offsets[1:, number], offsets[:-1, number] * (1 - 1.5 * value))


def test_single_examples_keep_a_noise_floor():
    path = stochastic_descent(DATA, 0.2, 100)
    assert path.costs[3] < 0.05 * path.costs[0] and min(path.costs[20:]) > 1e-6


def test_one_step_at_the_best_learning_rate_arrives():
    assert steps_along_top(DATA, 1.0, 3)[0] == [1.0, 0.0, 0.0, 0.0]
    assert steps_along_top(DATA, 2.5, 2)[0] == [1.0, -1.5, 2.25]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["linear", "--rates", "1.5,2.5"], ["converges", "diverges", "2/λmax"]),
        (["jacobians", "--depth", "10", "--draws", "20", "--width", "20"], ["relu", "1.41", "predicted"]),
    ],
)
def test_a_page_is_written(arguments, printed, tmp_path):
    page = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["lab", *arguments, "--out", str(page)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "Plotly" in page.read_text() or "<svg" in page.read_text()
    assert all(text in done.output for text in printed[:2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["linear", "--rates", "fast"], "--rates must be numbers above 0"),
        (["linear", "--stochastic", "-1"], "--stochastic must be numbers above 0"),
        (["linear", "--rates", "1,2,3,4,5,6"], "7 paths; 1 to 6 can be drawn"),
        (["linear", "--rates", "", "--stochastic", ""], "ask for 0 paths"),
        (["jacobians", "--gain", "0"], "--gain must be numbers above 0"),
        (["jacobians", "--activation", "swish"], "--activation must be linear, relu, tanh, not swish"),
        (["jacobians", "--gain", "1,2,3,4,5,6,7"], "7 curves; 1 to 6 can be drawn"),
    ],
)
def test_wrong_usage_gets_one_line(arguments, message, descend_here, tmp_path):
    done = descend_here("lab", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
