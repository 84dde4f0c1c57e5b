"""`descend lab surface`: the drawn losses are those of the script, and computed losses are not lost."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from complaints import complaints

from descend.core.grid import Grid
from descend.core.page_data import read_page_data
from descend.doctor.commands.single_run import _Progress
from descend.doctor.record import facts
from descend.doctor.report.formatting import count

pytestmark = pytest.mark.slow

QUADRATIC = """
import torch
torch.manual_seed(0)
X, Y = torch.randn(64, SIZE, dtype=torch.float64), torch.randn(64, 1, dtype=torch.float64)
w = torch.nn.Parameter(torch.randn(SIZE, 1, dtype=torch.float64))
optimizer = torch.optim.SGD([w], lr=0.05, momentum=0.5)
for step in range(45):
    optimizer.zero_grad()
    loss = ((X @ w - Y) ** 2).mean()
    loss.backward()
    optimizer.step()
"""


def quadratic(size: int) -> tuple[dict, np.ndarray]:
    """Return the files that the script writes, and the Hessian of its loss."""
    left: dict = {}
    exec(QUADRATIC.replace("SIZE", str(size)), left)
    matrix = left["X"].numpy()
    return left, 2 * matrix.T @ matrix / len(matrix)


def printed(done) -> dict[str, list[dict]]:
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict]] = {}
    for fact in json.loads(done.stdout.splitlines()[0])["facts"]:
        found.setdefault(fact["name"], []).append(fact)
    return found


def computed(page: Path, number: int = 0) -> dict[tuple[float, ...], float]:
    """Return the positions and the losses of one slice, read from the page."""
    view = read_page_data(page)["views"][number]
    return dict(zip(map(tuple, view["places"]), map(float, view["values"])))


def write(folder: Path, size: int) -> str:
    (folder / "train.py").write_text(QUADRATIC.replace("SIZE", str(size)))
    return "train.py"


def test_a_quadratic_loss_is_a_parabola_along_eigenvectors(descend_here, tmp_path) -> None:
    script, (left, hessian) = write(tmp_path, 6), quadratic(6)
    options = ("--directions", "eigenvectors", "--one-d", "--points", "33", "--format", "json")
    found = printed(descend_here("lab", "surface", *options, script))
    values = np.linalg.eigvalsh(hessian)
    for number, (fact, value) in enumerate(zip(found["view"], (values[-1], values[0]), strict=True)):
        assert fact["detail"]["axes"][0]["value"] == pytest.approx(value, rel=1e-3)
        grid = Grid(tuple(map(tuple, fact["detail"]["ranges"])), computed(tmp_path / "surface.html", number))
        at = [grid.position(place)[0] for place in grid.values]
        parabola = np.polynomial.Polynomial.fit(at, list(grid.values.values()), 2).convert()
        assert parabola.coef[2] == pytest.approx(value / 2, rel=1e-3) and len(at) == 33
        assert parabola(0) == pytest.approx(float(((left["X"] @ left["w"] - left["Y"]) ** 2).mean().detach()), rel=1e-6)
    assert found["point"][0]["detail"]["loss"] == pytest.approx(parabola(0), rel=1e-6)


def test_the_line_to_other_weights_is_a_parabola(descend_here, tmp_path) -> None:
    script, (left, hessian) = write(tmp_path, 3), quadratic(3)
    other = left["w"].detach() + torch.tensor([[1.0], [2.0], [-2.0]], dtype=torch.float64)
    torch.save({"parameter 0": other}, tmp_path / "other.pt")
    options = ("--through", "other.pt", "--points", "33", "--format", "json")
    known = printed(descend_here("lab", "surface", *options, script))
    (view,) = (fact["detail"] for fact in known["view"])
    assert view["marks"] == {"the last weights": 0.0, "other.pt": pytest.approx(3.0)}
    grid = Grid(tuple(map(tuple, view["ranges"])), computed(tmp_path / "surface.html"))
    at = [grid.position(place)[0] for place in grid.values]
    parabola = np.polynomial.Polynomial.fit(at, list(grid.values.values()), 2).convert()
    unit = np.array([1.0, 2.0, -2.0]) / 3
    assert parabola.coef[2] == pytest.approx(unit @ hessian @ unit / 2, rel=1e-6) and len(at) == 33
    assert parabola(3.0) == pytest.approx(float(((left["X"] @ other - left["Y"]) ** 2).mean()), rel=1e-6)
    assert "the last weights to other.pt" in (tmp_path / "surface.html").read_text()
    refused = descend_here("lab", "surface", "--through", "other.pt", "--directions", "path", script)
    assert refused.returncode == 2 and "leave out --directions path" in refused.stderr


def test_the_path_is_in_its_plane_with_the_loss_of_the_run(descend_here, tmp_path) -> None:
    script, (left, hessian) = write(tmp_path, 2), quadratic(2)
    options = ("--directions", "path", "--points", "300", "--format", "json")
    found = printed(descend_here("lab", "surface", *options, script))
    view = found["view"][0]["detail"]
    assert sum(axis["share"] for axis in view["axes"]) == pytest.approx(
        1.0
    )  # with two parameters, the plane contains the whole path
    assert view["trail"]["steps"][0] == 0 and view["trail"]["steps"][-1] == 45
    assert view["trail"]["positions"][-1] == pytest.approx([0, 0], abs=1e-9)
    best = np.linalg.lstsq(left["X"].numpy(), left["Y"].numpy(), rcond=None)[0]
    lowest = float(((left["X"].numpy() @ best - left["Y"].numpy()) ** 2).mean())
    grid = Grid(tuple(map(tuple, view["ranges"])), computed(tmp_path / "surface.html"))
    at = np.array([grid.position(place) for place in grid.values])
    terms = np.stack([np.ones(len(at)), *at.T, at[:, 0] ** 2, at[:, 0] * at[:, 1], at[:, 1] ** 2], 1)
    c, *rest = np.linalg.lstsq(terms, np.array(list(grid.values.values())), rcond=None)[0]
    curvature = np.array([[2 * rest[2], rest[3]], [rest[3], 2 * rest[4]]])
    assert np.linalg.eigvalsh(curvature) == pytest.approx(np.linalg.eigvalsh(hessian))
    bottom = np.linalg.solve(curvature, -np.array(rest[:2]))
    assert c + np.array(rest[:2]) @ bottom / 2 == pytest.approx(lowest)


def test_an_interrupted_surface_is_resumed(descend_here, tmp_path, monkeypatch) -> None:
    script = write(
        tmp_path, 30
    )  # with so many examples, 2000 values take a second, so the interruption comes before the end
    (tmp_path / script).write_text((tmp_path / script).read_text().replace("torch.randn(64,", "torch.randn(40_000,"))

    def interrupted(progress, record, messages) -> None:
        if record.every(facts.SurfaceValues):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_Progress, "update", interrupted)
        done = descend_here("lab", "surface", "--points", "2000", script)
    first = computed(tmp_path / "surface.html")
    assert done.returncode == 130 and 1 <= len(first) < 2000
    assert f"{len(first)} of 2\u00a0000 values were computed; run the same command again to continue" in done.stderr
    done = descend_here("lab", "surface", "--points", "2000", script)
    assert done.returncode == 0 and f"{count(len(first), 'value')} of the earlier run" in done.stderr
    whole = computed(tmp_path / "surface.html")
    assert len(whole) == 2000 and first.items() <= whole.items()
    done = descend_here("lab", "surface", "--points", "100", script)  # fewer points than the page already has
    assert done.returncode == 0 and computed(tmp_path / "surface.html") == whole


def test_values_of_other_weights_are_not_reused(descend_here, tmp_path) -> None:
    script = write(tmp_path, 5)
    assert descend_here("lab", "surface", "--points", "20", script).returncode == 0
    before = computed(tmp_path / "surface.html")
    (tmp_path / script).write_text((tmp_path / script).read_text().replace("lr=0.05", "lr=0.01"))
    done = descend_here("lab", "surface", "--points", "20", script)
    assert (
        done.returncode == 0
        and "is for other weights, directions or examples, so its values were not reused" in done.stderr
    )
    assert computed(tmp_path / "surface.html")[(64, 64)] != before[(64, 64)]


ONE = QUADRATIC.replace("SIZE", "1")
ZERO = QUADRATIC.replace("SIZE", "3").replace("torch.randn(3, 1,", "torch.zeros(3, 1,")
DIVERGING = QUADRATIC.replace("SIZE", "3").replace("lr=0.05", "lr=1e9")


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        (ONE, (), "a single parameter does not span a plane; use --one-d to draw a line"),
        (
            ZERO,
            ("--at", "first"),
            "every filter of the parameters is 0, so a random direction cannot be scaled to their norms; --dir",
        ),
        (DIVERGING, (), "a weight is not finite at last: use --at to choose an earlier step"),
        (ONE, ("--at", "300"), "no point of --at was reached in 45 steps"),
        (ONE, ("--directions", "path", "--at", "300"), "step 300 was not reached, because the run has only 45 steps"),
    ],
)
def test_a_script_whose_surface_cannot_be_drawn_is_one_line(descend_here, tmp_path, source, options, says) -> None:
    (tmp_path / "train.py").write_text(source)
    done = descend_here("lab", "surface", *options, "train.py")
    told = complaints(done.stderr)
    assert done.returncode == 2 and len(told) == 1 and says in told[0], done.stderr
    assert not (tmp_path / "surface.html").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--at", "first,last"), "--at must be a single point of the run, not first,last"),
        (("--at", "middle"), "--at must be first, last or step numbers"),
        (("--points", "20000"), "--points must be a whole number from 9 to 16641, not 20000"),
        (("--points", "2000", "--one-d"), "--points must be at most 1025, not 2000"),
        (("--reach", "nan"), "--reach must be a number from 1e-06 to 1000000, not nan"),
        (("--directions", "up"), "'up' is not one of 'random', 'eigenvectors', 'path'"),
        (("-o", "/proc/no/s.html"), "cannot write /proc/no/s.html"),
        (("-o", "."), "cannot write .: Is a directory"),
    ],
)
def test_a_wrong_request_is_refused_before_the_script_runs(descend_here, tmp_path, options, says) -> None:
    (tmp_path / "train.py").write_text("raise SystemExit('was run')\n")
    done = descend_here("lab", "surface", *options, "train.py")
    assert done.returncode == 2 and says in done.stderr and len(complaints(done.stderr)) == 1


def test_a_single_parameter_is_drawn_as_a_line(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text(ONE)
    done = descend_here("lab", "surface", "--one-d", "--points", "17", "train.py")
    assert done.returncode == 0 and len(computed(tmp_path / "surface.html")) == 17
    assert all(math.isfinite(value) for value in computed(tmp_path / "surface.html").values())
