"""The textbook surfaces have their documented minima, and options are applied or refused with the reason."""

import sys
from math import pi

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from descend.core.errors import UsageError
from descend.trajectories import RULES, TEXTBOOK, chosen, read_rates, surface


def points(*rows: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_known_minima_are_minima_within_the_window(name):
    on = surface(name)
    for at in on.minima:
        assert float(on.gradient(points(at)).norm()) < 1e-6
        assert float(torch.linalg.eigvalsh(on.hessian(at))[0]) > 0
        assert float(on.distance_in_windows(points(at))[0]) < 0.5
    if on.minima:
        assert float(on.cost(points(*on.minima)).min()) == pytest.approx(on.lowest, abs=1e-9)
    assert float(on.grid((60, 60))[2].min()) >= on.lowest
    assert float(on.distance_in_windows(points(on.start))[0]) < 0.5


@pytest.mark.parametrize("name", [*TEXTBOOK, "sin(x)*exp(-y**2)"])
def test_gradient_and_hessian_equal_those_of_autograd(name):
    on = surface(name)
    at, h = points(on.start), 1e-5
    for k, axis in enumerate(torch.eye(2, dtype=torch.float64) * h):
        slope = (on.cost(at + axis) - on.cost(at - axis)) / (2 * h)
        assert float(on.gradient(at)[0, k]) == pytest.approx(float(slope), rel=1e-5, abs=1e-8)
        bend = (on.gradient(at + axis) - on.gradient(at - axis))[0] / (2 * h)
        assert torch.allclose(on.hessian(on.start)[k], bend, rtol=1e-4, atol=1e-7)


def test_the_documented_curvatures_are_right():
    curvature = torch.linalg.eigvalsh(surface("ravine", condition_number=200).hessian((0.0, 0.0)))
    assert curvature.tolist() == pytest.approx([1 / 200, 1])
    assert torch.linalg.eigvalsh(surface("saddle").hessian((0.0, 0.0))).tolist() == pytest.approx([-2, 2])
    sharp, wide = (torch.linalg.eigvalsh(surface("two-minima").hessian(at)) for at in surface("two-minima").minima)
    assert float(sharp[0]) == pytest.approx(25, rel=0.02) and float(wide[1]) == pytest.approx(1, rel=1e-6)
    flat = surface("plateau")
    assert float(flat.gradient(points(flat.start)).norm()) < 0.01 < 0.5 < float(flat.cost(points(flat.start)))
    wall = surface("cliff")
    line = torch.stack([torch.full((4000,), 5.0, dtype=torch.float64), torch.linspace(-3.6, -1.6, 4000)], -1)
    slopes = wall.gradient(line).norm(dim=-1)
    assert float(slopes.max()) > 1000 * float(slopes.median())


@given(st.floats(-360, 360), st.floats(-3, 3), st.floats(-1.5, 1.5))
def test_a_rotated_surface_has_the_same_costs_at_rotated_points(degrees, x, y):
    on = surface("saddle")
    turned = on.rotated(degrees)
    there = torch.tensor([x, y], dtype=torch.float64) @ rotation(degrees).T
    assert float(turned.cost(there)) == pytest.approx(float(on.cost(points((x, y))[0])), rel=1e-9, abs=1e-9)
    assert turned.distance_to_minimum(points(turned.minima[0])[0]) == pytest.approx(0, abs=1e-12)
    assert float(turned.cost(points(turned.start))) == pytest.approx(float(on.cost(points(on.start))), rel=1e-9)


def rotation(degrees: float) -> torch.Tensor:
    angle = torch.tensor(degrees * pi / 180, dtype=torch.float64)
    return torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])


def test_an_expression_defines_a_surface():
    one, other = surface("(1 - x)**2 + 100*(y - x**2)**2"), surface("rosenbrock")
    at = torch.randn(50, 2, dtype=torch.float64)
    assert torch.equal(one.cost(at), other.cost(at)) and torch.equal(one.gradient(at), other.gradient(at))
    assert one.start == (-1.6, 1.6) and surface("x**2", ((0, 1), (0, 2))).start == pytest.approx((0.1, 1.8))


