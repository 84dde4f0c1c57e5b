import pytest

from descend.doctor.remedies.batch_size import batch_size

HEAD = "import torch\nfrom torch.utils.data import DataLoader\n"
LOADERS = [
    ("DataLoader(ds, batch_size=512)", "DataLoader(ds, batch_size=32)"),
    ("DataLoader(ds, 512, True)", "DataLoader(ds, 32, True)"),
    ("DataLoader(ds, batch_size=len(ds))", "DataLoader(ds, batch_size=32)"),
    ("DataLoader(ds, shuffle=True)", "DataLoader(ds, batch_size=32, shuffle=True)"),
    ("make_loaders(ds, batch_size=512)", "make_loaders(ds, batch_size=32)"),
]


@pytest.mark.parametrize(("before", "after"), LOADERS)
def test_the_argument_of_a_loader_is_changed(patient, before: str, after: str) -> None:
    p = patient(HEAD + f"loader = {before}\n", loader=before.split("(")[0])
    assert p.edited(batch_size, batch_size=32) == HEAD + f"loader = {after}\n"


def test_a_number_that_is_read_elsewhere_changes_there_too(patient) -> None:
    text = HEAD + "BATCH = 512\nloader = DataLoader(ds, batch_size=BATCH)\nh = torch.zeros(1, BATCH, 8)\n"
    assert patient(text, loader="DataLoader(").edited(batch_size, batch_size=32) == text.replace("512", "32")


def test_an_option_s_default(patient) -> None:
    text = (
        "import argparse\n" + HEAD + "p = argparse.ArgumentParser()\np.add_argument('--batch', type=int, default=512)\n"
        "a = p.parse_args()\nloader = DataLoader(ds, batch_size=a.batch)\n"
    )
    assert patient(text, loader="DataLoader(").edited(batch_size, batch_size=32) == text.replace("512", "32")


LOOPS = {
    "a name": (
        "B = 256\nfor e in range(9):\n    for i in range(0, len(X), B):\n        c(model(X[i:i + B]), y[i:i + B])\n"
    ),
    "a number": (
        "for e in r:\n    for i in range(0, n, 256):\n        a = X[i:i + 256]\n        c(model(a), y[i:256 + i])\n"
    ),
    "a permutation": (
        "for e in r:\n    for i in tqdm(range(0, n, 256)):\n        k = p[i:i+256]\n        c(model(X[k]), y[k])\n"
    ),
}


@pytest.mark.parametrize("loop", LOOPS, ids=str)
def test_the_stride_of_a_loop_is_changed(patient, loop: str) -> None:
    text = "import torch\n" + LOOPS[loop]
    p = patient(text, model_call="model(")
    assert p.edited(batch_size, batch_size=32) == text.replace("256", "32")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "for e in range(9):\n    l = c(model(X), y)\n",
            "no loop around line 2 slices the data into batches",
        ),
        (
            "for i in range(0, n, B):\n    l = c(model(X[i:i + B]), y)\n",
            "`B` in line 1 is not set by a number in the source",
        ),
        (
            "for i in range(0, n, 256):\n    l = c(model(f(i)), y)\n",
            "the loop in line 1 does not slice the data into batches of 256",
        ),
        ("for i in range(0, n, 32):\n    l = c(model(X[i:i + 32]), y)\n", "the batch size is 32 already"),
    ],
)
def test_refusals_of_a_loop_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(text, model_call="model(").refusal(batch_size, batch_size=32)


def test_refusals_of_a_loader_say_why(patient) -> None:
    assert "is passed by `**k`" in patient(HEAD + "DataLoader(ds, **k)\n", loader="DataLoader").refusal(
        batch_size, batch_size=32
    )
    assert "line 3 calls `make`" in patient(HEAD + "make(ds)\n", loader="make").refusal(batch_size, batch_size=32)
