import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

torch.manual_seed(11)
DTYPE = torch.float16

X, t = load_breast_cancer(return_X_y=True)
X = torch.tensor(scale(X)).to(DTYPE)
t = torch.tensor(t)
perm = torch.randperm(len(X))
train = TensorDataset(X[perm[:450]], t[perm[:450]])
test_x, test_t = X[perm[450:]], t[perm[450:]]


class MLP(nn.Module):
    def __init__(self, d_in, d_hidden, n_out):
        super().__init__()
        self.a = nn.Linear(d_in, d_hidden)
        self.b = nn.Linear(d_hidden, d_hidden)
        self.c = nn.Linear(d_hidden, n_out)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        return self.c(x)


model = MLP(X.shape[1], 64, 2).to(DTYPE)
opt = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()
loader = DataLoader(train, batch_size=32, shuffle=True)

for epoch in range(1, 21):
    epoch_loss = 0.0
    for xb, tb in loader:
        opt.zero_grad()
        loss = criterion(model(xb).float(), tb)
        loss.backward()
        opt.step()
        epoch_loss += loss.item()
    print(f"epoch {epoch:2d}: loss {epoch_loss / len(loader):.4f}")

with torch.no_grad():
    logits = model(test_x)
    print("test accuracy:", (logits.argmax(1) == test_t).float().mean().item())
