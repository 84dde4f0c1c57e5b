from dataclasses import replace

import pytest
import torch
from record_facts import LOSS, TARGETS
from torch import nn

from descend.doctor.record import Fact, facts
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.standardise_inputs import standardise_inputs
from descend.doctor.remedies.standardise_targets import standardise_targets
from descend.network import standardise_targets as reference

IMPORT = "from descend.network import standardise_targets"
FED = {  # the script, the inserted line, and the line that follows it
    "a loader": (
        "for e in r:\n    for x, y in loader:\n        l = c(model(x), y)",
        "standardise_targets(model, loader)",
        "for e in r:",
    ),
    "a loader on a device": (
        "for e in r:\n    for i, (x, y) in enumerate(loader):\n        x, y = x.to(d), y.to(d).float()\n"
        "        out = self.net(x).squeeze(1)\n        l = c(out, y.view(-1, 1))",
        "standardise_targets(self.net, loader)",
        "for e in r:",
    ),
    "a batch in parts": (
        "for b in loader:\n    l = c(model(b[0]), b[1])",
        "standardise_targets(model, loader)",
        "for b in loader:",
    ),
    "slices": (
        "for e in r:\n    for i in r:\n        l = c(model(X[i:j]), y[i:j])",
        "standardise_targets(model, y)",
        "for e in r:",
    ),
    "everything at once": ("for e in r:\n    l = c(model(X), Y)", "standardise_targets(model, Y)", "for e in r:"),
    "two lists": (
        "for x, y in zip(xs, ys):\n    l = c(model(x), y)",
        "standardise_targets(model, ys)",
        "for x, y in zip(xs, ys):",
    ),
    "targets first": ("for e in r:\n    l = c(Y, model(X))", "standardise_targets(model, Y)", "for e in r:"),
    "by name": ("for e in r:\n    l = c(target=Y, input=model(X))", "standardise_targets(model, Y)", "for e in r:"),
    "a step that gets the batch": (
        "def step(m, x, y):\n    l = c(m(x), y)\nfor e in r:\n    for a, b in loader:\n        step(model, a, b)",
        "standardise_targets(model, loader)",
        "for e in r:",
    ),
    "a function for the loss": (
        "def loss_of(a, b):\n    l = c(a, b)\nfor e in r:\n    for x, y in loader:\n        loss_of(model(x), y)",
        "standardise_targets(model, loader)",
        "for e in r:",
    ),
    "a trainer": (
        "class T:\n    def fit(self):\n        for x, y in self.data:\n            l = c(self.net(x), y)",
        "standardise_targets(self.net, self.data)",
        "for x, y in self.data:",
    ),
}


def model_in(text: str) -> str:
    return next(name for name in ("self.net(", "m(x)", "model(") if name in text)


@pytest.mark.parametrize("case", FED)
def test_one_line_is_inserted_before_the_training(patient, case: str) -> None:
    text, line, follower = FED[case]
    text = "import torch\n" + text + "\n"
    p = patient(text, model_call=model_in(text), loss="c(")
    assert sorted(change.strip("+ ") for change in p.changes(standardise_targets)) == sorted([IMPORT, line])
    lines = [line.strip() for line in p.edited(standardise_targets).splitlines()]
    assert lines[lines.index(line) + 1] == follower


def test_a_loss_written_as_a_formula_is_read(patient) -> None:
    text = "for e in r:\n    for x, y in loader:\n        l = ((model(x) - y) ** 2).mean()\n"
    p = patient(text, model_call="model(", loss="((model(x) - y) ** 2).mean(")
    assert "standardise_targets(model, loader)\nfor e" in p.edited(standardise_targets)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("for x, y in loader:\n    l = c(model(x), y / 10)", "line 3 computes the targets as `y / 10`"),
        ("for x, y in loader:\n    y -= m\n    l = c(model(x), y)", "line 3 changes `y`"),
        ("for b in loader:\n    l = c(model(b['x']), b['y'])", "computes the targets as `b['y']`"),
        ("for y, x in loader:\n    l = c(model(x), y)", "the model's targets are not the second element of a batch"),
        ("for x in loader:\n    l = c(model(x))", "line 3 does not contain the targets of the loss"),
        ("for x, y in loader:\n    l = c(model.forward(x), y)", "bypasses the module's hooks"),
        (
            "def f(a, b):\n    l = c(a, b)\ndef main():\n    model = N()\n    for x in d:\n        f(model(x), x)",
            "line 3 is outside the scope of the model",
        ),
    ],
)  # fmt: skip
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    p = patient("import torch\n" + text + "\n", model_call="model", loss="c(")
    assert reason in p.refusal(standardise_targets)


def test_class_targets_are_refused(patient) -> None:
    text = "for x, y in loader:\n    l = c(model(x), y)\n"
    p = patient(text, model_call="model(", loss="c(", made={"loss": "cross_entropy"})
    assert p.refusal(standardise_targets) == "the targets of cross_entropy are classes, not numbers"


