import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SIZE = 24


def draw_scene(rng):
    """One picture with three cells, plus the mask of the red one."""
    yy, xx = np.mgrid[:SIZE, :SIZE]
    img = rng.normal(110, 25, (SIZE, SIZE, 3))
    mask = np.zeros((SIZE, SIZE), dtype=np.uint8)
    colours = {"green": (70, 190, 80), "blue": (70, 90, 200), "red": (200, 70, 80)}
    for name, colour in colours.items():
        cy, cx, r = rng.uniform(5, SIZE - 5), rng.uniform(5, SIZE - 5), rng.uniform(3, 6)
        inside = (yy - cy) ** 2 + (xx - cx) ** 2 < r ** 2
        img[inside] = colour + rng.normal(0, 25, (inside.sum(), 3))
        if name == "red":
            mask[inside] = 1
    return np.clip(img, 0, 255).astype(np.uint8), mask


def make_data(n, seed):
    rng = np.random.RandomState(seed)
    pics, masks = zip(*[draw_scene(rng) for _ in range(n)])
    return np.stack(pics), np.stack(masks)


def to_tensors(pics, masks):
    x = torch.from_numpy(pics).float() / 255.0
    x = x.reshape(-1, 3, SIZE, SIZE)
    x = (x - 0.45) / 0.2
    return x, torch.from_numpy(masks).float().unsqueeze(1)


def conv(c_in, c_out):
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU())


class MiniUNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1 = conv(3, 12)
        self.enc2 = conv(12, 24)
        self.dec = conv(24 + 12, 12)
        self.out = nn.Conv2d(12, 1, 1)

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(F.max_pool2d(e1, 2))
        up = F.interpolate(e2, scale_factor=2, mode="nearest")
        return self.out(self.dec(torch.cat([up, e1], dim=1)))


def dice_loss(logits, target):
    p = torch.sigmoid(logits)
    inter = (p * target).sum((1, 2, 3))
    return 1 - ((2 * inter + 1) / (p.sum((1, 2, 3)) + target.sum((1, 2, 3)) + 1)).mean()


def mean_iou(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = (model(x) > 0).float()
    inter = (pred * y).sum((1, 2, 3))
    union = ((pred + y) > 0).float().sum((1, 2, 3))
    return (inter / union.clamp(min=1)).mean().item()


def train(model, x, y, epochs=8, batch=25):
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            logits = model(x[idx])
            loss = F.binary_cross_entropy_with_logits(logits, y[idx]) + dice_loss(logits, y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        print(f"epoch {epoch + 1}: loss {total / len(x):.4f}")


torch.manual_seed(0)
np.random.seed(0)
x_train, y_train = to_tensors(*make_data(500, seed=0))
x_test, y_test = to_tensors(*make_data(150, seed=1))
net = MiniUNet()
train(net, x_train, y_train)
print(f"mean IoU: {mean_iou(net, x_test, y_test):.4f}")
