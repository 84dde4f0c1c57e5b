"""Servers in their own processes, on a real Ray cluster: killed servers resume, and losses are reported."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from waiting import comes

from descend.optim import Adagrad
from descend.parallel import (
    AdaptiveRevisionServer,
    Centre,
    DownpourReplica,
    DownpourServer,
    ElasticReplica,
    Layout,
    RemoteServer,
    on_ray,
)
from descend.parallel.packing import pack, unpack

torch.manual_seed(0)
X, Y = torch.randn(64, 20), torch.randint(0, 5, (64,))


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Linear(20, 5)


def train(model: nn.Module, optimizer, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init("local", num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker's path holds none of the tests' modules
    yield ray
    ray.shutdown()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while os.path.exists(f"/proc/{pid}") and "Z" not in open(f"/proc/{pid}/stat").read().split()[2]:
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "shards"),
    [
        (lambda p: DownpourServer(p), 2),
        pytest.param(lambda p: AdaptiveRevisionServer(p, lr=0.1), 1, marks=pytest.mark.thorough),
    ],
)
def test_a_remote_server_equals_a_local_server(cluster, tmp_path, rule, shards) -> None:
    here, there = network(), network()
    train(here, DownpourReplica(here.parameters(), rule(list(here.parameters()))), 20)
    server = RemoteServer.start(rule, there.parameters(), tmp_path / "server.pt", shards=shards)
    train(there, DownpourReplica(there.parameters(), server), 20)
    assert all(torch.equal(a, b) for a, b in zip(here.parameters(), there.parameters()))
    assert server.version == 20 * shards and server.lost == 0


@pytest.mark.thorough
@pytest.mark.slow
def test_a_remote_centre_equals_a_local_centre(cluster, tmp_path) -> None:
    models = [network(), network()]
    remote = RemoteServer.start(_centre, models[1].parameters(), tmp_path / "c")
    for model, centre in zip(models, (_centre(list(models[0].parameters())), remote)):
        train(model, ElasticReplica(torch.optim.SGD(model.parameters(), lr=0.1), centre, period=3), 12)
    assert all(torch.equal(a, b) for a, b in zip(models[0].parameters(), models[1].parameters()))


def _centre(parameters):
    return Centre(parameters, 0.3)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_server_resumes_and_reports_the_lost_updates(cluster, tmp_path, attempt) -> None:
    model, alone = network(), network()
    server = RemoteServer.start(DownpourServer, model.parameters(), tmp_path / "server.pt", every=1000)
    replica = DownpourReplica(model.parameters(), server)
    train(model, replica, 12)
    server.save()
    train(model, replica, 5)
    kill(server.processes()[0])
    with pytest.warns(UserWarning, match="died and restarted from its checkpoint, so 5 of the 17 updates .* are lost"):
        train(model, replica, 1)  # taken before the server's death was known: it is not applied
    assert server.version == 12 and server.lost == 5
    train(model, replica, 8)
    train(alone, Adagrad(alone.parameters(), lr=0.01), 20)
    assert all(torch.equal(a, b) for a, b in zip(alone.parameters(), model.parameters()))  # 12 + 8, none of them twice


@pytest.mark.slow
def test_a_repeated_push_is_applied_once(cluster, tmp_path) -> None:
    model = network()
    server = RemoteServer.start(DownpourServer, model.parameters(), tmp_path / "server.pt")
    fetched = server.fetch()
    gradients = [torch.ones_like(p) for p in model.parameters()]
    assert server.push(gradients, fetched) == 0
    server.pushes -= 1  # as Ray repeats a call whose answer was lost
    assert server.push(gradients, fetched) == 0 and server.version == 1


def work(rank, server, folder, steps):
    """Push so many gradients; the first life of process 1 ends in the middle."""
    own = nn.Linear(20, 5)
    replica = DownpourReplica(own.parameters(), server)
    first = not list(folder.glob(f"{rank} *"))
    for step in range(steps):
        train(own, replica, 1)
        (folder / f"{rank} {os.getpid()}").write_text(str(step + 1))
        if rank == 1 and first and step == steps // 2:
            os.kill(os.getpid(), signal.SIGKILL)
    return rank


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_nothing_is_applied_twice(cluster, tmp_path, attempt) -> None:
    server = RemoteServer.start(DownpourServer, network().parameters(), tmp_path / "server.pt")
    folder = tmp_path / "workers"
    folder.mkdir()
    assert on_ray(work, 2, (server, folder, 20), cores=0) == [0, 1]
    results = [int(file.read_text()) for file in folder.iterdir()]
    assert sorted(results) == [11, 20, 20] and server.version == 51 and server.lost == 0


def spread(rank):
    torch.set_num_threads(1)
    data = DataLoader(TensorDataset(X, Y), batch_size=16)
    model, loader, optimizer, loss_fn = Layout(data=2).spread(
        network(), data, lambda p: torch.optim.SGD(p, lr=0.1), nn.CrossEntropyLoss()
    )
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    return [p.tolist() for p in model.parameters()]


def fails(rank):
    if rank == 1:
        raise KeyError("the second")
    time.sleep(1000)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_layout_is_spread_over_a_ray_cluster(cluster) -> None:
    one, two = on_ray(spread, 2, cores=0)
    model = network()
    rule = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in zip(X.split(16), Y.split(16)):
        rule.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        rule.step()
    assert one == two
    assert all(torch.allclose(torch.tensor(a), b, atol=1e-6) for a, b in zip(one, model.parameters()))
    with pytest.raises(KeyError, match="the second"):  # and the other one does not sleep on
        on_ray(fails, 2, cores=0)
    with pytest.raises(ValueError, match="processes must be at least 1, not 0"):
        on_ray(fails, 0)


@pytest.mark.thorough
@pytest.mark.slow
def test_a_replica_gets_the_errors_of_its_server(cluster, tmp_path) -> None:
    model = network()
    server = RemoteServer.start(DownpourServer, model.parameters(), tmp_path / "server.pt")
    gradients = [torch.zeros_like(p) for p in model.parameters()]
    with pytest.raises(ValueError, match="fetch the parameters before"):
        server.push(gradients, None)
    fetched = server.fetch()
    with pytest.raises(ValueError, match="tensor 0 of the 2 pushed tensors has NaN or infinity"):
        server.push([gradients[0] / 0, gradients[1]], fetched)
    assert server.version == 0
    sharded = RemoteServer.start(DownpourServer, model.parameters(), tmp_path / "two.pt", shards=2)
    fetched = sharded.fetch()
    with pytest.raises(ValueError, match="tensor 1 of the 2 pushed tensors has NaN or infinity"):
        sharded.push([gradients[0], gradients[1] / 0], fetched)
    assert sharded.version == 0  # neither of them
    with pytest.raises(ValueError, match="shards must be between 1 and 2, the number of tensors, not 3"):
        RemoteServer.start(DownpourServer, model.parameters(), tmp_path / "s.pt", shards=3)
    with pytest.raises(ValueError, match="lr must be positive, not 0"):
        RemoteServer.start(lambda p: AdaptiveRevisionServer(p, lr=0), model.parameters(), tmp_path / "a.pt")


@pytest.mark.thorough
@pytest.mark.slow
def test_a_later_run_resumes_from_the_checkpoint(cluster, tmp_path) -> None:
    model, other, file = network(), network(), tmp_path / "server.pt"
    kept = DownpourServer(list(model.parameters()))
    train(model, DownpourReplica(model.parameters(), kept), 6)
    torch.save({"kept": kept.state_dict(), "life": 0, "answers": {}}, file)  # as a server's process writes it
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no server has died
        train(
            other, DownpourReplica(other.parameters(), RemoteServer.start(DownpourServer, other.parameters(), file)), 6
        )
    train(model, DownpourReplica(model.parameters(), kept), 6)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
    with pytest.raises(
        ValueError, match="server.pt is the checkpoint of a different model. Delete it, or choose another path"
    ):
        RemoteServer.start(DownpourServer, nn.Linear(2, 2).parameters(), file)


@pytest.mark.thorough
@pytest.mark.slow
def test_every_scheme_learns_under_torchrun(torchrun, tmp_path) -> None:
    torchrun("schemes.py", 2, str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results) == {"hogwild", "delay_tolerant", "elastic"}
    for scheme, replicas in results.items():
        assert all(replica["same"] and replica["steps"] == 6 * 56 for replica in replicas), scheme
        assert replicas[0]["loss"] < 0.8 and replicas[0]["loss"] == replicas[1]["loss"], (scheme, replicas)
    for replica in results["hogwild"]:  # of each step, how many the other one has taken since the last
        assert len(replica["late"]) == 6 * 56 and 0 < sum(replica["late"]) <= 6 * 56


@pytest.mark.slow
@pytest.mark.thorough
def test_steps_skip_the_slow_replica_and_its_batches_are_assigned_again(torchrun, tmp_path) -> None:
    torchrun("backups.py", 3, str(tmp_path))
    results = json.loads((tmp_path / "results.json").read_text())
    for number in (0, 1):  # passes
        batches = [batch for process in results["counted"] for batch in process[number]]
        assert sorted(row for batch in batches for row in batch) == list(range(120))  # each of them once
    quick, slow = (sum(map(len, results["counted"][rank])) for rank in (0, 2))
    assert quick > 3 * slow and len(results["dropped"][2]) > 0
    assert len(set(results["losses"])) == 1 and results["losses"][0] < 0.7 * results["before"]


@pytest.mark.slow
def test_ctrl_c_leaves_no_process(tmp_path) -> None:
    def running() -> list[int]:
        marked = (path for path in Path("/proc").glob("[0-9]*/environ") if f"DESCEND_TEST={tmp_path}" in _text(path))
        return [int(path.parent.name) for path in marked]

    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command = [*launcher, str(Path(__file__).parent / "programs" / "endless.py"), str(tmp_path)]
    environment = {**os.environ, "DESCEND_TEST": str(tmp_path)}
    with (tmp_path / "said").open("w") as said:
        started = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        begun = comes(lambda: len(list(tmp_path.glob("begun-*"))) == 2, within=300, of=started)
        assert begun, (tmp_path / "said").read_text()[-2000:]
        assert len(running()) > 3  # Ray's, too
        os.killpg(started.pid, signal.SIGINT)
        started.wait(120)
        assert comes(lambda: not running(), within=120), running()
    finally:
        for pid in running():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended
        return ""


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64, torch.int8, torch.bool])
def test_packed_tensors_are_unpacked_unchanged(dtype) -> None:
    tensors = [torch.tensor(True).to(dtype), torch.arange(3).to(dtype), torch.arange(8).to(dtype).view(2, 4)]
    tensors.append(torch.zeros(0, dtype=dtype))
    tensors.append(torch.arange(5.0, dtype=torch.float64))  # not aligned after odd bytes
    for sent, came in zip(tensors, unpack(pack(tensors), tensors), strict=True):
        assert came.dtype == sent.dtype and torch.equal(sent, came)
    with pytest.raises(ValueError, match="are of a different model: they have 0 bytes instead of"):
        unpack(pack([]), tensors)


def test_without_ray_the_error_says_how_to_install_it(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'descend\[ray\]'"):
        RemoteServer.start(DownpourServer, network().parameters(), tmp_path / "server.pt")
