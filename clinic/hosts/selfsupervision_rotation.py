"""Rotation prediction as a pretext task on digits, followed by a linear probe of the frozen features.

Field: self-supervision
Metric: transfer score, higher is better; 0.176 without learning
"""

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F


def rotate_batch(images):
    """All four rotations of each image, and which rotation it was (0 to 3 quarter turns)."""
    turned = [torch.rot90(images, k, dims=(2, 3)) for k in range(4)]
    labels = torch.arange(4).repeat_interleave(len(images))
    return torch.cat(turned), labels


def build_encoder(width=8, features=32):
    """Two convolutions and a narrow feature layer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * 4, features),
        nn.ReLU(),
    )


def pretrain(encoder, head, images, epochs=6, batch_size=64):
    """Learn to tell the four rotations apart."""
    params = list(encoder.parameters()) + list(head.parameters())
    optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=1e-4)
    encoder.train()
    for epoch in range(epochs):
        correct = seen = 0
        for index in torch.randperm(len(images)).split(batch_size):
            x, rotation = rotate_batch(images[index])
            logits = head(encoder(x))
            loss = F.cross_entropy(logits, rotation)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            correct += (logits.argmax(1) == rotation).sum().item()
            seen += len(x)
        if epoch % 2 == 1:
            print(f"pretext epoch {epoch + 1}: rotation accuracy {correct / seen:.3f}")


def fit_probe(features, labels, steps=150):
    """A linear classifier on fixed features."""
    probe = nn.Linear(features.shape[1], 10)
    optimizer = torch.optim.Adam(probe.parameters(), lr=0.05, weight_decay=1e-4)
    for _ in range(steps):
        loss = F.cross_entropy(probe(features), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return probe


def main():
    """Pretext task, then the probe."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
    images = (images - images.mean()) / images.std()
    labels = torch.tensor(digits.target)
    train, test = train_test_split(torch.arange(len(labels)), test_size=0.3, stratify=labels, random_state=0)

    encoder, rotation_head = build_encoder(), nn.Linear(32, 4)
    pretrain(encoder, rotation_head, images[train])

    encoder.eval()
    with torch.no_grad():
        turned, rotation = rotate_batch(images[test])
        rotation_accuracy = (rotation_head(encoder(turned)).argmax(1) == rotation).float().mean().item()
        train_features, test_features = encoder(images[train]), encoder(images[test])
    centre, scale = train_features.mean(0), train_features.std(0) + 1e-3
    probe = fit_probe((train_features - centre) / scale, labels[train])
    with torch.no_grad():
        guess = probe((test_features - centre) / scale).argmax(dim=1)
    probe_accuracy = (guess == labels[test]).float().mean().item()
    print(f"unseen digits: rotation {rotation_accuracy:.4f}, class by the probe {probe_accuracy:.4f}")
    print(f"transfer score {(rotation_accuracy + probe_accuracy) / 2:.4f}")


if __name__ == "__main__":
    main()
