import ast
from dataclasses import replace

import pytest

from descend.doctor.record import Fact, Record, Site, facts
from descend.doctor.remedies import apply_remedy
from descend.doctor.remedies.adaptive_rule import adaptive_rule
from descend.doctor.remedies.learning_rate import learning_rate
from descend.doctor.script.script import Script

DESCENT = facts.Optimizer("SGD", groups=1, parameters=10, by_hand=True)

HEAD = "import torch\nfrom torch import optim\n"
DIRECT = [  # the source before and after the edit
    ("o = optim.SGD(p, lr=0.1)", "o = optim.SGD(p, lr=0.0093)"),
    ("o = optim.SGD(p, .1)", "o = optim.SGD(p, 0.0093)"),
    ("o = optim.SGD(p, lr = 1e-1, momentum=.9)", "o = optim.SGD(p, lr = 9.3e-3, momentum=.9)"),
    ("o = optim.SGD(p, lr=-0.1)", "o = optim.SGD(p, lr=0.0093)"),
    ("o = optim.SGD(p, lr=0.1 * world / 256)", "o = optim.SGD(p, lr=0.0093)"),
    ("o = optim.SGD(p, lr=(0.1))", "o = optim.SGD(p, lr=0.0093)"),
    ("o = optim.SGD(p, lr=10**-1)", "o = optim.SGD(p, lr=0.0093)"),
    ("o = optim.Adam(p)", "o = optim.Adam(p, lr=0.0093)"),
    ("o = optim.Adam(params=p, eps=1e-7)", "o = optim.Adam(params=p, lr=0.0093, eps=1e-7)"),
    ("o = optim.Adam(weight_decay=1, params=p)", "o = optim.Adam(weight_decay=1, lr=0.0093, params=p)"),
    ("o = make(p, betas=(0.9, 0.99))  # é", "o = make(p, lr=0.0093, betas=(0.9, 0.99))  # é"),
    ("o = optim.SGD(p, **{'lr': 0.1})", "o = optim.SGD(p, **{'lr': 0.0093})"),
]


@pytest.mark.parametrize(("before", "after"), DIRECT)
def test_the_learning_rate_in_the_call_is_changed(patient, before: str, after: str) -> None:
    p = patient(HEAD + before + "\n", optimizer=before[4:].split("(")[0])
    assert p.edited(learning_rate, lr=0.0093, optimizer="0") == HEAD + after + "\n"


FOLLOWED = {
    "a name": "LR = 0.5\no = optim.SGD(p, lr=LR)\n",
    "a name after another": "BASE = 0.5\nlr = BASE\no = optim.SGD(p, lr)\n",
    "a name in the function": "def f():\n    rate: float = 0.5\n    return optim.SGD(p, lr=rate)\n",
    "a name from outside": "LR = 0.5\n\n\ndef f():\n    return optim.SGD(p, lr=LR)\n",
    "one of several": "lr, momentum = 0.5, 0.9\no = optim.SGD(p, lr=lr, momentum=momentum)\n",
    "a name that is printed": "LR = 0.5\nprint(f'rate {LR}')\nprint(LR)\no = optim.SGD(p, lr=LR)\n",
    "a key": "cfg = {'lr': 0.5, 'seed': 1}\no = optim.SGD(p, lr=cfg['lr'])\n",
    "a key of a call": "cfg = dict(lr=0.5)\no = optim.SGD(p, lr=cfg['lr'])\n",
    "a key of a key": "cfg = {'opt': {\"lr\": 0.5}}\no = optim.SGD(p, lr=cfg['opt']['lr'])\n",
    "unpacked keys": "cfg = {'lr': 0.5, 'momentum': 0.9}\no = optim.SGD(p, **cfg)\n",
    "a class attribute": "class C:\n    lr = 0.5\no = optim.SGD(p, lr=C.lr)\n",
    "a field": "class C:\n    lr: float = 0.5\nc = C()\no = optim.SGD(p, lr=c.lr)\n",
    "a field's default": "class C:\n    lr: float = field(default=0.5)\nc = C()\no = optim.SGD(p, lr=c.lr)\n",
    "a given field": "class C:\n    lr: float\nc = C(lr=0.5)\no = optim.SGD(p, lr=c.lr)\n",
    "an annotated parameter": "class C:\n    lr = 0.5\ndef f(c: C):\n    o = optim.SGD(p, lr=c.lr)\nf(C())\n",
    "a namespace": "c = SimpleNamespace(lr=0.5)\no = optim.SGD(p, lr=c.lr)\n",
    "an own attribute": (
        "class T:\n    def __init__(self):\n        self.lr = 0.5\n    def f(self):\n"
        "        self.o = optim.SGD(p, lr=self.lr)\n"
    ),
    "an attribute's attribute": (
        "class C:\n    lr = 0.5\nclass T:\n    def __init__(self):\n        self.c = C()\n"
        "        self.o = optim.SGD(p, lr=self.c.lr)\n"
    ),
    "an option": (
        "parser.add_argument('--lr', '--rate', type=float, default=0.5)\nargs = parser.parse_args()\n"
        "o = optim.SGD(p, lr=args.lr)\n"
    ),
    "an option with a dash": (
        "a.add_argument('-r', '--learning-rate', default=0.5)\no = optim.SGD(p, lr=args.learning_rate)\n"
    ),
    "an option elsewhere": (
        "def f(args):\n    o = optim.SGD(p, lr=args.lr)\na.add_argument('--alpha', dest='lr', default=0.5)\n"
    ),
    "one group": "LR = 0.5\no = optim.SGD([{'params': p}], lr=LR)\n",
}


