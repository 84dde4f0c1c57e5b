"""The time of one step: our optimizers, torch's three implementations, pytorch_optimizer, and memory access alone."""

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial

import torch

from descend import optim

ROUNDS = 15
LEAST_S = 0.004  # a measurement repeats the step for at least this long
STREAM = "memory"  # the variant that only reads and writes the tensors of the step


def transformer() -> list[tuple[int, ...]]:
    """150 tensors, 10.7 million parameters: twelve blocks of width 256, and the layers around them."""
    block = [(768, 256), (768,), (256, 256), (256,), (1024, 256), (1024,), (256, 1024), (256,), *[(256,)] * 4]
    return [*block * 12, (3600, 256), (512, 256), (256,), (256,), (256,), (256,)]


WORKLOADS = {
    "150 tensors, 10.7 M": transformer(),
    "one matrix, 100 M": [(10_000, 10_000)],
    "3000 tensors of 64": [(64,)] * 3000,
}
RULES = {  # our optimizer -> its options, its name in torch, its name in pytorch_optimizer
    "SGD": ({"lr": 1e-6}, "SGD", None),
    "SGD momentum": ({"lr": 1e-6, "momentum": 0.9}, "SGD", None),
    "Adagrad": ({"lr": 1e-6}, "Adagrad", None),
    "Adadelta": ({"lr": 1e-6}, "Adadelta", "AdaDelta"),
    "RMSprop": ({"lr": 1e-6}, "RMSprop", None),
    "Adam": ({"lr": 1e-6}, "Adam", None),
    "AdamW": ({"lr": 1e-6}, "AdamW", None),
    "Adamax": ({"lr": 1e-6}, "Adamax", "AdaMax"),
    "NAdam": ({"lr": 1e-6}, "NAdam", None),
    "Rprop": ({"lr": 1e-6}, "Rprop", None),
    "PowerSign": ({"lr": 1e-6}, None, None),
    "AddSign": ({"lr": 1e-6}, None, None),
    "DeltaBarDelta": ({"lr": 1e-6}, None, None),
    "LARS": ({"lr": 1e-6, "momentum": 0.9}, None, "LARS"),
    "LAMB": ({"lr": 1e-6}, None, "Lamb"),
    "Lion": ({"lr": 1e-6}, None, "Lion"),
    "ScheduleFreeAdamW": ({"lr": 1e-6}, None, "ScheduleFreeAdamW"),
    # The curvature is not part of a step. pytorch_optimizer has Sophia-H, whose gradients need a graph.
    "SophiaG": ({"lr": 1e-6}, None, None),
}
MATRICES = [(768, 256), (256, 256), (1024, 256), (256, 1024)] * 2  # two blocks of the transformer, without vectors
MATRIX_RULES = {  # our optimizer for matrices -> its name in torch, its name in pytorch_optimizer, steps that are timed
    "Adafactor": ("Adafactor", "AdaFactor", 1),
    "Muon": ("Muon", "Muon", 1),
    "SOAP": (None, "SOAP", 10),  # every tenth step updates the eigenvectors
}
BY_NORMS = ("LARS", "LAMB")
COLUMNS = ("torch for-loop", "torch foreach", "torch fused", "pytorch_optimizer")
Step = Callable[[], object]


def write_table(workload: str, write: Callable[..., None], device: str = "cpu") -> None:
    """Write the table of one workload, one optimizer per row."""
    write("", f"## {workload}", "", f"| rule | ours, ms | of attainable | {' | '.join(COLUMNS)} |")
    write("|---" * (3 + len(COLUMNS)) + "|")
    parameters = [torch.randn(shape, device=device) for shape in WORKLOADS[workload]]
    for parameter in parameters:
        parameter.requires_grad_().grad = torch.randn_like(parameter)
    for name in RULES:
        write(_row(name, parameters))


