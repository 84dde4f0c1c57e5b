import pytest

from descend.doctor.remedies.training_length import training_length

HEAD = "import torch\n"
LOOPS = [  # code before and after, with four times as many passes
    ("for e in range(10):\n    opt.step()", "for e in range(40):\n    opt.step()"),
    ("for e in range(0, 10):\n    opt.step()", "for e in range(0, 40):\n    opt.step()"),
    ("for e in range(1, 10 + 1):\n    opt.step()", "for e in range(1, 40 + 1):\n    opt.step()"),
    ("for e in range(1, 11):\n    opt.step()", "for e in range(1, 41):\n    opt.step()"),
    ("for e in range(a, a + 1_0):\n    opt.step()", "for e in range(a, a + 40):\n    opt.step()"),
    ("for e in range(start, 10):\n    opt.step()", "for e in range(start, 40):\n    opt.step()"),
    ("for e in trange(10):\n    opt.step()", "for e in trange(40):\n    opt.step()"),
    ("for e in tqdm(range(10), desc='x'):\n    opt.step()", "for e in tqdm(range(40), desc='x'):\n    opt.step()"),
    ("bar = tqdm(range(10))\nfor e in bar:\n    opt.step()", "bar = tqdm(range(40))\nfor e in bar:\n    opt.step()"),
    (
        "for e in range(10):\n    for b in data:\n        opt.step()",
        "for e in range(40):\n    for b in data:\n        opt.step()",
    ),
    (
        "for i, b in enumerate(islice(stream, 10), start=1):\n    opt.step()",
        "for i, b in enumerate(islice(stream, 40), start=1):\n    opt.step()",
    ),
    ("EPOCHS = 10\nfor e in range(EPOCHS):\n    opt.step()", "EPOCHS = 40\nfor e in range(EPOCHS):\n    opt.step()"),
    (
        "EPOCHS = 10\ns = Cosine(opt, EPOCHS)\nfor e in range(EPOCHS):\n    opt.step()\nplot(range(EPOCHS))",
        "EPOCHS = 40\ns = Cosine(opt, EPOCHS)\nfor e in range(EPOCHS):\n    opt.step()\nplot(range(EPOCHS))",
    ),
    (
        "n = 10\nx = torch.rand(n)\nfor e in range(n):\n    opt.step()",
        "n = 10\nx = torch.rand(n)\nfor e in range(4 * n):\n    opt.step()",
    ),
    ("for e in range(a // b):\n    opt.step()", "for e in range(4 * (a // b)):\n    opt.step()"),
    ("for e in range(int(a)):\n    opt.step()", "for e in range(4 * int(a)):\n    opt.step()"),
    ("i = 0\nwhile i < 10:\n    opt.step()\n    i += 1", "i = 0\nwhile i < 40:\n    opt.step()\n    i += 1"),
    ("i = 0\nwhile 10 >= i:\n    opt.step()\n    i += 1", "i = 0\nwhile 40 >= i:\n    opt.step()\n    i += 1"),
    (
        "steps, N = 0, 10\nwhile steps < N and not done:\n    opt.step()\n    steps += 1",
        "steps, N = 0, 40\nwhile steps < N and not done:\n    opt.step()\n    steps += 1",
    ),
    (
        "def f(b):\n    opt.step()\nfor e in range(10):\n    for b in data:\n        f(b)",
        "def f(b):\n    opt.step()\nfor e in range(40):\n    for b in data:\n        f(b)",
    ),
    (
        "def epoch():\n    for b in data:\n        opt.step()\ndef main(n=10):\n"
        "    for e in range(n):\n        epoch()\nmain()",
        "def epoch():\n    for b in data:\n        opt.step()\ndef main(n=40):\n    for e in range(n):\n"
        "        epoch()\nmain()",
    ),
    (
        "class T:\n    def step(self):\n        opt.step()\n    def fit(self):\n"
        "        for e in range(self.c.epochs):\n"
        "            self.step()\n    def __init__(self, c):\n        self.c = c\n        self.epochs = 10\n",
        "class T:\n    def step(self):\n        opt.step()\n    def fit(self):\n"
        "        for e in range(4 * self.c.epochs):\n"
        "            self.step()\n    def __init__(self, c):\n        self.c = c\n        self.epochs = 10\n",
    ),
    (
        "a.add_argument('--epochs', type=int, default=10)\nargs = a.parse_args()\n"
        "for e in range(1, args.epochs + 1):\n    opt.step()",
        "a.add_argument('--epochs', type=int, default=40)\nargs = a.parse_args()\n"
        "for e in range(1, args.epochs + 1):\n    opt.step()",
    ),
    (
        "cfg = {'epochs': 10}\nfor e in range(cfg['epochs']):\n    opt.step()",
        "cfg = {'epochs': 40}\nfor e in range(cfg['epochs']):\n    opt.step()",
    ),
    ("for e in range(10): opt.step()", "for e in range(40): opt.step()"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), LOOPS)
