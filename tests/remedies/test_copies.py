"""Remedies for copies of the trained network: the decay of an average, the evaluated network, the loaded weights."""

import pytest

from descend.doctor.codemod.locate import site_of_node
from descend.doctor.codemod.parameter_averaging import find_average_decay
from descend.doctor.codemod.syntax import parse
from descend.doctor.record import Fact, facts
from descend.doctor.remedies.average_decay import average_decay
from descend.doctor.remedies.evaluate_network import evaluate_network
from descend.doctor.remedies.load_weights_of import load_weights_of

LOOP = "for a, p in zip(average.parameters(), model.parameters()):\n        "
AVERAGES = [  # the source, its number, the decay in it, the number after the edit to 0.97
    (f"def update(decay=0.9999):\n    {LOOP}a.mul_(decay).add_(p, alpha=1 - decay)\nupdate()\n", "0.9999", "0.97"),
    (f"DECAY = 0.9999\ndef update():\n    {LOOP}a.mul_(DECAY).add_(p, alpha=1 - DECAY)\n", "0.9999", "0.97"),
    (f"def update(tau):\n    {LOOP}a.lerp_(p, tau)\nupdate(0.0001)\n", "0.0001", "0.03"),
    ("average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9999))\n", "0.9999", "0.97"),
]


def with_decay(patient, text: str):
    """Return a patient with the site and fact of the decay that the source shows."""
    p = patient(text)
    syntax = parse(p.script.path, text)
    literal, value = find_average_decay(syntax, ())
    p.record.sites.append(site_of_node(syntax, literal, "average_decay", "0", str(p.script.path)))
    p.record.extend([Fact.of(facts.AverageDecay(max(value, 1 - value), value < 0.5), 0, "0")])
    return p


@pytest.mark.parametrize(("text", "old", "new"), AVERAGES)
def test_the_decay_is_changed_where_it_is_defined(patient, text, old, new):
    assert with_decay(patient, text).edited(average_decay, decay=0.97) == text.replace(old, new)


@pytest.mark.parametrize(
    "text",
    [
        f"def update(decay):\n    {LOOP}a.mul_(decay).add_(p, alpha=1 - decay)\nupdate(0.9)\nupdate(0.99)\n",
        f"def update(step):\n    {LOOP}a.lerp_(p, 1 / step)\nupdate(3)\n",
        "decay = 0.9999\n",
    ],
)
def test_an_unclear_decay_is_not_found(tmp_path, text):
    assert find_average_decay(parse(tmp_path / "train.py", text), ()) is None


def with_copy(patient, text: str, call: str):
    p = patient(text, evaluated_copy=call)
    p.record.extend([Fact.of(facts.EvaluatedCopy(0.1, "average", "self.net", False), 9, "0")])
    return p


def test_the_network_is_evaluated_instead_of_its_copy(patient):
    text = "print(error(average, x))\naverage.eval()\n"
    p = with_copy(patient, text, "error(")
    assert p.edited(evaluate_network, places=["0"]) == "print(error(self.net, x))\naverage.eval()\n"
    p = with_copy(patient, "y = average(x)\n", "average(")
    assert p.edited(evaluate_network, places=["0"]) == "y = self.net(x)\n"


def test_a_call_without_the_copy_is_refused(patient):
    assert "does not name" in with_copy(patient, "y = f(x)\n", "f(").refusal(evaluate_network, places=["0"])


def with_load(patient, text: str, source: str = "model"):
    p = patient(text, load_state_dict__own0="target.load_state_dict(")
    p.record.extend([Fact.of(facts.OwnWeightsLoaded(4, "target", source), 9, "own0")])
    return p


def test_the_weights_of_the_trained_network_are_loaded(patient):
    text = "target.load_state_dict(target.state_dict(), strict=False)\n"
    after = "target.load_state_dict(model.state_dict(), strict=False)\n"
    assert with_load(patient, text).edited(load_weights_of, place="own0") == after
    assert "no variable" in with_load(patient, text, "").refusal(load_weights_of, place="own0")


def test_stored_weights_are_copied(patient):
    text = "import copy\nbest = target.state_dict()\ntrain()\ntarget.load_state_dict(best)\n"
    after = text.replace("target.state_dict()", "copy.deepcopy(target.state_dict())")
    assert with_load(patient, text).edited(load_weights_of, place="own0") == after
    text = "best = torch.load('a.pt')\ntarget.load_state_dict(best)\n"
    assert "does not show where" in with_load(patient, text).refusal(load_weights_of, place="own0")