def _row(name: str, parameters: list[torch.Tensor]) -> str:
    """Return the table's row for one optimizer."""
    options, in_torch, elsewhere = RULES[name]
    ours = getattr(optim, name.partition(" ")[0])(parameters, **options)
    steps: dict[str, Step] = {"ours": ours.step}
    if in_torch:
        made = getattr(torch.optim, in_torch)
        steps["torch for-loop"] = made(parameters, **options, foreach=False).step
        steps["torch foreach"] = made(parameters, **options, foreach=True).step
        try:
            fused = made(parameters, **options, fused=True).step
            fused()
            steps["torch fused"] = fused
        except (TypeError, RuntimeError):
            pass  # torch has no fused implementation of this optimizer on this device
    if elsewhere and importlib.util.find_spec("pytorch_optimizer"):
        import pytorch_optimizer

        made = getattr(pytorch_optimizer, elsewhere)(parameters, lr=1e-6)
        getattr(made, "train", lambda: None)()  # Schedule-Free steps in this mode only
        steps["pytorch_optimizer"] = made.step
    with warnings.catch_warnings(action="ignore"):  # SophiaG is stepped without a curvature
        ours.step()
    held = sum(isinstance(v, torch.Tensor) and v.dim() > 0 for v in ours.state[parameters[0]].values())
    reads_twice = name in BY_NORMS
    if parameters[0].is_cuda:
        steps[STREAM] = partial(_copied, parameters, (3 + 2 * held + reads_twice * (2 + held)) / 2)
    else:
        steps[STREAM] = _memory(held, reads_twice)(parameters, lr=0.0).step
    seconds = _side_by_side(steps)
    base = seconds["ours"]
    share = statistics.median(m / o for m, o in zip(seconds[STREAM], base))
    others = [
        f"{statistics.median(a / b for a, b in zip(seconds[c], base)):.1f}" if c in seconds else "" for c in COLUMNS
    ]
    return f"| {name} | {statistics.median(base) * 1e3:.2f} | {share:.0%} | {' | '.join(others)} |"


def matrix_table(device: str = "cpu") -> list[str]:
    """Return the time of a step of each rule for matrices, and the ratios of other implementations with their range."""
    lines = ["| rule | ours, ms | torch | pytorch_optimizer |", "|---|---|---|---|"]
    for name, (in_torch, elsewhere, timed) in MATRIX_RULES.items():
        made = {"ours": _on_matrices(getattr(optim, name), device)}
        if in_torch:
            made["torch"] = _on_matrices(getattr(torch.optim, in_torch), device)
        if importlib.util.find_spec("pytorch_optimizer"):
            import pytorch_optimizer

            made["pytorch_optimizer"] = _on_matrices(getattr(pytorch_optimizer, elsewhere), device)
        seconds = _side_by_side({n: partial(_steps, o, timed) for n, o in made.items()})
        ratios = {n: sorted(a / b for a, b in zip(seconds[n], seconds["ours"])) for n in made}
        texts = [
            f"{statistics.median(ratios[n]):.2f} ({ratios[n][0]:.2f} to {ratios[n][-1]:.2f})" if n in ratios else ""
            for n in ("torch", "pytorch_optimizer")
        ]
        lines.append(f"| {name} | {statistics.median(seconds['ours']) / timed * 1e3:.1f} | {' | '.join(texts)} |")
    return lines


def _on_matrices(make: Callable[..., torch.optim.Optimizer], device: str) -> torch.optim.Optimizer:
    """Return an optimizer of new weights with the shapes `MATRICES` and with gradients."""
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(shape, generator=generator).to(device).requires_grad_() for shape in MATRICES]
    for weight in weights:
        weight.grad = torch.randn(weight.shape, generator=generator).to(device)
    return make([{"params": weights, "use_muon": True}], lr=1e-6)  # pytorch_optimizer's Muon needs this key


def _steps(optimizer: torch.optim.Optimizer, amount: int) -> None:
    """Take some steps."""
    for _ in range(amount):
        optimizer.step()


def _memory(states: int, reads_twice: bool) -> type[optim.Optimizer]:
    """Return an optimizer that only accesses memory: it reads θ, g and some states, and writes θ and the states.

    An optimizer that uses norms must read the tensors twice.
    """
    names = [f"s{k}" for k in range(states)]
    step = f"lr * norm({' + '.join(['theta', 'g', *names])}) * g" if reads_twice else "lr * g"
    text = f"def stream(theta, g, t, {''.join(f'{n}=0.0, ' for n in names)}*, lr):\n"
    text += f"    return ({step}, {''.join(f'{n} + g, ' for n in names)})"
    scope: dict = {"norm": optim.norm}
    exec(text, scope)
    return type("Stream", (optim.Optimizer,), {"rule": staticmethod(scope["stream"])})


def _copied(parameters: list[torch.Tensor], copies: float) -> None:
    """Copy as many bytes as `copies` copies of all parameters: the lower bound of a step's time on a GPU."""
    global _room
    elements = round(copies * sum(p.numel() for p in parameters))
    if len(_room) < 2 * elements:
        _room = torch.ones(2 * elements, device=parameters[0].device)
    _room[:elements].copy_(_room[elements : 2 * elements])


_room = torch.empty(0)


