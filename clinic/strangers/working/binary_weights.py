"""Network with weights in {-1, +1} and binary activations, trained straight-through."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class SignSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, w):
        ctx.save_for_backward(w)
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        (w,) = ctx.saved_tensors
        return grad * (w.abs() <= 1).float()


class BinaryLinear(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in).uniform_(-0.3, 0.3))
        self.n_in = n_in

    def forward(self, x):
        return F.linear(x, SignSTE.apply(self.weight)) / self.n_in ** 0.5


def binarize(x):
    soft = torch.clamp(x, -1, 1)
    hard = torch.where(x >= 0, 1.0, -1.0)
    return soft + (hard - soft).detach()


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1, self.b1 = BinaryLinear(64, 256), nn.BatchNorm1d(256)
        self.l2, self.b2 = BinaryLinear(256, 256), nn.BatchNorm1d(256)
        self.l3, self.b3 = BinaryLinear(256, 10), nn.BatchNorm1d(10)
        nn.init.constant_(self.b3.weight, 3.0)     # room for confident logits from the start

    def forward(self, x):
        x = binarize(self.b1(self.l1(x)))
        x = binarize(self.b2(self.l2(x)))
        return self.b3(self.l3(x))


def main():
    torch.manual_seed(30)
    x, y = load_digits(return_X_y=True)
    xa, xb, ya, yb = train_test_split(x / 8.0 - 1.0, y, test_size=0.25, random_state=5, stratify=y)
    xa, xb = torch.tensor(xa, dtype=torch.float32), torch.tensor(xb, dtype=torch.float32)
    ya, yb = torch.tensor(ya), torch.tensor(yb)

    model = BinaryNet()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    sched = torch.optim.lr_scheduler.StepLR(opt, step_size=10, gamma=0.3)

    def test_accuracy():
        model.eval()
        with torch.no_grad():
            acc = (model(xb).argmax(1) == yb).float().mean().item()
        model.train()
        return acc

    print(f"untrained accuracy {test_accuracy():.4f}")
    for epoch in range(30):
        flips, total = 0, 0.0
        for idx in torch.randperm(len(xa))[:1344].split(64):
            before = model.l2.weight.detach().sign()
            loss = F.cross_entropy(model(xa[idx]), ya[idx])
            opt.zero_grad()
            loss.backward()
            # Adam rescales anyway, the low threshold only evens out the batches
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            opt.step()
            with torch.no_grad():
                for layer in (model.l1, model.l2, model.l3):
                    layer.weight.clamp_(-1, 1)
            total += loss.item() / 21
            flips += (model.l2.weight.detach().sign() != before).sum().item()
        sched.step()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1}  mean loss {total:.4f}  sign flips {flips}  test accuracy {test_accuracy():.4f}")
    print(f"final test accuracy {test_accuracy():.4f}")


if __name__ == "__main__":
    main()
