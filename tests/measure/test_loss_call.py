import pytest
import torch
import torch.nn.functional as F
from moments import record
from torch import Tensor, nn

from descend.doctor.measure.loss_call import loss_call, setting
from descend.doctor.measure.snapshot import forward

torch.manual_seed(0)
X, T, Y, W = torch.randn(20, 4), torch.randn(20, 1), torch.randint(3, (20,)), torch.rand(20)
EACH = torch.arange(20)
B, HOT = (torch.rand(20, 1) > 0.5).float(), torch.eye(3)[Y]
real, scores = nn.Linear(4, 1), nn.Linear(4, 3)


def logp(x: Tensor = X) -> Tensor:
    return scores(x).log_softmax(1)


def squared_twice() -> Tensor:
    error = T - real(X)
    return (error * error).mean()


BY_HAND = {
    "squares": (lambda: ((real(X) - T) ** 2).mean(), "mse_loss"),
    "target first": (lambda: ((T - real(X)) ** 2).mean(), "mse_loss"),
    "pow": (lambda: (real(X) - T).pow(2).mean(), "mse_loss"),
    "square": (lambda: torch.square(torch.sub(real(X), T)).sum() / 20, "mse_loss"),
    "times itself": (squared_twice, "mse_loss"),
    "halved": (lambda: 0.5 * torch.mean((real(X) - T) ** 2), "mse_loss"),
    "a sum for each example": (lambda: ((real(X) - T) ** 2).sum(1).mean(), "mse_loss"),
    "a target in the prediction's shape": (lambda: ((real(X) - T[:, 0].view_as(real(X))) ** 2).mean(), "mse_loss"),
    "with a penalty": (lambda: ((real(X) - T) ** 2).mean() + 0.1 * real.weight.square().sum(), "mse_loss"),
    "a root of the mean": (lambda: (((real(X) - T) ** 2).mean() + 1e-8).sqrt(), "mse_loss"),
    "a norm": (lambda: torch.norm(real(X) - T), "mse_loss"),
    "another norm": (lambda: torch.linalg.norm(T - real(X)), "mse_loss"),
    "absolute": (lambda: (real(X) - T).abs().mean(), "l1_loss"),
    "torch.abs": (lambda: torch.abs(T - real(X)).sum(), "l1_loss"),
    "picked by a range": (lambda: -logp()[range(20), Y].mean(), "nll_loss"),
    "picked by a tensor": (lambda: -logp()[EACH, Y].mean(), "nll_loss"),
    "picked and summed": (lambda: logp()[torch.arange(20), Y].sum() / -20, "nll_loss"),
    "gathered": (lambda: -logp().gather(1, Y[:, None]).mean(), "nll_loss"),
    "gathered by name": (lambda: -logp().gather(dim=1, index=Y.unsqueeze(1)).squeeze(1).mean(), "nll_loss"),
}


@pytest.mark.parametrize("written", BY_HAND)
def test_a_loss_written_by_hand(written: str) -> None:
    step, function = BY_HAND[written]
    recording = record(step)
    call = loss_call(recording)
    assert call is not None and call.by_hand
    assert (call.function, call.task) == (function, "classes" if function == "nll_loss" else "real")
    prediction, target = forward(recording, evaluation=False).pair
    torch.testing.assert_close(prediction, logp() if function == "nll_loss" else real(X))
    assert torch.equal(target, Y if function == "nll_loss" else T)


def binary(form) -> Tensor:
    return form(real(X).sigmoid())


BINARY = {
    "two terms": lambda p: -(B * p.log() + (1 - B) * (1 - p).log()).mean(),
    "kept off zero": lambda p: -torch.mean(B * torch.log(p + 1e-12) + (1 - B) * torch.log(1 - p + 1e-12)),
    "the logarithm first": lambda p: -(torch.log(p) * B + torch.log(1.0 - p) * (1.0 - B)).sum() / 20,
    "two signs": lambda p: (-B * torch.log(p) - (1 - B) * torch.log(1 - p)).mean(),
    "in bounds": lambda p: (lambda q: -(B * q.log() + (1 - B) * (1 - q).log()).mean())(p.clamp(1e-7, 1 - 1e-7)),
}


