import pytest

from descend.doctor.record import Fact, facts
from descend.doctor.remedies.evaluation_mode import evaluation_mode

NEW = "  #+"  # ends a line that the remedy adds
LOOP = """
for epoch in range(3):
    for x, y in loader:
        f(model(x), y).backward()
    model.eval()  #+
    # how good is it?
    with torch.no_grad():
        print(g(model(z)))
        print(g(model(w)))
    model.train()  #+
"""
FUNCTION = """
@torch.no_grad()
def check(net, loader):
    '''How good is it?'''
    net.eval()  #+
    total = 0
    for x in loader:
        total += g(net(x))
    return total

for epoch in range(3):
    model.train()  #+
    for x, y in loader:
        f(model(x), y).backward()
    check(model, loader)
"""
RETURNED = """
class Trainer:
    def check(self):
        self.model.eval()  #+
        with torch.inference_mode():
            return g(self.model(self.z))
    def fit(self):
        for x in self.loader:
            self.model.train()  #+
            f(self.model(x)).backward()
            self.check()
"""
LAST = """
for x in r:
    f(net(x)).backward()
net.eval()  #+
with torch.no_grad():
    print(net(z))
"""
BACK = """
for e in r:
    net.train()
    f(net(x)).backward()
    net.eval()  #+
    with torch.no_grad():
        print(net(z))
"""
MANY = """
for e in r:
    with torch.no_grad():
        for net in nets:
            net.eval()  #+
            print(net(z))
"""
OFF = """
torch.set_grad_enabled(False)
net.eval()  #+
print(net(z))
"""
CASES = {  # the script, calls that evaluate, the one that trains
    "a block": (LOOP, ["model(z)"], ""),
    "two calls of one block": (LOOP, ["model(z)", "model(w)"], ""),
    "a function": (FUNCTION, ["net(x)"], "model(x)"),
    "a block that returns": (RETURNED, ["self.model(self.z"], "self.model(x"),
    "after the training": (LAST, ["net(z)"], ""),
    "where the loop comes back to training mode": (BACK, ["net(z)"], ""),
    "models that the block binds": (MANY, ["net(z)"], ""),
    "gradients switched off for good": (OFF, ["net(z)"], ""),
}


def seen(p, count: int, *, by_itself: bool = False):
    for place in range(count):
        p.record.add(Fact.of(facts.TrainingMode("dropout", by_itself), 3, str(place)))
    return p


@pytest.mark.parametrize("case", CASES)
def test_the_mode_is_switched_around_the_evaluation(patient, case: str) -> None:
    text, calls, training = CASES[case]
    before = "".join(line for line in text.splitlines(keepends=True) if not line.rstrip().endswith(NEW))
    sites = {f"evaluated__{i}": call for i, call in enumerate(calls)} | (
        {"model_call__0": training} if training else {}
    )
    p = seen(patient(before, **sites), len(calls))
    assert p.edited(evaluation_mode) == text.replace(NEW, "")


NET = """
class Net(nn.Module):
    def forward(self, x):
        return self.out(F.dropout(self.a(x), 0.5))

for x in r:
    f(net(x)).backward()
    {}with torch.no_grad():
        print(net(z))
"""


@pytest.mark.parametrize(
    "switched, lines",
    [("net.eval()\n    ", []), ("", ["+    net.eval()", "+    net.train()"])],
    ids=["eval", "no_eval"],
)
def test_functional_dropout_gets_the_mode_of_its_module(patient, switched: str, lines: list) -> None:
    p = seen(patient(NET.format(switched), drawn__0="F.dropout(", evaluated__0="net(z)"), 1, by_itself=True)
    changes = p.changes(evaluation_mode)
    assert changes[1] == "+        return self.out(F.dropout(self.a(x), 0.5, training=self.training))"
    assert changes[2:] == lines


def test_functional_dropout_outside_a_module_is_refused(patient) -> None:
    text = "def net(x):\n    return F.dropout(x)\n\nwith torch.no_grad():\n    print(net(z))\n"
    p = seen(patient(text, drawn__0="F.dropout(", evaluated__0="net(z)"), 1, by_itself=True)
    assert (
        p.refusal(evaluation_mode)
        == "the dropout in line 2 is outside a module or already gets the argument `training`"
    )
