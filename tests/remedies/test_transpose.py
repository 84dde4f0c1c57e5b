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
