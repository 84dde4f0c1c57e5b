import pytest

from descend.doctor.remedies.hold_parameters import hold_parameters

HEAD = "import copy\nimport torch\nfrom torch import nn, optim\n"
MADE = "model = Net()\n"
LOOP = "for x in r:\n    model(x).sum().backward()\n    opt.step()\n"
ARGUMENTS = [  # the optimizer's argument before and after the edit
    ("model.head.parameters()", "model.parameters()"),
    ("model[2].parameters()", "model.parameters()"),
    ("list(model.head.parameters())", "list(model.parameters())"),
    (
        "filter(lambda p: p.requires_grad, model.head.parameters())",
        "filter(lambda p: p.requires_grad, model.parameters())",
    ),
    ("list(model.a.parameters()) + list(model.b.parameters())", "model.parameters()"),
    ("[*model.a.parameters(), *model.b.parameters()]", "model.parameters()"),
    ("[model.head.weight, model.head.bias]", "model.parameters()"),
    ("[p for n, p in model.named_parameters() if 'bias' not in n]", "model.parameters()"),
    ("params=model.head.parameters()", "params=model.parameters()"),
]


@pytest.mark.parametrize(("before", "after"), ARGUMENTS)
def test_all_parameters_of_the_model_are_passed(patient, before: str, after: str) -> None:
    text = HEAD + MADE + f"opt = optim.SGD({before}, lr=0.1)\n" + LOOP
    p = patient(text, model="Net(", model_call__0="model(x", optimizer="optim.SGD(")
    assert p.edited(hold_parameters, optimizer="0", model="model") == text.replace(before, after)
    assert p.edited(hold_parameters) == text.replace(before, after)


OTHERS = {  # the script, a part of it, and the edited part
    "a name": (
        MADE + "params = model.head.parameters()\nopt = optim.SGD(params)\n" + LOOP,
        "model.head.parameters()",
        "model.parameters()",
    ),
    "another copy": (
        "first = Net(0)\n" + MADE + "opt = optim.SGD(first.parameters())\n" + LOOP,
        "first.parameters()",
        "model.parameters()",
    ),
    "a part by its own name": (
        "body = nn.Linear(2, 2)\nmodel = Net(body, out)\nopt = optim.SGD(body.parameters())\n" + LOOP,
        "body.parameters()",
        "model.parameters()",
    ),
    "two models": (
        "encoder = nn.Linear(2, 2)\nmodel = Net()\nopt = optim.SGD(encoder.parameters(), lr=1)\n"
        "for x in r:\n    model(encoder(x)).sum().backward()\n",
        "encoder.parameters()",
        "list(encoder.parameters()) + list(model.parameters())",
    ),
    "two models in a list": (
        "encoder = nn.Linear(2, 2)\nmodel = Net()\nopt = optim.SGD(list(encoder.parameters()), lr=1)\n"
        "for x in r:\n    model(encoder(x)).sum().backward()\n",
        "list(encoder.parameters())",
        "list(encoder.parameters()) + list(model.parameters())",
    ),
    "an attribute": (
        "class T:\n    def __init__(self):\n        self.net = Net()\n"
        "        self.opt = optim.SGD(self.net.head.parameters())\n    def step(self, x):\n        self.net(x)\n",
        "self.net.head.parameters()",
        "self.net.parameters()",
    ),
    "a parameter": (
        "def rule(net):\n    return optim.SGD(net.head.parameters())\ndef main():\n    model = Net()\n"
        "    opt = rule(model)\n    model(x)\n",
        "net.head.parameters()",
        "net.parameters()",
    ),
    "made again": (
        MADE + "opt = optim.SGD(model.parameters())\nmodel = Net()\n" + LOOP,
        "opt = optim.SGD(model.parameters())\nmodel = Net()\n",
        "model = Net()\nopt = optim.SGD(model.parameters())\n",
    ),
    "made again, the optimizer in use before": (
        MADE + "opt = optim.SGD(model.parameters())\nrate = StepLR(opt, 3)\nmodel = Net()\n" + LOOP,
        "model = Net()\nfor",
        'model = Net()\nopt.add_param_group({"params": list(model.parameters())})\nfor',
    ),
    "made again, the optimizer read by a function": (
        MADE + "opt = optim.SGD(model.parameters())\ndef step():\n    opt.step()\nstep()\nmodel = Net()\n" + LOOP,
        "model = Net()\nfor",
        'model = Net()\nopt.add_param_group({"params": list(model.parameters())})\nfor',
    ),
    "made again, and another learning rate": (
        MADE + "opt = optim.SGD(model.parameters(), lr=rate)\nrate = 3\nmodel = Net()\n" + LOOP,
        "model = Net()\nfor",
        'model = Net()\nopt.add_param_group({"params": list(model.parameters())})\nfor',
    ),
    "made afterwards": (
        "first = Net(0)\nopt = optim.SGD(first.parameters())\nmodel = Net()\n" + LOOP,
        "model = Net()\nfor",
        'model = Net()\nopt.add_param_group({"params": list(model.parameters())})\nfor',
    ),
    "copied": (
        MADE + "opt = optim.SGD(model.parameters())\nmodel = copy.deepcopy(model)\nmodel.to(d)\n" + LOOP,
        "opt = optim.SGD(model.parameters())\nmodel = copy.deepcopy(model)\n",
        "model = copy.deepcopy(model)\nopt = optim.SGD(model.parameters())\n",
    ),
    "a new head": (
        MADE + "opt = optim.SGD(model.parameters())\nmodel.fc = nn.Linear(2, 1)\nmodel.device = d()\n" + LOOP,
        "opt = optim.SGD(model.parameters())\nmodel.fc = nn.Linear(2, 1)\n",
        "model.fc = nn.Linear(2, 1)\nopt = optim.SGD(model.parameters())\n",
    ),
    "in a function": (
        "def main():\n    model = Net()\n    opt = optim.SGD(model.parameters())\n    model = Net()  # again\n"
        "    for x in r:\n        model(x)\n",
        "opt = optim.SGD(model.parameters())\n    model = Net()  # again\n",
        "model = Net()  # again\n    opt = optim.SGD(model.parameters())\n",
    ),
}