@pytest.mark.parametrize("written", BINARY)
def test_a_binary_cross_entropy_written_by_hand(written: str) -> None:
    recording = record(lambda: binary(BINARY[written]))
    call = loss_call(recording)
    assert call is not None and (call.function, call.by_hand) == ("binary_cross_entropy", True)
    assert call.activation is not None and call.activation.name == "sigmoid"
    prediction, target = forward(recording, evaluation=False).pair
    torch.testing.assert_close(prediction, real(X).sigmoid())
    torch.testing.assert_close(target, B)


CLASSES = {
    "softmax": lambda: -(HOT * scores(X).softmax(1).log()).sum(1).mean(),
    "kept off zero": lambda: -torch.sum(HOT * torch.log(scores(X).softmax(1) + 1e-12)) / 20,
    "log_softmax": lambda: -(HOT * logp()).sum(1).mean(),
}


@pytest.mark.parametrize("written", CLASSES)
def test_a_cross_entropy_of_distributions_written_by_hand(written: str) -> None:
    recording = record(CLASSES[written])
    call = loss_call(recording)
    assert call is not None and (call.function, call.by_hand) == ("nll_loss", True)
    prediction, target = forward(recording, evaluation=False).pair
    torch.testing.assert_close(prediction, logp())
    assert torch.equal(target, HOT)


def test_an_activation_is_found_through_a_clamp() -> None:
    call = loss_call(record(lambda: F.binary_cross_entropy(real(X).relu().clamp(1e-7, 1 - 1e-7), B)))
    assert call is not None and call.activation is not None and call.activation.name == "relu"
    rectified = loss_call(record(lambda: F.mse_loss(real(X).clamp(min=0), T)))
    assert rectified is not None and rectified.activation is None


def test_the_output_activation_of_a_handwritten_loss_is_found() -> None:
    call = loss_call(record(lambda: ((real(X).sigmoid().reshape(-1, 1) - T) ** 2).mean()))
    assert call is not None and call.activation is not None and call.activation.name == "sigmoid"
    call = loss_call(record(lambda: -logp()[EACH, Y].mean()))
    assert call is not None and call.activation is not None and call.activation.name == "log_softmax"


def sampled(log_probabilities: Tensor) -> Tensor:
    return torch.multinomial(log_probabilities.exp().detach(), 1)


def reinforce_with_sampled_actions() -> Tensor:
    log_probabilities = logp()
    return -log_probabilities[EACH, sampled(log_probabilities).squeeze(1)].mean()


def reinforce_gathering_sampled_actions() -> Tensor:
    log_probabilities = logp()
    return -log_probabilities.gather(1, sampled(log_probabilities)).mean()


def q_learning() -> Tensor:
    with torch.no_grad():
        target = W[:, None] + 0.9 * real(X + 1)
    return ((real(X) - target) ** 2).mean()


