"""Losses on lines and planes of the parameters, compared with known quadratics and paths."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from descend.core.grid import Grid
from descend.landscape import (
    Loss,
    Plane,
    eigen_plane,
    ends,
    filter_normalised,
    loss_of,
    path_plane,
    plane_through,
    random_plane,
    surface,
    trained,
)
from descend.landscape.vectors import flat

from .matrices import with_spectrum

SQUARE = ((-1.0, 1.0), (-1.0, 1.0))


def tensors(seed: int, *shapes: tuple[int, ...]) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


SHAPES = ((6, 4), (6,), (3, 6, 2, 2), (3,))


def test_a_quadratic_is_the_quadratic_on_its_plane() -> None:
    theta = tensors(0, *SHAPES)
    matrix = with_spectrum(list(range(-5, sum(t.numel() for t in theta) - 5)))

    def quadratic(at) -> torch.Tensor:
        row = flat(at)
        return row @ matrix @ row / 2

    plane, grid = random_plane(theta), Grid(SQUARE)
    found = dict(surface(Loss((quadratic,)), plane, grid, 400))
    assert found == grid.values and len(found) == 400
    origin, *axes = (flat(t) for t in (theta, *plane.directions))
    for place, value in found.items():
        row = origin + sum(x * axis for x, axis in zip(grid.position(place), axes))
        assert value == pytest.approx(float(row @ matrix @ row / 2), rel=1e-10)


def test_the_curvature_along_eigenvectors_is_their_eigenvalue() -> None:
    matrix = with_spectrum([50.0, 20.0, *[1.0] * 10, -3.0])
    loss = Loss((lambda at: at[0] @ matrix @ at[0] / 2,))
    theta = [torch.zeros(13, dtype=torch.float64)]
    pairs = ends(loss.hessian(theta), theta, top=2, bottom=0, tolerance=1e-8).top
    grid = Grid(SQUARE)
    for place, value in surface(loss, eigen_plane(theta, pairs), grid, 81):
        x, y = grid.position(place)
        assert value == pytest.approx(25 * x * x + 10 * y * y, abs=1e-6)


def test_an_interrupted_surface_is_resumed_without_recomputing_values() -> None:
    theta, evaluations = tensors(1, (4, 3)), []

    def value(at) -> torch.Tensor:
        evaluations.append(1)
        return (at[0].abs() - 1).abs().sum()

    plane, loss = random_plane(theta), Loss((value,))
    whole = dict(surface(loss, plane, Grid(SQUARE), 500))
    total, grid = len(evaluations), Grid(SQUARE)
    evaluations.clear()
    for _, (_, _) in zip(range(333), surface(loss, plane, grid, 500)):
        pass
    again = Grid(SQUARE, dict(grid.values))
    rest = dict(surface(loss, plane, again, 500))
    assert again.values == whole and len(rest) == 167
    assert len(evaluations) == total == 500


def test_infinite_losses_are_kept_and_a_failed_decomposition_gives_nan() -> None:
    def value(at) -> torch.Tensor:
        torch.linalg.cholesky(torch.diag(at[0] + 1.5))
        return at[0].log().sum()

    plane = Plane((torch.zeros(2),), ((torch.tensor([1.0, 0.0]),), (torch.tensor([0.0, 1.0]),)))
    grid = Grid(((-2.0, 2.0), (0.5, 2.5)))
    found = dict(surface(Loss((value,)), plane, grid, 81))
    assert math.isnan(found[(0, 0)]) and found[(64, 0)] == -math.inf and math.isfinite(found[(128, 128)])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 100), axes=st.integers(1, 2))
def test_each_filter_of_a_direction_has_the_norm_of_the_parameter_filter(seed: int, axes: int) -> None:
    theta = tensors(seed, *SHAPES)
    theta[0][2] = 0.0
    for direction in random_plane(theta, axes=axes, seed=seed).directions:
        for drawn, parameter in zip(direction, theta):
            if parameter.dim() < 2:
                assert not drawn.any()
            else:
                assert drawn.flatten(1).norm(dim=1) == pytest.approx(parameter.flatten(1).norm(dim=1), rel=1e-12)
    assert not direction[0][2].any()


def test_rescaled_layers_have_the_same_surface() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Linear(8, 2, bias=False)).double()
    scaled = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Linear(8, 2, bias=False)).double()
    with torch.no_grad():
        scaled[0].weight.copy_(net[0].weight * 7)
        scaled[2].weight.copy_(net[2].weight / 7)
    batch = (torch.randn(10, 3).double(), torch.randint(2, (10,)))
    grids = [Grid(SQUARE), Grid(SQUARE)]
    for model, grid in zip((net, scaled), grids):
        list(surface(loss_of(model, F.cross_entropy, [batch]), random_plane(trained(model)), grid, 81))
    assert list(grids[0].values.values()) == pytest.approx(list(grids[1].values.values()))


def test_if_all_parameters_are_vectors_each_is_a_filter() -> None:
    theta = [torch.tensor([3.0, 4.0]), torch.tensor(2.0)]
    (direction,) = random_plane(theta, axes=1).directions
    assert [float(d.norm()) for d in direction] == pytest.approx([5.0, 2.0])
    assert [d.shape for d in direction] == [t.shape for t in theta]


def test_different_seeds_give_different_directions() -> None:
    theta = tensors(0, (50, 4))
    drawn = [flat(d) for seed in range(3) for d in random_plane(theta, seed=seed).directions]
    rows = torch.stack([d / d.norm() for d in drawn])
    assert (rows @ rows.T - torch.eye(6, dtype=torch.float64)).abs().max() < 0.4
    assert torch.equal(drawn[0], flat(random_plane(theta, seed=0).directions[0]))


def test_a_planar_path_is_within_its_plane() -> None:
    theta, (u, v) = tensors(3, (5, 4), (7,)), [tensors(seed, (5, 4), (7,)) for seed in (4, 5)]
    places = [(math.cos(t / 3), t / 5 - math.sin(t)) for t in range(12)]
    path = [[o + a * d + b * e for o, d, e in zip(theta, u, v)] for a, b in places]
    found = path_plane(path)
    assert sum(found.shares) == pytest.approx(1.0) and found.shares[0] >= found.shares[1]
    for snapshot, position in zip(path, found.positions):
        assert flat(found.plane.at(position)) == pytest.approx(flat(snapshot), abs=1e-10)
    rows = torch.stack([flat(d) for d in found.plane.directions])
    assert rows @ rows.T == pytest.approx(torch.eye(2, dtype=torch.float64), abs=1e-10)
    assert found.positions[-1] == pytest.approx((0.0, 0.0), abs=1e-12) and found.positions[0][0] < 0


def test_the_plane_of_a_path_agrees_with_a_singular_value_decomposition() -> None:
    path = [tensors(seed, (6, 5)) for seed in range(9)]
    found = path_plane(path, origin=2)
    rows = torch.stack([flat(p) - flat(path[2]) for p in path])
    values = torch.linalg.svdvals(rows).square()
    assert found.shares == pytest.approx((values[:2] / values.sum()).tolist())
    assert found.positions[2] == pytest.approx((0.0, 0.0), abs=1e-12)


def test_the_share_of_a_random_walk_in_its_plane() -> None:
    steps = [0, 1, 2, 5, 9, 20, 21, 40, 70, 100]
    for origin in (-1, 0, 4):
        generator = torch.Generator().manual_seed(origin + 1)
        walk = torch.randn(101, 4000, generator=generator, dtype=torch.float64).cumsum(0)
        found = path_plane([[walk[step]] for step in steps], steps, origin=origin)
        assert sum(found.shares) == pytest.approx(found.by_chance, abs=0.03)
    many = path_plane([[row] for row in walk])
    assert many.by_chance == pytest.approx(8 / math.pi**2 * (1 + 1 / 9), abs=0.01)  # share of a Brownian motion


def test_a_line_through_two_points_and_a_plane_through_three() -> None:
    points = [tensors(seed, (4, 3), (2,)) for seed in range(3)]
    for count in (2, 3):
        plane, positions = plane_through(points[:count])
        for point, position in zip(points, positions):
            assert flat(plane.at(position)) == pytest.approx(flat(point), abs=1e-12)
            assert plane.nearest(point) == pytest.approx(position, abs=1e-12)
    away = flat(points[2]) - flat(points[0])
    assert math.hypot(*positions[2]) == pytest.approx(float(away.norm()))
    assert positions[1] == pytest.approx((float((flat(points[1]) - flat(points[0])).norm()), 0.0))


def line(seed: int, *amounts: float) -> list:
    start, way = tensors(seed, (4, 3)), tensors(seed + 1, (4, 3))
    return [[start[0] + amount * way[0]] for amount in amounts]


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: plane_through(line(0, 1.0, 1.0)), "two of the points are the same"),
        (lambda: plane_through(line(0, 0.0, 1.0, 3.0)), "the three points are on one line"),
        (lambda: plane_through(line(0, 1.0)), "a plane through three, not 1"),
        (lambda: path_plane(line(0, 1.0, 1.0, 1.0)), "do not move"),
        (lambda: path_plane(line(0, 0.0, 1.0, 5.0)), "move along one straight line, so they do not span a plane"),
        (lambda: random_plane([torch.zeros(3, 2), torch.ones(3)]), "every filter of the parameters is 0"),
        (lambda: random_plane([torch.ones(3, 2, dtype=torch.complex64)]), "a parameter is complex"),
        (lambda: eigen_plane([torch.ones(3)], ()), "one or two directions, not 0"),
        (
            lambda: list(surface(Loss(()), random_plane([torch.ones(3, 2)]), Grid(SQUARE[:1]), 9)),
            "the grid has 1 axes, but the plane has 2",
        ),
    ],
)
def test_points_that_span_no_plane_are_refused(made, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        made()


def test_a_straight_path_spans_a_line() -> None:
    found = path_plane(line(0, 0.0, 1.0, 5.0), axes=1)
    assert found.shares == pytest.approx((1.0,)) and len(found.plane.directions) == 1


def test_filter_normalised_does_not_change_its_arguments() -> None:
    theta, direction = tensors(0, (3, 2)), tensors(1, (3, 2))
    held = direction[0].clone()
    filter_normalised(direction, theta)
    assert torch.equal(direction[0], held)
