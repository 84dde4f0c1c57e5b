import pytest

from descend.doctor.remedies.optimizer_argument import optimizer_argument

HEAD = "import torch\nfrom torch import optim\n"
WEIGHT_DECAY = {"argument": "weight_decay", "value": 0.01, "default": 0.0}
MOMENTUM = {"argument": "momentum", "value": 0.9, "default": 0.0}
NONE = {"argument": "momentum", "value": 0.0, "default": 0.0}
BETAS = {"argument": "betas", "value": (0.9, 0.9995)}
DIRECT = [
    (WEIGHT_DECAY, "optim.SGD(p, lr=0.1, weight_decay=1)", "optim.SGD(p, lr=0.1, weight_decay=0.01)"),
    (WEIGHT_DECAY, "optim.SGD(p, 0.1, 0.9, 0, 5e-1)", "optim.SGD(p, 0.1, 0.9, 0, 1e-2)"),
    (WEIGHT_DECAY, "optim.Adagrad(p, 0.1, 0, 1.0)", "optim.Adagrad(p, 0.1, 0, 0.01)"),
    (WEIGHT_DECAY, "optim.Adam(p)", "optim.Adam(p, weight_decay=0.01)"),
    (WEIGHT_DECAY, "optim.Adam(p, eps=1e-7)", "optim.Adam(p, eps=1e-7, weight_decay=0.01)"),
    (WEIGHT_DECAY, "optim.Adam(p, **{'lr': 1, 'eps': 1})", "optim.Adam(p, **{'lr': 1, 'eps': 1}, weight_decay=0.01)"),
    (WEIGHT_DECAY, "optim.Adam(p, **dict(weight_decay=3))", "optim.Adam(p, **dict(weight_decay=0.01))"),
    (WEIGHT_DECAY, "optim.SGD(\n    p,\n    lr=1,\n)", "optim.SGD(\n    p,\n    lr=1,\n    weight_decay=0.01,\n)"),
    (NONE, "optim.SGD(p, lr=0.1, momentum=0.99)", "optim.SGD(p, lr=0.1)"),
    (NONE, "optim.SGD(p, lr=0.1, momentum=MU)", "optim.SGD(p, lr=0.1, momentum=0.0)"),
    (NONE, "optim.SGD(\n    p,\n    momentum=0.99,\n    lr=1,\n)", "optim.SGD(\n    p,\n    lr=1,\n)"),
    (MOMENTUM, "optim.SGD(p, 0.1)", "optim.SGD(p, 0.1, momentum=0.9)"),
    (MOMENTUM, "optim.SGD(p, 0.1, 0.99)", "optim.SGD(p, 0.1, 0.9)"),
    (MOMENTUM, "optim.RMSprop(p, 1, .9, 1e-8, 0, .99)", "optim.RMSprop(p, 1, .9, 1e-8, 0, 0.9)"),
    (BETAS, "optim.Adam(p, betas=(0.5, 0.9))", "optim.Adam(p, betas=(0.9, 0.9995))"),
    (BETAS, "optim.Adam(p, 1e-3, [0.5, 0.9])", "optim.Adam(p, 1e-3, (0.9, 0.9995))"),
    ({"argument": "amsgrad", "value": True, "default": False}, "optim.Adam(p)", "optim.Adam(p, amsgrad=True)"),
]


@pytest.mark.parametrize(("arguments", "before", "after"), DIRECT)
def test_the_argument_in_the_call_is_changed(patient, arguments: dict[str, object], before: str, after: str) -> None:
    p = patient(HEAD + f"o = {before}\n", optimizer=before.split("(")[0])
    assert p.edited(optimizer_argument, **arguments, optimizer="0") == HEAD + f"o = {after}\n"


