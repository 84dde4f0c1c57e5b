import copy

import pytest
import torch
from networks import NETWORKS, Network
from taping import assert_faithful, tape_step
from torch import Tensor

from descend.doctor.tape.randomness import RandomState
from descend.landscape import CurvatureUnavailable, top_eigenpair

NO_SECOND_DERIVATIVE = "embedding_bag"  # torch has no second derivative of it
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


@pytest.fixture
def network(make: object) -> Network:
    torch.manual_seed(0)
    return make()


def changing(network: Network) -> dict[str, Tensor]:
    return {} if network.module is None else dict(network.module.named_buffers())


@pytest.mark.slow
@every_network
def test_a_replay_equals_the_step(network: Network) -> None:
    taped = tape_step(network.step, network.parameters)
    assert_faithful(taped, network.tolerance)


@every_network
def test_recording_changes_nothing(network: Network) -> None:
    """A recorded step gives the same loss, buffers and random states as one without a tape."""
    alone = copy.deepcopy(changing(network))
    state = torch.get_rng_state()
    bare = network.step().detach()
    after, streams = copy.deepcopy(changing(network)), RandomState.now()
    for name, buffer in changing(network).items():
        buffer.copy_(alone[name])
    torch.set_rng_state(state)
    if network.step.__qualname__.startswith("random_noise"):
        pytest.skip("its own generator has moved on")
    taped = tape_step(network.step, network.parameters)
    assert torch.equal(taped.loss, bare)
    assert RandomState.now() == streams
    for name, buffer in changing(network).items():
        assert torch.equal(buffer, after[name]), name


@pytest.mark.slow
@every_network
def test_replays_and_hessian_products_have_no_side_effects(network: Network) -> None:
    hooked: list[str] = []
    for parameter in network.parameters:
        parameter.grad = torch.ones_like(parameter)
        parameter.register_hook(lambda grad: hooked.append("gradient"))
        parameter.register_post_accumulate_grad_hook(lambda p: hooked.append("accumulated"))
    for module in network.module.modules() if network.module is not None else ():
        module.register_forward_hook(lambda *_: hooked.append("forward"))
    taped = tape_step(network.step, network.parameters)
    hooked.clear()
    buffers, streams = copy.deepcopy(changing(network)), RandomState.now()
    values = [p.detach().clone() for p in network.parameters]
    loss = taped.recording.loss(network.parameters)
    loss.value(network.parameters)
    loss.gradient(network.parameters)
    if NO_SECOND_DERIVATIVE not in network.step.__qualname__:
        loss.hessian(network.parameters).products(values)
    taped.recording.run({}, evaluation=True)
    assert RandomState.now() == streams
    assert hooked == []
    for name, buffer in changing(network).items():
        assert torch.equal(buffer, buffers[name]), name
    for parameter, value in zip(network.parameters, values):
        assert torch.equal(parameter, value)
        assert torch.equal(parameter.grad, torch.ones_like(parameter))


@every_network
def test_the_curvature_is_finite(network: Network) -> None:
    taped = tape_step(network.step, network.parameters)
    start = [torch.ones_like(p) for p in network.parameters]
    if NO_SECOND_DERIVATIVE in network.step.__qualname__:
        with pytest.raises(CurvatureUnavailable, match="embedding_bag"):
            taped.recording.loss(network.parameters).hessian(network.parameters).products(start)
        return
    top = top_eigenpair(taped.recording.loss(network.parameters).hessian(network.parameters), start, iterations=3)
    assert abs(top.value) < float("inf")
    assert any(bool(v.count_nonzero()) for v in top.vector)


@pytest.mark.slow
@every_network
def test_a_replay_at_other_parameters_equals_the_script(network: Network) -> None:
    """At other parameters, a replay gives the loss that the script itself would compute there."""
    if network.step.__qualname__.startswith("random_noise"):
        pytest.skip("its own generator has moved on")
    buffers, state = copy.deepcopy(changing(network)), torch.get_rng_state()
    taped = tape_step(network.step, network.parameters)
    with torch.no_grad():
        for parameter in network.parameters:
            parameter.mul_(0.7).add_(0.01)
    replayed = taped.recording.loss(network.parameters).value(network.parameters)
    for name, buffer in changing(network).items():
        buffer.copy_(buffers[name])
    torch.set_rng_state(state)
    assert replayed == pytest.approx(network.step().item(), rel=max(network.tolerance, 1e-6))


def test_attention_in_16_bits_is_replayed_exactly_with_the_same_kernels() -> None:
    torch.manual_seed(0)
    x = torch.randn(8, 33, 16)
    layers = torch.nn.ModuleList(torch.nn.Linear(16, 48) for _ in range(3))

    def step() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            h = x
            for layer in layers:
                q, k, v = layer(h).view(8, 33, 3, 2, 8).permute(2, 0, 3, 1, 4)
                h = torch.nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(8, 33, 16)
        return h.float().square().sum()

    parameters = tuple(layers.parameters())
    taped = tape_step(step, parameters)
    replayed = taped.recording.loss(parameters, same_kernels=True).value(parameters)
    assert replayed == float(taped.loss) != taped.recording.loss(parameters).value(parameters)