def _side_by_side(steps: dict[str, Step]) -> dict[str, list[float]]:
    """Return the seconds per step of each variant in each round, after a warm-up; the order rotates."""
    names, repeats = list(steps), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            steps[name]()
            repeats[name] = max(1, round(LEAST_S / _seconds(steps[name], 1)))
        taken: dict[str, list[float]] = {name: [] for name in names}
        for turn in range(ROUNDS):
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                taken[name].append(_seconds(steps[name], repeats[name]))
    return taken


def _seconds(step: Step, repeats: int) -> float:
    _wait()
    began = time.perf_counter()
    for _ in range(repeats):
        step()
    _wait()
    return (time.perf_counter() - began) / repeats


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def sparse() -> list[str]:
    """Return the time of a step of Adam on an embedding of a million rows, by the number of rows in the gradient."""
    table = torch.randn(1_000_000, 64, requires_grad=True)
    optimizer = optim.Adam([table], lr=1e-3)
    lines = []
    for rows in (100, 1000, 10_000, 100_000):
        index = torch.randperm(len(table))[:rows].unsqueeze(0)
        table.grad = torch.sparse_coo_tensor(index, torch.randn(rows, 64), table.shape)
        optimizer.step()
        lines.append(f"| {rows} | {statistics.median(_seconds(optimizer.step, 3) for _ in range(7)) * 1e3:.2f} |")
    table.grad = torch.randn_like(table)
    optimizer.step()
    lines.append(f"| all, dense | {statistics.median(_seconds(optimizer.step, 1) for _ in range(7)) * 1e3:.2f} |")
    return lines


def memory() -> list[str]:
    """Return by how much the process's peak memory grows during a step, relative to the size of the state."""
    code = """
import re, sys, torch
from descend import optim

def peak():
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

weight = torch.ones(10_000, 10_000, requires_grad=True)
weight.grad = torch.ones_like(weight)
optimizer = getattr(optim, sys.argv[1])([weight], lr=1e-6)
before = peak()
for _ in range(3):
    optimizer.step()
grown = peak() - before
state = sum(v.numel() * v.element_size() for v in optimizer.state[weight].values())
print((grown - state) / state)
"""
    lines = []
    for name in ("Adam", "Adadelta", "LAMB"):
        done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
        lines.append(f"| {name} | {float(done.stdout):+.1%} |")
    return lines


def first_steps() -> list[str]:
    """Return the seconds of the first step, whose kernel is either built or loaded from the cache."""
    code = """
import sys, time, torch
from descend import optim
weight = torch.ones(1000, requires_grad=True)
weight.grad = torch.ones(1000)
optimizer = getattr(optim, sys.argv[1])([weight], lr=1e-6)
began = time.perf_counter()
optimizer.step()
print(time.perf_counter() - began)
"""
    lines = []
    for name in ("SGD", "Adam", "LAMB"):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "DESCEND_KERNELS_DIR": folder}
            command = [sys.executable, "-c", code, name]
            runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=environment) for _ in "ab"]
        cold, warm = (float(run.stdout) for run in runs)
        lines.append(f"| {name} | {cold:.3f} | {warm:.4f} |")
    return lines


def sweeps(copies: int = 32, steps: int = 60, device: str = "cpu") -> list[str]:
    """Return the speed-up of a sweep of learning rates over separate runs."""
    x, target = torch.randn(128, 64, device=device), torch.randint(10, (128,), device=device)
    lines = []
    for width in (32, 256):

        def network(width: int = width) -> torch.nn.Module:
            layers = torch.nn.Linear(64, width), torch.nn.Tanh(), torch.nn.Linear(width, 10)
            return torch.nn.Sequential(*layers).to(device)

        def loss(model: Callable, batch: tuple) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(model(batch[0]), batch[1])

        rates = torch.logspace(-4, 0, copies).tolist()
        sweep = optim.Sweep(network(), loss, optim.SGD, lr=rates, momentum=0.9)
        together = _seconds(lambda sweep=sweep: sweep.step((x, target)), steps)
        alone = 0.0
        for rate in rates:
            model = network()
            optimizer = optim.SGD(model.parameters(), lr=rate, momentum=0.9)

            def step(model: torch.nn.Module = model, optimizer: optim.Optimizer = optimizer) -> None:
                optimizer.zero_grad()
                loss(model, (x, target)).backward()
                optimizer.step()

            alone += _seconds(step, steps)
        lines.append(f"| {copies} rates, width {width} | {sweep.engine} | {alone / together:.1f} |")
    return lines
