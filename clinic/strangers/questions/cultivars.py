import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(31)


def load():
    X, y = load_wine(return_X_y=True)
    y = y + 1            # classes are numbered 1, 2, 3
    a, b, c, d = train_test_split(X, y, test_size=0.25, random_state=31, stratify=y)
    return (torch.tensor(a).float(), torch.tensor(b).float(),
            torch.tensor(c).float().unsqueeze(1), torch.tensor(d).float().unsqueeze(1))


def build():
    return nn.Sequential(
        nn.Linear(13, 32),
        nn.ReLU(),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
        nn.ReLU(),
    )


def decide(out):
    return out.round()


X_train, X_test, y_train, y_test = load()
model = build()
opt = torch.optim.SGD(model.parameters(), lr=0.001)
loss_fn = nn.MSELoss()

for epoch in range(200):
    for part in torch.randperm(len(X_train)).split(16):
        opt.zero_grad()
        loss = loss_fn(model(X_train[part]), y_train[part])
        loss.backward()
        opt.step()
    if (epoch + 1) % 20 == 0:
        with torch.no_grad():
            out = model(X_train)
            print("epoch", epoch + 1, "loss", round(loss_fn(out, y_train).item(), 4),
                  "acc", round((decide(out) == y_train).float().mean().item(), 3))

with torch.no_grad():
    print("test acc", round((decide(model(X_test)) == y_test).float().mean().item(), 3))
