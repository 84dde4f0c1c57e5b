import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(0)
d = load_digits()
xa, xb, ya, yb = train_test_split(torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target), test_size=0.25, random_state=0)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(64, 64)
        self.layer_2 = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.tanh(self.layer_1(x))
        return F.log_softmax(self.layer_2(x), dim=1)


model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=8, history_size=8)
l2 = 1e-4

for epoch in range(25):
    def closure():
        optimizer.zero_grad()
        loss = criterion(model(xa), ya)
        loss = loss + l2 * sum((p ** 2).sum() for p in model.parameters())
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    if epoch % 3 == 0:
        print("epoch", epoch, "loss", round(loss.item(), 5))

with torch.no_grad():
    print("test accuracy", (model(xb).argmax(1) == yb).float().mean().item())
