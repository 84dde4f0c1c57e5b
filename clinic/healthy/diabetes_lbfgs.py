"""Diabetes progression with a small penalised network, fitted on the full batch by L-BFGS with a closure.

Fault: none
Looks like: several backward passes per step and a rate of 1; both belong to L-BFGS.
"""

import torch
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)  # clinic: seed(0) | seed(1)

data = load_diabetes()
X = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
t = torch.tensor(StandardScaler().fit_transform(data.target[:, None]), dtype=torch.float32)

mlp = torch.nn.Sequential(
    torch.nn.Linear(10, 8),
    torch.nn.Tanh(),  # clinic: torch.nn.Tanh() | torch.nn.Softplus()
    torch.nn.Linear(8, 1),
)
mse = torch.nn.MSELoss()
lbfgs = torch.optim.LBFGS(mlp.parameters(), lr=1.0, max_iter=4, history_size=20, line_search_fn="strong_wolfe")
penalty = 5e-3  # clinic: 5e-3 | 2e-2


def closure():
    lbfgs.zero_grad()
    l2 = sum((w**2).sum() for w in mlp.parameters())
    objective = mse(mlp(X), t) + penalty * l2
    objective.backward()
    return objective


for step in range(80):
    value = lbfgs.step(closure)
    if step % 16 == 0 or step == 79:
        print(f"step {step:3d} objective {value.item():.5f}")