@pytest.mark.parametrize("missing", ["model_call", "loss"])
def test_an_unrecorded_loss_is_refused(patient, missing: str) -> None:
    calls = {"model_call": "model(", "loss": "c("}
    del calls[missing]
    assert "did not show" in patient("l = c(model(x), y)\n", **calls).refusal(standardise_targets)


def test_inputs_and_targets_in_any_order(patient) -> None:
    text = "import torch\n\n# now\nfor e in r:\n    for x, y in loader:\n        l = c(model(x), y)\n"
    p = patient(text, model_call="model(", loss="c(")
    texts = set()
    for first, second in ((standardise_inputs, standardise_targets), (standardise_targets, standardise_inputs)):
        script = apply_remedy(second, apply_remedy(first, p.script, p.record, {}), p.record, {})
        texts.add(script.read(script.path))
    (edited,) = texts
    lines = "standardise_inputs(model, loader)\nstandardise_targets(model, loader)\n"
    assert edited == f"{IMPORT}\n".replace("import standard", "import standardise_inputs, standard").join(
        ["import torch\n", text.removeprefix("import torch\n").replace("# now", lines + "# now")]
    )


SCRIPT = """import torch

torch.manual_seed(0)
X = torch.randn(256, 3)
Y = 500 + {scale} * (X @ {weights})
{device}
model = torch.nn.Linear(3, Y.shape[-1] if Y.ndim > 1 else 1)
criterion = torch.nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for epoch in range(100):
    for i in range(0, 256, 64):
        optimizer.zero_grad()
        loss = criterion(model(X[i : i + 64]){shape}, Y[i : i + 64])
        loss.backward()
        optimizer.step()
"""
ONE, TWO = "torch.tensor([[1.0], [2.0], [-1.0]])", "torch.tensor([[1.0, 3.0], [2.0, 0.0], [-1.0, 1.0]])"
QUANTITIES = {  # scale, number of weights, function of the model's output, shape of the targets
    "one quantity": ("80", ONE, "", (64, 1)),
    "numbers": ("80", ONE + "[:, 0]", ".squeeze(1)", (64,)),
    "two quantities": ("torch.tensor([80.0, 0.01])", TWO, "", (64, 2)),
    "one that never changes": ("torch.tensor([80.0, 0.0])", TWO, "", (64, 2)),
    "on a device": ("80", ONE, "", (64, 1)),
}


def fed(patient, case: str, finite: bool = True, **more):
    scale, weights, shape, target_shape = QUANTITIES[case]
    device = 'device = "cpu"' if case == "on a device" else ""
    text = SCRIPT.format(scale=scale, weights=weights, shape=shape, device=device)
    p = patient(text, model_call="model(X", loss="criterion(")
    p.record.add(Fact.of(replace(LOSS, **({"target_shape": target_shape} | more)), 0))
    p.record.add(Fact.of(replace(TARGETS, finite=finite), 0))
    return p


@pytest.mark.parametrize("case", QUANTITIES)
def test_a_regression_learns_in_its_own_unit_without_us(patient, case: str) -> None:
    names: dict[str, torch.Tensor] = {}
    edited = fed(patient, case).edited(standardise_targets)
    assert "descend" not in edited and (".device)" in edited) == (case == "on a device")
    exec(edited, names)
    model, targets = names["model"], names["Y"]
    assert names["loss"] < 1e-3 * max(targets.var(0).max().item(), 1)
    assert model(names["X"]).mean().item() == pytest.approx(500, rel=0.05)
    assert {"target_mean", "target_std"} < model.state_dict().keys()


@pytest.mark.parametrize("case", QUANTITIES)
def test_its_gradient_is_that_of_the_librarys(patient, case: str) -> None:
    names: dict[str, torch.Tensor] = {}
    exec(fed(patient, case).edited(standardise_targets), names)
    x, y, ours = names["X"], names["Y"], names["model"]
    theirs = reference(nn.Linear(3, ours.out_features), y)
    with torch.no_grad():
        for name, value in ours.state_dict().items():
            # The statistics differ, too, since the variance is that of the population and not of a sample.
            theirs.state_dict()[name].copy_(value)
    gradients = []
    for model in (ours, theirs):
        model.zero_grad()
        (model(x).reshape(y.shape) - y - 3).square().mean().backward()
        gradients.append(model.weight.grad.clone())
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-4)


UNSEEN = {"what is no number": {"finite": False}, "images": {"target_shape": (64, 2, 2)}}


@pytest.mark.parametrize("case", UNSEEN)
def test_other_cases_import_the_library_function(patient, case: str) -> None:
    assert IMPORT in fed(patient, "one quantity", **UNSEEN[case]).edited(standardise_targets)


def test_an_optimizer_that_ignores_the_gradient_scale_needs_no_scaled_gradient(patient) -> None:
    p = fed(patient, "one quantity")
    p.record.add(Fact.of(facts.Optimizer("Adam", 1, 4, lr=0.1), 0, "0"))
    edited, names = p.edited(standardise_targets), {}
    assert "detach" not in edited
    exec(edited.replace("torch.optim.SGD", "torch.optim.Adam"), names)
    assert names["loss"] < 1e-3 * names["Y"].var()
