"""Scripts as people write them, and the sites that a run would record in them."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from descend.record import Record, Site
from descend.remedies import NotApplicable, Remedy
from descend.script import Script

PLAIN = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X = torch.randn(64, 4) * torch.tensor([1.0, 10.0, 100.0, 1000.0]) + 50
Y = (X[:, 0] > 50).long()
loader = DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)

# a small network
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()

# plain gradient descent
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)  # to be tuned

for epoch in range(2):
    for xb, yb in loader:
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
"""

MAIN = '''\
"""Trains a classifier."""
from __future__ import annotations

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 8)
        self.fc2 = nn.Linear(8, 2)

    def forward(self, x):
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=1)


def train(args, model, device, train_loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = data.to(device), target.to(device)
        output = model(data)
        loss = F.cross_entropy(output, target)
        loss.backward()
        optimizer.step()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--lr", type=float, default=0.5, metavar="LR")
    args = parser.parse_args()
    torch.manual_seed(1)
    x = torch.randn(64, 4) * 100 + 7
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 7).long()), batch_size=16)
    model = Net().to("cpu")
    optimizer = optim.SGD(model.parameters(), lr=args.lr)
    for epoch in range(1, args.epochs + 1):
        train(args, model, "cpu", loader, optimizer, epoch)
    return model, optimizer


if __name__ == "__main__":
    model, optimizer = main()
'''

TRAINER = """\
from dataclasses import dataclass

import torch


@dataclass
class Config:
    lr: float = 0.5
    steps: int = 6


class Trainer:
    def __init__(self, config):
        self.config = config
        self.X = torch.rand(32, 3) * 1000
        self.y = (self.X[:, :1] > 500).float()
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
        self.lr = 0.25
        self.opt = torch.optim.SGD(
            self.net.parameters(),
            lr=self.lr,
        )

    def step(self, idx):
        out = torch.sigmoid(self.net(self.X[idx]))
        loss = torch.nn.functional.binary_cross_entropy_with_logits(out, self.y[idx])
        loss.backward()
        self.opt.step()

    def fit(self):
        for _ in range(self.config.steps):
            idx = torch.randint(0, 32, (8,))
            self.step(idx)


trainer = Trainer(Config())
trainer.fit()
model, optimizer = trainer.net, trainer.opt
"""

SLICES = """\
import numpy as np
import torch
from torch.optim import SGD

LR = 0.5
rng = np.random.default_rng(0)
X_train = rng.normal(30, 20, (40, 5))
y_train = X_train.sum(1, keepdims=True) > 150

model = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
opt = SGD(list(model.parameters()), LR)
bs = 8
for epoch in range(3):
    perm = rng.permutation(len(X_train))
    Xs, ys = X_train[perm], y_train[perm]
    for i in range(0, len(Xs), bs):
        xb = torch.tensor(Xs[i:i + bs], dtype=torch.float32)
        yb = torch.from_numpy(ys[i:i + bs]).float()
        z = model(xb)
        p = z.sigmoid()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(p, yb)
        loss.backward(); opt.step()
print(f"trained with {LR}")
optimizer = opt
"""

ONE_LINE = """\
import torch; torch.manual_seed(0)
X, y = torch.rand(20, 3) * 9, torch.rand(20, 1)
model = torch.nn.Linear(3, 1); optimizer = torch.optim.SGD(model.parameters(), lr=.5)
for t in range(5): loss = ((model(X) - y) ** 2).mean(); loss.backward(); optimizer.step()
"""

DICT = """\
#!/usr/bin/env python
# -*- coding: utf-8 -*-
# entraîne un réseau — zürich

import torch
from torch import nn

cfg = {"lr": 0.5, "épochs": 2, "batch": 8}


def batches(x, y, size):
    for i in torch.randperm(len(x)).split(size):
        yield x[i], y[i]


def build():
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))


def fit(modèle, x, y):
    params = [p for p in modèle.parameters() if p.requires_grad]
    optimiseur = torch.optim.RMSprop(params, weight_decay=1e-4, momentum=0.9, lr=cfg["lr"])
    for époque in range(cfg["épochs"]):
        for entrée, cible in batches(x, y, cfg["batch"]):
            perte = (("é" and modèle(entrée)) - cible).square().mean()
            perte.backward()
            optimiseur.step()
    return optimiseur


x = torch.randn(24, 2) * 40
model = build()
optimizer = fit(model, x, x.sum(1, keepdim=True))
"""

TABS = """\
import torch
from torch import nn, optim


def run(lr=0.5):
\tloader = [(torch.randn(4, 3) * 10, torch.randn(4, 1)) for _ in range(3)]
\tmodel = nn.Linear(3, 1)

\t# the rule
\toptimizer = optim.SGD(params=model.parameters(), lr=lr * 2, nesterov=True, momentum=0.9)
\tdone = False
\twhile not done:
\t\tfor batch in loader:
\t\t\tx, y = batch
\t\t\tif x.ndim > 1:
\t\t\t\tloss = (model(x) - y).pow(2).mean()
\t\t\t\tloss.backward()
\t\t\t\toptimizer.step()  # one step
\t\tdone = True
\treturn model, optimizer


model, optimizer = run()
"""

CLOSURE = """\
import torch

X = torch.linspace(0, 500, 30).unsqueeze(1)
Y = X / 500
model = torch.nn.Linear(1, 1)
optimizer = torch.optim.LBFGS(model.parameters())


def closure():
    loss = (model(X) - Y).square().mean()
    loss.backward()
    return loss


for step in range(2):
    optimizer.step(closure)
"""