@pytest.mark.parametrize("case", FOLLOWED)
def test_the_number_is_changed_where_it_is_defined(patient, case: str) -> None:
    text = HEAD + FOLLOWED[case]
    edited = patient(text, optimizer="optim.SGD(").edited(learning_rate, lr=0.0093, optimizer="0")
    assert edited == text.replace("0.5", "0.0093")


REPLACED = {
    "another purpose": "LR = 0.5\nuse(LR)\no = optim.SGD(p, lr=LR)\n",
    "another optimizer": "LR = 0.5\no = optim.SGD(p, lr=LR)\nq = optim.Adam(p, lr=LR)\n",
    "two values": "lr = 0.5\nif big:\n    lr = 0.1\no = optim.SGD(p, lr=lr)\n",
    "a changed value": "lr = 0.5\nlr *= 2\no = optim.SGD(p, lr=lr)\n",
    "a parameter": "def f(lr=0.5):\n    return optim.SGD(p, lr=lr)\n",
    "a loop": "for lr in (0.5, 0.1):\n    o = optim.SGD(p, lr=lr)\n",
    "a text": "cfg = {'lr': '0.5'}\no = optim.SGD(p, lr=float(cfg['lr']))\n",
    "a key read twice": "cfg = {'lr': 0.5}\nuse(cfg['lr'])\no = optim.SGD(p, lr=cfg['lr'])\n",
    "a key written": "cfg = {'lr': 0.5}\ncfg['lr'] = 0.5\no = optim.SGD(p, lr=cfg['lr'])\n",
    "an attribute written": "class C:\n    lr = 0.5\nc = C()\nc.lr = 0.5\no = optim.SGD(p, lr=c.lr)\n",
    "two own attributes": (
        "class T:\n    def __init__(self):\n        self.lr = 0.5\n        self.lr = 0.25\n"
        "        self.o = optim.SGD(p, lr=self.lr)\n"
    ),
    "several objects": "class C:\n    lr: float\na, b = C(lr=0.5), C(lr=0.5)\no = optim.SGD(p, lr=a.lr)\n",
    "no default": "a.add_argument('--lr')\no = optim.SGD(p, lr=args.lr)\n",
    "two defaults": "a.add_argument('--lr', default=0.5)\na.set_defaults(lr=1)\no = optim.SGD(p, lr=a.lr)\n",
    "a name from itself": "lr = lr\no = optim.SGD(p, lr=lr)\n",
    "an unknown name": "o = optim.SGD(p, lr=hydra.lr)\n",
    "an imported name": "from config import LR\no = optim.SGD(p, lr=LR)\n",
}


@pytest.mark.parametrize("case", REPLACED)
def test_a_shared_number_stays_and_the_call_is_changed(patient, case: str) -> None:
    text = HEAD + REPLACED[case]
    edited = patient(text, optimizer="optim.SGD(").edited(learning_rate, lr=0.0093, optimizer="0")
    before, after = text.splitlines(), edited.splitlines()
    changed = [(b, a) for b, a in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    ((b, a),) = changed
    assert "optim.SGD(" in b and a == b.split("lr=")[0] + "lr=0.0093)"


@pytest.mark.parametrize("given", [["--lr", "0.1"], ["--lr=0.1"], ["--l", "0.1"], ["-r0.1"], ["x", "-r", "1"]])
def test_an_option_given_on_the_command_line_is_not_in_the_source(patient, given: list[str]) -> None:
    text = HEAD + "a.add_argument('-r', '--lr', default=0.5)\no = optim.SGD(p, lr=args.lr)\n"
    p = patient(text, *given, optimizer="optim.SGD(")
    assert p.changes(learning_rate, lr=0.0093) == [
        "-o = optim.SGD(p, lr=args.lr)",
        "+o = optim.SGD(p, lr=0.0093)",
    ]


def test_other_options_do_not_matter(patient) -> None:
    text = HEAD + "a.add_argument('--lr', default=0.5)\no = optim.SGD(p, lr=args.lr)\n"
    p = patient(text, "--lr-decay", "0.1", "--epochs=3", "--", optimizer="optim.SGD(")
    assert "default=0.0093" in p.edited(learning_rate, lr=0.0093)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("(\n    p,\n)", "(\n    p,\n    lr=0.0093,\n)"),
        ("(\n    p\n)", "(\n    p,\n    lr=0.0093\n)"),
        (
            "(  # all\n    p,  # of them\n    eps=1,\n)",
            "(  # all\n    p,  # of them\n    lr=0.0093,\n    eps=1,\n)",
        ),
        ("(p,\n       eps=1)", "(p,\n       lr=0.0093,\n       eps=1)"),
        ("(p, )", "(p, lr=0.0093, )"),
        ("( p )", "( p, lr=0.0093 )"),
    ],
)
def test_an_added_argument_keeps_the_layout(patient, before: str, after: str) -> None:
    p = patient(HEAD + f"o = optim.Adam{before}\n", optimizer="optim.Adam(")
    assert p.edited(learning_rate, lr=0.0093) == HEAD + f"o = optim.Adam{after}\n"


