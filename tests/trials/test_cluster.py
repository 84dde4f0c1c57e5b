"""Trial runs on a real Ray cluster: the same numbers as here, and only a dead node's runs are lost."""

import json
import os
import threading
import time
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest
from complaints import complaints

from descend.core.errors import UsageError
from descend.core.temporary import PREFIX
from descend.doctor.execution.launch import new_record, run
from descend.doctor.record import Ending
from descend.doctor.script.plan import CLOCK, Plan
from descend.doctor.script.script import Script
from descend.doctor.trials import cluster
from descend.doctor.trials.cluster import Cluster, RemoteJob, machine_id, run_remotely, zip_directory

pytestmark = pytest.mark.slow
TRAIN = """
import pathlib, torch
torch.manual_seed(0)
scale = float(pathlib.Path("data/scale.txt").read_text())
x = torch.randn(64, 5) * scale
y = (x.sum(1, keepdim=True) > 0).float()
model = torch.nn.Sequential(torch.nn.Linear(5, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(STEPS):
    optimizer.zero_grad()
    torch.nn.functional.binary_cross_entropy_with_logits(model(x), y).backward()
    optimizer.step()
"""
PLAN = Plan(jobs=2, timed=False, role="trial_run").with_fixed_steps(30)


@pytest.fixture
def script(tmp_path) -> Script:
    root = tmp_path / "work"
    (root / "data").mkdir(parents=True)
    (root / "data" / "scale.txt").write_text("2.5")
    (root / "train.py").write_text(TRAIN.replace("STEPS", "30"))
    return Script(root / "train.py", root)


@pytest.fixture(scope="module")
def nodes():
    """Yield a cluster with a head that runs nothing, and one node."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster as Nodes

    found = Nodes(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    node = found.add_node(num_cpus=2)
    yield found, node
    found.shutdown()


@pytest.fixture
def joined(nodes):
    import ray

    with cluster.connect(nodes[0].address, PLAN) as found:
        yield found
    assert not ray.is_initialized()


def losses(record) -> list[float]:
    return list(record.series("loss", "0").values)


def here(script: Script) -> list[float]:
    return losses(run(script, PLAN, new_record(script, PLAN)))


def errand(script: Script, **changed) -> RemoteJob:
    known = RemoteJob(script, PLAN, dict(os.environ), cluster._package_versions(), machine_id(), ())
    return replace(known, **changed)


def test_a_remote_trial_run_equals_a_local_one_bit_for_bit(script, joined) -> None:
    record = new_record(script, PLAN)
    seen = []
    joined.run(script, PLAN, record, seen.extend)
    assert losses(record) == here(script) and len(losses(record)) == 30
    assert record.ending.reason == "window" and len(seen) > 30
    assert isinstance(joined, Cluster) and joined.slots == 2 // PLAN.threads


def test_a_trial_run_that_is_ended_early_ends_on_its_node(script, joined) -> None:
    endless = script.edit(script.path, TRAIN.replace("STEPS", "10**9").replace("optimizer.step()", "optimizer.step()"))
    plan = PLAN.with_fixed_steps(10**9)

    class Enough(Exception):
        pass

    def listen(messages) -> None:
        raise Enough

    with pytest.raises(Enough):
        joined.run(endless, plan, new_record(endless, plan), listen)
    deadline = time.monotonic() + 30
    while _running(script) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _running(script)


def _running(script: Script) -> bool:
    """Return whether a process works in a scratch copy of the script's folder."""
    below = str(script.root).lstrip("/")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").endswith(f"files/{below}"):
                return True
        except OSError:
            continue
    return False


@pytest.mark.thorough
def test_a_dead_node_loses_only_its_own_trial_runs(script, nodes) -> None:
    found, _ = nodes
    with cluster.connect(found.address, PLAN) as joined:
        second = found.add_node(num_cpus=2, resources={"doomed": 1})
        joined._run_remotely = joined._run_remotely.options(resources={"doomed": 1})
        plan, begun = PLAN.with_fixed_steps(10**9), threading.Event()
        endless = script.edit(script.path, TRAIN.replace("STEPS", "10**9"))
        record = new_record(endless, plan)
        trial_run = threading.Thread(target=joined.run, args=(endless, plan, record, lambda messages: begun.set()))
        trial_run.start()
        assert begun.wait(60)
        found.remove_node(second, allow_graceful=False)
        trial_run.join(90)
        assert not trial_run.is_alive() and record.ending.reason == "failed"
        assert "the node that ran it was lost" in record.ending.error
    with cluster.connect(found.address, PLAN) as joined:
        record = new_record(script, PLAN)
        joined.run(script, PLAN, record, lambda messages: None)
        assert record.ending.reason == "window"  # The other trial runs continue.


