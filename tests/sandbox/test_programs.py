"""Which programs may be started, and how an audit event names them."""

import os
import stat
import sys
import types
from dataclasses import replace

import pytest

from descend.doctor.sandbox.programs import ProgramPolicy
from descend.doctor.sandbox.starts import STARTS, Start, read_start
from descend.doctor.sandbox.unaudited import STARTS_PROGRAM

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
    "ldconfig",
    "ldconfig -C /home/me/file",
    "lspci -q",
    "/home/me/bin/ls",
    "./uname",
    "gcc -o /home/me/file x.c",
    "python other.py",
    "curl http://host",
]


def may_start(words, **given):
    return ProgramPolicy(os.environ, lambda path: False).may_start(Start(tuple(words), **given))


@pytest.mark.parametrize("command", CHANGE_NOTHING)
def test_programs_that_change_nothing_may_be_started(command):
    assert may_start(command.split())
    assert may_start(["/bin/sh", "-c", command])


@pytest.mark.parametrize("command", REFUSED)
def test_other_programs_may_not_be_started(command):
    assert not may_start(command.split())
    assert not may_start(["/bin/sh", "-c", command])


@pytest.mark.parametrize(
    "command",
    ["echo x > file", "uname; rm x", "ls `rm x`", "ls $(rm x)", "cat x | tee y", "ls &", "'", "", "A=1 rm"],
)
def test_a_shell_may_run_one_simple_command(command):
    assert not may_start(["sh", "-c", command])


def test_workers_of_this_interpreter_may_be_started():
    for arguments in (
        ["-c", "from multiprocessing.spawn import spawn_main; spawn_main(tracker_fd=5)"],
        ["-s", "-c", "from multiprocessing.resource_tracker import main;main(3)"],
        ["-c", "from multiprocessing.forkserver import main; main(7, 8, ['__main__'], **{'sys_path': ['/x']})"],
        ["-m", "joblib.externals.loky.backend.popen_loky_posix", "--process-name", "x"],
    ):
        assert may_start([sys.executable, *arguments])
        assert not may_start(["/usr/bin/another-python", *arguments])
    assert not may_start([sys.executable, "-c", "import multiprocessing"])
    assert not may_start([sys.executable, "-m", "pip", "install", "x"])
    assert not may_start([sys.executable, "train.py"])
    assert not may_start([])


def called_from(module: str, command: list[str]) -> bool:
    namespace = {"__name__": module, "judge": ProgramPolicy(os.environ, lambda path: False).may_start, "Start": Start}
    exec("def start(command):\n    return judge(Start(tuple(command)))", namespace)
    return namespace["start"](command)  # type: ignore[operator]


def test_compilers_of_torch_may_start_programs():
    for command in (["g++", "-o", "x.so", "x.cpp"], ["openssl", "sha512", "x.i"], ["sh", "-c", "g++ x > y"]):
        assert called_from("torch._inductor.codecache", command)
        assert called_from("triton.runtime.build", command)
        assert not called_from("__main__", command)
        assert not called_from("torch.utils.data.dataloader", command)
        assert not called_from("triton_kernels_of_mine", command)


def test_the_program_that_will_run_is_read_from_the_event():
    assert read_start("os.system", (b"ls -l",)) == Start(("sh", "-c", "ls -l"), ("/bin/sh",))
    assert read_start("os.exec", ("/bin/rm", [b"rm", b"x"], {b"A": b"1"})) == Start(
        ("rm", "x"), ("/bin/rm",), {"A": "1"}
    )
    assert read_start("os.posix_spawn", ("/bin/rm", ("ls",), {})) == Start(("ls",), ("/bin/rm",), {})
    assert read_start("pty.spawn", (["bash", "-i"],)) == Start(("bash", "-i"))
    assert read_start("os.spawn", (os.P_WAIT, "/bin/ls", ["ls"], None)) == Start(("ls",), ("/bin/ls",))
    given = ([b"ls", b"-l"], (b"/x/ls", b"/bin/ls"), True, (), "/tmp", [b"A=1=2"])
    expected = Start(("ls", "-l"), ("/x/ls", "/bin/ls"), {"A": "1=2"}, "/tmp")
    assert read_start(STARTS_PROGRAM, given) == expected and expected.program == "/bin/ls"
    assert set(STARTS) == {
        "_posixsubprocess.fork_exec",
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "pty.spawn",
        "os.spawn",
    }


