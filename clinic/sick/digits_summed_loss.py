"""Digits, big batches, momentum SGD.

Fault: sum_reduction or instability
Fix: use the mean: F.cross_entropy(logits, target) without reduction="sum" (or divide the rate by the batch size)
"""
import torch
import torch.nn.functional as F
from sklearn import datasets, model_selection

DEVICE = "cpu"
BATCH = 128  # clinic: 128 | 200
EPOCHS = 12
LR = 0.1  # clinic: 0.1 | 0.2

torch.manual_seed(77)
X, y = datasets.load_digits(return_X_y=True)
X = (X - 4.9) / 6.0
Xa, Xb, ya, yb = model_selection.train_test_split(X, y, test_size=0.2, random_state=77)
Xa, Xb = [torch.tensor(v, dtype=torch.float32, device=DEVICE) for v in (Xa, Xb)]
ya, yb = [torch.tensor(v, device=DEVICE) for v in (ya, yb)]

net = torch.nn.Sequential(
    torch.nn.Linear(64, 100), torch.nn.ReLU(),  # clinic: torch.nn.Linear(64, 100), torch.nn.ReLU() | torch.nn.Linear(64, 100), torch.nn.Tanh()
    torch.nn.Linear(100, 50),
    torch.nn.ReLU(),
    torch.nn.Linear(50, 10),
).to(DEVICE)
sgd = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.9)


def loss_of(logits, target):
    return F.cross_entropy(logits, target, reduction="sum")


for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for sel in torch.randperm(len(Xa)).split(BATCH):
        loss = loss_of(net(Xa[sel]), ya[sel])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        total += loss.item()
    net.eval()
    with torch.no_grad():
        test_acc = (net(Xb).argmax(1) == yb).float().mean().item()
    print(f"{epoch + 1:2d}/{EPOCHS}: loss {total / len(Xa):.4f} test accuracy {test_acc:.4f}")
