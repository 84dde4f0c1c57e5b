"""Workers, compilers and other programs that an examined script starts."""

import pytest

from .sandbox import both, examine, make_world, needs_landlock


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


HARMLESS = """
    import platform, ctypes.util, multiprocessing
    attempt("uname", lambda: platform.processor())
    attempt("library", lambda: ctypes.util.find_library("c"))
    attempt("git", lambda: subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True))
    attempt("shell", lambda: subprocess.run("uname -a", shell=True, capture_output=True, check=True))
    attempt("system", lambda: os.system("true"))
    attempt("missing", lambda: subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]))
    server, (one, other) = socket.create_server(("", 0)), socket.socketpair()
    attempt("loopback", lambda: socket.create_connection(server.getsockname()[:2]))
    attempt("unix", lambda: one.send(b"x"))
    attempt("bound", lambda: socket.socket(socket.AF_UNIX).bind("here.sock"))
"""


@pytest.mark.slow
@both
def test_programs_that_only_read_and_local_sockets_are_permitted(world, landlock):
    outcome = examine(world, HARMLESS, landlock=landlock)
    assert "descend" not in outcome.said.pop("missing")  # whether there is a GPU or not
    assert set(outcome.said.values()) == {"done"}, outcome.text
    assert outcome.effects == []


WORKERS = """
    import multiprocessing as mp
    def work(path):
        try:
            put(path, "x")
            return "written"
        except PermissionError as error:
            return error.strerror
    if __name__ == "__main__":
        for method in {methods}:
            with mp.get_context(method).Pool(2) as pool:
                for path in (PRECIOUS / "model.pt", Path(f"{{method}}.txt").absolute()):
                    print(f"{{method}} {{path.suffix}}: {{pool.map(work, [path])[0]}}")
"""


@pytest.mark.slow
def test_effects_of_forked_workers_are_refused_and_reported(world):
    outcome = examine(world, WORKERS.format(methods=["fork"]))
    assert outcome.said["fork .pt"].startswith("descend: refused to write")
    assert outcome.said["fork .txt"] == "written"
    assert outcome.refused("write") == [f"{world}/precious/model.pt"]


@pytest.mark.slow
def test_workers_that_write_the_same_linked_file_lose_nothing(world):
    (world / "project/log.txt").write_text("x" * 5_000_000 + "\n")
    outcome = examine(
        world,
        """
        for worker in range(8):
            if os.fork() == 0:
                put("log.txt", f"{worker}\\n", "a")
                os._exit(0)
        for worker in range(8):
            os.wait()
        print("lines:", sorted(open("log.txt").read().split()[1:]), os.listdir("."))
        """,
    )
    assert outcome.said["lines"].startswith(str([str(i) for i in range(8)])), outcome.text[-500:]
    assert "descend" not in outcome.said["lines"]


@pytest.mark.slow
@needs_landlock
def test_spawned_workers_run_and_are_restricted_by_the_kernel(world):
    outcome = examine(world, WORKERS.format(methods=["spawn", "forkserver"]), landlock=True)
    for method in ("spawn", "forkserver"):
        assert "Permission denied" in outcome.said[f"{method} .pt"], outcome.text
        assert outcome.said[f"{method} .txt"] == "written"
    assert outcome.effects == []


ENDED = """
    import signal
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait()
    attempt("child", lambda: os.kill(child.pid, signal.SIGTERM))
    attempt("group", lambda: os.killpg(child.pid, signal.SIGTERM))
    attempt("later", lambda: os.kill(child.pid + 100_000, signal.SIGTERM))
    print("number:", child.pid)
"""


@pytest.mark.slow
def test_a_signal_to_an_ended_process_of_the_run_is_permitted(world):
    outcome = examine(world, ENDED)
    assert outcome.said["child"] == outcome.said["group"] == outcome.said["later"] == "No such process"
    assert [effect.target for effect in outcome.effects] == [f"process {int(outcome.said['number']) + 100_000}"]


COMPILED = """
    os.environ["TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS"] = "0"  # for one kernel they cost more than they save
    import torch
    model = torch.compile(torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU()))
    model(torch.ones(2, 4)).sum().backward()
    kernels = sum(len(files) for _, _, files in os.walk(os.environ["TORCHINDUCTOR_CACHE_DIR"]))
    print("kernels:", kernels > 0)
"""


@pytest.mark.slow
@needs_landlock
@pytest.mark.thorough
def test_compilers_of_torch_may_run(world):
    outcome = examine(world, COMPILED, landlock=True, torch=True)
    assert outcome.said["kernels"] == "True"
    assert outcome.effects == []
