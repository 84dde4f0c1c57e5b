import pytest

from descend.doctor.remedies.feed_logits import feed_logits

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\nfrom torch.nn import Sigmoid\n"
FUNCTIONS = [
    ("p = F.softmax(z, dim=1)", "softmax", "p = z"),
    ("p = torch.softmax(z, 1)", "softmax", "p = z"),
    ("p = torch.softmax(input=z, dim=1)", "softmax", "p = z"),
    ("p = torch.nn.functional.log_softmax(self.out(x), dim=-1)", "log_softmax", "p = self.out(x)"),
    ("p = z.softmax(-1)", "softmax", "p = z"),
    ("p = z.softmax(dim=-1)", "softmax", "p = z"),
    ("p = self.out(x).log_softmax(1)", "log_softmax", "p = self.out(x)"),
    ("p = torch.sigmoid(z)", "sigmoid", "p = z"),
    ("p = z.sigmoid()", "sigmoid", "p = z"),
    ("z.sigmoid_()", "sigmoid", "z"),
    ("act = F.softmax\np = act(z, dim=1)", "softmax", "act = F.softmax\np = z"),
    ("z = F.softmax(z, 1)\nuse(z)", "softmax", "use(z)"),
    ("if a:\n    # why\n    z = z.sigmoid()  # here\n    b", "sigmoid", "if a:\n    # why\n    b"),
    ("if a:\n    b\n    z = z.sigmoid()\nc", "sigmoid", "if a:\n    b\nc"),
    ("if a:\n    z = z.sigmoid()", "sigmoid", "if a:\n    z = z"),
    ("z = z.sigmoid(); b", "sigmoid", "z = z; b"),
    ("p = F.relu(a @ b)", "relu", "p = a @ b"),
    ("p = F.relu(a @ b).squeeze(1)", "relu", "p = (a @ b).squeeze(1)"),
    ("p = 2 * torch.tanh(a + b)", "tanh", "p = 2 * (a + b)"),
    ("p = (a + b).sigmoid()", "sigmoid", "p = a + b"),
    ("p = F.softmax(\n    z,\n    dim=1,\n)", "softmax", "p = z"),
    ("p = F.relu(\n    a\n    + b)", "relu", "p = (a\n    + b)"),
    ("p = F.softmax(net(\n    x\n), dim=1)", "softmax", "p = net(\n    x\n)"),
    ("loss = ce(F.softmax(net(x), dim=1), y)", "softmax", "loss = ce(net(x), y)"),
    ("f = lambda x: F.softmax(net(x), 1)", "softmax", "f = lambda x: net(x)"),
    ("p = F.sigmoid(a if a > 0 else b)[0]", "sigmoid", "p = (a if a > 0 else b)[0]"),
]


def call_of(text: str, name: str) -> str:
    """Return the beginning of the call of that name, as it is in the text."""
    import ast

    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call)]
    names = [name, name + "_", "act"]
    call = next(c for c in calls if ast.unparse(c.func).split(".")[-1] in names)
    return ast.get_source_segment(text, call)


@pytest.mark.parametrize(("before", "name", "after"), FUNCTIONS)
def test_a_call_is_replaced_by_its_argument(patient, before: str, name: str, after: str) -> None:
    p = patient(HEAD + before + "\n", **{name: call_of(HEAD + before, name)})
    assert p.edited(feed_logits, activation=name) == HEAD + after + "\n"


