import numpy as np
import torch

np.random.seed(12)

x = np.linspace(-10, 10, 100)
y = x ** 3 + x ** 2 + x
loss_fn = torch.nn.MSELoss(reduction='sum')


def get_trgts(i):
    return torch.tensor(y[i:])


def get_weights(i, o):
    return torch.tensor(np.random.normal(0, 3, (o, i))).requires_grad_()


def get_params(i):
    return torch.tensor(y[:i])


weights = get_weights(80, 20)
bias = torch.tensor(np.random.normal(0, 3, 20)).requires_grad_()
trgts = get_trgts(80)
params = get_params(80)
lr = 1e-6


def apply_step():
    global weights, bias
    preds = weights @ params + bias
    loss = loss_fn(preds, trgts)
    loss.backward()
    with torch.no_grad():
        weights -= weights.grad * lr
        bias -= bias.grad * lr
        weights.grad.zero_()
        bias.grad.zero_()
    return loss.item()


for i in range(60):
    value = apply_step()
    if i < 10 or i % 10 == 9:
        print(i, value)
