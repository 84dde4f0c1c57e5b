"""What a recording keeps, what its properties are, and when it becomes stale."""

import os
import weakref

import pytest
import torch
import torch.nn.functional as F
from taping import Taped, assert_faithful, new_tape, tape_step
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from descend.doctor.tape import Op, StaleData

X, Y = torch.randn(12, 4), torch.randint(3, (12,))


def classifier() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def test_the_steps_graph_and_activations_are_freed() -> None:
    net = classifier()
    kept: list[weakref.ref] = []

    def step() -> Tensor:
        x = X * 2
        hidden = net[0](x)
        out = net[2](hidden.relu())
        loss = F.cross_entropy(out, Y)
        with torch.no_grad():
            metric = out.softmax(1)
        kept.extend(weakref.ref(t) for t in (x, hidden, out, loss, metric))
        return loss

    tape = new_tape()
    tape.start()
    loss = step()
    assert any(ref() is not None for ref in kept)
    recording = tape.finalise(loss)
    del loss
    assert all(ref() is None for ref in kept)
    assert recording.run({}).item() > 0


@pytest.mark.slow
def test_a_refused_tape_frees_its_tensors_at_once() -> None:
    w, kept = torch.ones(3, requires_grad=True), []
    tape = new_tape()
    tape.start()
    hidden = w * 2
    kept.append(weakref.ref(hidden))
    del hidden
    assert kept[0]() is not None
    for _ in range(20_001):
        torch.add(w, 1)
    tape.pause()
    assert kept[0]() is None


def test_only_what_the_loss_uses_is_copied() -> None:
    net, unused = classifier(), torch.randn(500)

    def step() -> Tensor:
        unused.mul(2).sum()
        loss = F.cross_entropy(net(X), Y)
        net(X).argmax(1).eq(Y).float().mean().item()
        return loss

    recording = tape_step(step, tuple(net.parameters())).recording
    assert sorted(tuple(t.shape) for t in recording.data.values()) == [(12,), (12, 4)]
    assert {id(t) for t in recording.parameters.values()} == {id(p) for p in net.parameters()}
    assert len(recording.ops) == 4


def test_frozen_parameters_are_not_copied() -> None:
    net = classifier()
    net[0].requires_grad_(False)
    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net[2].parameters()))
    assert sorted(tuple(t.shape) for t in taped.recording.data.values()) == [(12,), (12, 4)]
    assert_faithful(taped)
    with torch.no_grad():
        net[0].weight.mul_(2)  # as if unfrozen, or updated by a moving average
    now = F.cross_entropy(net(X), Y).item()
    assert taped.recording.run({}).item() == pytest.approx(now, rel=1e-6)


def test_large_data_are_watched_and_not_copied() -> None:
    x, w = torch.randn(1025, 1024), torch.randn(1024, 2, requires_grad=True)
    taped = tape_step(lambda: (x @ w).square().mean(), (w,))
    assert not taped.recording.data
    assert_faithful(taped)
    x[0, 0] += 1
    with pytest.raises(StaleData, match="changed its data"):
        taped.recording.run({})


def test_small_data_may_change_afterwards() -> None:
    net, x = classifier(), X.clone()
    taped = tape_step(lambda: F.cross_entropy(net(x), Y), tuple(net.parameters()))
    x.zero_()
    assert_faithful(taped)


@pytest.mark.parametrize(
    ("loss", "examples"),
    [
        (lambda net: F.cross_entropy(net(X), Y), 12),
        (lambda net: F.cross_entropy(target=Y[:5], input=net(X[:5])), 5),
        (lambda net: F.mse_loss(net(X[:7]), torch.zeros(7, 3)), 7),
        (lambda net: (net(X[:9]) - 1).abs().mean(), 9),
        (lambda net: sum(p.square().sum() for p in net.parameters()), 1),
    ],
)
def test_the_number_of_examples_is_found(loss, examples: int) -> None:
    net = classifier()
    assert tape_step(lambda: loss(net), tuple(net.parameters())).recording.batch_size == examples


def given_to(taped: Taped, slot: int) -> Tensor:
    caught: list[Tensor] = []
    taped.recording.run({}, replace={slot: lambda value: caught.append(value.clone()) or value})
    assert len(caught) == 1
    return caught[0]


def weight_normed() -> nn.Module:
    return nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))


def spectral_normed() -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))


def penalised_first() -> nn.Module:
    class Penalised(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            penalty = 1e-3 * self.weight.square().sum() + (self.weight * 0.5).sum()
            return super().forward(x) + penalty

    return Penalised(4, 3)


def normalised_first() -> nn.Module:
    return nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))


