"""Hosts with a link of 200 Mbit/s: the speed of each layout and each asynchronous scheme."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from statistics import fmean

from hosts import Hosts, hosts
from side_by_side import HERE, ROOT

from descend.doctor.report.formatting import number

BANDWIDTH, LATENCY = "200Mbit", "500us"  # the latency of a small message through the router of this machine
BATCH, STEPS = 256, 30  # of the layouts
REPLICA_BATCH, PERIOD = 300, 10
PORT, RAY_PORT = 29500, 6380
LAYOUTS = ({"data": 4}, {"data": 2, "tensor": 2}, {"data": 2, "pipeline": 2}, {"tensor": 4}, {"pipeline": 4})
SCHEMES = (  # with learning rates and steps at which all reach about the same loss
    ("synchronous", 2 * REPLICA_BATCH, 0.1, 300),
    ("downpour", REPLICA_BATCH, 0.1, 200),
    ("elastic", REPLICA_BATCH, 0.3, 200),
)
BIN = os.path.dirname(sys.executable)


def of_narrow_link(write: Callable[..., None]) -> None:
    """Measure layouts on four hosts and schemes on two hosts, with and without a limit on the link."""
    try:
        with hosts(4) as four:
            _layouts(four, write)
        with hosts(2) as two:
            _schemes(two, write)
    except OSError as error:
        write(f"Not measured: {error}.")


def _layouts(four: Hosts, write: Callable[..., None]) -> None:
    """Write the milliseconds of a step in each layout, measured and predicted."""
    predicted = _predicted()
    write(
        f"Four hosts (network namespaces, connected by a router) that share the processor: batches of {BATCH}, four",
        f"linear layers of 512, milliseconds a step. With the link limited to {BANDWIDTH}/s, predicted by",
        "`descend layout` from one process.",
        "",
        f"| layout | without a limit | {BANDWIDTH}/s | predicted |",
        "|---|---|---|---|",
    )
    free, narrow = ([_step(four, layout, rate) for layout in LAYOUTS] for rate in (None, BANDWIDTH))
    for layout, *measured in zip(LAYOUTS, free, narrow):
        name = ", ".join(f"{key}={value}" for key, value in layout.items())
        write(f"| {name} | {measured[0]:.0f} | {measured[1]:.0f} | {predicted[f'Layout({name})']:.0f} |")


def _schemes(two: Hosts, write: Callable[..., None]) -> None:
    """Write the examples per second and the training loss of each scheme."""
    write(
        "",
        f"Two hosts with a processor each, {REPLICA_BATCH} examples a step of each, exchanges every {PERIOD} steps of",
        "the asynchronous schemes, whose server is on the first host. Examples a second of both, and the training loss",
        "of the result:",
        "",
        f"| scheme | steps of each | without a limit | loss | {BANDWIDTH}/s | loss | kept |",
        "|---|---|---|---|---|---|---|",
    )
    for scheme, batch, lr, steps in SCHEMES:
        layout = {"data": 2, "scheme": scheme, "period": PERIOD}
        rates, losses = [], []
        for rate in (None, BANDWIDTH):
            two.limit(rate)
            reported = _run(two, layout, batch, lr, steps)
            rates.append(sum(each["rate"] for each in reported) / (2 if scheme == "synchronous" else 1))
            losses.append(fmean(each["loss"] for each in reported))
        both = [f"{rate:.0f} | {number(loss)}" for rate, loss in zip(rates, losses)]
        write(f"| {scheme} | {steps} | {both[0]} | {both[1]} | {rates[1] / rates[0]:.0%} |")


def _step(four: Hosts, layout: dict[str, int], rate: str | None) -> float:
    """Return the milliseconds of a step in a layout, with the link limited to this rate."""
    four.limit(rate)
    return 1e3 * max(reported["step"] for reported in _run(four, layout, BATCH, 0.05, STEPS))


def _run(on: Hosts, layout: dict, batch: int, lr: float, steps: int) -> list[dict]:
    """Run `narrow_trainings.py` on all hosts; return the output of each host."""
    first, arguments = on.address(0), f"'{json.dumps(layout)}' {batch} {lr} {steps}"
    environment = {"RAY_AUTH_MODE": "disabled", "RAY_ADDRESS": f"{first}:{RAY_PORT}"}
    commands = []
    for host in range(len(on.names)):
        begin = f"cd {ROOT}; "
        if layout.get("scheme", "synchronous") != "synchronous":
            own = (
                f"--head --port {RAY_PORT} --include-dashboard false" if host == 0 else f"--address {first}:{RAY_PORT}"
            )
            join = f"{BIN}/ray start {own} --node-ip-address {on.address(host)} --num-cpus 1 --disable-usage-stats"
            begin += f"until {join} >&2; do sleep 1; done; "
        torchrun = f"{sys.executable} -m torch.distributed.run --nnodes {len(on.names)} --node-rank {host}"
        program = f"--master-addr {first} --master-port {PORT} {HERE}/narrow_trainings.py {arguments}"
        commands.append(on.start(host, f"{begin}{torchrun} {program}", environment))
    reported = [each.communicate(timeout=300) for each in commands]
    failed = next((error for (_, error), each in zip(reported, commands) if each.returncode), None)
    if failed:
        raise SystemExit(failed)
    return [json.loads(output.splitlines()[-1]) for output, _ in reported]


def _predicted() -> dict[str, float]:
    """Return the milliseconds of a step that `descend layout` predicts, by layout."""
    given = ["--world", "4", "--bandwidth", BANDWIDTH, "--latency", LATENCY, "--format", "json", "--out", "/dev/null"]
    command = [sys.executable, "-m", "descend", "layout", *given, str(HERE / "narrow_victim.py"), str(BATCH)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    facts = json.loads(ended.stdout)["facts"]
    return {fact["place"]: 1e3 * fact["detail"]["seconds"] for fact in facts if fact["name"] == "forecast"}
