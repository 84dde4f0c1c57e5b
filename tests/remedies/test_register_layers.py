import pytest

from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.register_layers import register_layers

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def network(body: str, before: str = "", after: str = "model = Net()\n", base: str = "nn.Module") -> str:
    lines = "".join(f"        {line}\n" if line else "\n" for line in body.splitlines())
    return f"{HEAD}{before}class Net({base}):\n    def __init__(self):\n        super().__init__()\n{lines}{after}"


CASES = [  # a part of __init__ before and after the edit
    ("self.a = [nn.Linear(2, 2), nn.Linear(2, 1)]", "self.a = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])"),
    ("self.a = [nn.Linear(2, 2) for _ in r]", "self.a = nn.ModuleList([nn.Linear(2, 2) for _ in r])"),
    ("self.a = [\n    nn.Linear(2, 2),\n]", "self.a = nn.ModuleList([\n    nn.Linear(2, 2),\n])"),
    ("self.a = (nn.Linear(2, 2), l)", "self.a = nn.ModuleList((nn.Linear(2, 2), l))"),
    ("self.a = nn.Linear(2, 2), l", "self.a = nn.ModuleList((nn.Linear(2, 2), l))"),
    ("self.a = [nn.Linear(2, 2)] * 3", "self.a = nn.ModuleList([nn.Linear(2, 2)] * 3)"),
    ("self.a = [nn.Linear(2, 2)] + rest", "self.a = nn.ModuleList([nn.Linear(2, 2)] + rest)"),
    ("self.a = list(nn.Linear(2, 2) for _ in r)", "self.a = nn.ModuleList(list(nn.Linear(2, 2) for _ in r))"),
    ("self.a = [nn.Linear(2, 2).to(device)]", "self.a = nn.ModuleList([nn.Linear(2, 2).to(device)])"),
    (
        "self.a = [nn.BatchNorm1d(2) if norm else nn.Identity()]",
        "self.a = nn.ModuleList([nn.BatchNorm1d(2) if norm else nn.Identity()])",
    ),
    (
        "self.a = []\nfor i in r:\n    self.a.append(nn.Linear(2, 2))",
        "self.a = nn.ModuleList()\nfor i in r:\n    self.a.append(nn.Linear(2, 2))",
    ),
    ("self.a = []\nself.a += [nn.Linear(2, 2)]", "self.a = nn.ModuleList()\nself.a += [nn.Linear(2, 2)]"),
    ("self.a = []\nself.a.insert(0, nn.ReLU())", "self.a = nn.ModuleList()\nself.a.insert(0, nn.ReLU())"),
    ("self.a = []\nself.a.extend([nn.ReLU()])", "self.a = nn.ModuleList()\nself.a.extend([nn.ReLU()])"),
    (
        "layers = []\nlayers.append(nn.ReLU())\nself.a = layers",
        "layers = []\nlayers.append(nn.ReLU())\nself.a = nn.ModuleList(layers)",
    ),
    ("self.a = {'x': nn.ReLU()}", "self.a = nn.ModuleDict({'x': nn.ReLU()})"),
    ("self.a = {k: nn.ReLU() for k in names}", "self.a = nn.ModuleDict({k: nn.ReLU() for k in names})"),
    ("self.a = dict(x=nn.ReLU())", "self.a = nn.ModuleDict(dict(x=nn.ReLU()))"),
    ("self.a = {}\nself.a['x'] = nn.ReLU()", "self.a = nn.ModuleDict()\nself.a['x'] = nn.ReLU()"),
    ("self.a = [nn.Parameter(w), nn.Parameter(v)]", "self.a = nn.ParameterList([nn.Parameter(w), nn.Parameter(v)])"),
    (
        "self.a = [[nn.ReLU(), nn.Tanh()] for _ in r]",
        "self.a = nn.ModuleList([nn.ModuleList([nn.ReLU(), nn.Tanh()]) for _ in r])",
    ),
    ("self.a = {'x': [nn.ReLU()]}", "self.a = nn.ModuleDict({'x': nn.ModuleList([nn.ReLU()])})"),
    ("self.a: list = [nn.ReLU()]", "self.a: list = nn.ModuleList([nn.ReLU()])"),
    (
        "self.n = [2, 3]\nself.a = [nn.ReLU()]\nself.b = [nn.Tanh()]",
        "self.n = [2, 3]\nself.a = nn.ModuleList([nn.ReLU()])\nself.b = nn.ModuleList([nn.Tanh()])",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), CASES)
