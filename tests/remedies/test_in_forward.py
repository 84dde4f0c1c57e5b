"""Standardisation inside forward(): the model stores the statistics and trains as with hooks."""

from dataclasses import replace

import pytest
import torch
from record_facts import INPUTS, LOSS, TARGETS

from descend.doctor.record import Fact, facts
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.standardise_inputs import standardise_inputs
from descend.doctor.remedies.standardise_targets import standardise_targets

TEXT = """import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, {units})

    def forward(self, x):
        '''Give one number for each, or two.'''
        return {value}


class Pairs(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, torch.as_tensor(y)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


torch.manual_seed(0)
x = 9 * torch.randn(64, 3) + 5
y = {targets}
loader = DataLoader({data}, batch_size=16, shuffle=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
for epoch in range(5):
    for a, b in loader:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(a), b)
        loss.backward()
        optimizer.step()
"""
SUM = "500 + 9 * x.sum(1, keepdim=True)"
CASES = {  # units, the returned value, the targets, the data set, shape of a batch's targets, the edited returned value
    "a call": (1, "self.layer(x)", SUM, "TensorDataset(x, y)", (16, 1), "self.layer(x)"),
    "a sum": (1, "self.layer(x) + 1", SUM, "TensorDataset(x, y)", (16, 1), "(self.layer(x) + 1)"),
    "numbers": (1, "self.layer(x).squeeze(1)", SUM + "[:, 0]", "Pairs(x, y)", (16,), "self.layer(x).squeeze(1)"),
    "NumPy's": (1, "self.layer(x)", f"({SUM}).numpy()", "Pairs(x, y)", (16, 1), "self.layer(x)"),
    "two": (2, "self.layer(x)", "500 + 9 * x[:, :2]", "Pairs(x, y)", (16, 2), "self.layer(x)"),
}


ONCE_MORE = "Net()\n"  # another object of the class may be called without the buffers, so hooks are used there


def admitted(patient, case: str, *, rule: str = "Adam", edit=lambda text: text, more: str = ""):
    units, value, targets, data, shape, _ = CASES[case]
    text = edit(TEXT.format(units=units, value=value, targets=targets, data=data)) + more
    p = patient(text, model="Net()", model_call="model(a)", loss="torch.nn.functional.mse_loss(")
    p.record.add(Fact.of(replace(LOSS, target_shape=shape), 0))
    p.record.add(Fact.of(replace(INPUTS, shape=(16, 3), features=3), 0))
    p.record.add(Fact.of(TARGETS, 0))
    p.record.add(Fact.of(facts.Optimizer(rule, groups=1, parameters=4, lr=0.05), 0, "0"))
    return p


