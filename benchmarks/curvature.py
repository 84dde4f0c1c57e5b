"""The curvature of a loss: its cost relative to ARPACK, curvlinops and PyHessian, and its accuracy.

The two others are compared with where they are installed (the extra `bench`).
"""

import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from scipy.stats import wasserstein_distance
from side_by_side import paired
from sklearn.datasets import load_digits
from torch import Tensor, nn

from descend.doctor.measure.preconditioner import preconditioner
from descend.doctor.measure.wiring import describe_optimizer
from descend.dynamics import agreement, linear_rule, observed, predicted
from descend.landscape import Preconditioned, condition_number, ends, loss_of, spectrum, trained
from descend.landscape.krylov import mean_product
from descend.landscape.outputs import LossOfOutputs
from descend.landscape.sharpness import trace
from descend.landscape.spectrum import dense_hessian
from descend.landscape.vectors import flat, normal_like, shaped

PAIRS = 5
EXAMPLES, FEW = 512, 128
CROSS = nn.CrossEntropyLoss()
RUNS = 200  # of the trace's interval
LOOSEST_FIRST = (0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 1e-5)
Maker = Callable[[], nn.Module]


class Rows(nn.Module):
    """A recurrent network that reads an image row by row."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.cell, self.head = nn.GRU(8, width, batch_first=True), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x.view(-1, 8, 8))[0][:, -1])


def perceptron(*widths: int, unit: type[nn.Module] = nn.Tanh) -> nn.Module:
    sizes = [64, *widths, 10]
    layers = [layer for a, b in zip(sizes, sizes[1:]) for layer in (nn.Linear(a, b), unit())]
    return nn.Sequential(*layers[:-1])


def convolutions(first: int, second: int) -> nn.Module:
    images = nn.Unflatten(1, (1, 8, 8))
    one, two = nn.Conv2d(1, first, 3, padding=1), nn.Conv2d(first, second, 3, 2)
    return nn.Sequential(
        images, one, nn.BatchNorm2d(first), nn.ReLU(), two, nn.ReLU(), nn.Flatten(), nn.Linear(9 * second, 10)
    )


SMALL: dict[str, Maker] = {
    "perceptron, tanh": lambda: perceptron(16, 16),
    "perceptron, ReLU": lambda: perceptron(16, 16, unit=nn.ReLU),
    "convolutions, batch norm": lambda: convolutions(6, 8),
    "GRU": Rows,
}
LARGER: dict[str, Maker] = {
    "perceptron, 17 k": lambda: perceptron(128, 64),
    "convolutions, 8 k": lambda: convolutions(16, 32),
}


@dataclass(frozen=True)
class Case:
    """A network on the digits, and its loss."""

    name: str
    model: nn.Module
    data: tuple[Tensor, Tensor]

    @property
    def loss(self) -> LossOfOutputs:
        return loss_of(self.model, CROSS, [self.data])

    @property
    def at(self) -> list[Tensor]:
        return trained(self.model)

    @property
    def size(self) -> int:
        return sum(t.numel() for t in self.at)


def case(
    name: str, make: Maker, *, steps: int = 0, dtype: torch.dtype = torch.float64, examples: int = EXAMPLES
) -> Case:
    """Return an untrained network, or one that was trained for some steps of Adam on all examples."""
    torch.manual_seed(0)
    digits = load_digits()
    x = torch.tensor(digits.data[:examples] / 16, dtype=dtype)
    y = torch.tensor(digits.target[:examples], dtype=torch.long)
    model = make().to(dtype)
    adam = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(steps):
        adam.zero_grad()
        CROSS(model(x), y).backward()
        adam.step()
    return Case(f"{name}, {'trained' if steps else 'at first'}", model.eval(), (x, y))


def against_arpack() -> Iterator[str]:
    """Yield the number of products for both ends relative to ARPACK, from the same start and at an equal residual."""
    for name, make in LARGER.items():
        for steps in (0, 150):
            given = case(name, make, steps=steps)
            for count, tolerance in ((1, 1e-2), (1, 1e-3), (3, 1e-3)):
                hessian, at = given.loss.hessian(given.at), given.at
                found = ends(hessian, at, top=count, bottom=count, tolerance=tolerance, go_on=lambda n: n < 2000)
                worst = max(pair.residual for pair in (*found.top, *found.bottom))
                evaluated = _arpack(lambda row, h=hessian, a=at: mean_product(h, row, a), at, 2 * count, worst)
                ratio = found.products / evaluated
                left = f"{worst / found.radius:.0e}"
                yield f"| {given.name} | {count} + {count} | {left} | {found.products} | {evaluated} | {ratio:.2f} |"


def _arpack(product: Callable[[Tensor], Tensor], at: list[Tensor], count: int, residual: float) -> int:
    """Return the fewest products with which ARPACK finds as many pairs with the same accuracy."""
    evaluated = 0

    def count_product(row: np.ndarray) -> np.ndarray:
        nonlocal evaluated
        evaluated += 1
        return product(torch.from_numpy(row.reshape(-1))).numpy()

    start = normal_like(flat(at)).numpy()
    operator = LinearOperator((len(start),) * 2, matvec=count_product, dtype=float)
    for tolerance in (1.0, *LOOSEST_FIRST, 1e-6):
        evaluated = 0
        values, vectors = eigsh(operator, k=count, which="BE", tol=tolerance, v0=start)
        taken = evaluated
        images = np.stack([product(torch.from_numpy(v.copy())).numpy() for v in vectors.T], 1)
        if np.linalg.norm(images - vectors * values, axis=0).max() <= residual:
            break
    return taken


def against_others() -> Iterator[str]:
    """Yield our time divided by that of each other tool, for the same result on the same network."""
    for name, make in LARGER.items():
        given = case(name, make, steps=150, dtype=torch.float32)
        exact = ends(given.loss.hessian(given.at), given.at, tolerance=1e-5)
        high, low = exact.top[0].value, exact.bottom[0].value
        questions = {
            "λmax within 1 %": lambda v, high=high: abs(v[0] - high) <= 0.01 * high,
            "both ends within 1 % of the range": lambda v, h=high, low=low: (
                max(abs(v[0] - h), abs(v[-1] - low)) <= 0.01 * (h - low)
            ),
        }
        for (question, is_right), both in zip(questions.items(), (False, True)):
            ours = _loosest(lambda tol, g=given, b=both: _our_ends(g, tol, b), is_right)
            for tool, answer in _others().items():
                if both and tool == "PyHessian":
                    yield f"| {given.name} | {question} | {tool} | it finds the largest magnitude alone | |"
                    continue
                yield _row(
                    given, question, tool, ours, _loosest(lambda tol, a=answer, g=given, b=both: a(g, tol, b), is_right)
                )
        for question, (work, others) in _estimates().items():
            for tool, theirs in others.items():
                yield _row(given, question, tool, lambda w=work, g=given: w(g), lambda t=theirs, g=given: t(g))


def _row(given: Case, question: str, tool: str, ours: Callable | None, theirs: Callable | None) -> str:
    if ours is None or theirs is None:
        return f"| {given.name} | {question} | {tool} | {'we' if ours is None else 'it'} did not get so near | |"
    try:
        ratio = paired(lambda: _seconds(ours), lambda: _seconds(theirs), PAIRS)
    except (AttributeError, RuntimeError) as error:
        return f"| {given.name} | {question} | {tool} | it fails: {str(error).split('. ')[0]} | |"
    return f"| {given.name} | {question} | {tool} | {_seconds(ours) * 1e3:.0f} | {ratio} |"


def _seconds(work: Callable) -> float:
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        work()
    return time.perf_counter() - began


def _loosest(answer: Callable[[float], list[float]], is_right: Callable) -> Callable | None:
    """Return the work with the loosest setting that gives the right result, from three random starts."""
    for tolerance in LOOSEST_FIRST:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rights = []
            for seed in range(3):
                torch.manual_seed(seed)
                np.random.seed(seed)
                rights.append(is_right(answer(tolerance)))
        if all(rights):
            return lambda: answer(tolerance)
    return None


def _our_ends(given: Case, tolerance: float, both: bool) -> list[float]:
    found = ends(given.loss.hessian(given.at), given.at, bottom=int(both), tolerance=tolerance)
    return [pair.value for pair in (*found.top, *found.bottom)]


def _others() -> dict[str, Callable[[Case, float, bool], list[float]]]:
    known = {"curvlinops": ("curvlinops", _curvlinops_ends), "PyHessian": ("pyhessian", _pyhessian_top)}
    return {name: work for name, (module, work) in known.items() if importlib.util.find_spec(module)}


def _operator(given: Case):
    from curvlinops import HessianLinearOperator

    return HessianLinearOperator(
        given.model, CROSS, list(given.model.parameters()), [given.data], check_deterministic=False
    )


def _curvlinops_ends(given: Case, tolerance: float, both: bool) -> list[float]:
    operator = _operator(given).to_scipy()
    which, count = ("BE", 2) if both else ("LA", 1)
    return sorted(eigsh(operator, k=count, which=which, tol=tolerance, return_eigenvectors=False), reverse=True)


def _pyhessian(given: Case):
    from pyhessian import hessian

    return hessian(given.model, CROSS, data=given.data, cuda=False)


def _pyhessian_top(given: Case, tolerance: float, both: bool) -> list[float]:
    return _pyhessian(given).eigenvalues(maxIter=1000, tol=tolerance, top_n=1)[0]


def _estimates() -> dict[str, tuple[Callable, dict[str, Callable]]]:
    others = _others()
    found: dict[str, tuple[Callable, dict[str, Callable]]] = {
        "trace, 50 directions": (lambda g: trace(g.loss.hessian(g.at), g.at, samples=50), {}),
        "density, 10 × 40 products": (lambda g: spectrum(g.loss.hessian(g.at), g.at, probes=10, steps=40), {}),
        "50 products with the Hessian": (lambda g: _products(g, g.loss.hessian(g.at)), {}),
        "50 products with Gauss–Newton": (lambda g: _products(g, g.loss.gauss_newton(g.at)), {}),
    }
    if "curvlinops" in others:
        import curvlinops

        found["trace, 50 directions"][1]["curvlinops"] = lambda g: curvlinops.hutchinson_trace(_operator(g), 50)
        found["density, 10 × 40 products"][1]["curvlinops"] = lambda g: curvlinops.lanczos_approximate_spectrum(
            _operator(g), ncv=40, num_repeats=10, boundaries=(-1.0, 30.0)
        )
        found["50 products with the Hessian"][1]["curvlinops"] = lambda g: _times(_operator(g), g)
        found["50 products with Gauss–Newton"][1]["curvlinops"] = lambda g: _times(
            curvlinops.GGNLinearOperator(
                g.model, CROSS, list(g.model.parameters()), [g.data], check_deterministic=False
            ),
            g,
        )
    if "PyHessian" in others:
        found["trace, 50 directions"][1]["PyHessian"] = lambda g: _pyhessian(g).trace(maxIter=50, tol=0.0)
        found["density, 10 × 40 products"][1]["PyHessian"] = lambda g: _pyhessian(g).density(iter=40, n_v=10)
    return found


def _products(given: Case, matrix) -> None:
    row = normal_like(flat(given.at))
    for _ in range(50):
        mean_product(matrix, row, given.at)


def _times(operator, given: Case) -> None:
    row = normal_like(flat(given.at))
    for _ in range(50):
        operator @ row


def against_formed_matrices() -> Iterator[str]:
    """Yield the errors of ends, density and condition number, compared with the full matrix in float64."""
    for name, make in SMALL.items():
        for steps in (0, 150):
            given = case(name, make, steps=steps, examples=FEW)
            hessian, at = given.loss.hessian(given.at), given.at
            exact = torch.linalg.eigvalsh(dense_hessian(hessian, at)).numpy()
            found = ends(hessian, at)
            known = spectrum(hessian, at, found)
            spread = np.ptp(exact)
            top = abs(found.top[0].value - exact[-1]) / abs(exact[-1])
            bottom = abs(found.bottom[0].value - exact[0]) / spread
            far = wasserstein_distance(exact, known.values, None, known.weights) / spread
            condition = condition_number(found, known)
            with np.errstate(divide="ignore"):
                true = np.abs(exact).max() / np.abs(exact).min()
            held = "≥" if condition.is_bound else "="
            low, high = known.trace.interval()
            yield (
                f"| {given.name} | {given.size} | {found.products} | {top:.1e} | {bottom:.1e} | {far:.1e} | "
                f"{'yes' if low <= exact.sum() <= high else 'no'} | {held} {condition.number:.1e} | {true:.1e} |"
            )


class Shuffled:
    """A matrix with permuted coordinates and some flipped signs, which has the effect of other random directions."""

    def __init__(self, hessian, at: list[Tensor], seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        size = sum(t.numel() for t in at)
        self.hessian, self.at, self.order = hessian, at, torch.randperm(size, generator=draw)
        self.signs = torch.randint(2, (size,), generator=draw).to(at[0]) * 2 - 1

    def products(self, vector) -> list[tuple[Tensor, ...]]:
        row = flat(vector) * self.signs
        parts = self.hessian.products(shaped(row[self.order.argsort()], self.at))
        return [(flat(part)[self.order] * self.signs,) for part in parts]


def coverage() -> str:
    """Return the number of 200 draws of the directions in which the interval contains the trace."""
    given = case("perceptron", SMALL["perceptron, tanh"], steps=20, examples=FEW)
    hessian, at = given.loss.hessian(given.at), given.at
    true = float(dense_hessian(hessian, at).trace())
    held = {True: 0, False: 0}
    for seed in range(RUNS):
        matrix = Shuffled(hessian, at, seed)
        for knows_ends in held:
            known = ends(matrix, at, top=4, bottom=2) if knows_ends else None
            low, high = spectrum(matrix, at, known, probes=10, steps=1).trace.interval()
            held[knows_ends] += low <= true <= high
    return f"{held[False]} of {RUNS} draws of 10 directions, and in {held[True]} with six ends known"


RULES: dict[str, tuple[type[torch.optim.Optimizer], dict]] = {
    "gradient descent": (torch.optim.SGD, {"lr": 0.02}),
    "heavy ball, 0.9": (torch.optim.SGD, {"lr": 0.005, "momentum": 0.9}),
    "Nesterov, 0.9": (torch.optim.SGD, {"lr": 0.005, "momentum": 0.9, "nesterov": True}),
    "RMSprop": (torch.optim.RMSprop, {"lr": 1e-4}),
    "Adam": (torch.optim.Adam, {"lr": 1e-4}),
}


def predicted_and_observed(steps: int = 12, pairs: int = 6) -> Iterator[str]:
    """Yield how often the motion along the eigenvectors agrees with their eigenvalues, with full batches."""
    for name, (make, options) in RULES.items():
        given = case("perceptron, tanh", SMALL["perceptron, tanh"], steps=150)
        optimizer = make(given.model.parameters(), **options)
        for _ in range(60):  # momenta and divisors have settled
            _step(given, optimizer)
        at = [t.clone() for t in given.at]
        scale = preconditioner(optimizer, list(given.model.parameters())) or [torch.ones_like(t) for t in at]
        root = flat(scale).sqrt()
        found = ends(Preconditioned(given.loss.hessian(at), scale), at, top=pairs, bottom=2, tolerance=1e-4)
        gradient = flat(given.loss.gradient(at)) / root
        directions = [(pair.value, flat(pair.vector)) for pair in (*found.top, *found.bottom)]
        courses = [[float(v @ (root * flat(at)))] for _, v in directions]
        for _ in range(steps):
            _step(given, optimizer)
            for course, (_, v) in zip(courses, directions):
                course.append(float(v @ (root * flat(given.at))))
        rule, lr = linear_rule(describe_optimizer(optimizer)), options["lr"]
        kinds, off = [], []
        for course, (value, v) in zip(courses, directions):
            seen = observed(course, float(v @ gradient), value, rule, lr)
            kinds.append(seen.kind)
            if seen.kind != "driven":
                off.append(agreement(seen, value).apart)
        said = [predicted(rule, lr, value).kind for value, _ in directions]
        alike, driven = sum(a == b for a, b in zip(kinds, said)), kinds.count("driven")
        far = f"{np.median(off):.1e} | {max(off):.1e}" if off else " | "
        yield (
            f"| {name} | {lr * found.top[0].value:.2g} | {rule.bound:.3g} | {len(kinds)} | {driven} | {alike} | {far} |"
        )


def _step(given: Case, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    CROSS(given.model(given.data[0]), given.data[1]).backward()
    optimizer.step()
