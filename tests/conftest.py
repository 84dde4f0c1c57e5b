"""Options and fixtures for the tests of all packages."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

from kinds_table import KindsTable  # noqa: E402, I001
from postgres_server import postgres  # noqa: E402, F401
from quick_files import QuickFiles  # noqa: E402
from shared_fork_server import shared_fork_server  # noqa: E402, F401

from descend.doctor.commands.coding_assistant import VARIABLES  # noqa: E402


# Two pytest workers, each with as many threads as there are cores, would slow each other down.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Ray runs its workers at nice 15. Next to busy pytest workers they would get 3 % of a processor.
os.environ.setdefault("RAY_worker_niceness", "0")

# A coding assistant may run the tests, and its variables change the default format.
for name in VARIABLES:
    os.environ.pop(name, None)

# A shell starts background jobs with SIGINT ignored, and their children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# `nohup` starts its command with SIGHUP ignored.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kinds", action="store_true", help="take every kind of script to the doctor")
    parser.addoption("--quick", action="store_true", help="leave out the files that take long")
    parser.addoption("--write-slow-files", action="store_true", help="write the list of the files that take long")
    parser.addoption("--thorough", action="store_true", help="take all cases of each kind, and not only some")
    parser.addoption("--seeds", type=int, default=1, help="the clinic diagnoses every example under seeds 0..N-1")
    parser.addoption("--times", type=int, default=1, help="how often a process is killed and must come back")


def pytest_configure(config: pytest.Config) -> None:
    leaves_out, writes = config.getoption("--quick"), config.getoption("--write-slow-files")
    is_worker = hasattr(config, "workerinput")
    config.pluginmanager.register(QuickFiles(leaves_out=leaves_out, writes=writes and not is_worker))
    if not is_worker:
        config.pluginmanager.register(KindsTable(ROOT / "docs" / "kinds.md"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--thorough"):
        return
    left = [item for item in items if item.get_closest_marker("thorough")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "clinic_seed" in metafunc.fixturenames:
        metafunc.parametrize("clinic_seed", range(metafunc.config.getoption("--seeds")))
    if "attempt" in metafunc.fixturenames:
        metafunc.parametrize("attempt", range(metafunc.config.getoption("--times")))


@pytest.fixture
def descend(tmp_path):
    """Run the command line in a separate process, with a separate store, `through` another command if need be.

    What the doctor reports has to be consistent.
    """
    from consistency.violations import assert_consistent

    def run(
        *arguments: str, cwd: Path = ROOT, timeout: float = 300, through: Sequence[str] = (), **options
    ) -> subprocess.CompletedProcess[str]:
        command = [*through, sys.executable, "-m", "descend", *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "100", **options.pop("env", {})}
        done = subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, **options
        )
        if arguments[:1] == ("doctor",):
            assert_consistent(store_of(arguments, cwd))
        return done

    return run


def store_of(arguments: Sequence[str], folder: Path) -> Path:
    """Return the folder of the store that a command line in a folder names."""
    is_named = "--store" in arguments[:-1]
    return Path(folder, arguments[arguments.index("--store") + 1] if is_named else ".descend")


@pytest.fixture
def descend_here(capfd, monkeypatch, tmp_path, shared_fork_server):  # noqa: F811
    """Run the command line in this process, in the folder of the test: it starts in no time.

    All runs of a script except those of watch are forks of one server. What the doctor reports has to be consistent.
    """
    from consistency.violations import assert_consistent

    from descend.cli import main

    def run(
        *arguments: str, cwd: Path = tmp_path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patched:
            patched.chdir(cwd)
            for name, value in {"COLUMNS": "100", **(env or {})}.items():
                patched.setenv(name, value)
            patched.setattr("descend.doctor.pipeline.fork_server", shared_fork_server.for_script)
            patched.setattr("descend.doctor.execution.launch.run", shared_fork_server.run)
            patched.setattr(sys, "argv", ["descend", *arguments])
            patched.setattr(sys, "path", [*sys.path])
            known = {*sys.modules}
            with pytest.raises(SystemExit) as left:
                main()
            for name in {*sys.modules} - known:  # what the test has written is another module in the next
                if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
                    del sys.modules[name]
        out, err = capfd.readouterr()
        if arguments[:1] == ("doctor",) and left.value.code != 2:  # Wrong usage reports nothing.
            assert_consistent(store_of(arguments, cwd))
        return subprocess.CompletedProcess(arguments, left.value.code or 0, out, err)

    return run


@pytest.fixture(scope="module")
def chromium():
    """A real browser; the test is skipped where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()
