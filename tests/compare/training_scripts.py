"""Training scripts as people write them: 12 steps, 3 epochs of 4 batches."""

STEPS = 12
HEAD = """\
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
"""
LOOP = """
for epoch in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        optimizer.step()
"""
MODEL = "model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))\n"
LOADER = "loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)\n"
PLAIN = f"{HEAD}{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n{LOOP}"
CONSTANT = f"""{HEAD}LR = 0.1
{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
{LOOP}"""
ARGPARSE = f"""import argparse
from torch import optim
{HEAD}
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--weight-decay", type=float, default=0.01)
args = parser.parse_args()
{LOADER}{MODEL}optimizer = optim.AdamW(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
{LOOP}"""
DATACLASS = f"""from dataclasses import dataclass
{HEAD}
@dataclass
class Config:
    lr: float = 0.05
    batch_size: int = 16


config = Config()
loader = DataLoader(TensorDataset(x, y), batch_size=config.batch_size, shuffle=True)
test_loader = DataLoader(TensorDataset(x, y), batch_size=64)
{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
{LOOP}"""
RATES = """    for group in optimizer.param_groups:
        group["lr"] = max_lr * 0.5**epoch
"""
OVERWRITTEN = f"""{HEAD}max_lr = 0.1
{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
{LOOP.replace("    for xb", RATES + "    for xb")}"""
ONE_CYCLE = f"""{HEAD}{LOADER}{MODEL}optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.2, total_steps=12)
{LOOP}        scheduler.step()
"""
TRAINER = f"""{HEAD}
class Trainer:
    def __init__(self, model, loader, lr):
        self.model, self.loader = model, loader
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=lr)

    def fit(self, epochs):
        for epoch in range(epochs):
            for xb, yb in self.loader:
                self.optimizer.zero_grad()
                nn.functional.mse_loss(self.model(xb), yb).backward()
                self.optimizer.step()


{LOADER}{MODEL}Trainer(model, loader, lr=1e-3).fit(3)
"""
GROUPS = f"""{HEAD}HEAD_LR = 0.1
{LOADER}{MODEL}optimizer = torch.optim.SGD(
    [{{"params": model[0].parameters(), "lr": 0.01}}, {{"params": model[2].parameters(), "lr": HEAD_LR}}], lr=0.1
)
{LOOP}"""
BY_HAND = f"""{HEAD}{LOADER}{MODEL}
for epoch in range(3):
    for xb, yb in loader:
        loss = nn.functional.mse_loss(model(xb), yb)
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.1 * p.grad
                p.grad = None
"""
TWO = f"""{HEAD}{LOADER}{MODEL}scale = nn.Parameter(torch.ones(1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
other = torch.optim.Adam([scale], lr=0.01)
{LOOP.replace("model(xb)", "scale * model(xb)").replace("optimizer.step()", "optimizer.step(); other.step()")}"""
SCRIPTS = {
    "plain": PLAIN,
    "constant": CONSTANT,
    "argparse": ARGPARSE,
    "dataclass": DATACLASS,
    "overwritten": OVERWRITTEN,
    "one_cycle": ONE_CYCLE,
    "trainer": TRAINER,
    "groups": GROUPS,
}