def sites(text: str) -> dict[str, str]:
    call = next(c for c in ("self.net(x", "model(encoder(x", "model(x") if c in text)
    return {"model": "Net(body" if "Net(body" in text else "Net()", "model_call__0": call, "optimizer": "optim.SGD("}


@pytest.mark.parametrize("case", OTHERS)
def test_the_called_model_is_the_default(patient, case: str) -> None:
    text, before, after = OTHERS[case]
    assert text.count(before) == 1
    p = patient(HEAD + text, **sites(text))
    assert p.edited(hold_parameters) == (HEAD + text).replace(before, after)


SAME = "line 5 already passes all parameters of `model` to the optimizer"
REFUSED = [
    (MADE + "opt = optim.SGD(model.parameters())\n" + LOOP, SAME),
    (MADE + "opt = optim.SGD(model.parameters())\nmodel = model.to(d)\nmodel = DDP(model)\n" + LOOP, SAME),
    (
        MADE + "o = [optim.SGD([{'params': model.a.parameters(), 'lr': 1}])]\n" + LOOP,
        "does not assign the optimizer to a variable",
    ),
    (MADE + "opt = optim.SGD(f(x))\n" + LOOP, "which model's parameters"),
    (
        "def f():\n    model = Net()\n    model(x)\nopt = optim.SGD(q.parameters())\n",
        "which variable holds the called model",
    ),
    (
        MADE + "o = [optim.SGD(model.parameters())]\nmodel = Net()\n" + LOOP,
        "does not assign the optimizer to a variable",
    ),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(HEAD + text, **sites(text)).refusal(hold_parameters)


TRAINER = """
class Trainer:
    def __init__(self, net, opt):
        self.net, self.opt = net, opt
        self.model = net
    def step(self, x):
        self.model(x).sum().backward()
model = build()
trainer = Trainer(model, optim.SGD(model.parameters()))
"""
OWN = """
class Net(Module):
    def configure(self):
        return optim.SGD(self.head.parameters())
    def loss(self, x):
        return self(x)
model = Net()
"""
GAN = "g = Net()\nd = Net()\no = optim.Adam(g.parameters())\nq = optim.SGD(d.parameters())\ng(x)\n"


def test_a_model_with_another_name_is_found(patient) -> None:
    p = patient(TRAINER, model_call__0="self.model(", optimizer="optim.SGD(")
    assert p.refusal(hold_parameters) == "line 9 already passes all parameters of `model` to the optimizer"


def test_a_model_that_makes_its_own_optimizer_passes_self(patient) -> None:
    p = patient(OWN, model__0="Net(", model_call__0="self(x", optimizer="optim.SGD(")
    assert p.edited(hold_parameters) == OWN.replace("self.head.p", "self.p")


def test_a_model_of_another_optimizer_is_refused(patient) -> None:
    p = patient(GAN, model__0="Net(", model_call__0="g(x", optimizer="optim.SGD(", optimizer__1="optim.Adam(")
    assert p.refusal(hold_parameters) == "the parameters of `g` belong to another optimizer than that of line 4"


def test_an_optimizer_made_inside_a_library_is_refused(patient) -> None:
    p = patient("trainer.fit(net)\n", optimizer="trainer.fit(", made={"optimizer": "SGD"})
    assert p.refusal(hold_parameters) == "line 1 calls `trainer.fit`, which uses the SGD only indirectly"


@pytest.mark.parametrize(
    "middle",
    [
        "opt = optim.SGD(model[0].parameters(), lr=1)\n",
        "opt = optim.SGD(model.parameters(), lr=1)\nmodel = Net()\n",
        "opt = optim.SGD(model.parameters(), lr=1)\nmodel[1] = nn.Linear(3, 1)\n",
        "held = 1\nopt = optim.SGD([{'params': model[0].parameters(), 'lr': 1}], lr=0.1)\n",
    ],
)
def test_the_optimizer_has_every_parameter(patient, middle: str) -> None:
    net = "def Net():\n    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))\n"
    text = HEAD + net + MADE + middle + "model(torch.ones(1, 2))\n"
    p = patient(text, model="Net(", model_call__0="model(", optimizer="optim.SGD(")
    names: dict = {}
    exec(p.edited(hold_parameters), names)
    held = {id(p) for group in names["opt"].param_groups for p in group["params"]}
    assert {id(p) for p in names["model"].parameters()} <= held


def test_parameter_groups_made_elsewhere_stay(patient) -> None:
    net = "def Net():\n    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))\n"
    groups = "groups = []\nfor layer in model[:1]:\n    groups.append({'params': layer.parameters()})\n"
    text = HEAD + net + MADE + groups + "opt = optim.SGD(groups)\nmodel(torch.ones(1, 2))\n"
    p = patient(text, model="Net(", model_call__0="model(", optimizer="optim.SGD(")
    names: dict = {}
    exec(p.edited(hold_parameters, model="model", grouped=True), names)
    assert [len(group["params"]) for group in names["opt"].param_groups] == [2, 2]


def test_parameters_of_a_replaced_layer_are_added(patient) -> None:
    text = "net = Net()\nopt = optim.SGD(net.parameters())\nfit(net, opt)\nnet.body = layers(8)\nfit(net)\n"
    p = patient(text, optimizer="optim.SGD(")
    edited = p.edited(hold_parameters, model="net", replaced=True)
    line = 'opt.add_param_group({"params": list(net.body.parameters())})\n'
    assert edited == text.replace("layers(8)\n", "layers(8)\n" + line)


REPLACED = "prune(model)\nloader = Loader(data)\n"


def test_an_optimizer_of_former_parameters_is_made_before_its_first_use(patient) -> None:
    made = "opt = optim.SGD(model.parameters(), lr=0.1)\n"
    p = patient(HEAD + MADE + made + REPLACED + LOOP, model="Net(", model_call__0="model(x", optimizer="optim.SGD(")
    assert p.edited(hold_parameters, model="model", replaced=True) == HEAD + MADE + REPLACED + made + LOOP


@pytest.mark.parametrize("between", ["", "rate = StepLR(opt, 3)\nprune(model)\n", "opt.zero_grad()\n"])
def test_an_optimizer_that_is_used_at_once_is_not_made_later(patient, between) -> None:
    text = HEAD + MADE + "opt = optim.SGD(model.parameters(), lr=0.1)\n" + between + LOOP
    p = patient(text, model="Net(", model_call__0="model(x", optimizer="optim.SGD(")
    assert "cannot be made later" in p.refusal(hold_parameters, model="model", replaced=True)
