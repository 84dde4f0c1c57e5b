"""`descend lab critical-points`: the points have no gradient, and are counted once for each cost."""

import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from descend.cli import app
from descend.trajectories.critical_points import CriticalPoint, CriticalPoints, critical_points


def point(cost: float, below: int = 0, above: int = 3, flat: int = 0) -> CriticalPoint:
    return CriticalPoint(cost, below, above, flat, "")


def test_one_unit_has_a_minimum_and_a_saddle_point():
    *_, found = critical_points(1, 12)
    assert [each.kind for each in found.distinct] == ["minimum", "saddle"] and found.starts == 12
    assert all(each.named in (each.kind, "undecided") for each in found.found)
    assert found.parameters == 3 and found.copies == 2


def test_the_same_starts_give_the_same_points():
    first, second = ([p.cost for p in list(critical_points(1, 4, seed=3))[-1].found] for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("signs", "kind"),
    [
        ((0, 3, 0), "minimum"),
        ((3, 0, 0), "maximum"),
        ((1, 2, 0), "saddle"),
        ((0, 2, 1), "degenerate"),
        ((0, 0, 3), "flat"),
    ],
)
def test_the_kind_follows_from_the_signs_of_the_eigenvalues(signs, kind):
    assert point(1.0, *signs).kind == kind


def test_the_number_is_estimated_from_points_that_were_found_once_and_twice():
    found = CriticalPoints(2, 10, tuple(point(cost) for cost in (1.0, 1.0 + 1e-9, 2.0, 3.0, 4.0)))
    assert [each.cost for each in found.distinct] == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert found.estimated == 4 + 3 * 2 / (2 * 2)  # three were found once, one twice


def test_a_page_is_written(tmp_path):
    page = tmp_path / "page.html"
    arguments = ["lab", "critical-points", "--units", "1", "--starts", "8", "--out", str(page)]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "saddle" in done.output and "minimum" in page.read_text()


@pytest.mark.slow
def test_ctrl_c_shows_what_was_found(tmp_path):
    command = [sys.executable, "-m", "descend", "lab", "critical-points", "--units", "1", "--starts", "100000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None and "starts" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130 and "Traceback" not in err
    assert "minimum" in out and (tmp_path / "critical-points.html").exists()
