"""A real PostgreSQL server of the tests' own, which the fixture `postgres` starts."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")


@dataclass
class Server:
    """A server in a separate folder, reached by a socket there; root may not run one, so it runs as `user`."""

    programs: Path
    data: Path
    user: str | None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://tester@/postgres?host={self.data}"

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self.data} -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-l", self.data / "log", "-o", options, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def make(self) -> None:
        self._run("initdb", "-D", self.data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        out = self.data.with_suffix(".out")
        with out.open("a") as log:  # a pipe would be held open by the server
            done = subprocess.run(command, stdout=log, stderr=log, user=self.user, cwd=self.data.parent)
        assert done.returncode == 0, out.read_text()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory) -> Iterator[Server]:
    pytest.importorskip("psycopg")
    found = shutil.which("initdb") or next((str(p) for g in PLACES for p in Path("/").glob(f"{g[1:]}/initdb")), None)
    if found is None:
        pytest.skip("no PostgreSQL server is installed")
    folder = Path("/tmp", f"descend-postgres-{os.getpid()}")  # a socket's path has at most 107 characters
    folder.mkdir(mode=0o755)
    root = os.geteuid() == 0
    if root:
        shutil.chown(folder, "postgres")
    server = Server(Path(found).resolve().parent, folder / "data", "postgres" if root else None)
    try:
        server.make()
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
