import pytest

from descend.doctor.remedies.dropout_rate import dropout_rate

HEAD = "import torch\nfrom torch import nn\n"
CALLS = [
    ("nn.Dropout(0.5)", "nn.Dropout(0.2)"),
    ("nn.Dropout(p=.9, inplace=True)", "nn.Dropout(p=0.2, inplace=True)"),
    ("nn.Dropout()", "nn.Dropout(p=0.2)"),
    ("nn.Dropout(inplace=True)", "nn.Dropout(inplace=True, p=0.2)"),
    ("nn.Dropout(a / 2)", "nn.Dropout(0.2)"),
    ("nn.Dropout2d(0.5)", "nn.Dropout2d(0.2)"),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
def test_the_rate_of_one_layer_is_changed(patient, before: str, after: str) -> None:
    p = patient(HEAD + f"m = {before}\n", dropout="nn.Dropout")
    assert p.edited(dropout_rate, p=0.2) == HEAD + f"m = {after}\n"


SEVERAL = {
    "two layers": "m = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2), nn.Dropout(0.5))\n",
    "one number for both": "P = 0.5\na = nn.Dropout(P)\nb = nn.Dropout(p=P)\n",
    "a default of two": (
        "class Net:\n    rate = 0.5\n    def __init__(self):\n        self.a = nn.Dropout(self.rate)\n"
        "        self.b = nn.Dropout(self.rate)\n"
    ),
    "an option": "o.add_argument('--drop', default=0.5)\na = nn.Dropout(args.drop)\nb = nn.Dropout(args.drop)\n",
}


@pytest.mark.parametrize("case", SEVERAL)
def test_a_number_that_all_layers_share_is_changed_once(patient, case: str) -> None:
    import ast

    from descend.doctor.record import Site

    text = HEAD + SEVERAL[case]
    p = patient(text)
    calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and "Dropout" in ast.unparse(n.func)]
    for i, n in enumerate(calls):
        span = (n.lineno, n.col_offset, n.end_lineno, n.end_col_offset)
        p.record.sites.append(Site("dropout", str(i), str(p.script.path), *span, detail="Dropout"))
    assert p.edited(dropout_rate, p=0.2) == text.replace("0.5", "0.2")


def test_a_number_with_another_use_is_not_changed(patient) -> None:
    text = HEAD + "P = 0.5\na = nn.Dropout(P)\nb = use(P)\n"
    assert patient(text, dropout="nn.Dropout(").edited(dropout_rate, p=0.2) == text.replace("(P)\nb", "(0.2)\nb")


def test_the_dropout_argument_of_another_layer_is_changed(patient) -> None:
    text = HEAD + "m = nn.TransformerEncoderLayer(8, 2, dropout=0.5)\n"
    p = patient(text, dropout="nn.Tra", made={"dropout": "Dropout"})
    assert p.edited(dropout_rate, p=0.2) == text.replace("0.5", "0.2")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("nn.Dropout(0.2)", "the dropout rate is 0.2 already"),
        ("nn.TransformerEncoderLayer(8, 2)", "the Dropout only indirectly"),
        ("nn.Dropout(*rest)", "unpacks a list into the call's arguments"),
    ],
)
def test_refusals_say_why(patient, call: str, reason: str) -> None:
    p = patient(HEAD + f"m = {call}\n", dropout=call.split("(")[0], made={"dropout": "Dropout"})
    assert reason in p.refusal(dropout_rate, p=0.2)


def test_an_unrecorded_layer_is_refused(patient) -> None:
    assert "did not show where dropout layers" in patient("x = 1\n").refusal(dropout_rate, p=0.2)
