"""Synchronous layouts: compared with torch's engines, and with predictions; and the prediction of a published table."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from statistics import median

from side_by_side import HERE

from descend.doctor.report.formatting import number
from descend.parallel.cost import Forecast, Layer, Link, Work, forecast
from descend.parallel.layout import Layout

Write = Callable[..., None]
LAUNCHES = 5
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

# AlexNet in two columns (Krizhevsky et al. 2012, section 3.5). For each layer: multiply-adds per example, parameters,
# and the numbers per example that the columns exchange before it.
ALEXNET = (
    ("conv1", 105.4e6, 34_944, 0),
    ("conv2", 223.9e6, 307_456, 0),
    ("conv3", 149.5e6, 885_120, 256 * 13 * 13),
    ("conv4", 112.1e6, 663_936, 0),
    ("conv5", 74.8e6, 442_624, 0),
    ("fc6", 37.7e6, 37_752_832, 256 * 6 * 6),
    ("fc7", 16.8e6, 16_781_312, 4096),
    ("fc8", 4.1e6, 4_097_000, 4096),
)
STEP_OF_256 = 26.26 / 20  # seconds on a GTX Titan: Caffe's documentation, performance_hardware.md
PCIE = 5.84e9  # bytes per second from host to device on a Titan Black, as measured by users
GRANULE = 128  # images that cuda-convnet needs; fewer take about as long (its documentation, Arguments)
EPOCHS, IMAGES, BATCH = 100, 1_281_167, 256
PUBLISHED = {  # days (Yadan et al. 2013, table 1)
    "1 GPU": (Layout(), 10.5),
    "4 GPUs, data": (Layout(data=4), 7.2),
    "2 GPUs, data": (Layout(data=2), 7.0),
    "2 GPUs, model": (Layout(tensor=2), 6.6),
    "4 GPUs, both": (Layout(data=2, tensor=2), 4.8),
}


def of_splits(write: Write) -> None:
    """Measure two processes in each layout, with descend and with torch's engines, and compare with the prediction."""
    found = [(_measured(), _predicted()) for _ in range(LAUNCHES)]
    write(
        "Two processes of one thread each, four linear layers of 1024, batches of 2048. In one launch all ways take",
        "turns, and the medians of their rounds are compared; of each ratio the median of",
        f"{LAUNCHES} launches (least to largest). Predicted by `descend layout` from some steps of the script with one",
        "process, and the link, which it measures. One process, half the batch, next to another that shares nothing",
        f"with it: {_of(1e3 * reported['two that share nothing'][0] for reported, _ in found)} ms.",
        "",
        "| layout | ms | over the bare engine | speed, of two that share nothing | CPU time, over theirs | predicted |",
        "|---|---|---|---|---|---|",
    )
    for kind in ("data", "tensor", "pipeline"):
        ours = [reported[f"ours {kind}"] for reported, _ in found]
        apart = [reported["two that share nothing"] for reported, _ in found]
        cells = (
            _of(1e3 * seconds for seconds, _ in ours),
            _of(reported["over bare"][kind] for reported, _ in found),
            _of(free[0] / mine[0] for free, mine in zip(apart, ours)),
            _of(mine[1] / free[1] for free, mine in zip(apart, ours)),
            _of(there[f"Layout({kind}=2)"]["seconds"] / mine[0] for (_, there), mine in zip(found, ours)),
        )
        write(f"| {kind}=2 | {' | '.join(cells)} |")
    four = [_measured(4) for _ in range(LAUNCHES)]
    write(
        "",
        "Four processes on two cores, shards of layers that are split, too (`data=2, tensor=2`), over",
        f"`fully_shard` of the same layers: {_of(reported['over bare']['data and tensor'] for reported in four)}.",
    )


def _of(values: Iterable[float]) -> str:
    """Return the median of the values, with the smallest and the largest value in brackets."""
    row = sorted(values)
    return f"{number(median(row))} ({number(row[0])}–{number(row[-1])})"


def of_table(write: Write) -> None:
    """Predict the table of Yadan et al. from published measurements of the same hardware."""
    write(
        "AlexNet, 100 epochs, batches of 256 on GTX Titans (Yadan et al. 2013), predicted by the same arithmetic from",
        f"what others measured of that hardware: {STEP_OF_256:.2f} s a step (Caffe's documentation), "
        f"{PCIE / 1e9:.1f} GB/s",
        "between devices, and no gain from fewer than 128 images (cuda-convnet's documentation). No value was fitted.",
        "",
        "| configuration | days, published | days, predicted | waiting |",
        "|---|---|---|---|",
    )
    days = {}
    for name, (layout, reported) in PUBLISHED.items():
        found = alexnet(layout)
        days[name] = found.seconds * EPOCHS * IMAGES / BATCH / 86400
        write(f"| {name} | {reported} | {days[name]:.1f} | {found.waiting / found.seconds:.0%} |")
    order = sorted(days, key=lambda name: -days[name])
    fewer = {name: alexnet(layout, granule=1).seconds for name, (layout, _) in PUBLISHED.items()}
    gain = fewer["2 GPUs, data"] / fewer["4 GPUs, data"]
    slow = (
        2 * 4 * sum(weights for _, _, weights, _ in ALEXNET) / STEP_OF_256
    )  # where a ring's 1.5 and 1 shares weigh as much
    write(
        "",
        f"Slowest to fastest as published: {', '.join(PUBLISHED)}.",
        f"Predicted: {', '.join(order)}.",
        "",
        "That 4 GPUs with data are slower than 2 rests on the 128 images, which is an upper bound: the program has",
        f"a form for 64, too. If fewer took less in proportion, 4 GPUs would be {gain:.1f} times as fast as 2, and",
        f"only a link of {slow / 1e9:.1f} GB/s or less would make them slower. The days are too few throughout: which",
        "software, links and exchange that work used is not known to us, and one GPU alone took 1.4 times what Caffe",
        "needs.",
    )


def alexnet(layout: Layout, granule: int = GRANULE) -> Forecast:
    """Return the predicted step of AlexNet, with two columns that exchange the next layer's inputs."""
    operations = sum(row[1] for row in ALEXNET)
    link = Link(PCIE, 0.0)
    columns = layout.tensor
    layers = [
        Layer(name, 0.0, share * STEP_OF_256 / operations / BATCH / columns, 0, 0, 4 * weights / columns)
        for name, share, weights, _ in ALEXNET
    ]
    work = Work(layers, BATCH, granule=granule, overlaps=False)
    found = forecast(work, Layout(data=layout.data), link)
    examples = BATCH / layout.data
    crossing = sum(2 * 4 * reported * examples * (columns - 1) / columns / PCIE for *_, reported in ALEXNET)
    return Forecast(layout, found.seconds + crossing, found.waiting + crossing, found.memory)


def _measured(processes: int = 2) -> dict:
    """Return the measurements of `layout_trainings.py` with this number of processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    ended = subprocess.run(
        [*command, str(HERE / "layout_trainings.py")], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    return json.loads(ended.stdout.splitlines()[-1])


def _predicted() -> dict:
    """Return the predictions of `descend layout` by layout."""
    command = [sys.executable, "-m", "descend", "layout", "--world", "2", "--format", "json", "--out", "/dev/null"]
    ended = subprocess.run(
        [*command, str(HERE / "layout_victim.py")], capture_output=True, text=True, env=ENVIRONMENT, check=True
    )
    facts = json.loads(ended.stdout)["facts"]
    return {fact["place"]: fact["detail"] for fact in facts if fact["name"] == "forecast"}
