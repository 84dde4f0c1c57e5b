"""The options of `descend compare` that name what is compared."""

import pytest

from descend.core.errors import UsageError
from descend.doctor.commands.requested_choices import read_requested
from descend.doctor.compare.requested import Requested, RequestedSetting


def read(optimizers: str = "", *settings: str, **options) -> Requested:
    return read_requested(optimizers, settings, **options)


def test_nothing_is_an_empty_request():
    assert read().is_empty


def test_lists_have_the_usual_names():
    requested = read(
        "sgd, adamw,SGD", schedules="Cosine,one_cycle,warmup", initialisers="kaiming,Glorot", clip="1,none"
    )
    assert requested.optimizers == ("SGD", "AdamW")
    assert requested.schedules == ("cosine", "one-cycle", "warm-up")
    assert requested.initialisers == ("He", "Glorot")
    assert requested.clip == (1.0, float("inf"))


def test_settings_are_ranges_or_lists():
    requested = read("", "lr=1e-4:1e-1,batch_size=16,64", "model.act=relu,tanh", "train.py:3:wd=0:0.1")
    assert requested.settings == (
        RequestedSetting("lr", limits=(1e-4, 1e-1)),
        RequestedSetting("batch_size", ("16", "64")),
        RequestedSetting("model.act", ("relu", "tanh")),
        RequestedSetting("train.py:3:wd", limits=(0.0, 0.1)),
    )


WRONG = {
    "lr": "--set must be NAME=LOW:HIGH or NAME=A,B, such as lr=1e-4:1e-1, not lr",
    "lr=": "--set must be NAME=LOW:HIGH or NAME=A,B, such as lr=1e-4:1e-1, not lr=",
    "=1:2": "--set must be NAME=LOW:HIGH or NAME=A,B, such as lr=1e-4:1e-1, not =1:2",
    "lr=0.1:0.01": "--set lr=0.1:0.01: the limits are reversed; write lr=0.01:0.1",
    "lr=0.1:0.1": "--set lr=0.1:0.1: the limits are equal; descend prove --set lr=0.1 tests one value",
    "lr=0.1": "descend prove --set lr=0.1 tests one value",
    "lr=nan:1": "--set lr: nan is not a finite number",
    "lr=1:inf": "--set lr: inf is not a finite number",
    "lr=1:": "--set lr: '' is not a number",
    "lr=1:2:3": "--set lr=1:2:3 is no range: write two limits, LOW:HIGH",
    "lr=0:1": "--set lr: a learning rate must be above 0, not 0",
    "learning_rate=-1,2": "--set learning_rate: a learning rate must be above 0, not -1",
    "batch_size=1,,2": "--set batch_size has an empty part: write it as a list such as A,B, not 1,,2",
    "lr=1:2,learning_rate=1:2": "--set names lr more than once: give all its values in one list",
    "a..b=1:2": "'a..b' is not the name of a setting",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_settings_are_named_in_one_line(text: str):
    with pytest.raises(UsageError) as error:
        read("", text)
    assert WRONG[text] in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizers": "Adan"}, "there is no optimizer Adan in torch.optim or descend.optim; did you mean Adam"),
        ({"optimizers": "LBFGS"}, "LBFGS cannot be compared: its step needs a closure that computes the loss"),
        ({"optimizers": "sparse_adam"}, "SparseAdam cannot be compared: it accepts only sparse gradients"),
        ({"optimizers": "SGD,"}, "--optimizers has an empty part"),
        ({"schedules": "cosin"}, "there is no schedule cosin; did you mean cosine?"),
        ({"schedules": "step"}, "the schedules are constant, linear, cosine, one-cycle, warm-up"),
        ({"initialisers": "orthogonal"}, "there is no initialiser orthogonal; the initialisers are He, Glorot"),
        ({"clip": "0"}, "--clip: a threshold must be above 0 (none: no clipping), not 0"),
        ({"clip": "big"}, "--clip: big is not a number"),
    ],
)
def test_wrong_lists_are_named_in_one_line(options: dict[str, str], message: str):
    with pytest.raises(UsageError) as error:
        read(options.pop("optimizers", ""), **options)
    assert message in str(error.value)