@pytest.mark.thorough
def test_the_working_directory_is_sent_to_another_machine(script) -> None:
    edited = script.edit(script.path, TRAIN.replace("STEPS", "30").replace("lr=0.1", "lr=0.3"))
    *seen, ending = run_remotely(errand(edited, machine_id="another"), zip_directory(script.root))
    assert isinstance(ending, Ending) and ending.reason == "window"
    record = new_record(edited, PLAN)
    for messages in seen:
        record.extend(messages)
    assert losses(record) == here(edited) != here(script)
    assert not _left_over()


def _left_over() -> list[Path]:
    return [p for p in Path("/tmp").glob(f"{PREFIX}run-*") if (p / "files" / "data" / "scale.txt").exists()]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (
            {"versions": {"torch": "0.1"}},
            "has torch .*, but this machine has 0.1, so the losses on both machines could not be compared",
        ),
        (
            {"machine_id": "another", "reads": ("/nowhere/data.csv",)},
            "does not have /nowhere/data.csv, which the script reads",
        ),
    ],
)
def test_a_node_with_other_versions_or_too_few_cores_is_refused(script, changed, says) -> None:
    with pytest.raises(UsageError, match=says):
        list(run_remotely(errand(script, **changed), zip_directory(script.root)))


def test_a_node_ends_a_trial_run_at_the_deadline(script) -> None:
    endless = script.edit(script.path, TRAIN.replace("STEPS", "10**9"))
    plan, began = PLAN.with_fixed_steps(10**9), time.monotonic()
    *_, ending = run_remotely(errand(endless, plan=plan, left_s=3.0), None)
    assert ending.reason == "window" and time.monotonic() - began > 2


def test_a_node_receives_the_seconds_until_the_deadline(script) -> None:
    ray = RecordedCalls()
    Cluster(ray, PLAN).run(script, replace(PLAN, until=time.monotonic() + 100), new_record(script, PLAN), print)
    Cluster(ray, PLAN).run(script, PLAN, new_record(script, PLAN), print)
    limited, unlimited = ray.jobs
    assert 90 < limited.left_s <= 100 and limited.plan.until == unlimited.left_s == inf


class RecordedCalls:
    """A substitute for Ray that keeps the jobs it receives. Each of them ends at once."""

    exceptions = SimpleNamespace(RayTaskError=OSError, RayError=OSError)
    util = SimpleNamespace(get_node_ip_address=lambda: "here")

    def __init__(self) -> None:
        self.jobs: list[RemoteJob] = []

    def cluster_resources(self):
        return {"CPU": 2}

    def nodes(self):
        return []

    def get(self, answer):
        return answer

    def remote(self, **options):
        return lambda function: SimpleNamespace(remote=self._start)

    def _start(self, job, archive):
        self.jobs.append(job)
        return [Ending("finished", 0, 30)]


def test_a_directory_that_is_too_large_to_send_is_refused(script, monkeypatch) -> None:
    monkeypatch.setattr(cluster, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match="is larger than the 0 MB"):
        zip_directory(script.root)


@pytest.mark.thorough  # the runs are equal bit for bit, as the test of a single run shows
def test_trials_on_a_cluster_have_the_verdict_of_local_trials(descend_here, nodes, tmp_path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "scale.txt").write_text("2.5")
    (tmp_path / "train.py").write_text(TRAIN.replace("STEPS", "60").replace("optimizer.zero_grad()", "pass"))
    limits = ("--steps", "60", "--seeds", "2", "--select", "no_zero_grad", "--jobs", "2", "--format", "json")
    told = []
    for number, where in enumerate([[], ["--ray", nodes[0].address]]):
        store = ("--store", str(tmp_path / f"store{number}"))
        ended = descend_here("doctor", *limits, *store, *where, "train.py", cwd=tmp_path, env={CLOCK: "steps"})
        assert ended.returncode == 1, ended.stderr
        told.append(json.loads(ended.stdout))
    local, spread = told
    assert [f["symptom"] for f in local["findings"]] == [f["symptom"] for f in spread["findings"]]
    assert _numbers(local["trials"]) == _numbers(spread["trials"]) and local["trials"]


def _numbers(trials) -> list[tuple]:
    return [tuple(map(str, (t["remedies"], t["verdict"], t["before"], t["after"], t["seeds"]))) for t in trials]


def test_a_missing_cluster_is_reported_in_one_line(descend_here, tmp_path) -> None:
    (tmp_path / "train.py").write_text("print()")
    ended = descend_here("doctor", "--ray", "127.0.0.1:1", "train.py", cwd=tmp_path)
    lines = complaints(ended.stderr)
    assert ended.returncode == 2 and "no Ray cluster is at 127.0.0.1:1" in lines[-1], ended.stderr
