# digits with three layers, mini-batches cut by hand
import torch
from sklearn.datasets import load_digits

SEED = 0
torch.manual_seed(SEED)

X, Y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32)
Y = torch.tensor(Y)

perm = torch.randperm(len(X))
X, Y = X[perm], Y[perm]
ntrain = 1500
mean, std = X[:ntrain].mean(0), X[:ntrain].std(0)
X = (X - mean) / (std + 0.1)
Xtr, Ytr, Xte, Yte = X[:ntrain], Y[:ntrain], X[ntrain:], Y[ntrain:]

net = torch.nn.Sequential(
    torch.nn.Linear(64, 48),
    torch.nn.ReLU(),
    torch.nn.Linear(48, 48),
    torch.nn.ReLU(),
    torch.nn.Linear(48, 10),
)
lossfn = torch.nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.2)

bs = 50
for epoch in range(10):
    for i in range(0, ntrain, bs):
        xb = Xtr[i : i + bs]
        yb = Ytr[i : i + bs]
        loss = lossfn(net(xb), yb)
        loss.backward()
        optimizer.step()
    print("epoch", epoch, "loss", round(loss.item(), 4))


def report(name, x, y):
    with torch.no_grad():
        out = net(x)
    acc = (out.argmax(1) == y).float().mean().item()
    print(name, "loss %.4f acc %.4f" % (lossfn(out, y).item(), acc))


net.eval()
report("train", Xtr, Ytr)
report("test", Xte, Yte)