FOLLOWED = {
    "a name": "WD = 0.5\no = optim.SGD(p, lr=1, weight_decay=WD)\n",
    "a key": "cfg = {'wd': 0.5}\no = optim.SGD(p, weight_decay=cfg['wd'])\n",
    "unpacked keys": "cfg = {'lr': 1, 'weight_decay': 0.5}\no = optim.SGD(p, **cfg)\n",
    "a field": "class C:\n    wd: float = 0.5\nc = C()\no = optim.SGD(p, weight_decay=c.wd)\n",
    "an option": "a.add_argument('--wd', default=0.5)\nargs = a.parse_args()\no = optim.SGD(p, weight_decay=args.wd)\n",
    "a default of Lightning": (
        "class T(L):\n    def __init__(self, wd=0.5):\n        self.save_hyperparameters()\n"
        "    def f(self):\n        self.o = optim.SGD(p, weight_decay=self.hparams.wd)\nT()\n"
    ),
    "an argument of Lightning": (
        "class T(L):\n    def __init__(self, wd=1.0):\n        self.save_hyperparameters()\n"
        "    def f(self):\n        self.o = optim.SGD(p, weight_decay=self.hparams.wd)\nT(wd=0.5)\n"
    ),
    "an own attribute": (
        "class T:\n    def __init__(self):\n        self.wd = 0.5\n"
        "        self.o = optim.SGD(p, weight_decay=self.wd)\n"
    ),
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_the_number_is_changed_where_it_is_defined(patient, case: str) -> None:
    text = HEAD + FOLLOWED[case]
    edited = patient(text, optimizer="optim.SGD(").edited(optimizer_argument, **WEIGHT_DECAY)
    assert edited == text.replace("0.5", "0.01")


def test_a_named_pair_is_changed_where_it_is_defined(patient) -> None:
    text = HEAD + "BETAS = (0.5, 0.9)\no = optim.Adam(p, betas=BETAS)\n"
    assert patient(text, optimizer="optim.Adam(").edited(optimizer_argument, **BETAS) == text.replace(
        "(0.5, 0.9)", "(0.9, 0.9995)"
    )


def test_a_number_with_two_uses_is_not_changed(patient) -> None:
    text = HEAD + "x = 0.5\no = optim.SGD(p, lr=x, weight_decay=x)\n"
    p = patient(text, optimizer="optim.SGD(")
    assert p.edited(optimizer_argument, **WEIGHT_DECAY) == text.replace("weight_decay=x", "weight_decay=0.01")


@pytest.mark.parametrize(
    ("call", "arguments", "reason"),
    [
        ("optim.SGD([{'params': a, 'weight_decay': 1}])", WEIGHT_DECAY, "groups have their own weight decays"),
        ("optim.SGD(*a)", WEIGHT_DECAY, "unpacks a list into the call's arguments"),
        ("optim.SGD(p, **unknown)", WEIGHT_DECAY, "the weight decay is passed by `**unknown`"),
        ("optim.SGD(p, weight_decay=0.01)", WEIGHT_DECAY, "the weight decay is 0.01 already"),
        ("optim.SGD(p)", {**WEIGHT_DECAY, "value": 0.0}, "the weight decay is 0.0 already"),
        ("optim.Adam(p)", MOMENTUM, "Adam takes no momentum"),
        ("optim.SGD(p, 1, 0.9, nesterov=True)", {**MOMENTUM, "value": 0.0}, "Nesterov momentum in line 3"),
        ("trainer.fit(model)", MOMENTUM, "the SGD only indirectly"),
    ],
)
def test_refusals_say_why(patient, call: str, arguments: dict[str, object], reason: str) -> None:
    name = call.split("(")[0]
    made = {"optimizer": "SGD"} if "fit" in call else None
    p = patient(HEAD + f"o = {call}\n", optimizer=name + "(", made=made)
    assert reason in p.refusal(optimizer_argument, **arguments)


def test_nesterov_switched_off_needs_no_momentum(patient) -> None:
    p = patient(HEAD + "o = optim.SGD(p, 1, 0.9, nesterov=False)\n", optimizer="optim.SGD(")
    assert "SGD(p, 1, 0.0, nesterov=False)" in p.edited(optimizer_argument, argument="momentum", value=0.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0"), (0.98765, "0.988"), (0.9995, "0.9995"), (0.99, "0.99"), (0.99999, "0.99999"), (1, "1")],
)
def test_a_value_just_below_one_keeps_its_distance_from_one(patient, value: float, text: str) -> None:
    p = patient(HEAD + "o = optim.SGD(p, momentum=0.5)\n", optimizer="optim.SGD(")
    assert p.edited(optimizer_argument, argument="momentum", value=value).endswith(f"momentum={text})\n")


def test_every_style_takes_a_weight_decay(styled, style: str) -> None:
    if style == "closure":
        assert styled.refusal(optimizer_argument, **WEIGHT_DECAY) == "LBFGS takes no weight decay"
        return
    text = styled.edited(optimizer_argument, **{**WEIGHT_DECAY, "value": 0.03})
    assert text.count("weight_decay=0.03") + text.count("weight_decay=3e-2") == 1
