"""Everything of torch that a script may hook into, counted: it must see as much of it as under plain python."""

import sys
import threading
from collections import Counter

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset
from own_log import OwnLog

count = Counter()
kind = sys.argv[2]


class Counting(TorchFunctionMode):
    """Sees every call, and draws a random number at each: one call more and the training is another."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        count["calls"] += 1
        with torch._C.DisableTorchFunction():
            torch.rand(1)
        return func(*args, **(kwargs or {}))


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        count["function forward"] += 1
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        count["function backward"] += 1
        return grad * 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 16), nn.Linear(16, 3)
        self.norm, self.drop = nn.BatchNorm1d(16), nn.Dropout(0.3)

    def block(self, x):
        count["block"] += 1
        return self.drop(self.norm(self.first(x))).relu()

    def forward(self, x):
        if kind.startswith("checkpoint"):
            h = checkpoint(self.block, x.requires_grad_(), use_reentrant=kind.endswith("reentrant"))
        else:
            h = self.block(x)
        if kind == "function":
            h = Doubled.apply(h)
        return self.last(h)


def counting(name):
    def hook(*args):
        count[name] += 1

    return hook


def add_hooks(model, optimizer):
    model.register_forward_pre_hook(counting("forward pre"))
    model.register_forward_hook(counting("forward"))
    model.first.register_full_backward_hook(counting("module backward"))
    model.last.weight.register_hook(counting("tensor"))
    model.last.bias.register_post_accumulate_grad_hook(counting("accumulated"))
    nn.modules.module.register_module_forward_hook(counting("any module"))
    optimizer.register_step_pre_hook(counting("step pre"))
    optimizer.register_step_post_hook(counting("step post"))


def train(model, optimizer, loader, seen):
    for x, y in loader:
        model.train()
        optimizer.zero_grad()
        out = model(x)
        out.register_hook(counting("output"))
        with torch.device("cpu"):
            count["devices"] += torch.empty(1).device.type == "cpu"
        loss = F.cross_entropy(out, y)
        loss.register_hook(counting("loss"))
        loss.backward()
        optimizer.step()
        seen.loss(loss)


def main():
    torch.manual_seed(0)
    x, y = torch.randn(160, 6), torch.randint(0, 3, (160,))
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    if kind == "device":
        torch.set_default_device("cpu")
    with torch.device("cpu"):
        model = Net()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    add_hooks(model, optimizer)
    seen = OwnLog()
    if kind == "mode":
        with Counting():
            for a, b in loader:  # an evaluation under the mode, then training under it
                model(a)
            train(model, optimizer, loader, seen)
        with Counting():
            train(model, optimizer, loader, seen)
    elif kind == "thread":
        thread = threading.Thread(target=train, args=(model, optimizer, loader, seen))
        thread.start()
        thread.join()
    train(model, optimizer, loader, seen)
    modes = [type(mode) for mode in _get_current_function_mode_stack()]
    seen.others["modes"] = [mode.__name__ for mode in modes if not mode.__module__.startswith("descend")]
    seen.others["count"] = count
    seen.end(*model.parameters(), *model.buffers())


main()
