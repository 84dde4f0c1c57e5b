import pytest
import torch

from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.shuffle import shuffle
from descend.doctor.remedies.standardise_inputs import standardise_inputs

HEAD = "import torch\nfrom torch.utils.data import DataLoader\n"
LOADERS = [
    ("DataLoader(ds, batch_size=8)", "DataLoader(ds, batch_size=8, shuffle=True)"),
    ("DataLoader(ds, batch_size=8, shuffle=False)", "DataLoader(ds, batch_size=8, shuffle=True)"),
    ("DataLoader(ds, 8, False, num_workers=2)", "DataLoader(ds, 8, True, num_workers=2)"),
    ("DataLoader(ds, sampler=None, shuffle=None)", "DataLoader(ds, sampler=None, shuffle=True)"),
    ("DataLoader(ds, **{'shuffle': False})", "DataLoader(ds, **{'shuffle': True})"),
    ("torch.utils.data.DataLoader(\n    ds,\n)", "torch.utils.data.DataLoader(\n    ds,\n    shuffle=True,\n)"),
    ("make_loaders(ds, shuffle=False)", "make_loaders(ds, shuffle=True)"),
]


@pytest.mark.parametrize(("before", "after"), LOADERS)
def test_shuffling_of_a_loader_is_turned_on(patient, before: str, after: str) -> None:
    p = patient(HEAD + f"loader = {before}\n", loader=before.split("(")[0])
    assert p.edited(shuffle, loader="0") == HEAD + f"loader = {after}\n"


def test_a_named_truth_value_is_changed_where_it_is_defined(patient) -> None:
    text = HEAD + "SHUFFLE = False\nloader = DataLoader(ds, shuffle=SHUFFLE)\n"
    assert patient(text, loader="DataLoader(").edited(shuffle) == text.replace("False", "True")


@pytest.mark.slow
def test_the_loader_with_the_given_key_is_edited(patient) -> None:
    text = HEAD + "a = DataLoader(x)\nb = DataLoader(y)\n"
    p = patient(text, loader__0="DataLoader(x", loader__1="DataLoader(y")
    assert p.edited(shuffle, loader="1") == text.replace("(y)", "(y, shuffle=True)")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("DataLoader(ds, sampler=s)", "the sampler in line 5 determines"),
        ("DataLoader(ds, batch_sampler=s)", "the batch_sampler in line 5 determines"),
        ("DataLoader(ds, 8, None, s)", "the sampler in line 5 determines"),
        ("DataLoader(Stream())", "the data in line 5 come from an IterableDataset"),
        ("DataLoader(ds, shuffle=True)", "the shuffling is True already"),
        ("DataLoader(ds, **k)", "the shuffling is passed by `**k`"),
        ("make(ds)", "line 5 calls `make`"),
    ],
)
def test_refusals_of_a_loader_say_why(patient, call: str, reason: str) -> None:
    text = HEAD + "class Stream(IterableDataset):\n    pass\n" + f"loader = {call}\n"
    assert reason in patient(text, loader=call.split("(")[0]).refusal(shuffle)


