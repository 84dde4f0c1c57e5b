import pytest

from descend.doctor.remedies.call_argument import call_argument

TEXT = "import torch\nimport torch.nn.functional as F\n{}\n"


@pytest.mark.parametrize(
    ("call", "function", "keyword", "index", "value", "after"),
    [
        ("torch.logsumexp(x, 0)", "logsumexp", "dim", 0, 1, "torch.logsumexp(x, 1)"),
        ("torch.logsumexp(x, dim=0)", "logsumexp", "dim", -1, 1, "torch.logsumexp(x, dim=1)"),
        ("x.logsumexp(0)", "logsumexp", "dim", 0, 1, "x.logsumexp(1)"),
        ("F.softmax(x, -1)", "softmax", "dim", 0, -2, "F.softmax(x, -2)"),
        ("torch.argsort(t)", "argsort", "descending", -1, True, "torch.argsort(t, descending=True)"),
        ("t.sort(descending=True)", "sort", "descending", -1, False, "t.sort(descending=False)"),
        ("t.topk(3)", "topk", "largest", -1, False, "t.topk(3, largest=False)"),
    ],
)
def test_the_argument_is_set(pointed_at, call, function, keyword, index, value, after):
    known = pointed_at(TEXT.format(call), call, function=function)
    arguments = {"kind": "on_loss", "place": "0", "keyword": keyword, "index": index, "value": value}
    assert TEXT.format(after) == known.edited(call_argument, **arguments)


def test_a_function_that_makes_the_call_is_not_the_call(pointed_at):
    known = pointed_at(TEXT.format("ranked(t)"), "ranked(t)", function="argsort")
    arguments = {"kind": "on_loss", "place": "0", "keyword": "descending", "index": -1, "value": True}
    assert "does not contain the call of argsort" in known.refusal(call_argument, **arguments)