@pytest.mark.parametrize(
    ("call", "arguments", "reason"),
    [
        ("optim.SGD([{'params': a, 'lr': 1}, {'params': b}], lr=2)", 0.1, "their own learning rates"),
        ("optim.SGD([dict(params=a, lr=1)], lr=2)", 0.1, "their own learning rates"),
        ("optim.SGD(groups, lr=2)", 0.1, "their own learning rates"),
        ("optim.SGD(*a)", 0.1, "unpacks a list into the call's arguments"),
        ("optim.SGD(p, **unknown)", 0.1, "is passed by `**unknown`"),
        ("optim.SGD()", 0.1, "without parameters"),
        ("optim.SGD(p, lr=0.1)", 0.1, "is 0.1 already"),
        ("optim.SGD(p, lr=0.1)", float("nan"), "nan is not a valid"),
        ("optim.SGD(p, lr=0.1)", -1.0, "-1.0 is not a valid"),
    ],
)
def test_refusals_say_why(patient, call: str, arguments: float, reason: str) -> None:
    p = patient(HEAD + f"groups = [{{'params': a, 'lr': 3}}]\no = {call}\n", optimizer="optim.SGD(")
    assert reason in p.refusal(learning_rate, lr=arguments)


LIBRARY = {"optimizer": "SGD"}


def test_an_optimizer_made_inside_a_library_is_not_edited(patient) -> None:
    p = patient("trainer.fit(model, loader)\n", optimizer="trainer.fit(", made=LIBRARY)
    assert p.refusal(learning_rate, lr=0.1) == "line 1 calls `trainer.fit`, which uses the SGD only indirectly"


@pytest.mark.parametrize(
    "call",
    [
        "create(args, model, lr=0.5)",
        "create(model.parameters(), 0.5)",
        "create(params, 0.5)",
        "getattr(optim, name)(x, 0.5)",
        "Rule(x, 0.5)",
        "Rule2(x, 0.5)",
    ],
)
def test_the_arguments_of_a_function_that_makes_the_optimizer_are_edited(patient, call: str) -> None:
    text = "from torch.optim import SGD as Rule\nRule2 = optim.SGD\nparams = list(net.parameters())\n"
    text += f"o = {call}\n"
    p = patient(text, optimizer=call, made=LIBRARY)
    assert p.edited(learning_rate, lr=0.0093) == text.replace("0.5", "0.0093")


def test_shared_unpacked_keys_are_refused(patient) -> None:
    text = HEAD + "cfg = {'lr': 1}\no = optim.SGD(p, **cfg)\nq = optim.Adam(p, **cfg)\n"
    assert "another call" in patient(text, optimizer="optim.SGD(").refusal(learning_rate, lr=0.1)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0093123, "0.00931"), (1.0, "1.0"), (2.5e-7, "2.5e-7"), (123456.0, "123000.0")]
)
def test_numbers_are_short(patient, value: float, text: str) -> None:
    p = patient(HEAD + "o = optim.SGD(p, lr=0.5)\n", optimizer="optim.SGD(")
    assert p.edited(learning_rate, lr=value).endswith(f"lr={text})\n")


def test_the_second_optimizer_in_another_file_is_edited(tmp_path) -> None:
    (tmp_path / "train.py").write_text("import rules\n")
    file = tmp_path / "rules.py"
    file.write_text("d = optim.Adam(p, lr=1.0)\ng = optim.Adam(p, lr=2.0)\n")
    record = Record(sites=[Site("optimizer", k, str(file), i, 4, i, 25) for i, k in ((1, "0"), (2, "1"))])
    script = Script(tmp_path / "train.py", tmp_path)
    edited = apply_remedy(learning_rate, script, record, {"lr": 0.5, "optimizer": "1"})
    assert edited.read(file) == "d = optim.Adam(p, lr=1.0)\ng = optim.Adam(p, lr=0.5)\n"
    ast.parse(edited.read(file))