def trained(text: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(text, names)
    return names


def are_alike(ours: dict[str, object], hooked: dict[str, object]) -> bool:
    """Return whether two models have equal weights and equal outputs."""
    one, other = ours["model"], hooked["model"]
    assert {*one.state_dict()} == {*other.state_dict()} and len(other._forward_hooks | other._forward_pre_hooks)
    assert not one._forward_hooks | one._forward_pre_hooks
    same = all(torch.equal(one.state_dict()[name], weight) for name, weight in other.state_dict().items())
    return same and torch.equal(one(ours["x"]), other(hooked["x"]))


READ = [
    "with torch.random.fork_rng():  # the order of the batches stays as it is",
    "{name} = torch.cat([batch[{part}] for batch in loader]).float()",
]


@pytest.mark.parametrize("case", CASES)
def test_targets_are_learned_as_with_a_hook(patient, case: str) -> None:
    p, over = admitted(patient, case), "0" if case == "two" else ""
    added = [line.strip("+ ") for line in p.changes(standardise_targets) if line.startswith("+")]
    assert added == [
        f"return self.target_mean + self.target_std * {CASES[case][-1]}",
        *(line.format(name="targets", part=1) for line in READ),
        f'model.register_buffer("target_mean", targets.mean({over}))',
        f'model.register_buffer("target_std", targets.std({over}))',
        *(["model.target_std[model.target_std == 0] = 1  # quantities that never change"] if over else []),
    ]
    ours = trained(p.edited(standardise_targets))
    hooked = admitted(patient, case, more=ONCE_MORE).edited(standardise_targets)
    assert are_alike(ours, trained(hooked))


def test_inputs_are_learned_as_with_a_hook(patient) -> None:
    p = admitted(patient, "a call")
    added = [line.strip("+ ") for line in p.changes(standardise_inputs) if line.startswith("+")]
    assert added == [
        "x = (x - self.input_mean) / self.input_std",
        *(line.format(name="inputs", part=0) for line in READ),
        'model.register_buffer("input_mean", inputs.mean(0))',
        'model.register_buffer("input_std", inputs.std(0))',
    ]
    ours = trained(p.edited(standardise_inputs))
    hooked = admitted(patient, "a call", more=ONCE_MORE).edited(standardise_inputs)
    assert are_alike(ours, trained(hooked))


FIT = """class Lit(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, x):
        return self.layer(x)

    def inner(self, x):
        return self.layer.weight

    def training_step(self, batch):
        x, y = batch
        return torch.nn.functional.mse_loss(self(x), y)


def fit(module, loader):
    {before}optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for epoch in range(5):
        for batch in loader:
            loss = module.training_step(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


x = torch.randn(64, 3)
fit({given}, DataLoader(TensorDataset(x, x[:, :1]), batch_size=16))
"""


@pytest.mark.parametrize(
    ("given", "before", "runs"),
    [
        ("Lit()", "", False),
        ("Lit()", "module.inner(x)\n    ", False),
        ("Lit()", "print(module(x))\n    ", True),
        ("Lit()", "module.training_step((x, 0 * x[:, :1]))\n    ", True),
        ("made()", "", True),
    ],
)
def test_a_model_constructed_inside_a_call_is_found(patient, given: str, before: str, runs: bool) -> None:
    text = "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n\n\n" + FIT
    made = "def made():\n    return Lit()\n\n\n" if given == "made()" else ""
    text = text.format(given=given, before=before).replace("x = torch.randn", made + "x = torch.randn")
    p = patient(text, model="Lit()", model_call="self(x)")
    p.record.add(Fact.of(replace(INPUTS, shape=(16, 3), features=3), 0))
    edited = p.edited(standardise_inputs)
    assert ("_hook(" in edited) == runs and ('module.register_buffer("input_mean"' in edited) != runs
    trained(edited)


def test_inputs_and_targets_are_standardised_in_any_order(patient) -> None:
    p, texts = admitted(patient, "a call"), []
    for first, second in ((standardise_inputs, standardise_targets), (standardise_targets, standardise_inputs)):
        script = apply_remedy(second, apply_remedy(first, p.script, p.record, {}), p.record, {})
        texts.append(script.read(script.path))
    one, other = map(trained, texts)
    assert torch.equal(one["model"](one["x"]), other["model"](other["x"])) and "_hook" not in "".join(texts)


BEFORE = {  # code before the training -> whether it may run the model
    "called": ("model(x)\n", True),
    "called by its method": ("model.forward(x)\n", True),
    "handed over": ("print(judge(model))\n", True),
    "handed over to a function that calls it": ("def judge(net):\n    return net(x)\n\n\njudge(model)\n", True),
    "copied": ("import copy\nold = copy.deepcopy(model)\n", True),
    "looked at": ("print(model, len(model.state_dict()))\n", False),
    "initialised": (
        "def draw(net):\n    for p in net.parameters():\n        p.data.fill_(0.1)\n\n\ndraw(model)\n",
        False,
    ),
}


@pytest.mark.parametrize("case", BEFORE)
@pytest.mark.parametrize("remedy", [standardise_inputs, standardise_targets])
def test_a_model_that_may_run_before_the_training_gets_hooks(patient, case: str, remedy) -> None:
    before, runs = BEFORE[case]
    p = admitted(patient, "a call", edit=lambda text: text.replace("optimizer =", before + "optimizer ="))
    edited = p.edited(remedy)
    assert ("_hook(" in edited) == runs and ("self.input" in edited or "self.target" in edited) != runs
    if not runs:
        trained(edited)


def test_steps_that_grow_with_the_gradient_have_a_hook_that_shortens_it(patient) -> None:
    assert "learnt" in admitted(patient, "a call", rule="SGD").edited(standardise_targets)


BACK = "        return self.l"
OTHERWISE = {
    "two ways out": lambda text: text.replace(BACK, "        if x is None:\n            return x\n" + BACK),
    "two outputs": lambda text: text.replace("return self.layer(x)", "return self.layer(x), x"),
    "another class": lambda text: text.replace("class Net(", "class Other("),
    "a base": lambda text: text.replace("class Pairs", "class More(Net):\n    pass\n\n\nclass Pairs"),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_model_without_a_single_forward_gets_a_hook(patient, case: str) -> None:
    edited = admitted(patient, "a call", edit=OTHERWISE[case]).edited(standardise_targets)
    assert "register_forward_hook" in edited and "self.target_mean" not in edited
