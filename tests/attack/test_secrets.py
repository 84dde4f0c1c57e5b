"""Sixty secrets and more, planted wherever a program has them: none reaches a file, a column or a stream of ours."""

import os
import shlex
import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from secrets_planted import ARGUMENTS, ENVIRONMENT, Planted, as_text

from descend.doctor.record.store import open_store

pytestmark = pytest.mark.slow
BY_HAND = """
import os
import descend
text = open("train.py").read()
train = text.index("for step in")
exec(text[:train])
with descend.watch(model, optimizer, webhook=os.environ["HOOK"]):
    exec(text[train:])
"""


@pytest.fixture
def webhook():
    """An address that keeps what is posted there."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()


def own_lines(text):
    """What we have said: the rest is the script's own, on its own streams."""
    return "".join(line for line in text.splitlines(True) if line.startswith("descend: "))


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def columns(database):
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")]
        return [
            as_text(value) for table in tables for row in connection.execute(f"select * from {table}") for value in row
        ]


def test_no_planted_secret_is_kept_or_shown(descend, tmp_path, webhook):
    planted = Planted()
    planted.write(tmp_path)
    arguments = [word for form in ARGUMENTS for word in shlex.split(planted.into(form))]
    environment = {name: planted.into(form) for name, form in ENVIRONMENT.items()}
    hook = planted.into(webhook[0] + "/services/{}")
    assert len(planted.secrets) >= 60
    quick = ("--steps", "60", "--seeds", "2", "--jobs", "1")
    said, store = [], tmp_path / ".descend"

    def run(*command, how="", told=True):
        done = descend(*command, cwd=tmp_path, env={**environment, "HOW": how, "HOOK": hook, "COLUMNS": "100"})
        said.append(done.stderr + (done.stdout if told else ""))
        return done

    before = os.umask(0)
    try:
        with open_store(store) as kept, kept.engine.connect():  # lets the log stay when the others have gone
            cured = run("doctor", *quick, "--format", "json", "train.py", *arguments)
            assert cured.returncode == 1, cured.stderr[-3000:]
            assert '"no_zero_grad"' in cured.stdout and "zero_grad()" in cured.stdout
            for how in ("raises", "leaves"):
                assert run("doctor", "--steps", "500", "train.py", *arguments, how=how).returncode == 4
            watched = run("watch", "--webhook", hook, "train.py", *arguments, how="watched", told=False)
            said[-1] = own_lines(watched.stderr)
            assert "finding: " in said[-1] and webhook[1]
            resumed = run("watch", "--resume", "train.py", *arguments, how="watched", told=False)
            said[-1] = own_lines(resumed.stderr)
            assert "resuming run" in said[-1]
            (tmp_path / "by_hand.py").write_text(BY_HAND)
            inside = subprocess.run(
                [sys.executable, "by_hand.py", *arguments],
                cwd=tmp_path, env={**os.environ, **environment, "HOW": "watched", "HOOK": hook},
                capture_output=True, text=True,
            )  # fmt: skip
            said.append(own_lines(inside.stderr))
            assert "finding: " in said[-1]
            for command in (
                ["report", "1"],
                ["runs"],
                ["diagnose", "1"],
                ["diagnose", "2", "--format", "json"],
                ["export", "1"],
            ):
                run(*command)
            leaks = {str(path): planted.found_in(path.read_bytes()) for path in files_below(store)}
            assert any(path.name.endswith("-wal") for path in files_below(store))
            assert {oct(path.stat().st_mode & 0o777) for path in files_below(store)} == {"0o600"}
            assert {oct(path.stat().st_mode & 0o777) for path in (store, *store.glob("[0-9]*"))} == {"0o700"}
            leaks["columns"] = planted.found_in(b"\n".join(columns(store / "descend.db")))
    finally:
        os.umask(before)
    leaks["said"] = planted.found_in("\n".join(said).encode())
    leaks["posted"] = planted.found_in(b"\n".join(webhook[1]))
    assert {where: found for where, found in leaks.items() if found} == {}
    done = subprocess.run(["patch", "-p0", "-i", store / "1" / "fix.diff"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0 and "zero_grad()" in (tmp_path / "train.py").read_text()