NOT_BY_HAND = {
    "sampled actions": reinforce_with_sampled_actions,
    "gathered sampled actions": reinforce_gathering_sampled_actions,
    "weighted by returns": lambda: -(logp()[EACH, Y] * W).mean(),
    "weighted errors": lambda: ((real(X) - T).square() * W[:, None]).mean(),
    "a target made of parameters": q_learning,
    "weighted classes": lambda: binary(lambda p: -(2 * B * p.log() + (1 - B) * (1 - p).log()).mean()),
    "focal": lambda: binary(lambda p: -(B * (1 - p) ** 2 * p.log() + (1 - B) * p**2 * (1 - p).log()).mean()),
    "logarithms of two predictions": lambda: -(B * real(X).sigmoid().log() + (1 - B) * (1 - W[:, None]).log()).mean(),
    "a difference of two predictions": lambda: ((real(X) - real(X + 1)) ** 2).mean(),
    "a number is no target": lambda: ((real(X) - 1.0) ** 2).mean(),
    "a norm of another order": lambda: torch.norm(real(X) - T, 1),
    "a root of each distance": lambda: (real(X) - T).abs().sqrt().mean(),
    "distances in an exponent": lambda: (-((real(X) - T) ** 2)).exp().mean(),
    "probabilities, no logarithm": lambda: -scores(X).softmax(1)[EACH, Y].mean(),
    "no average": lambda: ((real(X) - T) ** 2).max(),
    "a centred input": lambda: scores(X - scores.weight[0]).square().mean(),
    "two calls": lambda: F.mse_loss(real(X), T) + F.binary_cross_entropy_with_logits(real(X + 1), T.sigmoid()),
    "the same call twice": lambda: F.cross_entropy(scores(X), Y) + F.cross_entropy(scores(-X), Y),
}


@pytest.mark.parametrize("written", NOT_BY_HAND)
def test_expressions_that_only_resemble_a_loss_are_not_recognised(written: str) -> None:
    recording = record(NOT_BY_HAND[written])
    assert loss_call(recording) is None
    assert forward(recording, evaluation=False).pair is None


SEVERAL = {
    "two terms": lambda: ((real(X) - T) ** 2).mean() + ((real(-X) - T) ** 2).mean(),
    "a term for each time step": lambda: sum(((real(x) - t) ** 2).mean() for x, t in zip(X.split(5), T.split(5))),
}


@pytest.mark.parametrize("written", SEVERAL)
def test_several_handwritten_losses_have_no_single_task(written: str) -> None:
    assert loss_call(record(SEVERAL[written])) is None


@pytest.mark.parametrize("power", [3, 4])
def test_another_power_is_not_a_squared_error(power: int) -> None:
    assert loss_call(record(lambda: ((real(X) - T) ** power).mean())) is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.mse_loss(real(X), T),
        lambda: F.mse_loss(real(X), target=T),
        lambda: F.mse_loss(target=T, input=real(X)),
        pytest.param(
            lambda: F.mse_loss(T, real(X)),
        ),
    ],
)
def test_prediction_and_target_of_a_named_loss(call) -> None:
    recording = record(call)
    found = loss_call(recording)
    assert found is not None and not found.by_hand and found.function == "mse_loss"
    prediction, target = forward(recording, evaluation=False).pair
    assert torch.equal(prediction, real(X)) and torch.equal(target, T)


def test_classes_gathered_for_each_place_in_a_sequence() -> None:
    recording = record(lambda: -scores(X.reshape(4, 5, 4)).log_softmax(2).gather(2, Y.reshape(4, 5, 1)).mean())
    call = loss_call(recording)
    pair = forward(recording, evaluation=False).pair
    assert (
        call is None
        or pair is None
        or F.nll_loss(*pair).item() == pytest.approx(-logp()[EACH, Y].mean().item(), rel=1e-5)
    )


def test_a_loss_function_is_preferred_to_a_handwritten_loss() -> None:
    call = loss_call(record(lambda: F.cross_entropy(scores(X), Y) + 0.1 * ((scores.bias - torch.ones(3)) ** 2).mean()))
    assert call is not None and (call.function, call.by_hand) == ("cross_entropy", False)


def test_settings_are_read_by_name() -> None:
    call = loss_call(record(lambda: F.cross_entropy(scores(X), Y, reduction="sum", ignore_index=1)))
    assert call is not None
    assert (setting(call, "reduction"), setting(call, "ignore_index")) == ("sum", 1)
    call = loss_call(record(lambda: nn.CrossEntropyLoss(reduction="sum")(scores(X), Y)))
    assert call is not None and setting(call, "reduction") == "sum"
    call = loss_call(record(lambda: ((real(X) - T) ** 2).mean()))
    assert call is not None and setting(call, "reduction") is None
