"""Breast cancer with gradient descent on the whole training set and momentum.

Fault: none
Looks like: batch_size, since every step uses all the data; there are only a few hundred rows, a pass costs nothing and the curve is smooth.
Metric: acc, higher is better; 0.629 without learning
"""

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)  # clinic: seed(0) | seed(44)
X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
sc = StandardScaler().fit(X_train)
X_train, X_test = [torch.tensor(sc.transform(a), dtype=torch.float32) for a in (X_train, X_test)]
y_train, y_test = [torch.tensor(a, dtype=torch.float32)[:, None] for a in (y_train, y_test)]

net = torch.nn.Sequential(
    torch.nn.Linear(30, 20),
    torch.nn.Tanh(),  # clinic: torch.nn.Tanh() | torch.nn.ReLU()
    torch.nn.Linear(20, 1),
)
loss_fn = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)  # clinic: lr=0.1 | lr=0.15

for epoch in range(250):
    optimizer.zero_grad()
    loss = loss_fn(net(X_train), y_train)
    loss.backward()
    optimizer.step()
    if epoch % 50 == 0 or epoch == 249:
        with torch.no_grad():
            test_out = net(X_test)
        acc = ((test_out > 0).float() == y_test).float().mean()
        print(f"epoch {epoch:3d}: train {loss.item():.4f} test {loss_fn(test_out, y_test).item():.4f} acc {acc:.3f}")
