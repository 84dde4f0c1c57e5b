import pytest

from descend.doctor.remedies.one_rate import one_rate

HEAD = "import torch\nfrom torch import optim\n"
GROUPS = {
    "in the call": 'o = optim.SGD([{"params": b, "lr": 1e-6}, {"params": h, "lr": 0.05}], momentum=0.9)\n',
    "through a name": 'groups = [{"params": b, "lr": 1e-6}, {"params": h, "lr": 0.05}]\no = optim.SGD(groups)\n',
    "made by dict()": "o = optim.Adam([dict(params=b, lr=1e-6), dict(params=h, lr=0.05)])\n",
    "numbers through names": 'LOW = 1e-6\no = optim.SGD([{"params": b, "lr": LOW}, {"params": h, "lr": 0.05}])\n',
}


@pytest.mark.parametrize("case", GROUPS)
def test_every_group_gets_the_rate(patient, case: str) -> None:
    text = HEAD + GROUPS[case]
    name = "optim.Adam(" if "Adam" in text else "optim.SGD("
    assert patient(text, optimizer=name).edited(one_rate, lr=0.05) == text.replace("1e-6", "0.05")


def test_a_group_without_its_own_learning_rate_keeps_that_of_the_call(patient) -> None:
    text = HEAD + 'o = optim.SGD([{"params": b, "lr": 1e-6}, {"params": h}], lr=0.05)\n'
    assert patient(text, optimizer="optim.SGD(").edited(one_rate, lr=0.05) == text.replace("1e-6", "0.05")


@pytest.mark.parametrize(
    ("call", "lr", "reason"),
    [
        ("optim.SGD(p, lr=0.1)", 0.05, "does not contain the learning rates of the parameter groups"),
        ("optim.SGD(make_groups(model))", 0.05, "does not contain the learning rates of the parameter groups"),
        ('optim.SGD([{"params": p, "lr": 0.05}])', 0.05, "the learning rate is 0.05 already"),
    ],
)
def test_refusals_say_why(patient, call: str, lr: float, reason: str) -> None:
    assert reason in patient(HEAD + f"o = {call}\n", optimizer="optim.SGD(").refusal(one_rate, lr=lr)
