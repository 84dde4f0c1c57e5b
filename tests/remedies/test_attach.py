from dataclasses import replace

import pytest

from descend.doctor.remedies.attach import attach

CASES = [
    ("p = net(x).detach()", "net(x).detach(", "p = net(x)"),
    ("p = head(h.detach())", "h.detach(", "p = head(h)"),
    ("p = h.detach().clone()", "h.detach()", "p = h.clone()"),
    ("p = (a + b).detach() * 2", "(a + b).detach(", "p = (a + b) * 2"),
    ("p = torch.stack(hs).detach()", "torch.stack(hs).detach(", "p = torch.stack(hs)"),
    ("p = torch.detach(h)", "torch.detach(", "p = h"),
    ("h = h.detach()\nuse(h)", "h.detach(", "use(h)"),
    ("self.h = self.h.detach()\nuse(h)", "self.h.detach(", "use(h)"),
    ("def f(self, h):\n    return self.head(h.detach())", "h.detach(", "def f(self, h):\n    return self.head(h)"),
    ("for x in r: h = k(x).detach(); f(h).backward()", "k(x).detach(", "for x in r: h = k(x); f(h).backward()"),
    ("p = (\n    body(x)\n    .detach()\n)", "body(x)\n    .detach(", "p = body(x)"),
]


@pytest.mark.parametrize(("before", "call", "after"), CASES)
def test_cuts_of_the_graph_are_removed(patient, before: str, call: str, after: str) -> None:
    head = "import torch\n"
    assert patient(head + before + "\n", detach=call).edited(attach) == head + after + "\n"


DETACHED_BEFORE = [  # the detached values are outside the graph even without the detach
    ("h = body(x).data\np = head(h.detach())", "h.detach(", "h = body(x)\np = head(h)"),
    ("p = head(body(x).data.detach())", "body(x).data.detach(", "p = head(body(x))"),
    ("with torch.no_grad():\n    h = body(x)\np = head(h.detach())", "h.detach(", "h = body(x)\np = head(h)"),
    ("with torch.no_grad():\n    h = body(x).detach()\np = head(h)", "body(x).detach(", "h = body(x)\np = head(h)"),
    ("h = torch.tensor(body(x).tolist())\np = head(h.detach())", "h.detach(", "h = body(x)\np = head(h)"),
    ("h = body(x) + teacher(x).data\np = head(h.detach())", "h.detach(", "h = body(x) + teacher(x).data\np = head(h)"),
]


@pytest.mark.parametrize(("before", "call", "after"), DETACHED_BEFORE)
def test_the_value_that_replaces_a_detach_is_on_the_graph(patient, before: str, call: str, after: str) -> None:
    head = "import torch\nbody = head = teacher = torch.nn.Linear(3, 3)\n"
    assert patient(head + before + "\n", detach=call).edited(attach) == head + after + "\n"


def test_every_site_is_edited(patient) -> None:
    text = "def f(h):\n    h = h.detach()\n    g = k(h.detach(), a.detach())\n    return g\n"
    p = patient(text, detach__0="h.detach(", detach__1="a.detach(")
    column = text.splitlines()[2].index("h.detach()")
    end = column + len("h.detach()")
    p.record.sites.append(replace(p.record.sites[0], key="2", line=3, column=column, end_line=3, end_column=end))
    assert p.edited(attach) == "def f(h):\n    g = k(h, a)\n    return g\n"


@pytest.mark.parametrize(
    ("text", "call", "reason"),
    [
        ("p = features(x)\n", "features(", "line 1 calls `features`, which uses the detach only indirectly"),
    ],
)
def test_refusals_say_why(patient, text: str, call: str, reason: str) -> None:
    p = patient(text, **({"detach": call} if call else {}), made={"detach": "detach"})
    assert reason in p.refusal(attach)


def test_gradients_flow_again(patient) -> None:
    text = "import torch\nw = torch.ones(1, requires_grad=True)\nv = torch.ones(1, requires_grad=True)\n"
    text += "h = w * 2\n(h.detach() * v).sum().backward()\n"
    names: dict = {}
    exec(patient(text, detach="h.detach(").edited(attach), names)
    assert names["w"].grad == 2