def test_the_loop_makes_more_passes(patient, before: str, after: str) -> None:
    p = patient(HEAD + before + "\n", step="opt.step(")
    assert p.edited(training_length, times=4) == HEAD + after + "\n"


FOLDS = "for fold in range(5):\n    net = Net()\n    opt = SGD(net)\n    for e in range(10):\n        opt.step()\n"
FOLD = "def train():\n    opt = SGD(net)\n    for e in range(10):\n        opt.step()\n"
"for fold in range(5):\n    train()\n"
PASSED = "def fit(opt):\n    for e in range(10):\n        opt.step()\nfor fold in range(5):\n    fit(SGD(net))\n"


@pytest.mark.parametrize("text", [FOLDS, FOLD, PASSED])
def test_a_loop_that_trains_a_new_model_each_time_does_not_count_epochs(patient, text: str) -> None:
    p = patient(text, step="opt.step(", optimizer="SGD(")
    assert p.edited(training_length, times=4) == text.replace("10", "40")


def test_a_schedule_of_the_same_length_grows_with_it(patient) -> None:
    text = "n = 10\ntotal = n * len(data)\ns = OneCycle(opt, total)\nfor e in range(n):\n    opt.step()\n"
    p = patient(text, step="opt.step(", scheduler="OneCycle(")
    assert p.edited(training_length, times=4) == text.replace("10", "40")


def test_at_least_one_pass_stays(patient) -> None:
    reason = patient("for e in range(1):\n    opt.step()\n", step="opt.step(").refusal(training_length, times=0.3)
    assert "too few passes" in reason
    edited = patient("for e in range(n):\n    opt.step()\n", step="opt.step(").edited(training_length, times=0.3)
    assert edited == "for e in range(max(1, round(0.3 * n))):\n    opt.step()\n"


@pytest.mark.parametrize(
    ("times", "before", "after"),
    [
        (1.5, "10", "15"),
        (2.0, "10", "20"),
        (2, "n", "2 * n"),
        (1.5, "n", "round(1.5 * n)"),
        (0.0667, "60", "4"),
        (0.01, "60", "1"),
    ],
)
def test_any_multiple_of_the_passes_is_possible(patient, times: float, before: str, after: str) -> None:
    text = f"for e in range({before}):\n    opt.step()\n"
    edited = patient(text, step="opt.step(").edited(training_length, times=times)
    assert edited == text.replace(before + ")", after + ")")


def test_an_option_given_on_the_command_line_is_multiplied_in_the_loop(patient) -> None:
    text = "a.add_argument('--epochs', default=10)\nfor e in range(args.epochs):\n    opt.step()\n"
    p = patient(text, "--epochs", "3", step="opt.step(")
    assert p.edited(training_length, times=4) == text.replace("args.epochs", "4 * args.epochs")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("opt.step()\n", "no loop was found around the optimizer's step in line 1"),
        ("for x, y in loader:\n    opt.step()\n", "the loop in line 1 does not count up to a number"),
        ("while True:\n    opt.step()\n", "does not count"),
        ("while loss > 0.1:\n    loss = f()\n    opt.step()\n", "does not count"),
        ("for e in count():\n    opt.step()\n", "does not count"),
        ("for i in range(0, n, 32):\n    opt.step()\n", "does not count"),
        ("for i in range(n):\n    x = X[i * 8 : i * 8 + 8]\n    opt.step()\n", "does not count"),
        ("for i in range(len(X)):\n    opt.step()\n", "does not count"),
        ("def f():\n    opt.step()\nrun(f)\n", "no loop"),
    ],
)
def test_refusals_say_why(patient, text: str, reason: str) -> None:
    assert reason in patient(text, step="opt.step(").refusal(training_length, times=4)


STYLES = {
    "plain": "range(8)",
    "crlf": "range(8)",
    "main": "default=8",
    "trainer": "steps: int = 24",
    "slices": "range(12)",
    "one_line": "range(20)",
    "dict": '"épochs": 8',
    "closure": "range(8)",
    "scaler": "range(16)",
}


def test_every_style_is_trained_longer(styled, style: str) -> None:
    if style == "tabs":
        assert "line 12 does not count" in styled.refusal(training_length, times=4)
    else:
        assert STYLES[style] in styled.edited(training_length, times=4)
