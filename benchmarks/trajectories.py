"""Trajectories on functions of two parameters, compared with the optimizers' steps and theory; time of a page."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from descend.lab.pages.trajectory_page import write_page
from descend.lab.pages.trajectory_tables import ends_table
from descend.trajectories import (
    RULES,
    Chosen,
    Surface,
    chosen,
    differential_equations,
    surface,
    trajectories,
    with_rates,
)

STEPS, SIDE, REPEATS = 200, 7, 5
FIFTEEN = (
    "SGD,Momentum,Nesterov,Adagrad,Adadelta,RMSprop,Adam,AdamW,Adamax,NAdam,PowerSign,AddSign,Rprop,DeltaBarDelta,LAMB"
)
ALONE = ("YellowFin", "DiagonalNewton", "NewtonCG")
Write = Callable[..., None]


def of_trajectories(write: Write) -> None:
    """Measure how well trajectories agree with the optimizers' steps and with theory, and the time of a page."""
    on = surface("beale")
    rules = with_rates(on, chosen(",".join(RULES)), STEPS)
    write("### Against each optimizer's own steps", "")
    off = {rule.name: _off(on, rule) for rule in rules}
    worst = max(off, key=off.__getitem__)
    write(
        f"On Beale's function, {STEPS} steps in float64, {len(off)} rules: the furthest that one is from its optimizer,"
    )
    write(f"of the distance that it has gone, is {off[worst]:.1g} ({worst}).", "")
    write(f"### Time of a page: 15 rules, {STEPS} steps, {SIDE**2 + 1} starts (reach: 2 s)", "")
    write(f"Medians of {REPEATS}, one thread, torch and Plotly imported already.", "")
    write("| surface | rates searched, s | trajectories, s | page written, s | in all, s | MB |", "|---" * 6 + "|")
    for name in ("beale", "saddle", "cliff"):
        write(_times(name))
    write("", "Rules that measure a rate of their own are an optimizer for every start:", "")
    write("| rule | trajectories, s |", "|---|---|")
    for name in ALONE:
        [rule] = with_rates(on, chosen(name), STEPS)
        write(f"| {name} | {_median(lambda rule=rule: trajectories(on, [rule], on.starts(SIDE), STEPS)):.2f} |")
    write("", "### The noise floor of gradient descent, over ασ²/(λ(2 − αλ))", "")
    write("| α·λ | variance over theory |", "|---|---|")
    for alpha in (0.1, 0.5, 1.0, 1.5):
        write(f"| {alpha:g} | {_floor(alpha):.2f} |")
    write("", "### Momentum from its differential equation, as its steps get small at one friction", "")
    write("| time of a step | α | μ | furthest apart |", "|---|---|---|---|")
    for row in _apart():
        write(row)


def _off(on: Surface, rule: Chosen) -> float:
    start = torch.tensor([on.start], dtype=torch.float64)
    points = trajectories(on, [rule], start, STEPS)[0].points[0]
    own = _own_steps(on, rule, start[0])
    length = float((own[1:] - own[:-1]).norm(dim=-1).sum())
    return float((points - own).norm(dim=-1).max()) / length


def _own_steps(on: Surface, rule: Chosen, start: Tensor) -> Tensor:
    theta = start.clone().requires_grad_()
    optimizer = rule.construct([theta])
    is_second_order = rule.name in ("DiagonalNewton", "NewtonCG")
    path = [theta.detach().clone()]

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = on.function(theta[0], theta[1])
        if not is_second_order:
            loss.backward()
        return loss

    for t in range(STEPS):
        torch.manual_seed(t + 1)  # as trajectories draw signs
        optimizer.step(closure)
        path.append(theta.detach().clone())
    return torch.stack(path)


def _times(name: str) -> str:
    on, rules_compared = surface(name), chosen(FIFTEEN)
    starts, taken, size = on.starts(SIDE), list[tuple[float, ...]](), 0.0
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        for _ in range(REPEATS + 1):
            began = time.perf_counter()
            rules = with_rates(on, rules_compared, STEPS)
            searched = time.perf_counter()
            found = trajectories(on, rules, starts, STEPS)
            gone = time.perf_counter()
            words = {
                "headline": name,
                "standfirst": "",
                "remarks": [],
                "command": "",
                "tables": [ends_table(on, found)],
            }
            write_page(on, found, starts, words, page)
            done = time.perf_counter()
            taken.append((searched - began, gone - searched, done - gone, done - began))
        size = page.stat().st_size / 1e6
    middle = [statistics.median(column) for column in zip(*taken[1:])]
    return f"| {name} | {' | '.join(f'{seconds:.2f}' for seconds in middle)} | {size:.1f} |"


def _median(what: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        what()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _floor(alpha: float, sigma: float = 0.2, steps: int = 20_000) -> float:
    on = surface("ravine", condition_number=1)
    [found] = trajectories(
        on, [chosen("SGD")[0].with_lr(alpha)], torch.zeros(1, 2, dtype=torch.float64), steps, noise=sigma
    )
    return float(found.points[0, steps // 10 :].var(0).mean()) / (alpha * sigma**2 / (2 - alpha))


def _apart(friction: float = 1.0, until: float = 4.0) -> Iterator[str]:
    on = surface("ravine")
    start = torch.tensor([on.start], dtype=torch.float64)
    for duration in (0.2, 0.1, 0.05, 0.025):
        mu = 1 / (1 + friction * duration)
        rules = [chosen(f"Momentum(momentum={mu!r})")[0].with_lr(duration**2 * mu)]
        [momentum] = trajectories(on, rules, start, round(until / duration))
        [equation] = differential_equations(on, rules, start, round(until / duration))
        apart = float((momentum.points - equation.points).norm(dim=-1).max())
        yield f"| {duration:g} | {duration**2 * mu:.2g} | {mu:.3f} | {apart:.3f} |"


if __name__ == "__main__":
    of_trajectories(lambda *lines: print("\n".join(lines), flush=True))
