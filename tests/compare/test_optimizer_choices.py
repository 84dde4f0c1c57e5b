"""The table of optimizers, and choices of one optimizer for scripts with another one."""

import inspect

import pytest
import torch
from training_scripts import ARGPARSE, CONSTANT, PLAIN

import descend.optim
from descend.doctor.codemod.replace_optimizer import DESCEND_OPTIMIZERS
from descend.doctor.compare.known_optimizers import OPTIMIZERS, OURS, TORCH, UNSUPPORTED, KnownOptimizer
from descend.doctor.compare.requested import RequestedSetting

NOT_REPLACEMENTS = {"Optimizer"}  # the base class


def class_of(known: KnownOptimizer) -> type[torch.optim.Optimizer]:
    """Return the class that an edit writes into the script."""
    return getattr(descend.optim if known.class_name in DESCEND_OPTIMIZERS else torch.optim, known.class_name)


def test_every_optimizer_of_torch_and_descend_is_known_or_refused_with_a_reason() -> None:
    homes = (torch.optim, descend.optim)
    exported = {name for home in homes for name in (getattr(home, "__all__", None) or dir(home))}
    classes = {
        name
        for name in exported
        for home in homes
        if inspect.isclass(found := getattr(home, name, None)) and issubclass(found, torch.optim.Optimizer)
    }
    assert classes - NOT_REPLACEMENTS <= {*OPTIMIZERS, *UNSUPPORTED}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_network_with_vectors_can_be_trained_with_the_usual_learning_rate(name: str) -> None:
    known, model = OPTIMIZERS[name], torch.nn.Linear(3, 2)
    optimizer = class_of(known)(model.parameters(), lr=known.lr, **known.settings)
    before = model.weight.detach().clone()
    model(torch.ones(4, 3)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(model.weight, before) and model.weight.isfinite().all()


@pytest.mark.parametrize("name", [name for name, known in OPTIMIZERS.items() if known.source in (TORCH, OURS)])
def test_a_usual_learning_rate_without_a_paper_is_the_default_of_the_class(name: str) -> None:
    default = inspect.signature(class_of(OPTIMIZERS[name])).parameters["lr"].default
    assert default == OPTIMIZERS[name].lr


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_accepted_argument_is_one_of_the_class(name: str) -> None:
    known = OPTIMIZERS[name]
    parameters = inspect.signature(class_of(known)).parameters
    assert known.arguments <= set(parameters)
    for argument in ("momentum", "weight_decay", "eps", "alpha"):
        assert known.accepts(argument) <= (argument in parameters)


def test_a_variant_of_the_own_class_changes_its_settings_only(observe) -> None:
    p = observe(CONSTANT)  # SGD with momentum 0.9
    choices, _ = p.choices(optimizers=("SGD", "Momentum", "Nesterov"))
    assert [choice.label for choice in choices] == [
        "SGD with momentum 0.9",
        "SGD",
        "SGD with Nesterov momentum 0.9",
    ]
    assert "SGD(model.parameters(), lr=LR)\n" in p.edited(choices[1])
    assert "SGD(model.parameters(), lr=LR, momentum=0.9, nesterov=True)\n" in p.edited(choices[2])
    assert {choice.family for choice in choices} == {"SGD"} and not any(choice.needs for choice in choices)
    assert not any(a.contains(b, b.starts[0]) for a in choices for b in choices if a is not b)


def test_a_space_with_momentum_contains_plain_sgd(observe) -> None:
    p = observe(PLAIN)
    whole = p.choices(settings=(RequestedSetting("momentum", limits=(0.0, 0.99)),))[0]
    [plain] = p.choices(settings=(RequestedSetting("lr", limits=(1e-3, 1.0)),))[0]
    assert [choice.label for choice in whole] == ["SGD"]
    assert whole[0].contains(plain, {"lr": 0.3}) and not plain.contains(whole[0], {"lr": 0.3, "momentum": 0.5})
    variants = p.choices(optimizers=("Momentum",), settings=(RequestedSetting("momentum", limits=(0.0, 0.99)),))[0]
    assert [choice.label for choice in variants] == ["SGD"]  # The searched momentum makes both the same choice.


def test_a_searched_argument_of_the_new_optimizer_is_written_in_its_call(observe) -> None:
    p = observe(ARGPARSE)
    momentum = RequestedSetting("momentum", limits=(0.5, 0.99))
    choices, messages = p.choices(optimizers=("SGD", "Lion"), settings=(momentum,))
    assert [choice.label for choice in choices] == ["AdamW", "SGD", "Lion"]
    assert [[d.name for d in choice.dimensions] for choice in choices] == [["lr"], ["lr", "momentum"], ["lr"]]
    # Only the user's own limits are final.
    assert [[d.is_open for d in choice.dimensions] for choice in choices] == [[True], [True, False], [True]]
    assert messages == [f"{rule} has no momentum, so it is not varied there" for rule in ("AdamW", "Lion")]
    line = "optim.SGD(model.parameters(), lr=args.lr, momentum=0.7, weight_decay=args.weight_decay)"
    assert line in p.edited(choices[1], momentum=0.7)


def test_the_weight_decay_is_set_where_the_script_defines_it(observe) -> None:
    p = observe(ARGPARSE)
    decay = RequestedSetting("weight_decay", limits=(1e-4, 1.0))
    for choice in p.choices(optimizers=("SGD",), settings=(decay,))[0]:
        assert choice.starts[0]["weight_decay"] == 0.01
        assert '"--weight-decay", type=float, default=0.2' in p.edited(choice, weight_decay=0.2)
        assert "weight_decay=args.weight_decay" in p.edited(choice, weight_decay=0.2)
