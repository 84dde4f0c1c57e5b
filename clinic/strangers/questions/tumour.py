import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(123)

X, y = load_breast_cancer(return_X_y=True)
X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=123)
sc = StandardScaler().fit(X_tr)
X_tr = torch.tensor(sc.transform(X_tr), dtype=torch.float32)
X_te = torch.tensor(sc.transform(X_te), dtype=torch.float32)
y_tr = torch.tensor(y_tr, dtype=torch.float32).reshape(-1, 1)
y_te = torch.tensor(y_te, dtype=torch.float32).reshape(-1, 1)

model = nn.Sequential(
    nn.Linear(30, 10),
    nn.ReLU(),
    nn.Linear(10, 1),
    nn.Softmax(dim=1),
)
rmsprop = torch.optim.RMSprop(model.parameters(), lr=0.001)
bce = nn.BCELoss()


def run(epochs=60, batch=32):
    for e in range(epochs):
        s = 0.0
        for sel in torch.randperm(len(X_tr)).split(batch):
            out = model(X_tr[sel])
            loss = bce(out, y_tr[sel])
            rmsprop.zero_grad()
            loss.backward()
            rmsprop.step()
            s += loss.item() * len(sel)
        if e % 6 == 0:
            print(f"epoch {e:3d}  loss {s / len(X_tr):.4f}")


run()
with torch.no_grad():
    hit = ((model(X_te) > 0.5).float() == y_te).float().mean().item()
print("Test accuracy:", round(hit, 3))
