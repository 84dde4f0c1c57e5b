"""What the parts around the rule cost: averaging, clipping and noise of a step, growing batches, checkpoints."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from side_by_side import Ratio, paired
from torch import nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from descend import optim
from descend.averaging import Checkpoint, bias_corrected_ema
from descend.data import GrowingBatches, Reshuffled
from descend.schedules import Step

PAIRS, STEPS = 41, 6
EPOCHS = 25  # pairs of them: what is compared differs by a hundredth


def transformer() -> tuple[nn.Module, torch.Tensor]:
    """Return six blocks of width 256 (4.7 million parameters), and a batch of 16 sequences of 64."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    return nn.TransformerEncoder(layer, 6, enable_nested_tensor=False), torch.randn(16, 64, 256)


def convolutions() -> tuple[nn.Module, torch.Tensor]:
    """Return five convolutions (1.5 million parameters), and a batch of 32 images of 32 × 32."""
    sizes = [3, 64, 128, 256, 256, 256]
    parts = [p for a, b in zip(sizes, sizes[1:]) for p in (nn.Conv2d(a, b, 3, 2 if a > 3 else 1, 1), nn.ReLU())]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(1024, 256)), torch.randn(32, 3, 32, 32)


MODELS = {"transformer, 4.7 M": transformer, "convolutions, 1.8 M": convolutions}
PARTS: dict[str, Callable[[nn.Module], Callable[[int], object]]] = {
    "moving average": lambda model: _averaging(model, multi_avg_fn=bias_corrected_ema(0.999)),
    "Polyak's average (torch)": lambda model: _averaging(model),
    "clip_grad_norm_ (torch)": lambda model: lambda step: nn.utils.clip_grad_norm_(model.parameters(), 1e-3),
    "clip_unit_norm_": lambda model: lambda step: optim.clip_unit_norm_(model.parameters(), 1e-3),
    "QuantileClip": lambda model: _quantile(model),
    "gradient_noise_": lambda model: lambda step: optim.gradient_noise_(model.parameters(), step),
}


def _averaging(model: nn.Module, **options: object) -> Callable[[int], object]:
    averaged = AveragedModel(model, **options)
    return lambda step: averaged.update_parameters(model)


def _quantile(model: nn.Module) -> Callable[[int], object]:
    clip = optim.QuantileClip(model.parameters())
    return lambda step: clip()


def costs() -> Iterator[str]:
    """Yield a row for each part: a step with it over one without it, model by model."""
    for part, make in PARTS.items():
        yield f"| {part} | {' | '.join(str(_cost(model, make)) for model in MODELS.values())} |"


def _cost(build: Callable[[], tuple[nn.Module, torch.Tensor]], make: Callable) -> Ratio:
    torch.manual_seed(0)
    model, inputs = build()
    optimizer = optim.Adam(model.parameters(), lr=1e-4)
    extra = make(model)

    def steps(*, is_with: bool) -> float:
        began = time.perf_counter()
        for step in range(STEPS):
            optimizer.zero_grad()
            model(inputs).square().mean().backward()
            if is_with:
                extra(step)
            optimizer.step()
        return time.perf_counter() - began

    return paired(lambda: steps(is_with=True), lambda: steps(is_with=False), PAIRS)


def loader() -> Iterator[str]:
    """Yield the examples per second of a loader of growing batches over those of a fixed one of the same mean size."""
    count = 40_000
    data = TensorDataset(torch.randn(count, 64), torch.zeros(count, dtype=torch.long))
    made = GrowingBatches(Reshuffled(count), 16, Step(400, decay=2.0))
    mean = round(count / len(made))
    for name, work in (("loading alone", 0), ("and a step of a small network", 1)):
        model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
        sgd = torch.optim.SGD(model.parameters(), lr=0.01)

        def epoch(sampler: object, work: int = work, model: nn.Module = model, sgd: object = sgd) -> float:
            began = time.perf_counter()
            for x, y in DataLoader(data, batch_sampler=sampler):
                if work:
                    sgd.zero_grad()
                    cross_entropy(model(x), y).backward()
                    sgd.step()
            return time.perf_counter() - began

        def growing(epoch: Callable = epoch) -> float:
            return epoch(GrowingBatches(Reshuffled(count), 16, Step(400, decay=2.0)))

        def fixed(epoch: Callable = epoch) -> float:
            return epoch(BatchSampler(RandomSampler(range(count)), mean, drop_last=False))

        yield f"| {name} | {mean} | {paired(fixed, growing, EPOCHS)} |"


def checkpoints() -> Iterator[str]:
    """Yield the time of a checkpoint over that of `torch.save` of the same states."""
    model, _ = transformer()
    adam = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    adam.step()
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.pt")
        for durable in (False, True):
            checkpoint = Checkpoint(Path(folder, "atomic.pt"), durable=durable, model=model, optimizer=adam)

            def atomic(checkpoint: Checkpoint = checkpoint) -> float:
                began = time.perf_counter()
                checkpoint.save(1)
                return time.perf_counter() - began

            def torchs() -> float:
                began = time.perf_counter()
                torch.save({"model": model.state_dict(), "optimizer": adam.state_dict()}, plain)
                return time.perf_counter() - began

            took = statistics.median(torchs() for _ in range(5))
            size = plain.stat().st_size / 1e6 if plain.exists() else 0
            name = "durable" if durable else "default"
            yield f"| {name} | {size:.0f} MB, {took * 1e3:.0f} ms | {paired(atomic, torchs, EPOCHS)} |"
