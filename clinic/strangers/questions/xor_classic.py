import torch

torch.manual_seed(42)

X = torch.tensor([[0., 0.], [0., 1.], [1., 0.], [1., 1.]])
T = torch.tensor([[0.], [1.], [1.], [0.]])

W1 = torch.randn(2, 3).requires_grad_()
b1 = torch.zeros(3).requires_grad_()
W2 = torch.randn(3, 1).requires_grad_()
b2 = torch.zeros(1).requires_grad_()
weights = [W1, b1, W2, b2]
opt = torch.optim.SGD(weights, lr=4.0)

for it in range(4001):
    hidden = torch.sigmoid(X @ W1 + b1)
    out = torch.sigmoid(hidden @ W2 + b2)
    mse = ((out - T) ** 2).mean()
    opt.zero_grad()
    mse.backward()
    opt.step()
    if it % 500 == 0:
        print(it, "mse %.5f" % mse.item())

print(out.detach().flatten().numpy().round(3))
