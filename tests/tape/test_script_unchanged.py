"""Things that scripts do around the loss: each step is recorded, and its replay equals the step."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from taping import Taped, assert_faithful, new_tape, tape_step
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from training import Step

from descend.doctor.tape import NotReplayable, Tape


@pytest.fixture
def train() -> Step:
    return Step()


def test_a_printed_accuracy_does_not_matter(train: Step) -> None:
    def step() -> Tensor:
        logits = train.net(train.x)
        right = (logits.argmax(1) == train.y).float().mean().item()
        assert 0 <= right <= 1
        print(f"{right:.3f}", logits[0], f"{logits.std():.3f}")
        return F.cross_entropy(logits, train.y)

    taped = train.taped(step)
    assert_faithful(taped)
    assert [op.name for op in taped.recording.ops] == ["linear", "relu", "dropout", "linear", "cross_entropy"]


def test_a_printed_previous_loss_does_not_matter(train: Step) -> None:
    def step() -> Tensor:
        total = train.previous.item() + float(train.previous.detach()) + train.previous.detach().numpy()
        print(total)
        return train.forward()

    assert_faithful(train.taped(step))


def test_logged_parts_of_the_loss_do_not_matter(train: Step) -> None:
    log: list[float] = []

    def step() -> Tensor:
        data = train.forward()
        log.append(data.item())
        penalty = sum(p.square().sum() for p in train.net.parameters())
        log.append(float(penalty))
        loss = data + 1e-4 * penalty
        log.append(loss.item())
        return loss / 4

    assert_faithful(train.taped(step))
    assert len(log) == 3


def test_control_flow_by_comparisons_is_replayed(train: Step) -> None:
    def step() -> Tensor:
        logits = train.net(train.x)
        if logits.isnan().any() or logits.abs().max() > 1e6 or not bool(torch.isfinite(logits).all()):
            raise ValueError
        loss = F.cross_entropy(logits, train.y)
        return loss * 2 if loss.item() > 0.1 else loss

    assert_faithful(train.taped(step))


@pytest.mark.parametrize("after", [False, True])
def test_gradients_cleared_in_place_do_not_matter(train: Step, after: bool) -> None:
    def step() -> Tensor:
        loss = train.forward() if after else None
        train.optimizer.zero_grad(set_to_none=False)
        for p in train.net.parameters():
            p.grad.zero_()
        return train.forward() if loss is None else loss

    assert_faithful(train.taped(step))


def test_large_gradients_cleared_after_the_forward_pass_do_not_matter() -> None:
    w = torch.randn(1200, 1000, requires_grad=True)
    w.grad = torch.ones_like(w)
    x = torch.randn(3, 1200)

    def step() -> Tensor:
        out = x @ w
        w.grad.zero_()
        return out.square().mean()

    assert_faithful(tape_step(step, (w,)))


@pytest.mark.parametrize("how", ["data", "no_grad", "set", "alias", "detach", "copy"])
def test_manual_updates_before_the_forward_pass_are_not_replayed(train: Step, how: str) -> None:
    aliases = [p.data for p in train.net.parameters()]

    def step() -> Tensor:
        for p, alias in zip(train.net.parameters(), aliases):
            if how == "data":
                p.data -= 0.1 * p.grad
            elif how == "set":
                p.data = p.data - 0.1 * p.grad
            elif how == "alias":
                alias -= 0.1 * p.grad
            elif how == "detach":
                p.detach().sub_(0.1 * p.grad)
            else:
                with torch.no_grad():
                    p.copy_(p - 0.1 * p.grad) if how == "copy" else p.sub_(0.1 * p.grad)
        return train.forward()

    before = [p.detach().clone() for p in train.net.parameters()]
    taped = train.taped(step)
    after = [p.detach().clone() for p in train.net.parameters()]
    assert not torch.equal(before[0], after[0])
    assert_faithful(taped)
    assert all(torch.equal(p, a) for p, a in zip(train.net.parameters(), after))
    assert "sub_" not in [op.name for op in taped.recording.ops]


def test_batches_of_a_loader_are_data(train: Step) -> None:
    loader = DataLoader(TensorDataset(train.x, train.y), batch_size=4, shuffle=True)

    def step() -> Tensor:
        x, y = next(iter(loader))
        return F.cross_entropy(train.net(x), y)

    assert_faithful(train.taped(step))


@pytest.mark.parametrize("shift", [np.float64(0.3), 0.25, 1])
def test_data_changed_in_place_before_the_forward_pass_are_replayed(train: Step, shift: float) -> None:
    def step() -> Tensor:
        train.x += shift
        train.x[0] = 0
        train.x.clamp_(-1, 1)
        return train.forward()

    taped = train.taped(step)
    kept = train.x.clone()
    assert_faithful(taped)
    assert torch.equal(train.x, kept)


def test_a_replay_does_not_change_numpy_data(train: Step) -> None:
    array = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)

    def step() -> Tensor:
        x = torch.from_numpy(array)
        x -= x.mean(0)
        return F.cross_entropy(train.net(torch.as_tensor(x)), torch.as_tensor(train.y.numpy()))

    taped = train.taped(step)
    kept = array.copy()
    assert_faithful(taped)
    assert np.array_equal(array, kept)
    array[:] = 0
    assert_faithful(taped)  # the recording has its own copy


def test_an_index_array_may_change_after_the_step(train: Step) -> None:
    index = np.array([1, 3, 5])

    def step() -> Tensor:
        return F.cross_entropy(train.net(train.x)[index], train.y[index])

    taped = train.taped(step)
    index[:] = 0
    assert_faithful(taped)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_a_validation_pass_before_the_step_is_not_replayed(train: Step, mode: type) -> None:
    held_out = torch.randn(30, 4)
    curve: list[float] = []

    def step() -> Tensor:
        train.net.eval()
        with mode():
            out = train.net(held_out)
            curve.append(F.cross_entropy(out, torch.zeros(30, dtype=torch.long)).item())
            curve.extend(out.detach().numpy().mean(0).tolist())
        train.net.train()
        return train.forward()

    taped = train.taped(step)
    assert_faithful(taped)
    assert len(taped.recording.ops) == 5  # the validation is not replayed
    assert {t.shape[0] for t in taped.recording.data.values()} == {10}


def test_features_made_in_inference_mode_are_data(train: Step) -> None:
    with torch.inference_mode():
        x = train.x * 2
    assert_faithful(train.taped(lambda: F.cross_entropy(train.net(x.clone()), train.y)))


def test_random_numbers_of_python_and_numpy_are_kept(train: Step) -> None:
    def step() -> Tensor:
        mixed = random.random() * train.x + np.random.rand() * train.x.flip(0)
        torch.manual_seed(random.randrange(100))
        return F.cross_entropy(train.net(mixed), train.y)

    assert_faithful(train.taped(step))


def test_a_copy_of_the_model_does_not_matter(train: Step) -> None:
    import copy

    def step() -> Tensor:
        loss = train.forward()
        twin = copy.deepcopy(train.net)
        assert twin(train.x).shape == (10, 3)
        return loss

    assert_faithful(train.taped(step))


def test_tensors_in_slices_are_replayed(train: Step) -> None:
    length = torch.tensor(7)
    assert_faithful(train.taped(lambda: F.cross_entropy(train.net(train.x[:length]), train.y[:length])))


def test_tensor_subclasses_are_replayed(train: Step) -> None:
    class Image(torch.Tensor):
        pass

    x = train.x.as_subclass(Image)
    assert_faithful(train.taped(lambda: F.cross_entropy(train.net(x * 2), train.y)))


def test_subclasses_that_change_operations_are_replayed(train: Step) -> None:
    class Doubled(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            result = super().__torch_function__(func, types, args, kwargs or {})
            return result * 2 if func is F.linear else result

    x = train.x.as_subclass(Doubled)
    assert_faithful(train.taped(lambda: F.cross_entropy(train.net(x), train.y)))


def test_a_tensor_that_cannot_be_copied_does_not_stop_the_script(train: Step) -> None:
    class Jealous(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            if func in (torch.Tensor.clone, torch.Tensor.detach):
                raise TypeError("not to be copied")
            return super().__torch_function__(func, types, args, kwargs or {})

    x = train.x.as_subclass(Jealous)
    tape = new_tape()
    tape.start()
    loss = F.cross_entropy(train.net(x), train.y)
    with pytest.raises(NotReplayable, match="linear cannot be recorded: not to be copied"):
        tape.finalise(loss)
    loss.backward()


def test_a_default_device_does_not_matter(train: Step) -> None:
    with torch.device("cpu"):
        taped = train.taped(lambda: F.cross_entropy(train.net(train.x + torch.ones(4)), train.y))
    assert_faithful(taped)


def test_gradient_accumulation_with_a_loader_is_replayed(train: Step) -> None:
    loader = iter(DataLoader(TensorDataset(train.x, train.y), batch_size=5))
    tape: Tape = new_tape()
    tape.start()
    total = torch.zeros(())
    for _ in range(2):
        tape.restart()
        tape.pause()
        x, y = next(loader)
        tape.resume()
        tape.resume()  # a loader inside a loader ends twice
        total = total + F.cross_entropy(train.net(x), y) / 2
    recording = tape.finalise(total)
    parameters = tuple(train.net.parameters())
    assert_faithful(Taped(recording, total.detach(), parameters, torch.autograd.grad(total, parameters)))
    assert torch.overrides._len_torch_function_stack() == 0


def test_a_recording_over_the_memory_limit_is_not_kept() -> None:
    net, x, y = torch.nn.Linear(4, 3), torch.randn(6, 4), torch.randint(3, (6,))
    tape = new_tape()
    tape.room = 4 * 6 * 3
    tape.start()
    scores = net(x)
    assert tape.refusal is None
    loss = F.cross_entropy(scores, y)
    with pytest.raises(NotReplayable, match="too large to be kept"):
        tape.finalise(loss)