def test_a_program_with_a_harmless_name_is_judged_by_its_file(tmp_path):
    own = tmp_path / "ls"
    own.write_text("#!/bin/sh\n")
    own.chmod(own.stat().st_mode | stat.S_IXUSR)
    assert not may_start(["ls"], paths=(str(own), "/bin/ls"))
    assert may_start(["ls"], paths=(str(tmp_path / "missing"), "/bin/ls"))
    assert not may_start(["ls"], environment={"PATH": f"{tmp_path}:/bin"})
    assert not may_start(["sh", "-c", "ls -l"], environment={"PATH": f"{tmp_path}:/bin"})
    known = ProgramPolicy({"PATH": str(tmp_path)}, lambda path: False)
    assert known.may_start(Start(("ls",), environment={"PATH": str(tmp_path)}))  # on the user's own path
    written = ProgramPolicy({"PATH": str(tmp_path)}, lambda path: path.startswith(str(tmp_path)))
    assert not written.may_start(Start(("ls",), environment={"PATH": str(tmp_path)}))


def test_a_missing_program_raises_its_usual_error():
    assert may_start(["nvidia-smi"], environment={"PATH": os.environ["PATH"]} | {"LANG": "C"})


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_COUNT", "PAGER", "HOME", "BASH_ENV", "PYTHONPATH"]
)
def test_no_variable_may_make_a_program_run_another_one(name):
    git = Start(("git", "diff"), environment={**os.environ, "TOKENIZERS_PARALLELISM": "false"})
    programs = ProgramPolicy(os.environ, lambda path: False)
    assert programs.may_start(git)
    assert not programs.may_start(replace(git, environment={**os.environ, name: "/home/me/evil"}))


def test_git_reads_no_settings_that_the_script_has_written(tmp_path):
    (tmp_path / "own/.git").mkdir(parents=True)
    (tmp_path / "users").mkdir()
    programs = ProgramPolicy(os.environ, lambda path: path.startswith(str(tmp_path / "own")))
    assert programs.may_start(Start(("git", "status"), folder=str(tmp_path / "users")))
    assert not programs.may_start(Start(("git", "status"), folder=str(tmp_path / "own")))
    assert not programs.may_start(Start(("git", "-C", "../own", "status"), folder=str(tmp_path / "users")))


@pytest.mark.parametrize(
    "code",
    [
        "from multiprocessing.spawn import *; import os; os.remove('x')",
        "from multiprocessing.spawn import spawn_main; spawn_main(); import os",
        "from multiprocessing.spawn import spawn_main; spawn_main(x=__import__('os').system('rm x'))",
        "from multiprocessing.spawn import sys; sys.exit(0)\nimport os",
    ],
)
def test_a_program_that_only_starts_like_a_worker_is_refused(code):
    assert not may_start([sys.executable, "-c", code])


def test_frames_of_the_standard_library_are_skipped():
    layer = types.ModuleType("subprocess")
    layer.__dict__.update(judge=ProgramPolicy(os.environ, lambda path: False).may_start, Start=Start)
    exec("def Popen(command):\n    return judge(Start(tuple(command)))", layer.__dict__)
    outer = {"__name__": "torch.utils.cpp_extension", "Popen": layer.Popen}
    exec("def build(command):\n    return Popen(command)", outer)
    assert outer["build"](["ninja", "-v"])  # type: ignore[operator]