@pytest.mark.parametrize("make", [classifier, weight_normed, spectral_normed, penalised_first, normalised_first])
def test_the_network_input_is_found(make) -> None:
    torch.manual_seed(0)
    net = make()

    def step() -> Tensor:
        x = X.clone()
        x -= 0.5
        return F.cross_entropy(net(x.view(12, 2, 2).flatten(1)), Y)

    taped = tape_step(step, tuple(net.parameters()))
    torch.testing.assert_close(given_to(taped, taped.recording.input_slot), X - 0.5)


def test_the_input_after_a_frozen_layer_is_its_output() -> None:
    net = classifier()
    net[0].requires_grad_(False)
    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net[2].parameters()))
    torch.testing.assert_close(given_to(taped, taped.recording.input_slot), net[1](net[0](X)))


def test_a_loss_without_data_has_no_input() -> None:
    w = torch.randn(3, requires_grad=True)
    assert tape_step(lambda: w.square().sum(), (w,)).recording.input_slot is None


def test_replaced_inputs_are_replaced_once() -> None:
    """This holds for all later uses of the inputs, even if the script has changed them in place."""
    net = nn.Linear(4, 4)

    def loss(x: Tensor) -> Tensor:
        return (net(x) + x).square().mean()

    def step() -> Tensor:
        x = X.clone()
        x += 1
        return loss(x)

    taped = tape_step(step, tuple(net.parameters()))
    slot = taped.recording.input_slot
    replayed = taped.recording.run({}, replace={slot: lambda x: 3 * x - 1})
    assert replayed.item() == pytest.approx(loss(3 * (X + 1) - 1).item(), rel=1e-6)


def test_each_replayed_call_is_passed_to_watch() -> None:
    net = classifier()
    seen: list[str] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: object) -> None:
        seen.append(op.name)
        if op.name == "cross_entropy":
            assert torch.equal(args[1], Y)
            assert isinstance(result, Tensor)

    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net.parameters()))
    taped.recording.run({}, watch=watch)
    assert seen == ["linear", "relu", "linear", "cross_entropy"]


def test_a_running_tape_does_not_see_a_replay() -> None:
    net = classifier()
    first = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net.parameters()))

    def step() -> Tensor:
        first.recording.loss(first.parameters).hessian(first.parameters).products(first.gradients)
        return F.cross_entropy(net(X), Y)

    assert len(tape_step(step, tuple(net.parameters())).recording.ops) == 4


def test_a_function_mode_of_the_script_does_not_see_a_replay() -> None:
    seen: list[str] = []

    class Counter(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return func(*args, **(kwargs or {}))

    net = classifier()
    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net.parameters()))
    with Counter():
        taped.recording.run({})
        assert seen == []
        torch.zeros(1)
    assert seen == ["zeros"]


def test_present_parameters_are_used_by_default() -> None:
    net = classifier()
    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net.parameters()))
    with torch.no_grad():
        net[0].weight.mul_(3)
    assert taped.recording.run({}).item() == pytest.approx(F.cross_entropy(net(X), Y).item(), rel=1e-6)


def test_a_loss_is_multiplied_by_a_factor() -> None:
    net = classifier()
    taped = tape_step(lambda: F.cross_entropy(net(X), Y), tuple(net.parameters()))
    scaled = taped.recording.loss(taped.parameters, factor=3.0)
    assert scaled.value(taped.parameters) == pytest.approx(3 * taped.loss.item(), rel=1e-6)
    torch.testing.assert_close(scaled.gradient(taped.parameters)[0], 3 * taped.gradients[0])


def test_a_forked_worker_records_nothing() -> None:
    """A loader forks its workers while the tape is active. The workers must not record their own calls."""
    tape = new_tape()
    tape.start()
    net = classifier()
    F.cross_entropy(net(X), Y)
    reader, writer = os.pipe()
    if os.fork() == 0:
        kept = weakref.ref(torch.stack([X, X]))
        torch.add(X, 1)
        os.write(writer, b"1" if kept() is None and tape.refusal else b"0")
        os._exit(0)
    os.wait()
    tape.pause()
    assert os.read(reader, 1) == b"1"
    assert tape.refusal is None


def test_the_first_use_of_a_parameter_is_reported_once() -> None:
    net = classifier()
    frames = []
    tape = new_tape()
    tape.on_first_use = frames.append
    tape.start()
    with torch.no_grad():
        net(X)
        net[0].weight.sub_(0.1)
    assert frames == []
    F.cross_entropy(net(X), Y)
    tape.pause()
    assert [frame.f_code.co_name for frame in frames] == ["forward"]


def test_the_last_parameter_dependent_value_is_the_root_of_an_evaluation() -> None:
    net = classifier()
    tape = new_tape()
    tape.start()
    with torch.no_grad():
        right = net(X.flip(0)).argmax(1) == Y
    X.mean(), torch.zeros(3).add_(1)
    recording = tape.finalise_last()
    assert torch.equal(recording.run({}), right) and [op.name for op in recording.ops][-1] in ("eq", "__eq__")
    tape.start()
    X.mean()
    assert tape.finalise_last() is None
    tape.pause()