SCALER = """\
import torch

data = [torch.randn(8, 1, 4, 4) * 30 for _ in range(4)]
net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
opt = torch.optim.SGD([{"params": net[1].parameters()}], lr=1e-1, weight_decay=0.01)
scaler = torch.amp.GradScaler("cpu", enabled=False)
it = iter(data)
for step in range(4):
    try:
        x = next(it)
    except StopIteration:
        it = iter(data)
        x = next(it)
    with torch.autocast("cpu", enabled=False):
        loss = net(x).square().mean()
    scaler.scale(loss).backward()
    scaler.step(opt)
    scaler.update()
model, optimizer = net, opt
"""

STYLES: dict[str, tuple[str, dict[str, str]]] = {
    "plain": (
        PLAIN,
        {
            "optimizer": "torch.optim.SGD(",
            "model_call": "model(xb)",
            "step": "optimizer.step(",
            "Softmax": "nn.Softmax(",
        },
    ),
    "main": (
        MAIN,
        {
            "optimizer": "optim.SGD(",
            "model_call": "model(data)",
            "step": "optimizer.step(",
            "softmax": "F.softmax(",
        },
    ),
    "trainer": (
        TRAINER,
        {
            "optimizer": "torch.optim.SGD(",
            "model_call": "self.net(",
            "step": "self.opt.step(",
            "sigmoid": "torch.sigmoid(",
        },
    ),
    "slices": (
        SLICES,
        {"optimizer": "SGD(", "model_call": "model(xb)", "step": "opt.step(", "sigmoid": "z.sigmoid("},
    ),
    "one_line": (
        ONE_LINE,
        {"optimizer": "torch.optim.SGD(", "model_call": "model(X)", "step": "optimizer.step("},
    ),
    "dict": (
        DICT,
        {"optimizer": "torch.optim.RMSprop(", "model_call": "modèle(entrée)", "step": "optimiseur.step("},
    ),
    "tabs": (
        TABS,
        {"optimizer": "optim.SGD(", "model_call": "model(x)", "step": "optimizer.step("},
    ),
    "closure": (
        CLOSURE,
        {"optimizer": "torch.optim.LBFGS(", "model_call": "model(X)", "step": "optimizer.step("},
    ),
    "scaler": (
        SCALER,
        {"optimizer": "torch.optim.SGD(", "model_call": "net(x)", "step": "scaler.step("},
    ),
}
STYLES["crlf"] = (PLAIN.replace("\n", "\r\n"), STYLES["plain"][1])
KINDS = {"optimizer": "0", "step": "0", "model_call": "", "model": ""}


@dataclass(frozen=True)
class Patient:
    """A script on disk and the record of a run of it, of which only the sites matter here."""

    script: Script
    record: Record

    @property
    def text(self) -> str:
        """The script's text as it stands on disk."""
        return self.script.read(self.script.path)

    def edited(self, remedy: Remedy, **dose: object) -> str:
        """Return the script's new text; fail with the reason where the remedy does not apply."""
        script = remedy(self.script, self.record, dose)
        assert isinstance(script, Script), script.reason
        ast.parse(script.read(script.path))
        return script.read(script.path)

    def changes(self, remedy: Remedy, **dose: object) -> list[str]:
        """Return the removed and added lines, without their line ends."""
        script = remedy(self.script, self.record, dose)
        assert isinstance(script, Script), script.reason
        ast.parse(script.read(script.path))
        lines = script.diff().splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    def refusal(self, remedy: Remedy, **dose: object) -> str:
        """Return why the remedy does not apply; fail where it does."""
        refused = remedy(self.script, self.record, dose)
        assert isinstance(refused, NotApplicable), refused.diff()
        return refused.reason


def find_sites(text: str, file: Path, calls: dict[str, str]) -> list[Site]:
    """Return a site for each call whose source begins as given; kinds that are no kind are activations."""
    tree = ast.parse(text)
    targets = {
        id(node.value): ast.unparse(node.targets[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
    }
    sites = []
    for kind, beginning in calls.items():
        found = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.get_source_segment(text, node).startswith(beginning)
        ]
        node = min(found, key=lambda n: (n.lineno, n.end_lineno, n.end_col_offset))
        callee = ast.unparse(node.func).split(".")[-1]
        is_known = kind in KINDS
        sites.append(
            Site(
                kind=kind if is_known else "activation",
                key=KINDS.get(kind, "output"),
                file=str(file),
                line=node.lineno,
                column=node.col_offset,
                end_line=node.end_lineno,
                end_column=node.end_col_offset,
                variable=targets.get(id(node), ""),
                detail=callee if is_known else kind,
            )
        )
    return sites


@pytest.fixture
def patient(tmp_path: Path) -> Callable[..., Patient]:
    """Return a function that writes a script and marks the given calls in it."""

    def admit(text: str, *arguments: str, **calls: str) -> Patient:
        path = tmp_path / "train.py"
        path.write_bytes(text.encode())
        return Patient(Script(path, tmp_path, arguments), Record(sites=find_sites(text, path, calls)))

    return admit


@pytest.fixture
def styled(style: str, patient: Callable[..., Patient]) -> Patient:
    """The script written in one of the styles."""
    text, calls = STYLES[style]
    return patient(text, **calls)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever asks for a style in all of them."""
    if "style" in metafunc.fixturenames and "style" not in str(metafunc.definition.own_markers):
        metafunc.parametrize("style", list(STYLES))
