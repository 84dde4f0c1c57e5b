"""Two columns of a network on two workers, with cross connections in the middle and at the top: for several ranks."""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

from descend.parallel import GraphPartition


class Columns(nn.Module):
    """cross: whether the second layer sees both columns."""

    def __init__(self, cross: bool) -> None:
        super().__init__()
        self.cross = cross
        for side in ("left", "right"):
            self.add_module(f"{side}1", nn.Conv2d(1, 4, 3, padding=1))
            self.add_module(f"{side}2", nn.Conv2d(8 if cross else 4, 4, 3, padding=1))
            self.add_module(f"{side}3", nn.Conv2d(4, 4, 3, padding=1))
        self.top = nn.Linear(8, 10)

    def forward(self, x):
        left, right = self.left1(x).relu(), self.right1(x).relu()
        if self.cross:
            left, right = torch.cat([left, right], 1), torch.cat([left, right], 1)
        left, right = self.left2(left).relu(), self.right2(right).relu()
        left, right = self.left3(left).relu() + left, self.right3(right).relu() + right
        return self.top(torch.cat([left.mean((2, 3)), right.mean((2, 3))], 1))


if __name__ == "__main__":
    dist.init_process_group("gloo")
    results: dict[str, object] = {}
    for cross in (False, True):
        torch.manual_seed(0)
        model, alone = Columns(cross), Columns(cross)
        alone.load_state_dict(model.state_dict())
        part = GraphPartition(model, {name: int("right" in name) for name, _ in model.named_children()})
        rule, alone_rule = (torch.optim.SGD(m.parameters(), lr=0.5) for m in (part, alone))
        for step in range(6):
            x, y = torch.randn(8 - step % 2, 1, 6, 6), torch.randint(0, 10, (8 - step % 2,))
            for one, optimizer in ((part, rule), (alone, alone_rule)):
                optimizer.zero_grad()
                nn.functional.cross_entropy(one(x), y).backward()
                optimizer.step()
        moved = part.post.bytes, part.post.tensors
        with torch.no_grad():
            inference = float((part(x) - alone(x)).abs().max())
        known = dict(alone.named_parameters())
        apart = max(
            float((p - known[n.removeprefix("part.")]).detach().abs().max()) for n, p in part.named_parameters()
        )
        here = {"apart": apart, "inference": inference, "bytes": moved[0], "tensors": moved[1]}
        here["layers"] = sorted({name.split(".")[1] for name, _ in part.named_parameters()})
        everywhere: list[object] = [None, None]
        dist.all_gather_object(everywhere, here)
        results["cross" if cross else "apart"] = everywhere
    try:
        GraphPartition(Columns(True), {"left1": 0, "right1": 1})
    except ValueError as error:
        results["no worker"] = str(error)
    try:
        GraphPartition(Columns(True), {"left1": 2})
    except ValueError as error:
        results["no such worker"] = str(error)
    if dist.get_rank() == 0:
        Path(sys.argv[1], "results.json").write_text(json.dumps(results))
    dist.destroy_process_group()
