import pytest

from descend.doctor.remedies.another_start import another_start

MADE = "import torch\nfrom torch import nn\n\n"
CASES = {
    "a line above": ("n = nn.Linear(3, 4)\no.step()\n", "torch.manual_seed(1)\nn = nn.Linear(3, 4)\no.step()\n"),
    "the existing seed": (
        "torch.manual_seed(0)\nn = nn.Linear(3, 4)\no.step()\n",
        "torch.manual_seed(1)\nn = nn.Linear(3, 4)\no.step()\n",
    ),
    "an unused seed": (
        "X = draw(1)\nn = nn.Linear(2, 2)\no.step()\n",
        "X = draw(1)\ntorch.manual_seed(3)\nn = nn.Linear(2, 2)\no.step()\n",
    ),
    "several of one loop": (
        "for i in r:\n    ns.append(nn.Linear(3, 4))\no.step()\n",
        "torch.manual_seed(1)\nfor i in r:\n    ns.append(nn.Linear(3, 4))\no.step()\n",
    ),
    "one for each training": (
        "for k in r:\n    n = nn.Linear(3, 4)\n    o.step()\n",
        "for k in r:\n    torch.manual_seed(1)\n    n = nn.Linear(3, 4)\n    o.step()\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_seed_is_set_above_the_model(patient, case: str) -> None:
    before, after = CASES[case]
    edited = patient(MADE + before, model="nn.Linear(", step="o.step(").edited(another_start, draw=1)
    assert edited == MADE + after


def test_each_seed_gives_other_weights_that_can_be_repeated(patient) -> None:
    text = MADE + "torch.manual_seed(0)\nnoise = torch.rand(2)\nn = nn.Linear(3, 4)\no = nn.Identity()\n"
    starts = []
    for draw in (1, 2, 2):
        names: dict[str, object] = {}
        exec(patient(text, model="nn.Linear(").edited(another_start, draw=draw), names)
        starts.append(names["n"].weight)
    first, second, again = starts
    assert second.equal(again) and not second.equal(first)


def test_an_unrecorded_model_is_refused(patient) -> None:
    assert "did not show where the script creates the model" in patient(MADE).refusal(another_start, draw=1)
