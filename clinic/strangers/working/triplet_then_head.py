"""Metric learning on digits 0-5 anywhere on a canvas, then a new head for 6-9 on the frozen body."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(24, 48, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.projection = nn.Linear(48 * 9, 32)     # used by the triplet loss only

    def forward(self, x):
        return self.conv(x)


def place(images):
    """Put each 8x8 image at a random position of a 12x12 canvas."""
    canvas = F.pad(images, (0, 4, 0, 4))
    shifts = torch.randint(0, 5, (len(images), 2)).tolist()
    return torch.stack([torch.roll(c, shifts=s, dims=(1, 2)) for c, s in zip(canvas, shifts)])


def triplets(y, n):
    anchor = torch.randint(len(y), (n,))
    same = (y[anchor][:, None] == y[None, :]).float()
    return anchor, torch.multinomial(same, 1)[:, 0], torch.multinomial(1 - same, 1)[:, 0]


def pretrain(body, x, y, steps=400, batch=40):
    opt = torch.optim.Adam(body.parameters(), lr=3e-3)
    criterion = nn.TripletMarginLoss(margin=0.5)
    for step in range(steps):
        emb = [F.normalize(body.projection(body(place(x[i]))), dim=1) for i in triplets(y, batch)]
        loss = criterion(*emb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (step + 1) % 100 == 0:
            print(f"pretrain {step + 1}  triplet loss {loss.item():.4f}")


def train_head(body, head, x, y, steps=400):
    for p in body.parameters():
        p.requires_grad = False
    body.eval()
    opt = torch.optim.Adam(head.parameters(), lr=2.5e-2)
    for step in range(steps):
        idx = torch.randint(len(x), (32,))
        loss = F.cross_entropy(head(body(place(x[idx]))), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if (step + 1) % 100 == 0:
            print(f"head {step + 1}  loss {loss.item():.4f}")


@torch.no_grad()
def score(body, head, x, y):
    return (head(body(x)).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(21)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
    y = torch.tensor(digits.target)
    old, new = y < 6, y >= 6
    x_new, y_new = x[new], y[new] - 6
    perm = torch.randperm(len(x_new))
    tr, te = perm[:300], perm[300:]
    x_test, y_test = place(x_new[te].repeat(3, 1, 1, 1)), y_new[te].repeat(3)

    body, head = Body(), nn.Linear(48 * 9, 4)
    print(f"accuracy before anything {score(body, head, x_test, y_test):.4f}")
    pretrain(body, x[old], y[old])
    train_head(body, head, x_new[tr], y_new[tr])
    print(f"accuracy on unseen images of the new digits {score(body, head, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