def test_a_plain_collection_is_wrapped(patient, before: str, after: str) -> None:
    p = patient(network(before), model="Net(")
    assert p.edited(register_layers) == network(after)


BLOCK = "class Block(nn.Module):\n    pass\n"
MADE_HERE = [  # the code before the class, and an element
    (BLOCK, "Block()"),
    (BLOCK + "class Large(Block):\n    pass\n", "Large()"),
    ("def block(n):\n    return nn.Sequential(nn.Linear(n, n), nn.ReLU())\n", "block(2)"),
    ("from torch.nn import Linear\n", "Linear(2, 2)"),
    ("import torch.nn as tnn\n", "torch.nn.Linear(2, 2)"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "element"), MADE_HERE)
def test_layers_are_recognised(patient, before: str, element: str) -> None:
    p = patient(network(f"self.a = [{element}]", before), model="Net(")
    assert p.edited(register_layers) == network(f"self.a = nn.ModuleList([{element}])", before)


def test_parts_of_the_model_are_searched(patient) -> None:
    part = network("self.a = [nn.ReLU()]", after="").removeprefix(HEAD).replace("Net", "Part")
    unused = part.replace("Part", "Unused")
    text = HEAD + part + unused + network("self.part = Part()").removeprefix(HEAD)
    wrapped = part.replace("[nn.ReLU()]", "nn.ModuleList([nn.ReLU()])")
    assert patient(text, model="Net(").edited(register_layers) == text.replace(part, wrapped)


def test_a_class_imported_from_the_users_file_is_edited(patient, tmp_path) -> None:
    file = tmp_path / "nets.py"
    file.write_text(network("self.a = [nn.ReLU()]", after=""))
    p = patient("from nets import Net\nmodel = Net()\n", model="Net(")
    edited = apply_remedy(register_layers, p.script, p.record, {})
    assert edited.read(file) == network("self.a = nn.ModuleList([nn.ReLU()])", after="")


def test_torch_is_imported_where_it_is_named(patient) -> None:
    text = "from torch.nn import Linear, Module\nclass Net(Module):\n    def __init__(self):\n"
    text += "        super().__init__()\n        self.a = [Linear(2, 2)]\nmodel = Net()\n"
    edited = patient(text, model="Net(").edited(register_layers)
    assert "\nimport torch\n" in edited and "self.a = torch.nn.ModuleList([Linear(2, 2)])" in edited


NOTHING = "`Net` does not store layers in a plain list or dict"
REFUSED = [
    ("self.a = [2, 3]", NOTHING),
    ("self.a = nn.ModuleList([nn.ReLU()])", NOTHING),
    ("self.a = [nn.ReLU()]\nself.b = nn.Sequential(*self.a)", NOTHING),
    ("layers = [nn.ReLU()]\nself.b = nn.Sequential(*layers)", NOTHING),
    ("self.a = [nn.Linear(2, 2), F.relu]", "holds `F.relu`, which is not a module"),
    ("self.a = [nn.Linear(2, 2), lambda x: x]", "which is not a module"),
    ("self.a = {0: nn.ReLU()}", "keys that are not strings"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_refusals_say_why(patient, body: str, reason: str) -> None:
    assert reason in patient(network(body), model="Net(").refusal(register_layers)


def test_a_class_of_a_library_is_refused(patient) -> None:
    p = patient(HEAD + "model = nn.Sequential()\n", model="nn.Sequential(")
    assert p.refusal(register_layers) == "the model's class `Sequential` is not defined in train.py"


def test_layers_stored_before_super_init_are_refused(patient) -> None:
    text = network("pass").replace("        super()", "        self.a = [nn.ReLU()]\n        super()")
    assert "before `super().__init__()` is called" in patient(text, model="Net(").refusal(register_layers)


def test_the_parameters_belong_to_the_model(patient) -> None:
    body = "self.a = [nn.Linear(2, 2) for _ in range(3)]\nself.b = {}\nself.b['out'] = nn.Linear(2, 1)"
    names: dict = {}
    exec(patient(network(body), model="Net(").edited(register_layers), names)
    assert len(list(names["model"].parameters())) == 8