BY_HAND = {
    "a name": ("lr = 1e-4\nloss.backward()\nw -= lr * w.grad\nb -= lr * b.grad\n", "1e-4", "1e-6"),
    "a number": ("loss.backward()\nw.data.sub_(1e-4 * w.grad.data)\n", "1e-4", "1e-6"),
    "on the right": ("loss.backward()\nw.data = w.data - w.grad * 1e-4\n", "1e-4", "1e-6"),
    "a call's factor": ("lr = 2.0\nloss.backward()\np.data.add_(p.grad, alpha=-lr)\n", "2.0", "0.02"),
    "a factor written out": ("loss.backward()\np.data.add_(p.grad, alpha=-1e-4)\n", "1e-4", "1e-6"),
    "of a sum": ("lr = 2.0\nloss.backward()\nw -= lr * w.grad / 20000\n", "2.0", "0.02"),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_the_learning_rate_of_updates_by_hand_is_changed(patient, case: str) -> None:
    text, old, new = BY_HAND[case]
    p = patient(text, backward="loss.backward(")
    p.record.add(Fact.of(replace(DESCENT, lr=1e-4), 0, "0"))
    assert p.edited(learning_rate, lr=1e-6, optimizer="0") == text.replace(old, new)


TAKEN = "grads = torch.autograd.grad(loss, params)\n"
RETURNED = {
    "a list": ("lr = 8.0\n" + TAKEN + "params = [p - lr * g for p, g in zip(params, grads)]\n", "8.0", "0.08"),
    "detached": (TAKEN + "params = [(p - 8.0 * g).detach() for p, g in zip(params, grads)]\n", "8.0", "0.08"),
    "by key": ("lr = 8.0\n" + TAKEN + "params = {k: params[k] - grads[k] * lr for k in params}\n", "8.0", "0.08"),
    "items": (TAKEN + "for i, (k, g) in enumerate(grads.items()):\n    params[k] -= 8.0 * g\n", "8.0", "0.08"),
    "a tree": (TAKEN + "params = tree_map(lambda p, g: p.sub(8.0 * g), params, grads)\n", "8.0", "0.08"),
    "each by itself": (
        "dw, db = torch.autograd.grad(loss, (w, b))\nw = w - 8.0 * dw\nb = b - 8.0 * db\n",
        "8.0",
        "0.08",
    ),
}


@pytest.mark.parametrize("case", RETURNED)
def test_the_learning_rate_of_returned_gradients_is_changed(patient, case: str) -> None:
    text, old, new = RETURNED[case]
    p = patient(text, backward="torch.autograd.grad(")
    p.record.add(Fact.of(replace(DESCENT, lr=8.0), 0, "0"))
    assert p.edited(learning_rate, lr=0.08, optimizer="0") == text.replace(old, new)


def test_a_number_that_multiplies_no_gradient_is_not_changed(patient) -> None:
    p = patient(TAKEN + "total = 3.0 * grads[0] + 2.0 * loss\n", backward="torch.autograd.grad(")
    p.record.add(Fact.of(replace(DESCENT, lr=8.0), 0, "0"))
    assert "multiplies a gradient by a number" in p.refusal(learning_rate, lr=1e-6, optimizer="0")


def test_a_learning_rate_that_is_set_twice_is_reported(patient) -> None:
    text = "lr = 2.0\nloss.backward()\np.data.add_(p.grad, alpha=-lr)\nlr = lr / 4\n"
    p = patient(text, backward="loss.backward(")
    p.record.add(Fact.of(replace(DESCENT, lr=1e-4), 0, "0"))
    assert "`lr`, which multiplies the gradients, is not a single number" in p.refusal(
        learning_rate, lr=1e-6, optimizer="0"
    )


def test_a_script_without_an_optimizer_is_said_to_have_none(patient) -> None:
    p = patient("loss.backward()\np.data.add_(p.grad, alpha=-1e-4)\n", backward="loss.backward(")
    p.record.add(Fact.of(replace(DESCENT, lr=1e-4), 0, "0"))
    assert "there is no optimizer" in p.refusal(adaptive_rule, lr=1e-3, optimizer="0")


def test_updates_by_hand_without_a_number_are_refused(patient) -> None:
    p = patient("loss.backward()\nw -= step(w.grad)\n", backward="loss.backward(")
    p.record.add(Fact.of(replace(DESCENT, lr=1e-4), 0, "0"))
    assert "multiplies a gradient by a number" in p.refusal(learning_rate, lr=1e-6, optimizer="0")