FUNCTIONS = """
import torch
A = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)

def plain(x, y):
    return x**2 + 3 * y**2

def of_one_point(x, y):
    v = torch.stack([x, y])
    return v @ A @ v / 2

def branching(x, y):
    return x**2 if x > 0 else y**2

def pair(x, y):
    return torch.stack([x, y])

def number(x, y):
    return 3.0

def broken(x, y):
    return torch.zeros(3) @ torch.zeros(4)

def detached(x, y):
    return (x**2 + y**2).detach()

answer = 42
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "argv", [*sys.argv])
    (tmp_path / "mine.py").write_text(FUNCTIONS)
    yield tmp_path
    sys.modules.pop("mine", None)


def test_a_user_function_accepts_many_points_or_one(folder):
    at = torch.randn(20, 2, dtype=torch.float64)
    x, y = at.unbind(-1)
    assert torch.allclose(surface("mine.py:plain").cost(at), x**2 + 3 * y**2)
    mapped = surface("mine.py:of_one_point")
    assert torch.allclose(mapped.cost(at), x**2 + x * y + 1.5 * y**2)
    assert torch.allclose(mapped.gradient(at), torch.stack([2 * x + y, x + 3 * y], -1))
    assert mapped.grid((4, 3))[2].shape == (3, 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("valley", "no surface is called valley; give ravine, saddle, beale, rosenbrock, cliff, two-minima, pl"),
        ("x**2 +", "'x**2 +' is not a valid expression; use Python syntax"),
        ("x^2 + y", "x^2 + y cannot be computed at x = 0.3, y = 0.2: "),
        ("x^2 + y", '"bitwise_xor_cpu" not implemented for'),
        ("x^2 + y", "; write powers with **, not ^"),
        ("x**2 + z", "an expression cannot use z, only x, y and abs"),
        ("__import__('os')", "cannot use __import__"),
        ("x.data + y", "cannot use data"),
        ("mine.py:answer", "mine.py:answer is not a function of x and y: its type is int"),
        (
            "mine.py:pair",
            "must return a scalar tensor computed from x and y, but it returns a tensor of shape (2,)",
        ),
        ("mine.py:number", "it returns a float"),
        ("mine.py:broken", "mine.py:broken cannot be computed at x = 0.3, y = 0.2: RuntimeError"),
        ("mine.py:branching", "cannot be computed at many points at once; use torch.where instead of if"),
        ("mine.py:detached", "mine.py:detached has no gradient at the start (-1.6, 1.6): RuntimeError"),
        ("mine.py:missing", "module 'mine' has no attribute 'missing'"),
        ("yours.py:plain", "there is no file yours.py"),
        ("log(x) + y", "log(x) + y is nan at the start (-1.6, 1.6); choose another start with --start"),
        ("sqrt(abs(x + 1.6)) + y", "the gradient of sqrt(abs(x + 1.6)) + y is not finite at the start"),
    ],
)
def test_an_invalid_surface_is_refused_with_the_reason(folder, text, says):
    with pytest.raises(UsageError) as said:
        surface(text)
    assert says in str(said.value) and "\n" not in str(said.value)


def test_invalid_surface_options_are_refused():
    with pytest.raises(UsageError, match="for the ravine, not for beale"):
        surface("beale", condition_number=10)
    with pytest.raises(UsageError, match="only be chosen for the ravine"):
        surface("x**2", condition_number=10)
    with pytest.raises(UsageError, match="at least 1, not 0.5"):
        surface("ravine", condition_number=0.5)
    with pytest.raises(UsageError, match="below the upper one, not 1 to -1 and 0 to 1"):
        surface("beale", ((1, -1), (0, 1)))


def test_optimizers_are_named_with_options_as_in_python():
    first, second, third = chosen("sgd, Momentum(momentum=0.5, lr=2), Adam(betas=(0.5, 0.9))")
    assert (first.text, first.lr, second.lr) == ("SGD", None, 2) and third.options == {"betas": (0.5, 0.9)}
    assert {"SGD", "YellowFin", "NewtonCG", "DiagonalNewton"} < {*RULES} and "Optimizer" not in RULES


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Adamm", "no optimizer is called Adamm; the optimizers are: Adadelta, Adafactor, Adagrad, Adam,"),
        ("SGD(lr=0)", "SGD(lr=0): a learning rate must be a positive number, not 0"),
        ("SGD(momentum=2)", "SGD: momentum must be in [0, 1], not 2"),
        ("SGD(speed=2)", "SGD has no option speed; its options are: lr, momentum, dampening, weight_decay, nesterov"),
        ("SGD(0.1)", "SGD(0.1): write each option as name=value"),
        ("SGD(lr=open)", "write each option as name=value, where the value is a literal"),
        ("SGD, 3", "--rules must be optimizers such as SGD or SGD(momentum=0.9), not 3"),
        ("SGD Adam", "--rules must be optimizers such as SGD,Adam or SGD(momentum=0.9),Adam, not 'SGD Adam'"),
        ("", "--rules must be optimizers such as"),
    ],
)
def test_an_invalid_optimizer_is_refused_with_the_reason(text, says):
    with pytest.raises(UsageError) as said:
        chosen(text)
    assert says in str(said.value)


def test_learning_rates_for_all_for_each_and_by_name():
    rules = chosen("SGD,Adam")
    assert [(r.text, r.lr) for r in read_rates("0.1", rules)] == [("SGD", 0.1), ("Adam", 0.1)]
    assert [(r.text, r.lr) for r in read_rates("1, 2", rules)] == [("SGD", 1), ("SGD", 2), ("Adam", 1), ("Adam", 2)]
    assert [r.lr for r in read_rates("adam=0.01", rules)] == [None, 0.01]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0", "a learning rate must be a positive number, not 0"),
        ("-1", "a learning rate must be a positive number, not -1"),
        ("inf", "a learning rate must be a positive number, not inf"),
        ("nan", "a learning rate must be a positive number, not nan"),
        ("fast", "a learning rate must be a positive number, not 'fast'"),
        ("SGD=0.1,0.2", "'SGD=0.1,0.2' mixes the two"),
        ("Adamm=0.1", "--lr names adamm, but the optimizers are SGD, Adam"),
    ],
)
def test_an_invalid_learning_rate_is_refused_with_the_reason(text, says):
    with pytest.raises(UsageError) as said:
        read_rates(text, chosen("SGD,Adam"))
    assert says in str(said.value)
