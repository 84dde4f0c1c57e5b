"""Momentum contrast on digits with a memory queue that fills up over time."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier


class Queue:
    def __init__(self, capacity):
        self.capacity = capacity
        self.keys = None

    def push(self, k):
        self.keys = k if self.keys is None else torch.cat([k, self.keys])[: self.capacity]


class Net(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 16, 128), nn.ReLU())
        self.head = nn.Linear(128, dim)

    def forward(self, x):
        return F.normalize(self.head(self.backbone(x)), dim=1)


def view(x):
    n = len(x)
    a = (torch.rand(n) - 0.5) * 0.6
    zoom = 1 + (torch.rand(n) - 0.5) * 0.3
    mv = (torch.rand(n, 2) - 0.5) * 0.4
    rows = [torch.stack([zoom * a.cos(), -zoom * a.sin(), mv[:, 0]], 1),
            torch.stack([zoom * a.sin(), zoom * a.cos(), mv[:, 1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False) + 0.08 * torch.randn_like(x)


@torch.no_grad()
def knn_accuracy(embed, x_lab, y_lab, x_test, y_test):
    knn = KNeighborsClassifier(1).fit(embed(x_lab).numpy(), y_lab)
    return knn.score(embed(x_test).numpy(), y_test)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(6)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    xa, xb, ya, yb = train_test_split(x, y, test_size=0.3, random_state=2, stratify=y)
    _, x_lab, _, y_lab = train_test_split(xa, ya, test_size=100, random_state=2, stratify=ya)

    query_net = Net()
    key_net = copy.deepcopy(query_net).requires_grad_(False)
    optimizer = torch.optim.Adam(query_net.parameters(), lr=1e-3)
    queue = Queue(1024)
    temperature, momentum = 0.2, 0.99

    pixels = lambda im: F.normalize(im.flatten(1), dim=1)
    print(f"1-NN accuracy, 100 labels: pixels {knn_accuracy(pixels, x_lab, y_lab, xb, yb):.4f}, "
          f"untrained {knn_accuracy(query_net, x_lab, y_lab, xb, yb):.4f}")
    for step in range(600):
        batch = xa[torch.randint(len(xa), (64,))]
        q = query_net(view(batch))
        with torch.no_grad():
            k = key_net(view(batch))
        if queue.keys is None:
            queue.push(k)
            continue
        positive = (q * k).sum(1, keepdim=True)
        negative = q @ queue.keys.T
        logits = torch.cat([positive, negative], 1) / temperature
        loss = F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for pk, pq in zip(key_net.parameters(), query_net.parameters()):
                pk.mul_(momentum).add_(pq, alpha=1 - momentum)
        if step % 8 == 0 or len(queue.keys) == queue.capacity:
            queue.push(k)
        if step % 75 == 0:
            print(f"step {step:3d}  negatives {len(queue.keys):4d}  loss {loss.item():.3f}  "
                  f"1-NN {knn_accuracy(query_net, x_lab, y_lab, xb, yb):.4f}")
    print(f"final 1-NN accuracy {knn_accuracy(query_net, x_lab, y_lab, xb, yb):.4f}")


main()