LEAVES = [  # the code before the backward pass, and its edited version
    ("h = body(x).data\nloss = f(head(h), y)", "h = body(x)\nloss = f(head(h), y)"),
    ("h = torch.tensor(body(x).tolist())\nloss = f(head(h), y)", "h = body(x)\nloss = f(head(h), y)"),
    (
        "a = body(x).detach().cpu().numpy()\nloss = f(head(torch.from_numpy(a)), y)",
        "a = body(x).cpu()\nloss = f(head(a), y)",
    ),
    ("loss = f(body(x).detach().requires_grad_(), y)", "loss = f(body(x).requires_grad_(), y)"),
    ("with torch.no_grad():\n    h = body(x)\nloss = f(head(h), y)", "h = body(x)\nloss = f(head(h), y)"),
    (
        "with torch.no_grad(), lock:\n    h = body(x)\nloss = f(head(h), y)",
        "with lock:\n    h = body(x)\nloss = f(head(h), y)",
    ),
    ("torch.set_grad_enabled(False)\nloss = f(body(x), y)", "loss = f(body(x), y)"),
    (
        "@torch.no_grad()\ndef g(x):\n    return body(x)\nloss = f(g(x), y)",
        "def g(x):\n    return body(x)\nloss = f(g(x), y)",
    ),
    (
        "class Net(nn.Module):\n    def forward(self, x):\n        h = self.body(x).detach()\n"
        "        return self.head(h)\n"
        "net = Net()\nloss = f(net(x), y)",
        "class Net(nn.Module):\n    def forward(self, x):\n        h = self.body(x)\n        return self.head(h)\n"
        "net = Net()\nloss = f(net(x), y)",
    ),
    (
        "def step(net):\n    return f(net(x).detach(), y)\nloss = step(body)",
        "def step(net):\n    return f(net(x), y)\nloss = step(body)",
    ),
    (
        "for x, y in data:\n    twin = copy.deepcopy(body)\n    loss = f(twin(x), y)",
        "for x, y in data:\n    twin = body\n    loss = f(twin(x), y)",
    ),
    (
        "def run(x):\n    return copy.deepcopy(body)(x)\nloss = f(run(x), y)",
        "def run(x):\n    return body(x)\nloss = f(run(x), y)",
    ),
    ("teacher = copy.deepcopy(body)\nfor x, y in data:\n    loss = f(head(x), teacher(x))", ""),
    (
        "loss = f(functional_call(body, body.state_dict(), (x,)), y)",
        "loss = f(functional_call(body, body.state_dict(keep_vars=True), (x,)), y)",
    ),
    (
        "w = {n: p.detach() for n, p in body.named_parameters()}\nloss = f(functional_call(body, w, (x,)), y)",
        "w = {n: p for n, p in body.named_parameters()}\nloss = f(functional_call(body, w, (x,)), y)",
    ),
    ("outs = [body(x).detach() for x in xs]\nloss = sum(outs)", "outs = [body(x) for x in xs]\nloss = sum(outs)"),
    ("out = body(x).detach()\nout.requires_grad = True\nloss = f(out, y)", "out = body(x)\nloss = f(out, y)"),
    (
        "outs = []\nfor x in xs:\n    outs.append(body(x).item())\n"
        "loss = torch.tensor(outs, requires_grad=True).mean()",
        "outs = []\nfor x in xs:\n    outs.append(body(x))\nloss = torch.stack(outs).mean()",
    ),
    (
        "class Agent:\n    def play(self):\n        taken, rewards = [], []\n        for x in xs:\n"
        "            policy = body(x)\n            action = policy.sample()\n"
        "            taken.append(policy.log_prob(action).item())\n"
        "            rewards.append(env.step(action.item()))\n        return taken, rewards\n"
        "taken, rewards = Agent().play()\nloss = (torch.tensor(taken) * torch.tensor(rewards)).sum()",
        "class Agent:\n    def play(self):\n        taken, rewards = [], []\n        for x in xs:\n"
        "            policy = body(x)\n            action = policy.sample()\n"
        "            taken.append(policy.log_prob(action))\n"
        "            rewards.append(env.step(action.item()))\n        return taken, rewards\n"
        "taken, rewards = Agent().play()\nloss = (torch.stack(taken) * torch.tensor(rewards)).sum()",
    ),
    ("loss = f(body(x), y)\nloss = torch.tensor(float(loss), requires_grad=True)", "loss = f(body(x), y)"),
    ("loss = Variable(body(x).data, requires_grad=True)", "loss = body(x)"),
    ("loss = torch.tensor(-body(x).item() + head(x).item(), requires_grad=True)", "loss = -body(x) + head(x)"),
    (
        "def g(x):\n    n = 2 * f(body(x)).item()\n    return torch.tensor(n, requires_grad=True)\nloss = g(x)",
        "def g(x):\n    n = 2 * f(body(x))\n    return n\nloss = g(x)",
    ),
    (
        "n = 0\nfor x in r:\n    n += body(x).item()\nloss = torch.tensor(n, requires_grad=True)",
        "n = 0\nfor x in r:\n    n += body(x)\nloss = n",
    ),
    (
        "def of(p, y, w=2):\n    n = w * f(p, y).item()\n    return torch.tensor(n, requires_grad=True)\n"
        "loss = of(body(x), y=y)",
        "def of(p, y, w=2):\n    n = w * f(p, y)\n    return n\nloss = of(body(x), y=y)",
    ),
    ("n = 0.0\nloss = f(torch.tensor(n, requires_grad=True))", ""),
    ("w = torch.tensor(x.mean().item(), requires_grad=True)\nloss = f(w)", ""),
    (  # intended cuts stay, where the loss itself had no graph
        "loss = f(body(x), head(x).detach())\nloss = torch.tensor(loss.item(), requires_grad=True)",
        "loss = f(body(x), head(x).detach())",
    ),
    ("loss = torch.tensor(f(body(x), y) + g(x), requires_grad=True)", "loss = f(body(x), y) + g(x)"),
    ("w = torch.tensor(x.mean(), requires_grad=True)\nloss = f(w, y)", ""),
    ("action = body(x).argmax(1)\nloss = f(head(torch.tensor(action.tolist())), y)", ""),
    ("loss = f(head(x), y)\nseen.append(loss.item())\nwith torch.no_grad():\n    h = head(x)", ""),
    ("x = torch.tensor(x)\nloss = f(body(x), torch.as_tensor(torch.tensor(x)))", ""),
    ("x = torch.tensor(rows.tolist())\ny = torch.from_numpy(labels)\nloss = f(body(x), y)", ""),
]


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), LEAVES)
def test_without_a_recorded_detach_other_cuts_are_removed(patient, before: str, after: str) -> None:
    head = "import torch\nfrom torch import nn\nbody, head = nn.Linear(2, 2), nn.Linear(2, 2)\n"
    indent = "    " if before.startswith("for") or before.startswith("teacher") else ""
    end = f"\n{indent}loss.backward()\n"
    p = patient(head + before + end, backward="loss.backward(")
    if after:
        assert p.edited(attach) == head + after + end
    else:
        assert "no operation was found in the source that disconnects the loss" in p.refusal(attach)
