"""A convex function of real data, by descent on all rows."""

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from torch.nn import functional

PROBLEM = "ridge regression"
OPTIMIZER = "SGD"
LR = 0.01
DECAY = 0.01
LOADERS = {
    "ridge regression": load_diabetes,
    "robust regression": load_diabetes,
    "logistic regression": load_breast_cancer,
    "softmax regression": load_wine,
}

rows, targets = LOADERS[PROBLEM](return_X_y=True)
rows = torch.tensor((rows - rows.mean(0)) / rows.std(0), dtype=torch.float32)
targets = torch.tensor(targets)
if PROBLEM.startswith("r"):
    targets = ((targets - targets.mean()) / targets.std()).float()


def objective(weight, bias):
    """Return the mean loss and a penalty of the weights."""
    outputs = rows @ weight + bias
    if PROBLEM == "ridge regression":
        loss = functional.mse_loss(outputs[:, 0], targets)
    elif PROBLEM == "robust regression":
        loss = functional.huber_loss(outputs[:, 0], targets)
    elif PROBLEM == "logistic regression":
        loss = functional.binary_cross_entropy_with_logits(outputs[:, 0], targets.float())
    else:
        loss = functional.cross_entropy(outputs, targets)
    return loss + DECAY / 2 * (weight**2).sum()


def main():
    """Train, and print the objective."""
    torch.manual_seed(0)
    model = torch.nn.Linear(rows.shape[1], 3 if PROBLEM == "softmax regression" else 1)
    optimizer = getattr(torch.optim, OPTIMIZER)(model.parameters(), lr=LR)
    for step in range(1, 151):
        loss = objective(model.weight.T, model.bias)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 15 == 0:
            with torch.no_grad():
                print(f"step {step} validation loss {objective(model.weight.T, model.bias).item():.8f}")


if __name__ == "__main__":
    main()
