import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)

input_nodes = 64
hl1_nodes = 64
output_nodes = 1

digits = load_digits()
X = torch.tensor(digits.data * 15.9, dtype=torch.float32)
y = torch.tensor(digits.target, dtype=torch.float32).unsqueeze(1)

n_val = int(0.33 * len(X))
train, val = random_split(TensorDataset(X, y), [len(X) - n_val, n_val])
train_loader = DataLoader(train, batch_size=32, shuffle=True)
val_loader = DataLoader(val, batch_size=256)

model = nn.Sequential(
    nn.Linear(input_nodes, hl1_nodes), nn.ReLU(),
    nn.Linear(hl1_nodes, output_nodes), nn.Sigmoid(),
)


def loss_fn(p, t):
    p = p.clamp(1e-7, 1 - 1e-7)
    return -(t * p.log() + (1 - t) * (1 - p).log()).mean()


optimizer = torch.optim.Adam(model.parameters())


def correct(out, target):
    return (out.round() == target).sum().item()


for epoch in range(10):
    model.train()
    tl = ta = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        out = model(xb)
        loss = loss_fn(out, yb)
        loss.backward()
        optimizer.step()
        tl += loss.item() * len(xb)
        ta += correct(out, yb)
    model.eval()
    va = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            va += correct(model(xb), yb)
    print(f"Epoch {epoch + 1}/10 - loss: {tl / len(train):.4f} - acc: {ta / len(train):.4f} - val_acc: {va / n_val:.4f}")
