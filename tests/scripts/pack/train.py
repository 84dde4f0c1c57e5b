import os
import sys

import torch
from own_log import OwnLog

from . import NAME
from .network import Network


def main():
    torch.manual_seed(0)
    model = Network()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    seen = OwnLog()
    x, y = torch.randn(32, 4), torch.randn(32, 1)
    for step in range(10):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        seen.loss(loss)
    seen.others["found"] = {
        "package": __package__,
        "spec": __spec__ and __spec__.name,
        "name": __name__,
        "sibling": NAME,
        "path": os.path.relpath(sys.path[0]),
        "argv": [os.path.relpath(sys.argv[0]), *sys.argv[2:]],
        "main": os.path.relpath(sys.modules["__main__"].__file__),
    }
    seen.end(*model.parameters())


if __name__ == "__main__":
    main()
