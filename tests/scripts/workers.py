import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info
from own_log import OwnLog


class Squares(Dataset):
    def __len__(self):
        return 96

    def __getitem__(self, i):
        noise = torch.randn(4) * 0.01  # the worker's own random numbers
        return torch.full((4,), i / 96.0) + noise, torch.tensor([(i / 96.0) ** 2])


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        for i in range(info.id if info else 0, 96, info.num_workers if info else 1):
            yield torch.full((4,), i / 96.0), torch.tensor([(i / 96.0) ** 2])


def main():
    torch.manual_seed(0)
    kind = sys.argv[2]
    if kind == "stream":
        loader = DataLoader(Stream(), batch_size=16, num_workers=0)
    else:
        context = kind if kind in ("fork", "spawn") else None
        data = Stream() if kind == "stream_workers" else Squares()
        shuffle = kind != "stream_workers"
        loader = DataLoader(data, 16, shuffle=shuffle, num_workers=2, multiprocessing_context=context)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = OwnLog()
    for epoch in range(2):
        for x, y in loader:
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            optimizer.step()
            seen.loss(loss)
    seen.end(*model.parameters())


if __name__ == "__main__":
    main()
