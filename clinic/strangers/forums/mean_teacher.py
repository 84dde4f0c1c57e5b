import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Student(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.2), nn.Linear(128, 10))

    def forward(self, x):
        return self.body(x)


class MeanTeacher:
    def __init__(self, decay=0.97):
        self.student = Student()
        self.teacher = copy.deepcopy(self.student)
        for p in self.teacher.parameters():
            p.requires_grad_(False)
        self.teacher.eval()
        self.decay = decay
        self.opt = torch.optim.SGD(self.student.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    @torch.no_grad()
    def update_teacher(self):
        for pt, ps in zip(self.teacher.parameters(), self.student.parameters()):
            pt.mul_(self.decay).add_(ps, alpha=1 - self.decay)

    def step(self, xl, yl, xu, w):
        noisy = lambda x: x + 0.1 * torch.randn_like(x)
        sup = F.cross_entropy(self.student(noisy(xl)), yl)
        with torch.no_grad():
            target = F.softmax(self.teacher(noisy(xu)), -1)
        cons = F.mse_loss(F.softmax(self.student(noisy(xu)), -1), target.detach())
        loss = sup + w * cons
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.update_teacher()
        return sup.item(), cons.item()


def main():
    torch.manual_seed(0)
    d = load_digits()
    X, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
    p = torch.randperm(len(X))
    lab, unl, val = p[:100], p[100:1400], p[1400:]
    mt = MeanTeacher()
    for step in range(1500):
        w = 10.0 * min(1.0, step / 500)
        i = lab[torch.randint(0, len(lab), (32,))]
        u = unl[torch.randint(0, len(unl), (96,))]
        sup, cons = mt.step(X[i], y[i], X[u], w)
        if step % 150 == 0 or step == 1499:
            with torch.no_grad():
                a = (mt.teacher(X[val]).argmax(1) == y[val]).float().mean()
            print(f"step {step:4d} sup loss {sup:.4f} consistency {cons:.5f} weight {w:.1f} teacher val acc {a:.3f}")


main()
