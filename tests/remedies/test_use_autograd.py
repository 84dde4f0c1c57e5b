import pytest
import torch

from descend.doctor.remedies.use_autograd import use_autograd

WRONG = """\
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x
"""
APART = """\
class Cube(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x
"""
USED = WRONG.replace("        return x**3", "        ctx.wide = len(x.shape)\n        return x ** (3 + 0 * ctx.wide)")
PLAIN = """\
class Cube:
    @staticmethod
    def apply(x):
        return x**3
"""
IMPORT = "from torch.autograd.function import FunctionCtx\n"
CASES = [  # the function, its application, and the edited versions of both
    (WRONG, "y = Cube.apply(x)", PLAIN, "y = Cube.apply(x)"),
    (WRONG, "y = Cube.apply(Cube.apply(x))", PLAIN, "y = Cube.apply(Cube.apply(x))"),
    (WRONG, "cube = Cube.apply\ny = cube(x)", PLAIN, "cube = Cube.apply\ny = cube(x)"),
    (
        WRONG,
        "class Net:\n    act = Cube.apply\ny = Net.act(x)",
        PLAIN,
        "class Net:\n    act = Cube.apply\ny = Net.act(x)",
    ),
    (APART, "y = Cube.apply(x)", PLAIN, "y = Cube.apply(x)"),
    (APART, "print(Cube)\ny = Cube.apply(x)", APART, "print(Cube)\ny = Cube.forward(x)"),
    (USED, "y = Cube.apply(x)", USED, "y = Cube.forward(FunctionCtx(), x)"),
    (
        USED,
        "cube = Cube.apply\ny = cube(x)",
        USED,
        "cube = lambda *inputs: Cube.forward(FunctionCtx(), *inputs)\ny = cube(x)",
    ),
]


def without_custom_backward(patient, text: str) -> str:
    call = next(call for call in ("Cube.apply(", "cube(", "Net.act(") if call in text)
    return patient(text, custom_function__Cube=call).edited(use_autograd, function="Cube")


@pytest.mark.parametrize(("function", "before", "becomes", "after"), CASES)
def test_autograd_differentiates_the_forward_pass(patient, function, before, becomes, after) -> None:
    made = "x = torch.tensor(2.0, requires_grad=True)\n"
    edited = without_custom_backward(patient, "import torch\n" + function + made + before + "\n")
    imported = IMPORT if "FunctionCtx" in after else ""
    assert edited == "import torch\n" + imported + becomes + made + after + "\n"
    seen: dict = {}
    exec(compile(edited, "train.py", "exec"), seen)
    (gradient,) = torch.autograd.grad(seen["y"], seen["x"])
    expected = torch.tensor(2.0, requires_grad=True)
    twice = "Cube.apply(Cube" in before
    assert gradient == torch.autograd.grad((expected**9 if twice else expected**3), expected)[0]


def test_a_function_of_another_file_is_refused(patient) -> None:
    p = patient("from theirs import Cube\ny = Cube.apply(x)\n", custom_function__Cube="Cube.apply(")
    assert "does not define Cube exactly once" in p.refusal(use_autograd, function="Cube")


@pytest.mark.parametrize(
    "kept", ["self.act = Cube.apply\ny = self.act(x)", "class Net:\n    act = Cube.apply\ny = Net.act(x)"]
)
def test_a_function_called_from_an_object_is_refused(patient, kept: str) -> None:
    p = patient(USED + kept + "\n", custom_function__Cube="self.act(" if "self" in kept else "Net.act(")
    assert "stored in an object" in p.refusal(use_autograd, function="Cube")