@pytest.mark.parametrize(
    ("before", "name", "call", "after"),
    [
        ("m = Seq(a, nn.Softmax(dim=1))", "Softmax", "nn.Softmax(dim=1)", "m = Seq(a, nn.Identity())"),
        ("self.a = nn.Softmax(dim=1)", "Softmax", "nn.Softmax(dim=1)", "self.a = nn.Identity()"),
        ("m = [torch.nn.Sigmoid()]", "Sigmoid", "torch.nn.Sigmoid()", "m = [torch.nn.Identity()]"),
        ("m = nn.modules.LogSoftmax(1)", "LogSoftmax", "nn.modules.Log", "m = nn.modules.Identity()"),
        ("m = nn.Sequential(a, nn.Softmax(1))", "Softmax", "nn.Softmax(1)", "m = nn.Sequential(a)"),
        (
            "m = nn.Sequential(a, Sigmoid())\nm[1]",
            "Sigmoid",
            "Sigmoid()",
            "m = nn.Sequential(a, torch.nn.Identity())\nm[1]",
        ),
        ("m = nn.Sequential(Sigmoid(), a)", "Sigmoid", "Sigmoid()", "m = nn.Sequential(torch.nn.Identity(), a)"),
        (
            "for n in s:\n    m.append(a)\n    m.append(nn.ReLU())",
            "ReLU",
            "nn.ReLU()",
            "for n in s:\n    m.append(a)\n    m.append(nn.ReLU())\nm.pop()",
        ),
        ("for n in s:\n    m += [a, nn.ReLU()]", "ReLU", "nn.ReLU()", "for n in s:\n    m += [a, nn.ReLU()]\nm.pop()"),
        ("for n in s:\n    m += [nn.ReLU(), a]", "ReLU", "nn.ReLU()", "for n in s:\n    m += [nn.Identity(), a]"),
        ('m.add_module("a", nn.Sigmoid())\nb', "Sigmoid", "nn.Sigmoid()", "b"),
        (
            "m = nn.Sequential(\n    # so\n    a,  # of it\n    nn.Softmax(1),  # shares\n)",
            "Softmax",
            "nn.Softmax(1)",
            "m = nn.Sequential(\n    # so\n    a,  # of it\n)",
        ),
        ("m = Sigmoid()", "Sigmoid", "Sigmoid()", "m = torch.nn.Identity()"),
        ("p = nn.Softmax(dim=1)(z)", "Softmax", "nn.Softmax(dim=1)", "p = nn.Identity()(z)"),
    ],
)
def test_a_module_becomes_an_identity(patient, before: str, name: str, call: str, after: str) -> None:
    p = patient(HEAD + before + "\n", **{name: call})
    assert p.edited(feed_logits, activation=name.lower()) == HEAD + after + "\n"


SHARED = """class Net(nn.Module):
    def __init__(self):
        self.relu = nn.ReLU()

    def forward(self, x):
        x = self.relu(self.a(x))
        return self.relu(self.b(x))
"""


def test_only_the_last_use_of_a_shared_module_is_removed(patient) -> None:
    p = patient(HEAD + SHARED, ReLU="nn.ReLU()")
    assert p.edited(feed_logits, activation="softmax") == (HEAD + SHARED).replace(
        "return self.relu(self.b(x))", "return self.b(x)"
    )


def test_torch_is_imported_for_a_bare_class(patient) -> None:
    p = patient("from torch.nn import Softmax\nm = Softmax(1)\n", Softmax="Softmax(")
    assert p.edited(feed_logits, activation="softmax") == (
        "from torch.nn import Softmax\nimport torch\nm = torch.nn.Identity()\n"
    )


def test_every_site_is_edited(patient) -> None:
    text = HEAD + "if a: p = F.softmax(z, 1)\nelse: p = torch.sigmoid(z)\n"
    p = patient(text, softmax="F.softmax(", sigmoid="torch.sigmoid(")
    p.record.sites.append(p.record.sites[0])  # seen twice
    assert p.edited(feed_logits, activation="softmax") == HEAD + "if a: p = z\nelse: p = z\n"


def test_an_activation_around_another_is_removed(patient) -> None:
    text = HEAD + "p = F.softmax(torch.sigmoid(z), 1)\n"
    p = patient(text, softmax="F.softmax(", sigmoid="torch.sigmoid(")
    assert p.edited(feed_logits, activation="softmax") == HEAD + "p = z\n"


METHOD = """
class Net:
    def __init__(self):
        self.act = torch.sigmoid

    def forward(self, z):
        return self.act(z)
"""


def test_a_function_stored_by_the_module_is_removed(patient) -> None:
    p = patient(HEAD + METHOD, sigmoid="self.act(")
    assert p.edited(feed_logits, activation="sigmoid") == HEAD + METHOD.replace("self.act(z)", "z")


@pytest.mark.parametrize(
    ("text", "kind", "call"),
    [
        ("p = model(x)\n", "softmax", "model("),
        ("p = self.attention(q, k)\n", "softmax", "self.attention("),
        ("m = MLP(3, out=Softmax)\n", "Softmax", "MLP("),
        ("m = ACTIVATIONS[name](1)\n", "Softmax", "ACTIVATIONS[name]("),
    ],
)
def test_an_activation_inside_a_library_is_not_edited(patient, text: str, kind: str, call: str) -> None:
    refused = patient(HEAD + text, **{kind: call}).refusal(feed_logits, activation="softmax")
    assert refused == f"line 5 calls `{call[:-1]}`, which uses the {kind} only indirectly"


@pytest.mark.parametrize("text", ["p = z.softmax(d)\n", "p = F.softmax(*a)\n", "p = ops.softmax(z)\n"])
def test_an_activation_with_unknown_input_is_not_edited(patient, text: str) -> None:
    p = patient(HEAD + text, softmax=text[4:-1])
    assert "does not show the input of softmax" in p.refusal(feed_logits, activation="softmax")
