import pytest

from descend.doctor.remedies.transpose import transpose

CUT = {
    "x = x.view(28, -1, 3)": "x = x.transpose(0, 1)",
    "x = x.reshape((T, -1, 3))": "x = x.transpose(0, 1)",
    "out = self.rnn(batch['x'].float().view(T, n, 3))": "out = self.rnn(batch['x'].float().transpose(0, 1))",
    "x = torch.reshape(x, (28, -1, 3))": "x = x.transpose(0, 1)",
}


@pytest.mark.parametrize("line", CUT)
def test_the_dimensions_are_exchanged(patient, line):
    call = next(c for c in ("x.view(", "x.reshape(", "batch['x'].float().view(", "torch.reshape(") if c in line)
    p = patient(f"import torch\n{line}\n", made={"mixing": call.split(".")[-1].strip("(")}, mixing=call)
    assert p.changes(transpose, site="mixing", call="transpose(0, 1)") == [f"-{line}", f"+{CUT[line]}"]


def test_several_dimensions_are_permuted(patient):
    line = "y = net(images).view(n, height, width, 3)"
    p = patient(f"{line}\n", exchanged="net(images).view(")
    edited = p.edited(transpose, site="exchanged", call="permute(0, 2, 3, 1)")
    assert edited == "y = net(images).permute(0, 2, 3, 1)\n"


def test_equal_calls_elsewhere_are_replaced_too(patient):
    text = "for x in a:\n    x = x.reshape(T, -1, F)\nfor x in b:\n    x = x.reshape(T, -1, F)\ny = y.reshape(T, F)\n"
    p = patient(text, made={"mixing": "reshape"}, mixing="x.reshape(")
    edited = p.edited(transpose, site="mixing", call="squeeze(1).transpose(0, 1)")
    assert edited == text.replace("x.reshape(T, -1, F)", "x.squeeze(1).transpose(0, 1)")


def test_another_call_is_refused(patient):
    assert patient("import torch\nx = f(x)\n", mixing="f(").refusal(transpose, site="mixing", call="transpose(0, 1)")


@pytest.mark.parametrize(
    ("line", "call", "edited"),
    [
        ("qkv = x.view(t, b, 3, h, -1)", "x.view(", "qkv = x.transpose(0, 1).reshape(t, b, 3, h, -1)"),
        ("z = torch.reshape(a + b, (t, -1))", "torch.reshape(", "z = (a + b).transpose(0, 1).reshape((t, -1))"),
        ("loss = f(net(x).flatten(0, 1), y)", "net(x).flatten(", "loss = f(net(x).transpose(0, 1).flatten(0, 1), y)"),
    ],
)
def test_dimensions_are_exchanged_before_a_reshape_to_other_sizes(patient, line, call, edited):
    p = patient(f"import torch\n{line}\n", order_dependence=call)
    arguments = {"site": "order_dependence", "call": "transpose(0, 1)", "reshapes": True}
    assert p.changes(transpose, **arguments) == [f"-{line}", f"+{edited}"]
