import pytest

from descend.doctor.remedies.unfreeze import unfreeze

MADE = "model = Net()\n"
CALL = "for x in r:\n    model(x)\n"
FROZEN = [  # freezing code between the model's construction and its call, and the remaining code
    ("for p in model.parameters():\n    p.requires_grad = False\n", ""),
    ("for p in model.body.parameters(): p.requires_grad = False\n", ""),
    ("for n, p in model.named_parameters():\n    p.requires_grad = False\n", ""),
    ("for n, p in model.named_parameters():\n    if 'head' not in n:\n        p.requires_grad = False\n", ""),
    ("for n, p in model.named_parameters():\n    p.requires_grad = n.startswith('head')\n", ""),
    ("for n, p in model.named_parameters():\n    p.requires_grad = 'head' in n\n", ""),
    ("for layer in model.body.children():\n    for p in layer.parameters():\n        p.requires_grad = False\n", ""),
    (
        "for p in model.body.parameters():\n    p.requires_grad = False\n    n += 1\n",
        "for p in model.body.parameters():\n    n += 1\n",
    ),
    (
        "for p in model.body.parameters(): n += 1; p.requires_grad = False\n",
        "for p in model.body.parameters(): n += 1\n",
    ),
    ("for p in model.body.parameters():\n    p.requires_grad_(False)\n", ""),
    ("model.requires_grad_(False)\n", ""),
    ("model.body.requires_grad_(False)\n", ""),
    ("model.body.requires_grad_(requires_grad=False)\n", ""),
    ("model.body[0].weight.requires_grad = False\n", ""),
    ("[p.requires_grad_(False) for p in model.body.parameters()]\n", ""),
    ("body = model.body\nfor p in body.parameters():\n    p.requires_grad = False\n", "body = model.body\n"),
    ("part = model.body.requires_grad_(False)\n", "part = model.body\n"),
    ("if fast:\n    model.body.requires_grad_(False)\n", ""),
    ("if a:\n    b\nelse:\n    model.body.requires_grad_(False)\n", "if a:\n    b\n"),
    ("if a:\n    b\nelif c:\n    model.body.requires_grad_(False)\n", "if a:\n    b\n"),
    ("if a:\n    model.body.requires_grad_(False)\nelse:\n    b\n", "if a:\n    pass\nelse:\n    b\n"),
    ("with torch.no_grad():\n    for p in model.parameters():\n        p.requires_grad = False\n", ""),
    ("# freeze\nfor p in model.parameters():\n    p.requires_grad = False\n\n", "\n"),
    ("a\n\nfor p in model.parameters():\n    p.requires_grad = False\n\nb\n", "a\n\nb\n"),
    ("a\n# all of it\nfor p in model.parameters():\n    p.requires_grad = False\nb\n", "a\n# all of it\nb\n"),
    ("a; model.body.requires_grad_(False)\n", "a\n"),
    (
        "for p in model.body.parameters():\n    p.requires_grad = False\nfor p in model.body.parameters():\n"
        "    p.requires_grad = False\nmodel.head.requires_grad_(False)\nteacher.requires_grad_(False)\n",
        "model.head.requires_grad_(False)\nteacher.requires_grad_(False)\n",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), FROZEN)
def test_freezing_statements_are_removed(patient, before: str, after: str) -> None:
    p = patient(MADE + before + CALL, model="Net(", model_call__0="model(x")
    assert p.edited(unfreeze, parameters=["body.0.weight", "body.0.bias"]) == MADE + after + CALL


FREEZE = "def freeze(module):\n    for p in module.parameters():\n        p.requires_grad = False\n"
SWITCH = "def switch(module, on):\n    for p in module.parameters():\n        p.requires_grad = on\n"
MORE = "def build(body):\n    for p in body.parameters():\n        p.requires_grad = False\n    return Net(body)\n"
FUNCTIONS = [  # the script, and the text that is removed from it
    (FREEZE + MADE + "freeze(model.head)\nfreeze(model.body)\n" + CALL, "freeze(model.body)\n"),
    (SWITCH + MADE + "switch(model.body, False)\nswitch(model.head, True)\n" + CALL, "switch(model.body, False)\n"),
    (MORE + "model = build(nn.Linear(2, 2))\n" + CALL, MORE.split("\n", 1)[1].split("    return")[0]),
]


@pytest.mark.parametrize(("text", "deleted"), FUNCTIONS)
def test_freezing_calls_are_removed(patient, text: str, deleted: str) -> None:
    p = patient(text, model="Net(", model_call__0="model(x")
    assert p.edited(unfreeze, parameters=["body.0.weight"]) == text.replace(deleted, "")


CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(2, 2)
        self.head = nn.Linear(2, 2)
        # not to be trained
        for p in self.body.parameters():
            p.requires_grad = False

        self.head.weight.requires_grad = False


class Trainer:
    def __init__(self):
        self.net = Net()
        self.net.body.requires_grad_(False)

    def fit(self, x):
        self.net(x)
"""


def test_freezing_in_the_models_class_is_removed(patient) -> None:
    p = patient(CLASS, model="Net()", model_call__0="self.net(x")
    assert [line.strip() for line in p.changes(unfreeze, parameters=["body.weight"])] == [
        "-        # not to be trained",
        "-        for p in self.body.parameters():",
        "-            p.requires_grad = False",
        "-        self.net.body.requires_grad_(False)",
    ]


def test_everything_is_unfrozen_if_no_names_are_given(patient) -> None:
    text = MADE + "model.a.requires_grad_(False)\nfor p in ps:\n    p.requires_grad = False\n" + CALL
    p = patient(text, model="Net(", model_call__0="model(x")
    assert p.edited(unfreeze) == MADE + CALL


def test_uncertain_freezes_are_removed_if_no_certain_one_is_found(patient) -> None:
    text = "body = load()\nfor p in body.parameters():\n    p.requires_grad = False\nmodel = Net(body)\n" + CALL
    p = patient(text, model="Net(", model_call__0="model(x")
    assert p.edited(unfreeze, parameters=["body.weight"]) == "body = load()\nmodel = Net(body)\n" + CALL


@pytest.mark.parametrize(
    "line", ["model.head.requires_grad_(False)\n", "model.body.requires_grad_(True)\n", "p.requires_grad = True\n", ""]
)
def test_refusals_say_why(patient, line: str) -> None:
    p = patient(MADE + line + CALL, model="Net(", model_call__0="model(x")
    reason = "no statement that freezes `body.weight` was found in train.py"
    assert p.refusal(unfreeze, parameters=["body.weight"]) == reason


def test_parameters_have_gradients_again(patient) -> None:
    text = "import torch\nmodel = torch.nn.Linear(1, 1)\nfor p in model.parameters():\n    p.requires_grad = False\n"
    text += "model(torch.ones(1, 1))\n"
    names: dict = {}
    exec(patient(text, model="torch.nn.Linear(", model_call__0="model(").edited(unfreeze, parameters=["weight"]), names)
    assert all(p.requires_grad for p in names["model"].parameters())
