"""What torch starts works within each level of the sandbox: workers, compilers, process groups, CUDA."""

import contextlib
import os
import socket
import tempfile

import pytest
import torch
from sampling import sampled

from .world import LEVELS, consulted, levels, skip_unless_reached

WORKERS = """
    import multiprocessing, torch
    from torch.utils.data import DataLoader, TensorDataset
    data = TensorDataset(torch.arange(8.0))
    for method in ("fork", "spawn"):
        batches = lambda: DataLoader(data, 4, num_workers=2, multiprocessing_context=method)
        attempt(method, lambda: sum(float(batch.sum()) for batch, in batches()))
    torch.multiprocessing.set_sharing_strategy("file_system")
    attempt("by file", lambda: sum(float(batch.sum()) for batch, in batches()))
"""

GROUP = """
    import torch.distributed as dist
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="0")
    store = dist.TCPStore("127.0.0.1", 0, 1, True)
    attempt("group", lambda: dist.init_process_group({backend!r}, store=store, rank=0, world_size=1))
    ones = torch.ones(2{device})
    attempt("reduced", lambda: (dist.all_reduce(ones), ones.tolist())[1])
"""

COMPILED = """
    import torch, descend
    weights = torch.ones(4, requires_grad=True)
    rule = descend.optim.Adamax([weights], lr=0.5)
    def step():
        weights.sum().backward()
        rule.step()
        return weights.tolist()
    attempt("rule", step)
    attempt("kernels", lambda: any(files for _, _, files in os.walk(os.environ["DESCEND_KERNELS_DIR"])))
"""

CONNECTED = """
    import socket
    for path in {paths}:
        attempt(path, lambda: socket.socket(socket.AF_UNIX).connect(path))
"""

CUDA = """
    import torch
    attempt("cuda", lambda: float((torch.ones(4, device="cuda") * 2).sum()))
"""


RELATIVE = """
    os.makedirs("results", exist_ok=True)
    attempt("relative path", lambda: Path("results/loss.txt").write_text("0.5"))
    attempt("absolute path", lambda: Path("results").absolute().joinpath("again.txt").write_text("0.5"))
    attempt("both", lambda: len(os.listdir("results")))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("level", "forked"), [*((level, True) for level in LEVELS), ("namespaces", False)])
def test_files_written_to_the_working_directory_can_be_listed(tmp_path, shared_fork_server, level, forked):
    skip_unless_reached(level)
    _, said = consulted(tmp_path, level, RELATIVE, shared_fork_server.get() if forked else None)
    assert said == {"relative path": "3", "absolute path": "3", "both": "2"}
    assert not (tmp_path / "project/results").exists()


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "landlock"))
def test_workers(tmp_path, shared_fork_server, level):
    skip_unless_reached(level)
    _, said = consulted(tmp_path, level, WORKERS, shared_fork_server.get())
    assert said == {"fork": "28.0", "spawn": "28.0", "by file": "28.0"}


@pytest.mark.slow
@levels
def test_a_process_group_and_a_compiler(tmp_path, shared_fork_server, level):
    skip_unless_reached(level)
    attack = "    import torch" + GROUP.format(backend="gloo", device="") + COMPILED
    record, said = consulted(tmp_path, level, attack, shared_fork_server.get())
    assert said["group"] == "None" and said["reduced"] == "[1.0, 1.0]"
    assert said["rule"] == str([0.5] * 4), said
    assert not record.effects


@pytest.mark.slow
@levels
def test_a_server_of_the_users_is_reached(tmp_path, shared_fork_server, level):
    """By its socket among the temporary files, at the top and in a folder, as X11, MPS and databases do."""
    skip_unless_reached(level)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, contextlib.ExitStack() as stack:
        paths = [f"{folder}/here.sock", f"{folder}.sock"]
        for path in paths:
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(path)
            stack.callback(os.unlink, path)
            server.listen()
        _, said = consulted(tmp_path, level, CONNECTED.format(paths=paths), shared_fork_server.get())
    assert set(said.values()) == {"None"}


@pytest.mark.gpu
@pytest.mark.slow
@levels
def test_cuda(tmp_path, level):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    skip_unless_reached(level)
    _, said = consulted(tmp_path, level, CUDA + GROUP.format(backend="nccl", device=", device='cuda'"))
    assert said["cuda"] == "8.0" and said["reduced"] == "[1.0, 1.0]", said
