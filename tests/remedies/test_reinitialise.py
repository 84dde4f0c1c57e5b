import pytest

from descend.record import Site
from descend.remedies.reinitialise import reinitialise

IMPORT = "from descend.network import reinitialise\n"
CASES = {
    "a model": ("o = SGD(model.parameters(), 1)\n", ["model"]),
    "an attribute": ("self.o = SGD(self.net.parameters(), 1)\n", ["self.net"]),
    "a list": ("o = SGD(list(model.parameters()), 1)\n", ["model"]),
    "a keyword": ("o = SGD(lr=1, params=model.parameters())\n", ["model"]),
    "a group": ("o = SGD([{'params': model.parameters()}], 1)\n", ["model"]),
    "groups": (
        "o = SGD([{'params': net.a.parameters()}, {'params': net.b.parameters()}], 1)\n",
        ["net.a", "net.b"],
    ),
    "a chain": ("o = SGD(chain(enc.parameters(), dec.parameters()), 1)\n", ["enc", "dec"]),
    "a sum": ("o = SGD(list(a.parameters()) + list(a.parameters()), 1)\n", ["a"]),
    "a filter": ("o = SGD(filter(lambda p: p.requires_grad, m.parameters()), 1)\n", ["m"]),
    "a generator": ("o = SGD((p for p in m.parameters() if p.requires_grad), 1)\n", ["m"]),
    "named parameters": ("o = SGD([p for n, p in m.named_parameters() if 'w' in n], 1)\n", ["m"]),
    "a part": ("o = SGD(net[1].parameters(), 1)\n", ["net[1]"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_model_is_read_from_the_optimizer(patient, case: str) -> None:
    text, models = CASES[case]
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="relu", optimizer="0")
    lines = [f'reinitialise({model}, activation="relu")\n' for model in models]
    assert edited == IMPORT + "".join(lines) + text


def test_a_name_for_the_parameters_is_followed(patient) -> None:
    text = "params = list(net.parameters())\no = SGD(params, 1)\n"
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="tanh")
    assert edited == IMPORT + text.replace("o =", 'reinitialise(net, activation="tanh")\no =')


def test_it_stands_below_blank_lines_and_above_comments(patient) -> None:
    text = "net = Net()\n\n\n# the rule\n# to be tuned\no = SGD(net.parameters(), 1)\n"
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="relu")
    assert edited == IMPORT + text.replace("# the rule", 'reinitialise(net, activation="relu")\n# the rule')


@pytest.mark.parametrize("text", ["def f(self):\n    return SGD(self.parameters(), 1)\n"])
def test_a_return_has_it_before(patient, text: str) -> None:
    edited = patient(text, optimizer="SGD(").edited(reinitialise, activation="relu")
    assert edited == IMPORT + text.replace("    return", '    reinitialise(self, activation="relu")\n    return')


@pytest.mark.parametrize("argument", ["get(net)", "make().parameters()", "[p for m in ms for p in m.parameters()]"])
def test_the_models_site_helps_out(patient, argument: str) -> None:
    text = f"net = Net()\no = SGD({argument}, 1)\n"
    p = patient(text, optimizer="SGD(", model="Net(")
    assert 'reinitialise(net, activation="relu")' in p.edited(reinitialise, activation="relu")
    p.record.sites[1] = Site("model", "", p.record.sites[1].file, 1, variable="net", function="build")
    assert "does not say whose parameters" in p.refusal(reinitialise, activation="relu")


def test_a_lambda_has_no_room(patient) -> None:
    p = patient("make = lambda m: SGD(m.parameters(), 1)\n", optimizer="SGD(")
    assert "lambda" in p.refusal(reinitialise, activation="relu")


def test_a_function_of_that_name_is_respected(patient) -> None:
    p = patient("def reinitialise(m): pass\no = SGD(m.parameters(), 1)\n", optimizer="SGD(")
    assert "`reinitialise` of its own" in p.refusal(reinitialise, activation="relu")
