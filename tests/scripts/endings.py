"""Ends in the way that its first argument names, at its fifth step where it trains."""

import os
import signal
import sys

kind = sys.argv[1]


class Trouble(Exception):
    pass


def in_step_5(step):
    if step == 5:
        try:
            {}["missing"]
        except KeyError as error:
            raise Trouble("at step 5") from error


def train(kind):
    import torch
    import torch.nn.functional as F
    from torch import nn

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(16, 4), torch.randint(0, 3, (16,))

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        if kind == "closure":
            in_step_5(step)
        return loss

    def failing(grad):
        raise Trouble("within backward")

    for step in range(20):
        if kind == "step":
            in_step_5(step)
        if kind == "forward" and step == 0:
            F.cross_entropy(model(x), y[:3])
        if kind == "builtin" and step == 0:
            torch.cat([x, y[None]])
        if kind == "backward" and step == 5:
            model[0].weight.register_hook(failing)
        optimizer.step(closure)


if kind == "status":
    sys.exit(3)
elif kind == "message":
    sys.exit("no data")
elif kind == "syntax":
    import broken_module
elif kind == "relative":
    from . import sibling
elif kind == "interrupt":
    os.kill(os.getpid(), signal.SIGINT)
elif kind == "gone":
    print("going")
    sys.stdout.flush()
    os._exit(5)
elif kind == "hook":
    sys.excepthook = lambda kind, error, trace: print("caught", kind.__name__, error, trace.tb_lineno, trace.tb_next)
    raise Trouble("for the hook")
elif kind == "name":
    foriegn = 1
    print(foreign)
elif kind == "group":
    raise ExceptionGroup("several", [Trouble("one"), ValueError("two")])
elif kind == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
else:
    train(kind)
