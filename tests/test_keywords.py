"""Every public callable refuses a misspelt keyword argument."""

import importlib
import inspect

import pytest
import torch
from torch import nn

from descend import network, optim, schedules

PARTS = ("data", "averaging", "landscape", "network", "optim", "parallel", "schedules", "trajectories")
ANY_NAME = {"Checkpoint": "its keyword arguments are the names of the parts that it saves"}


def weights():
    return [torch.ones(1, requires_grad=True)]


def public_callables():
    for part in PARTS:
        module = importlib.import_module(f"descend.{part}")
        for name in module.__all__:
            if callable(value := getattr(module, name)):
                yield name, value


def takes_any_keyword(value):
    try:
        parameters = inspect.signature(value).parameters.values()
    except ValueError:  # an exception class, which takes no keyword argument at all
        return False
    is_interface = inspect.isabstract(value) or getattr(value, "_is_protocol", False)
    return not is_interface and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


MADE = {
    "Sweep": lambda **options: optim.Sweep(nn.Linear(1, 1), None, optim.SGD, lr=[0.1, 0.2], **options),
    "NormPropLinear": lambda **options: network.NormPropLinear(2, 3, **options),
    "NormPropConv2d": lambda **options: network.NormPropConv2d(2, 3, 3, **options),
    "ReduceLROnSmoothedPlateau": lambda **options: schedules.ReduceLROnSmoothedPlateau(optim.SGD(weights()), **options),
    "Scheduler": lambda **options: schedules.Scheduler(optim.SGD(weights()), **options),
}
OPEN = {name: value for name, value in public_callables() if takes_any_keyword(value) and name not in ANY_NAME}


@pytest.mark.parametrize("name", OPEN)
def test_an_unknown_keyword_is_refused(name):
    value = OPEN[name]
    if inspect.isclass(value) and issubclass(value, optim.Optimizer) and value is not optim.Optimizer:
        with pytest.raises(TypeError, match="no_such_option"):
            value(weights(), lr=0.1, no_such_option=0.1)
    elif value is not optim.Optimizer:
        with pytest.raises((TypeError, ValueError), match="no_such_option"):
            MADE[name](no_such_option=0.1)


@pytest.mark.parametrize(
    ("make", "given", "meant"),
    [
        (optim.Adam, {"learning_rate": 10.0}, "lr"),
        (optim.Adam, {"beta1": 0.9}, "betas"),
        (optim.SGD, {"nesterv": True}, "nesterov"),
        (optim.AdamW, {"weigth_decay": 0.1}, "weight_decay"),
        (optim.SGD, {"maximise": True}, "maximize"),
    ],
)
def test_the_intended_name_is_suggested(make, given, meant):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{next(iter(given))}'; did you mean '{meant}'"):
        make(weights(), **given)


def test_an_unknown_name_gets_a_list_of_all_names():
    with pytest.raises(TypeError, match="it takes lr, momentum, dampening, weight_decay, nesterov, maximize"):
        optim.SGD(weights(), wd=0.1)


def test_a_schedule_still_shows_its_fields():
    assert list(inspect.signature(schedules.Cosine).parameters) == ["total_steps", "end"]


def test_a_schedule_suggests_the_intended_field():
    with pytest.raises(TypeError, match="Cosine got an unexpected keyword argument 'total_step'; did you mean"):
        schedules.Cosine(total_step=100)


def test_an_optimizer_without_a_constructor_takes_its_hyperparameters():
    class Scaled(optim.Optimizer):
        @staticmethod
        def rule(theta, g, t, *, lr, scale=1.0):
            return (-lr * scale * g,)

    assert Scaled(weights(), lr=0.1, scale=2.0, weight_decay=0.1).defaults["scale"] == 2.0
    with pytest.raises(TypeError, match="did you mean 'scale'"):
        Scaled(weights(), lr=0.1, scael=2.0)
