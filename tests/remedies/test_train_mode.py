import pytest

from descend.doctor.remedies.train_mode import train_mode

LOOP = """
for epoch in range(3):
    for x, y in loader:
        loss = f(model(x), y)
        loss.backward()
    model.eval()
    check(model)
"""
FUNCTION = """
def train_epoch(net, loader, optimizer):
    total = 0.0
    # one pass
    for x, y in loader:
        optimizer.zero_grad()
        loss = f(net(x), y)
        loss.backward()
        optimizer.step()
    return total
"""
INSIDE = """
def validate(net):
    net.eval()

def fit(net, loader):
    for i, (x, y) in enumerate(loader):
        z = net(x)
        f(z, y).backward()
        if i % 100 == 0:
            validate(net)
"""
TRAINER = """
class Trainer:
    def fit(self):
        while self.steps:
            out = self.model(self.x)
            f(out).backward()
"""
TRAINER_INSIDE = """
class Trainer:
    def check(self):
        self.model.eval()
    def fit(self):
        for x in self.loader:
            out = self.model(x)
            f(out).backward()
            self.check()
"""
PHASES = """
for epoch in range(3):
    for phase in ["train", "val"]:
        for x, y in loaders[phase]:
            with torch.set_grad_enabled(phase == "train"):
                loss = f(model(x), y)
                if phase == "train":
                    loss.backward()
"""
ONE_OR_OTHER = """
def run_epoch(net, loader, optimizer=None):
    for x in loader:
        loss = f(net(x))
        if optimizer:
            loss.backward()
"""
CASES = {  # the script, the call of the model, a line, and the edited line
    "an inner loop": (LOOP, "model(x)", "    for x, y in loader:", "    model.train()\n    for x, y in loader:"),
    "a function": (FUNCTION, "net(x)", "    # one pass", "    net.train()\n    # one pass"),
    "an evaluation inside": (INSIDE, "net(x)", "        z = net(x)", "        net.train()\n        z = net(x)"),
    "an unknown function": (
        "for x in r:\n    y = net(x)\n    report(net)\n",
        "net(x)",
        "    y = net(x)",
        "    net.train()\n    y = net(x)",
    ),
    "an attribute": (
        TRAINER,
        "self.model(",
        "        while self.steps:",
        "        self.model.train()\n        while self.steps:",
    ),
    "a method that evaluates": (
        TRAINER_INSIDE,
        "self.model(",
        "            out = ",
        "            self.model.train()\n            out = ",
    ),
    "no loop": ("def step(net, x):\n    return net(x)\n", "net(x)", "    return", "    net.train()\n    return"),
    "one line": ("for x in r: f(net(x)).backward()\n", "net(x)", "for x", "net.train()\nfor x"),
    "a loop in a line": (
        "for x in r: f(net(x)).backward(); net.eval()\n",
        "net(x)",
        "r: f",
        "r: net.train(); f",
    ),
    "eval instead": (
        "net.eval()\nfor x in r:\n    f(net(x)).backward()\n",
        "net(x)",
        "net.eval()",
        "net.train()",
    ),
    "eval before another thing": (
        "net.eval()\nlog()\nfor x in r:\n    f(net(x)).backward()\n",
        "net(x)",
        "for x",
        "net.train()\nfor x",
    ),
    "models in turn": ("for net in nets:\n    f(net(x))\n", "net(x)", "    f", "    net.train()\n    f"),
    "forward": ("for x in r:\n    net.forward(x)\n", "net.forward(", "for x", "net.train()\nfor x"),
    "an own module": (
        "class Net(L):\n    def training_step(self, x):\n        z = self(x)\n",
        "self(x)",
        "        z",
        "        self.train()\n        z",
    ),
    "phases": (
        PHASES,
        "model(x)",
        "        for x, y",
        '        model.train(phase == "train")\n        for x, y',
    ),
    "training if there is an optimizer": (
        ONE_OR_OTHER,
        "net(x)",
        "    for x",
        "    net.train(bool(optimizer))\n    for x",
    ),
    "a condition of the loop": (
        "for i, x in r:\n    loss = f(net(x))\n    if i % 2:\n        loss.backward()\n",
        "net(x)",
        "for i",
        "net.train()\nfor i",
    ),
    "two ways to go back": (
        "for x in r:\n    loss = f(net(x))\n    if amp:\n        loss.backward()\n    else:\n        g(loss)\n",
        "net(x)",
        "for x",
        "net.train()\nfor x",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_line_is_inserted_where_training_mode_lasts(patient, case: str) -> None:
    text, call, before, after = CASES[case]
    sites = {"backward": "loss.backward("} if "loss.backward(" in text else {}
    p = patient(text, model_call__0=call, **sites)
    assert text.count(before) == 1
    assert p.edited(train_mode) == text.replace(before, after)


EVALUATED_FIRST = """
@torch.no_grad()
def evaluate(model, x):
    model.eval()
    return model(x)

def main():
    net = Net()
    evaluate(net, x)
    for x in loader:
        f(net(x)).backward()
"""


def test_an_earlier_evaluation_is_not_taken_for_training(patient) -> None:
    p = patient(EVALUATED_FIRST, model__0="Net(", model_call__0="model(x", backward="f(net(x)).backward(")
    assert p.edited(train_mode) == EVALUATED_FIRST.replace("    for x", "    net.train()\n    for x")
    p = patient("with torch.no_grad():\n    z = net(x)\n", model_call__0="net(x")
    assert "line 2 calls the model with gradients disabled" in p.refusal(train_mode)


def test_a_mode_set_before_the_loop_is_set_again_inside(patient) -> None:
    text = "net.train()\nlog()\nfor x in r:\n    z = net(x)\n"
    p = patient(text, model_call__0="net(x")
    assert p.edited(train_mode) == text.replace("    z", "    net.train()\n    z")
    p = patient("net.train()\nz = net(x)\n", model_call__0="net(x")
    assert p.refusal(train_mode) == "`net` is already in training mode right before line 2"


def test_the_whole_model_is_put_into_training_mode(patient) -> None:
    text = "net = Net()\nfor x in r:\n    z = net.body(x)\n"
    p = patient(text, model__0="Net(", model_call__0="net.body(")
    assert p.changes(train_mode) == ["+net.train()"]


@pytest.mark.parametrize(
    ("text", "call", "reason"),
    [
        ("trainer.fit(x)\n", "trainer.fit(", "line 1 calls `trainer.fit`, which uses the fit only indirectly"),
        ("def net(x):\n    return w @ x\nnet(x)\n", "net(", "only indirectly"),
        ("y = nn.Linear(2, 1)(x)\n", "nn.Linear(2, 1)(", "a model that has no name"),
        ("y = [m(x) for m in models]\n", "m(x)", "one model after another"),
        ("f = lambda x: net(x)\n", "net(", "lambda"),
    ],
)
def test_refusals_say_why(patient, text: str, call: str, reason: str) -> None:
    assert reason in patient(text, model_call__0=call).refusal(train_mode)


def test_a_function_of_plain_tensors_has_no_mode(patient) -> None:
    assert "only indirectly" in patient("loss = f(w)\n", model_call="f(").refusal(train_mode)


def test_dropout_is_active_again(patient) -> None:
    text = """
import torch
seen = []
net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.5))
for epoch in range(2):
    for x in torch.ones(2, 1, 2):
        seen.append(net.training)
        net(x).sum().backward()
    net.eval()
"""
    names: dict = {}
    exec(patient(text, model_call__0="net(x)").edited(train_mode), names)
    assert names["seen"] == [True] * 4
