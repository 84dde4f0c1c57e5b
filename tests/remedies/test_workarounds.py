"""Remedies that add a part to the network or the loop: the patch, and what the patched script computes."""

import runpy

import pytest
import torch
from torch.nn.functional import mse_loss

from descend.doctor.remedies import REMEDIES

HEAD = "import torch\nfrom torch import nn\n"
SEQUENTIAL = "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))\n"
CLASS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Linear(8, 1)

    def forward(self, x):
        return self.b(self.a(x).relu())

net = Net()
"""
MADE = "opt = torch.optim.SGD(net.parameters(), lr=0.1)\n"
LOOP = """
for step in range(40):
    x = torch.randn(8, 4)
    loss = nn.functional.mse_loss(net(x), x.sum(1, keepdim=True))
    opt.zero_grad()
    loss.backward()
    opt.step()
"""
SCRIPT = HEAD + "torch.manual_seed(0)\n" + SEQUENTIAL + MADE + LOOP
SITES = {"optimizer": "torch.optim.SGD(", "step": "opt.step(", "model": "nn.Sequential("}


def run(patient, remedy: str, **arguments) -> dict[str, object]:
    """Return the variables of the patched script after its run."""
    path = patient.script.path
    path.write_text(patient.edited(REMEDIES[remedy], **arguments))
    return runpy.run_path(str(path))


def test_the_average_of_the_iterates_is_in_the_model_after_the_loop(patient):
    p = patient(SCRIPT, **SITES)
    added = [line[1:].strip() for line in p.changes(REMEDIES["average_iterates"], decay=0.8) if line[0] == "+"]
    assert added[-2:] == ["average.update_parameters(net)", "net.load_state_dict(average.module.state_dict())"]
    averaged = run(p, "average_iterates", decay=0.8)["net"]
    expected, iterates = None, []
    kept = "    opt.step()\n    seen.append([w.detach().clone() for w in net.parameters()])\n"
    exec(compile(SCRIPT.replace("    opt.step()\n", kept), "train", "exec"), {"seen": iterates})
    for weights in iterates:
        expected = weights if expected is None else [0.8 * a + 0.2 * w for a, w in zip(expected, weights)]
    for now, then in zip(averaged.parameters(), expected):
        torch.testing.assert_close(now.detach(), then)


def test_an_average_is_refused_where_the_model_is_out_of_sight(patient):
    text = HEAD + "def train(opt):\n    for i in range(3):\n        opt.step()\n" + SEQUENTIAL + MADE + "train(opt)\n"
    assert "not together" in patient(text, **SITES).refusal(REMEDIES["average_iterates"], decay=0.9)


def test_dropout_becomes_a_layer_of_a_sequential(patient):
    p = patient(SCRIPT, **SITES)
    [line] = [line for line in p.changes(REMEDIES["insert_dropout"], p=0.5) if line[0] == "+"]
    assert line.count("nn.Dropout(0.5)") == 2
    assert sum(isinstance(m, torch.nn.Dropout) for m in run(p, "insert_dropout", p=0.5)["net"]) == 2


def test_dropout_is_inserted_by_hooks_into_a_model_of_another_kind(patient):
    p = patient(HEAD + CLASS + MADE + LOOP, **{**SITES, "model": "Net("})
    trained = run(p, "insert_dropout", p=0.5)["net"]
    assert (trained.a(torch.randn(50, 4)) == 0).float().mean().item() == pytest.approx(0.5, abs=0.15)
    assert (trained.eval().a(torch.randn(50, 4)) != 0).all()


def test_the_input_of_a_layer_is_added_to_its_output(patient):
    net = run(patient(SCRIPT, **SITES), "insert_residuals")["net"]
    first, _, second, _, last = net
    x = torch.randn(3, 4)
    h = first(x).relu()
    plain = torch.nn.functional.linear(h, second.weight, second.bias)
    torch.testing.assert_close(net(x), last((h + plain).relu()))


@pytest.mark.parametrize("kind", ["noise", "affine"])
def test_the_inputs_are_changed_in_training_mode_only(patient, kind):
    shaped = LOOP.replace("x = torch.randn(8, 4)", "x = torch.randn(8, 1, 2, 2)") if kind == "affine" else LOOP
    shaped = shaped.replace("net(x), x.sum(1, keepdim=True)", "net(x), x.flatten(1).sum(1, keepdim=True)")
    net = SEQUENTIAL.replace("nn.Sequential(", "nn.Sequential(nn.Flatten(), ")
    trained = run(patient(HEAD + net + MADE + shaped, **SITES), "augment_inputs", kind=kind)["net"]
    x = torch.randn(20, 1, 2, 2) if kind == "affine" else torch.randn(20, 4)
    assert mse_loss(trained(x), trained(x)) > 0
    assert trained.eval()(x).equal(trained(x))
