import torch
from own_log import OwnLog

torch.manual_seed(0)
x, y = torch.randn(50, 4), torch.randn(50)
w = torch.zeros(4, requires_grad=True)
b = torch.zeros((), requires_grad=True)
seen = OwnLog()
for step in range(30):
    loss = (x @ w + b - y).square().mean()
    dw, db = torch.autograd.grad(loss, [w, b])
    w = (w - 0.1 * dw).detach().requires_grad_()
    b = (b - 0.1 * db).detach().requires_grad_()
    seen.loss(loss)
seen.end(w, b)