BY_HAND = {  # the script, the inserted lines, and the line that follows
    "slices": (
        "for e in r:\n    for i in range(0, len(X), 8):\n        l = c(model(X[i:i+8]), y[i:i+8])\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "for e in r:",
    ),
    "names in between": (
        "for e in r:\n    for i in r:\n        a, b = X[i:j].to(d), torch.tensor(y[i:j])\n        out = model(a)\n"
        "        l = ((out - b) ** 2).mean()\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "for e in r:",
    ),
    "parts of a split": (
        "for a, b in zip(X.split(8), y.split(8)):\n    l = c(model(a), b)\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "for a, b in zip(X.split(8), y.split(8)):",
    ),
    "a name in use": (
        "order = 1\nfor i in r:\n    l = c(model(X[i:j]), y[i:j])\n",
        ["order_2 = torch.randperm(len(X))", "X, y = X[order_2], y[order_2]"],
        "for i in r:",
    ),
    "inputs as targets": (
        "for i in r:\n    l = c(model(X[i:j]), X[i:j])\n",
        ["order = torch.randperm(len(X))", "X = X[order]"],
        "for i in r:",
    ),
    "attributes": (
        "class T:\n    def fit(self):\n        for i in r:\n            l = c(model(self.X[i:j]), self.y[i:j])\n",
        ["order = torch.randperm(len(self.X))", "self.X, self.y = self.X[order], self.y[order]"],
        "for i in r:",
    ),
    "parameters": (
        "def fit(X, y):\n    for e in r:\n        for i in r:\n            l = c(model(X[i:j]), y[i:j])\nfit(A, b)\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "for e in r:",
    ),
    "globals of a function": (
        "def epoch():\n    for i in r:\n        l = c(model(X[i:j]), y[i:j])\nfor e in r:\n    epoch()\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "for e in r:",
    ),
    "globals of a function called once": (
        "def main():\n    for i in r:\n        l = c(model(X[i:j]), y[i:j])\nmain()\n",
        ["order = torch.randperm(len(X))", "X, y = X[order], y[order]"],
        "main()",
    ),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_data_that_a_loop_slices_are_permuted(patient, case: str) -> None:
    text, added, follower = BY_HAND[case]
    loss = "((out - b) ** 2).mean(" if "mean" in text else "c("
    p = patient("import torch\n" + text, model_call="model(", loss=loss)
    assert [line.strip("+ ") for line in p.changes(shuffle)] == added
    lines = [line.strip() for line in p.edited(shuffle).splitlines()]
    assert lines[lines.index(added[-1]) + 1] == follower


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "for i in r:\n    p = perm[i:j]\n    l = c(model(X[p]), y[p])\n",
            "the inputs are already selected by an index",
        ),
        (
            "for e in r:\n    X, y = X[p], y[p]\n    for i in r:\n        l = c(model(X[i:j]), y[i:j])\n",
            "the inputs are already selected by an index",
        ),
        ("for i in r:\n    l = c(model(X[:90]), y[:90])\n", "the tensor that the inputs are sliced from is unknown"),
        ("for i in r:\n    l = c(model(s[i:j]), s[i+1:j+1])\n", "inputs and targets are parts of the same series"),
        ("for x, t in loader:\n    l = c(model(x), t)\n", "the tensor that the inputs are sliced from is unknown"),
        ("for i in r:\n    l = c(model(X), y)\n", "the tensor that the inputs are sliced from"),
        (
            "for i in r:\n    x = X[i:j] / 255\n    l = c(model(x), y[i:j])\n",
            "line 3 computes the inputs as `X[i:j] / 255`",
        ),
        ("for i in r:\n    l = c(model(X[i:j]))\n", "line 3 does not contain both the inputs and the targets"),
        ("X = [1, 2]\nfor i in r:\n    l = c(model(torch.tensor(X[i:j])), y[i:j])\n", "`X` is a list"),
        (
            "def f(X):\n    for i in r:\n        l = c(model(X[i:j]), y[i:j])\nf(A)\n",
            "are created in different functions",
        ),
    ],
)
def test_refusals_by_hand_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient("import torch\n" + text, model_call="model(", loss="c(").refusal(shuffle)


def test_shuffling_and_standardising_work_in_any_order(patient) -> None:
    text = BY_HAND["slices"][0]
    p = patient("import torch\n\n" + text, model_call="model(", loss="c(")
    texts = set()
    for first, second in ((shuffle, standardise_inputs), (standardise_inputs, shuffle)):
        script = apply_remedy(second, apply_remedy(first, p.script, p.record, {}), p.record, {})
        texts.add(script.read(script.path))
    (edited,) = texts
    assert "X, y = X[order], y[order]\nstandardise_inputs(model, X)\nfor e in r:" in edited


def test_an_unrecorded_loader_is_refused(patient) -> None:
    assert "did not show where the data loader is" in patient("x = 1\n").refusal(shuffle)


def test_pairs_stay_together_in_tensors_and_arrays(patient) -> None:
    text = (
        "import numpy as np\nimport torch\nX, y = torch.arange(6.0), np.arange(6.0)\nc = lambda a, b: a\n"
        "model = torch.nn.Identity()\nfor e in range(2):\n    for i in range(0, 6, 2):\n"
        "        a, b = X[i:i + 2], torch.tensor(y[i:i + 2])\n        l = c(model(a), b)\n"
    )
    names: dict[str, object] = {}
    torch.manual_seed(0)
    exec(patient(text, model_call="model(", loss="c(model").edited(shuffle), names)
    assert names["X"].tolist() == names["y"].tolist() != sorted(names["y"].tolist())
