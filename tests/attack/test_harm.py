"""What a script may do to the user's machine while it is examined: nothing that outlives it, at any level."""

import os
from pathlib import Path

import pytest
from sampling import sampled

from .world import LEVELS, consulted, levels, none_left, refused, skip_unless_reached, state, victim

SHARED = Path("/dev/shm")


@pytest.fixture
def staged():
    """Data that the user has put into shared memory."""
    path = SHARED / f"staged-{os.getpid()}.bin"
    path.write_bytes(b"precious")
    yield path
    path.unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize("level", sampled(LEVELS, "namespaces"))
def test_files_in_shared_memory_and_temporary_files_are_not_changed(tmp_path, staged, level):
    skip_unless_reached(level)
    kept = tmp_path / "kept.pt"
    kept.write_bytes(b"weights")
    before = state(staged), state(kept)
    attack = f"""
        staged, kept = Path({str(staged)!r}), Path({str(kept)!r})
        attempt("read", staged.read_bytes)
        for path in (staged, kept):
            attempt(f"delete {{path.name}}", lambda: os.remove(path))
            attempt(f"write {{path.name}}", lambda: path.write_bytes(b"x"))
            attempt(f"rename {{path.name}}", lambda: os.rename(path, f"{{path}}.old"))
        if {level == "namespaces"}:
            attempt("native delete", native("unlink", str(staged).encode()))
            attempt("native delete, temporary", native("unlink", str(kept).encode()))
        own = Path("/dev/shm/own-{os.getpid()}")
        attempt("own", lambda: (own.write_text("mine"), own.read_text(), {level == "namespaces"} or own.unlink()))
    """
    record, said = consulted(tmp_path, level, attack)
    assert said["read"] == repr(b"precious")
    assert (state(staged), state(kept)) == before
    assert not (SHARED / f"own-{os.getpid()}").exists() and not Path(f"{staged}.old").exists()
    assert "mine" in said["own"], said
    assert str(staged) in refused(record, "delete"), said
    assert all(line.startswith("descend: refused") for name, line in said.items() if name.endswith(staged.name)), said
    assert not any(line.startswith("descend:") for name, line in said.items() if name.endswith(kept.name)), said
    assert str(kept) in [effect.target for effect in record.effects if effect.redirected]


@pytest.mark.slow
def test_new_temporary_files_are_the_runs_own(tmp_path):
    skip_unless_reached("namespaces")
    new = Path(f"/tmp/checkpoint-{os.getpid()}.pt")
    attack = f"""
        new = Path({str(new)!r})
        attempt("new", lambda: (new.write_text("weights"), new.read_text()))
        attempt("folder", lambda: os.makedirs("/tmp/outputs-{os.getpid()}/deep"))
    """
    record, said = consulted(tmp_path, "namespaces", attack)
    assert "weights" in said["new"] and said["folder"] == "None"
    assert not new.exists() and not Path(f"/tmp/outputs-{os.getpid()}").exists()
    assert record.effects and all(effect.redirected for effect in record.effects)


@pytest.mark.slow
@levels
def test_no_other_process_can_be_signalled(tmp_path, level):
    skip_unless_reached(level)
    other = victim()
    attack = f"""
        other = {other.pid}
        attempt("kill", lambda: os.kill(other, signal.SIGKILL))
        attempt("group", lambda: os.killpg(other, signal.SIGTERM))
        attempt("negative", lambda: os.kill(-other, signal.SIGTERM))
        if {level != "hooks"}:
            attempt("native", native("kill", other, signal.SIGKILL))
            attempt("native group", native("killpg", other, signal.SIGKILL))
        child = os.fork()
        if not child:
            time.sleep(60)
        attempt("own child", lambda: (os.kill(child, signal.SIGTERM), os.waitpid(child, 0)))
    """
    try:
        record, said = consulted(tmp_path, level, attack)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert said["own child"].endswith("15))"), said
    assert {f"process {other.pid}", f"group {other.pid}"} <= set(refused(record, "signal"))


@pytest.mark.slow
def test_modes_and_owners_cannot_be_changed_natively(tmp_path, shared_fork_server):
    skip_unless_reached("namespaces")
    kept = Path("/usr/lib/os-release")  # not in a folder of users' files, where a run changes only its own version
    before = state(kept)
    attack = f"""
        path = {str(kept)!r}.encode()
        attempt("chmod", native("chmod", path, 0o777))
        attempt("chown", native("chown", path, 1, 1))
        attempt("remount", native("mount", b"none", b"/", None, 32, None))
        attempt("unmount", native("umount2", b"/tmp", 2))
    """
    _, said = consulted(tmp_path, "namespaces", attack, shared_fork_server.get())
    assert state(kept) == before
    assert said["chmod"] == said["chown"] == "Read-only file system"
    assert said["remount"] == said["unmount"] == "Operation not permitted"


@pytest.mark.slow
@levels
@pytest.mark.parametrize("forked", sampled([False, True], True), ids=["started", "forked"])
def test_a_daemon_ends_with_the_run(tmp_path, shared_fork_server, level, forked):
    skip_unless_reached(level)
    name = f"dmn{os.getpid()}"
    attack = f"""
        ready = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                libc.prctl(15, {name!r}.encode())
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                os.write(ready[1], b"x")
                while True:
                    time.sleep(1)
            os._exit(0)
        attempt("daemon", lambda: os.read(ready[0], 1))
    """
    _, said = consulted(tmp_path, level, attack, shared_fork_server.get() if forked else None)
    assert said["daemon"] == repr(b"x")
    assert none_left(name)


@pytest.mark.slow
@levels
def test_spawned_workers_leave_no_semaphore(tmp_path, shared_fork_server, level):
    skip_unless_reached(level)
    attack = """
        import multiprocessing as mp
        context = mp.get_context("spawn")
        locks = [context.Lock() for _ in range(20)]
        worker = context.Process(target=print)
        worker.start()
        attempt("worker", worker.join)
        attempt("names", lambda: " ".join(lock._semlock.name for lock in locks))
        attempt("before", lambda: all(Path(f"/dev/shm/sem.{lock._semlock.name[1:]}").exists() for lock in locks))
    """
    _, said = consulted(tmp_path, level, attack, shared_fork_server.get())
    assert said["worker"] == "None" and said["before"] == "True"
    names = said["names"].strip("'").split()
    assert len(names) == 20 and not [name for name in names if (SHARED / f"sem.{name[1:]}").exists()]
