"""Which programs may be started, and how an audit event names them."""

import os
import sys
import types

import pytest

from descend.doctor.sandbox.programs import STARTS, command_of, may_start

CHANGE_NOTHING = [
    "uname -p",
    "/sbin/ldconfig -p",
    "lscpu -J",
    "git rev-parse --short HEAD",
    "git -C /home/me/project describe --always --dirty",
    "git status --porcelain",
    "git branch --show-current",
    "nvidia-smi --query-gpu=memory.used --format=csv,nounits,noheader",
    "nvidia-smi -q -x",
    "nvidia-smi",
    "hostname -f",
    "stty size",
]
REFUSED = [
    "rm -rf data",
    "git commit -am x",
    "git branch -D main",
    "git log --output=/home/me/file",
    "git -c alias.log=!rm log",
    "git push",
    "nvidia-smi --gpu-reset",
    "nvidia-smi -pl 100",
    "hostname new-name",
    "/home/me/bin/ls",
    "./uname",
    "gcc -o /home/me/file x.c",
    "python other.py",
    "curl http://host",
]


@pytest.mark.parametrize("command", CHANGE_NOTHING)
def test_programs_that_change_nothing_may_be_started(command):
    assert may_start(command.split())
    assert may_start(["/bin/sh", "-c", command])


@pytest.mark.parametrize("command", REFUSED)
def test_others_may_not(command):
    assert not may_start(command.split())
    assert not may_start(["/bin/sh", "-c", command])


@pytest.mark.parametrize(
    "command",
    ["echo x > file", "uname; rm x", "ls `rm x`", "ls $(rm x)", "cat x | tee y", "ls &", "'", "", "A=1 rm"],
)
def test_a_shell_may_run_one_plain_command(command):
    assert not may_start(["sh", "-c", command])


def test_workers_of_this_interpreter_may_be_started():
    for arguments in (
        ["-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"],
        ["-s", "-c", "from multiprocessing.resource_tracker import main;main(3)"],
        ["-m", "joblib.externals.loky.backend.popen_loky_posix", "--process-name", "x"],
    ):
        assert may_start([sys.executable, *arguments])
        assert not may_start(["/usr/bin/another-python", *arguments])
    assert not may_start([sys.executable, "-c", "import multiprocessing"])
    assert not may_start([sys.executable, "-m", "pip", "install", "x"])
    assert not may_start([sys.executable, "train.py"])
    assert not may_start([])


def called_from(module: str, command: list[str]) -> bool:
    namespace = {"__name__": module, "may_start": may_start}
    exec("def start(command):\n    return may_start(command)", namespace)
    return namespace["start"](command)  # type: ignore[operator]


def test_torch_s_compilers_may_start_what_they_need():
    for command in (["g++", "-o", "x.so", "x.cpp"], ["openssl", "sha512", "x.i"], ["sh", "-c", "g++ x > y"]):
        assert called_from("torch._inductor.codecache", command)
        assert called_from("triton.runtime.build", command)
        assert not called_from("__main__", command)
        assert not called_from("torch.utils.data.dataloader", command)
        assert not called_from("triton_kernels_of_mine", command)


def test_an_event_names_the_program_that_runs():
    assert command_of("os.system", (b"ls -l",)) == ["sh", "-c", "ls -l"]
    assert command_of("subprocess.Popen", ("ls", ["ls", "-l"], None, None)) == ["ls", "-l"]
    assert command_of("subprocess.Popen", ("/bin/rm", ["echo", "x"], None, None)) == ["/bin/rm", "x"]
    assert command_of("subprocess.Popen", ("ls", "ls", None, None)) == ["ls"]
    assert command_of("os.exec", ("/bin/rm", [b"rm", b"x"], {})) == ["rm", "x"]
    assert command_of("os.posix_spawn", ("/bin/rm", ("ls",), {})) == ["/bin/rm"]
    assert command_of("pty.spawn", (["bash", "-i"],)) == ["bash", "-i"]
    assert command_of("os.spawn", (os.P_WAIT, "/bin/ls", ["ls"], None)) == ["ls"]
    assert set(STARTS) == {
        "os.system",
        "subprocess.Popen",
        "os.exec",
        "os.posix_spawn",
        "pty.spawn",
        "os.spawn",
    }


def test_standard_library_layers_are_looked_through():
    layer = types.ModuleType("subprocess")
    layer.__dict__["may_start"] = may_start
    exec("def Popen(command):\n    return may_start(command)", layer.__dict__)
    outer = {"__name__": "torch.utils.cpp_extension", "Popen": layer.Popen}
    exec("def build(command):\n    return Popen(command)", outer)
    assert outer["build"](["ninja", "-v"])  # type: ignore[operator]
