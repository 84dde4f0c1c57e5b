"""Training loops that time themselves: `python loops.py KIND STEPS` prints the seconds of its loop."""

import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Step = Callable[[], Tensor]


def _classifier(model: nn.Module, shape: tuple[int, ...], batch: int, classes: int = 10) -> Step:
    data, labels = torch.randn(1024, *shape), torch.randint(classes, (1024,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> Tensor:
        rows = torch.randint(len(data), (batch,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(data[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        return loss

    return step


def mlp(width: int) -> Step:
    """Two hidden layers."""
    layers = (nn.Linear(64, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 10))
    return _classifier(nn.Sequential(*layers), (64,), 128)


def gan() -> Step:
    """Two networks and their optimizers in turn."""
    generator = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 32))
    critic = nn.Sequential(nn.Linear(32, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
    making, judging = (torch.optim.Adam(net.parameters(), lr=1e-4) for net in (generator, critic))
    real, fake = torch.ones(64, 1), torch.zeros(64, 1)

    def step() -> Tensor:
        made = generator(torch.randn(64, 8))
        judging.zero_grad()
        judged = F.binary_cross_entropy_with_logits(critic(torch.randn(64, 32)), real)
        (judged + F.binary_cross_entropy_with_logits(critic(made.detach()), fake)).backward()
        judging.step()
        making.zero_grad()
        loss = F.binary_cross_entropy_with_logits(critic(made), real)
        loss.backward()
        making.step()
        return loss

    return step


def accumulated() -> Step:
    """Four backward passes in bfloat16 to a step."""
    model = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def step() -> Tensor:
        optimizer.zero_grad()
        for _ in range(4):
            with torch.autocast("cpu", torch.bfloat16):
                loss = F.cross_entropy(model(torch.randn(64, 64)), torch.randint(10, (64,))) / 4
            loss.backward()
        optimizer.step()
        return loss

    return step


class Recurrent(nn.Module):
    """An LSTM that reads to the end."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(16, 64, batch_first=True), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores after the last step."""
        return self.head(self.lstm(x)[0][:, -1])


def cnn() -> Step:
    """Convolutions with batch normalisation."""
    layers: list[nn.Module] = []
    for before, after in ((3, 16), (16, 32), (32, 64)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return _classifier(nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 16, 10)), (3, 32, 32), 32)


def transformer() -> Step:
    """An encoder with dropout."""
    layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
    model = nn.Sequential(
        nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Flatten(), nn.Linear(2048, 10)
    )
    return _classifier(model, (32, 64), 32)


def lbfgs() -> Step:
    """Many passes over all data in one step."""
    data, targets = torch.randn(4096, 32), torch.randn(4096, 1)
    model = nn.Sequential(nn.Linear(32, 128), nn.Tanh(), nn.Linear(128, 1))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=10)

    def step() -> Tensor:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.mse_loss(model(data), targets)
            loss.backward()
            return loss

        return optimizer.step(closure)

    return step


def functional() -> Step:
    """The gradient of a function, by parameters in a list that is made again at each step."""
    parameters = [torch.randn(size) * 0.05 for size in ((64, 256), (256,), (256, 10), (10,))]
    data, labels = torch.randn(1024, 64), torch.randint(10, (1024,))

    def cost(held: list[Tensor], rows: Tensor) -> Tensor:
        hidden = torch.relu(data[rows] @ held[0] + held[1])
        return F.cross_entropy(hidden @ held[2] + held[3], labels[rows])

    differentiated = torch.func.grad_and_value(cost)

    def step() -> Tensor:
        nonlocal parameters
        gradients, loss = differentiated(parameters, torch.randint(len(data), (128,)))
        parameters = [p - 0.1 * g for p, g in zip(parameters, gradients)]
        return loss

    return step


KINDS: dict[str, Callable[[], Step]] = {
    "mlp": lambda: mlp(224),
    "gan": gan,
    "accumulated": accumulated,
    "wide": lambda: mlp(1024),
    "lstm": lambda: _classifier(Recurrent(), (40, 16), 32),
    "cnn": cnn,
    "transformer": transformer,
    "lbfgs": lbfgs,
    "functional": functional,
    "huge": lambda: mlp(9000),
}

if __name__ == "__main__":
    torch.manual_seed(0)
    step, steps = KINDS[sys.argv[1]](), int(sys.argv[2])
    began = time.perf_counter()
    for _ in range(steps):
        loss = step()
    print(f"loop {time.perf_counter() - began:.6f} loss {loss.item()!r}")
