"""The inserted line and its place, for many ways to pass inputs to a model."""

import pytest

from descend.doctor.remedies.standardise_inputs import standardise_inputs

IMPORT = "from descend.network import standardise_inputs"
FED = {  # the script, the call of the model, the inserted line, and the line that follows it
    "a progress bar": (
        "for e in r:\n    bar = tqdm(loader)\n    for x, y in bar:\n        model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for e in r:",
    ),
    "a numbered progress bar": (
        "bar = tqdm(enumerate(loader), total=3)\nfor i, (x, y) in bar:\n    model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for i, (x, y) in bar:",
    ),
    "a part of a batch": (
        "for e in r:\n    for i, batch in enumerate(tqdm(self.data)):\n        self.net(batch[0].to(d))",
        "self.net(",
        "standardise_inputs(self.net, self.data)",
        "for e in r:",
    ),
    "a batch of named parts": (
        "for b in loader:\n    b = {k: v.to(d) for k, v in b.items()}\n    model(b['image'])",
        "model(",
        "standardise_inputs(model, loader)",
        "for b in loader:",
    ),
    "a list of moved parts": (
        "for b in loader:\n    x, y = [t.to(d) for t in b]\n    model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for b in loader:",
    ),
    "another shape and device": (
        "for x, y in loader:\n    x = Variable(x.view(-1, 28 * 28)).cuda()\n    model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for x, y in loader:",
    ),
    "moved on a condition": (
        "for x, y in loader:\n    if gpu:\n        x, y = x.cuda(), y.cuda()\n    with a:\n        model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for x, y in loader:",
    ),
    "two lists": (
        "for i, (y, x) in enumerate(zip(ys, xs)):\n    model(x)",
        "model(x)",
        "standardise_inputs(model, xs)",
        "for i, (y, x) in enumerate(zip(ys, xs)):",
    ),
    "phases": (
        "for phase in ['train', 'val']:\n    for x, y in loaders[phase]:\n        model(x)",
        "model(x)",
        "standardise_inputs(model, loaders[phase])",
        "for x, y in loaders[phase]:",
    ),
    "a model for each fold": (
        "for k in r:\n    model = Net()\n    for e in r:\n        for x, y in loader:\n            model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for e in r:",
    ),
    "a loader for each epoch": (
        "for e in r:\n    loader = DataLoader(ds, shuffle=True)\n    for x, y in loader:\n        model(x)",
        "model(x)",
        "standardise_inputs(model, lambda: DataLoader(ds, shuffle=True))",
        "for e in r:",
    ),
    "a generator that depends on the epoch": (
        "for e in r:\n    for x, y in batches(X, seed=e):\n        model(x)",
        "model(x)",
        "standardise_inputs(model, lambda: batches(X, seed=e))",
        "for x, y in batches(X, seed=e):",
    ),
    "an iterator": (
        "it = iter(loader)\nwhile i < n:\n    try:\n        x, y = next(it)\n    except StopIteration:\n"
        "        it = iter(loader)\n        x, y = next(it)\n    model(x.float())",
        "model(",
        "standardise_inputs(model, loader)",
        "while i < n:",
    ),
    "an endless stream": (
        "s = itertools.cycle(loader)\nfor i in r:\n    batch = next(s)\n    x, _ = batch\n    model(x)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for i in r:",
    ),
    "slices": (
        "while t < n:\n    while i < n:\n        xb = X[i:i+8].to(d)\n        model(xb)\n        i += 8",
        "model(xb)",
        "standardise_inputs(model, X)",
        "while t < n:",
    ),
    "slices of a shuffled copy": (
        "for e in r:\n    p = order(n)\n    Z, y = X[p], y[p]\n    for i in r:\n        model(Z[i:i+8, :])",
        "model(",
        "standardise_inputs(model, X)",
        "for e in r:",
    ),
    "parts of a split": (
        "for e in r:\n    for xb, yb in zip(X.split(32), torch.split(Y, 32)):\n        model(xb)",
        "model(",
        "standardise_inputs(model, X)",
        "for e in r:",
    ),
    "selected rows": (
        "for i in r:\n    model(torch.index_select(self.X, 0, order[i]))",
        "model(",
        "standardise_inputs(model, self.X)",
        "for i in r:",
    ),
    "everything at once": (
        "for i in r:\n    x, y = data\n    model(x)",
        "model(x)",
        "standardise_inputs(model, data[0])",
        "for i in r:",
    ),
    "a graph": (
        "for i in r:\n    model(data.x, data.edge_index)",
        "model(",
        "standardise_inputs(model, data.x)",
        "for i in r:",
    ),
    "a comprehension": (
        "losses = [model(x) for x, y in loader]",
        "model(x)",
        "standardise_inputs(model, loader)",
        "losses = [model(x) for x, y in loader]",
    ),
    "a closure in the loop": (
        "for x, y in loader:\n    def closure():\n        return model(x)\n    opt.step(closure)",
        "model(x)",
        "standardise_inputs(model, loader)",
        "for x, y in loader:",
    ),
    "a closure before the loop": (
        "def closure():\n    return model(X)\nfor i in r:\n    opt.step(closure)",
        "model(X)",
        "standardise_inputs(model, X)",
        "for i in r:",
    ),
    "a step that gets the batch": (
        "def step(m, b):\n    x, y = b\n    m(x)\nfor e in r:\n    for b in loader:\n        step(net, b)",
        "m(x)",
        "standardise_inputs(net, loader)",
        "for e in r:",
    ),
    "a step that gets it by name": (
        "def step(m, x, y):\n    m(x)\nfor a, b in loader:\n    step(y=b, x=a.to(d), m=net.module)",
        "m(x)",
        "standardise_inputs(net.module, loader)",
        "for a, b in loader:",
    ),
    "a method for a step": (
        "class T:\n    def step(self, x):\n        self.net(x)\n    def fit(self):\n"
        "        for x, y in self.data:\n            self.step(x)",
        "self.net(",
        "standardise_inputs(self.net, self.data)",
        "for x, y in self.data:",
    ),
    "a method called from outside": (
        "class T:\n    def step(self, x):\n        self.net(x)\nt = T()\nfor x, y in data:\n    t.step(x)",
        "self.net(",
        "standardise_inputs(t.net, data)",
        "for x, y in data:",
    ),
    "a function for each epoch": (
        "def train(m, data):\n    for x, y in data:\n        m(x)\nfor e in r:\n    train(net, loader)",
        "m(x)",
        "standardise_inputs(net, loader)",
        "for e in r:",
    ),
    "a function of the file's own model and data": (
        "def train():\n    for x, y in loader:\n        net(x)\nfor e in r:\n    train()",
        "net(x)",
        "standardise_inputs(net, loader)",
        "for e in r:",
    ),
    "a method for each epoch": (
        "class T:\n    def epoch(self):\n        for x, y in self.data:\n            self.net(x)\n"
        "    def fit(self):\n        for e in r:\n            self.epoch()",
        "self.net(x)",
        "standardise_inputs(self.net, self.data)",
        "for e in r:",
    ),
    "a function that makes its data": (
        "def train(m):\n    data = DataLoader(ds)\n    for x, y in data:\n        m(x)\nfor e in r:\n    train(net)",
        "m(x)",
        "standardise_inputs(m, data)",
        "for x, y in data:",
    ),
    "a function whose data another of that name hides": (
        "def train(m):\n    for x, y in data:\n        m(x)\ndef main(data):\n    for e in r:\n        train(net)",
        "m(x)",
        "standardise_inputs(m, data)",
        "for x, y in data:",
    ),
    "a loss for training and validation": (
        "def loss_of(m, x):\n    return m(x)\nfor e in r:\n    for x in val:\n        loss_of(net, x)\n"
        "    for x in train:\n        loss_of(net, x).backward()",
        "m(x)",
        "standardise_inputs(net, train)",
        "for e in r:",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", FED)
def test_one_line_is_inserted_before_the_training(patient, case: str) -> None:
    text, call, line, follower = FED[case]
    text = "import torch\n" + text + "\n"
    p = patient(text, model_call=call)
    assert sorted(p.changes(standardise_inputs)) == sorted([f"+{IMPORT}", "+" + indent(text, follower) + line])
    lines = [line.strip() for line in p.edited(standardise_inputs).splitlines()]
    assert lines[lines.index(line) + 1] == follower


def indent(text: str, statement: str) -> str:
    """Return the blanks before a statement of the text."""
    line = next(line for line in text.splitlines() if line.strip() == statement)
    return line[: line.index(statement)]


REFUSED = {
    "scaled": ("for x, y in loader:\n    x = x / 255\n    model(x)", "line 3 computes the inputs as `x / 255`"),
    "scaled in place": ("for x, y in loader:\n    x /= 255\n    model(x)", "line 3 changes `x`"),
    "columns": ("for x, y in loader:\n    model(x[:, :3])", "computes the inputs as `x[:, :3]`"),
    "not first": ("for y, x in loader:\n    model(x)", "not the first element of a batch"),
    "drawn": ("for i in r:\n    x = torch.randn(3)\n    model(x)", "computes the inputs as `torch.randn(3)`"),
    "fetched": ("for i in r:\n    x, y = get_batch()\n    model(x)", "computes the inputs as `get_batch()`"),
    "an object": ("for b in loader:\n    model(b.x)", "computes the inputs as `b.x`"),
    "numbers": ("for i in range(3):\n    model(i)", "`range(3)` does not return batches with the inputs as the first"),
    "forward": ("for x in loader:\n    model.forward(x)", "bypasses the module's hooks"),
    "by name": ("for x in loader:\n    model(x=x)", "no positional inputs"),
    "unpacked": ("for x in loader:\n    model(*x)", "no positional inputs"),
    "a library's loop": ("trainer.fit(model, loader)", "`trainer.fit`, which uses the fit only indirectly"),
    "made on the spot": ("for x in loader:\n    model_of(a)(x)", "a model that has no name"),
    "a function": ("for x in loader:\n    torch.relu(x)", "a model that has no name"),
    "called from a library": (
        "class T:\n    def training_step(self, x):\n        return model(x)",
        "`training_step` receives the batch, but is called in several places or nowhere",
    ),
    "called twice": (
        "def f(x):\n    model(x)\nfor x in a:\n    f(x)\nfor x in b:\n    f(x)",
        "`f` receives the batch, but is called in several places",
    ),
    "called with a list": (
        "def f(x):\n    model(x)\nfor x in a:\n    f(*x)",
        "it is unclear which arguments of `f` in line 5 are the model and the batch",
    ),
    "a model of its own": (
        "def f(x):\n    model = Net()\n    model(x)\nfor x in a:\n    f(x)",
        "it is unclear which arguments of `f` in line 6 are the model and the batch",
    ),
    "a lambda": ("f = lambda x: model(x)\nfor x in a:\n    f(x)", "is a parameter of the function that uses it"),
    "made in the loop": ("for x in a:\n    model = Net()\n    model(x)", "is created inside the loop"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_why(patient, case: str) -> None:
    text, reason = REFUSED[case]
    calls = {"forward": "model.forward(", "a function": "torch.relu(", "made on the spot": "model_of(a)(x)"}
    calls["a library's loop"] = "trainer.fit("
    p = patient("import torch\n" + text + "\n", model_call=calls.get(case, "model("))
    assert reason in p.refusal(standardise_inputs)


def test_a_function_of_that_name_is_respected(patient) -> None:
    text = "def standardise_inputs(x): pass\nfor x in a:\n    model(x)\n"
    assert "already uses the name" in patient(text, model_call="model(").refusal(standardise_inputs)
