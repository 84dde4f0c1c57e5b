"""Optimizers take their steps on a GPU, and a CUDA graph can capture a step."""

import pytest
import torch
from rules import RULES, make, tensors

from descend import optim

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def on_gpu(values: list[torch.Tensor]) -> list[torch.Tensor]:
    return [value.detach().cuda().requires_grad_() for value in values]


def give(parameters: list[torch.Tensor], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for parameter in parameters:
        gradient = torch.randn(parameter.shape, generator=generator).to(parameter)
        parameter.grad = gradient if parameter.grad is None else parameter.grad.copy_(gradient)


@pytest.mark.parametrize("name", RULES)
def test_steps_on_a_gpu_agree_with_the_cpu(name):
    here, there = tensors((7, 3), (1000,)), on_gpu(tensors((7, 3), (1000,)))
    first, second = make(name, here), make(name, there)
    for step in range(10):
        give(here, step)
        give(there, step)
        first.step()
        second.step()
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b.cpu(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "LAMB"])
def test_one_kernel_takes_the_step_in_every_precision(name, dtype):
    shapes = (7, 3), (100_000,), (), (3, 4, 5)
    here = [value.detach().to(dtype).requires_grad_() for value in tensors(*shapes)]
    there = [value.detach().to(dtype).cuda().requires_grad_() for value in tensors(*shapes)]
    first, second = make(name, here), make(name, there)
    for step in range(5):
        give(here, step)
        give(there, step)
        first.step()
        second.step()
    assert second.engine == "native"
    rounding = torch.finfo(dtype).eps
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a.float(), b.cpu().float(), rtol=max(4 * rounding, 1e-6), atol=max(rounding / 2, 1e-6))


@pytest.mark.parametrize("name", ["Adam", "LAMB"])
def test_a_step_gives_the_same_bits_every_time(name):
    ends = []
    for _ in range(2):
        there = on_gpu(tensors((300, 300), (100_000,)))
        optimizer = make(name, there)
        for step in range(5):
            give(there, step)
            optimizer.step()
        ends.append(torch.cat([value.detach().flatten() for value in there]))
    assert torch.equal(*ends)


def test_a_parameter_that_starts_later_has_its_own_step_count():
    here, there = tensors((7, 3), (1000,)), on_gpu(tensors((7, 3), (1000,)))
    first, second = make("Adam", here), make("Adam", there)
    for step in range(6):
        give(here[: 1 + step // 3], step)
        give(there[: 1 + step // 3], step)
        first.step()
        second.step()
    assert second.engine == "native"
    for a, b in zip(here, there, strict=True):
        assert torch.allclose(a, b.cpu(), rtol=1e-5, atol=1e-6)


def test_capturing_a_graph_without_capturable_is_rejected():
    there = on_gpu(tensors((7, 3)))
    optimizer = make("Adam", there)
    give(there, 0)
    optimizer.step()
    with pytest.raises(RuntimeError, match="capturable=True"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        optimizer.step()


@pytest.mark.parametrize("name", ["SGD momentum", "Adam", "NAdam", "RMSprop", "LAMB"])
def test_a_cuda_graph_replays_the_step(name):
    plain, captured = (on_gpu(tensors((7, 3), (1000,))) for _ in range(2))
    first, second = (make(name, p, capturable=True) for p in (plain, captured))
    give(captured, 0)
    second.step()  # makes the state
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        second.step()
    for step in range(6):
        give(plain, step)
        first.step()
        if step:
            give(captured, step)
            graph.replay()
    for a, b in zip(plain, captured, strict=True):
        assert torch.allclose(a, b, rtol=1e-5)


def test_a_sweep_runs_on_the_device_of_its_model():
    x, y = torch.randn(20, 3), torch.randn(20, 1)
    losses = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1).to(device)
        batch = x.to(device), y.to(device)
        sweep = optim.Sweep(
            model, lambda model, batch: (model(batch[0]) - batch[1]).square().mean(), optim.Adam, lr=[0.01, 0.1]
        )
        for _ in range(9):
            last = sweep.step(batch)
        losses.append(last.cpu())
    assert torch.allclose(*losses, rtol=1e-4)
