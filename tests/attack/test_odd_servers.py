"""Addresses of database servers and of Ray clusters that lead elsewhere, and names that are code for a server."""

import os
import socket

import pytest
from complaints import complaints, one_line
from sampling import sampled

from descend.core.errors import UsageError
from descend.doctor.archive import load_case, save_case
from descend.doctor.case import Case
from descend.doctor.record import Ending, Note, Reading, Record
from descend.doctor.record.store import open_store
from descend.doctor.redaction import mask_secrets
from descend.doctor.script.plan import Plan
from descend.doctor.trials.cluster import connect

from .kept_patches import FINDING

SECRET = "hunter22x"
OPTIONS = {  # options of a URL whose server does not exist; each is one line, without the password
    "an @ in the password": "postgresql+psycopg://u:pa@hunter22x@{host}/d",
    "two in it": "postgresql+psycopg://u:@@hunter22x@{host}/d",
    "a slash in the password": "postgresql+psycopg://u:pa/hunter22x@{host}/d",
    "a quoted password": "postgresql+psycopg://u:%68unter22x@{host}/d",
    "no such mode": "postgresql+psycopg://u:hunter22x@{host}/d?sslmode=hunter",
    "a key's password": "postgresql+psycopg://u@{host}/d?sslpassword=hunter22x&sslkey={folder}/none",
    "a key that is a pipe": "postgresql+psycopg://u:hunter22x@{host}/d?sslkey={folder}/pipe&sslcert={folder}/pipe",
    "options of the server": "postgresql+psycopg://u:hunter22x@{host}/d?options=-c%20password%3Dhunter22x",
    "a service": "postgresql+psycopg://u:hunter22x@{host}/d?service=nosuch",
    "a plugin": "postgresql+psycopg://u:hunter22x@{host}/d?plugin=os",
    "two hosts": "postgresql+psycopg://u:hunter22x@/d?host={folder}/a&host={folder}/b",
    "a password for a port": "postgresql+psycopg://u:hunter22x@/d?host={folder}&port=hunter22x",
    "a null byte in the database": "postgresql+psycopg://u:hunter22x@{host}/%00",
    "a null byte in the password": "postgresql+psycopg://u:hunter22x%00@{host}/d",
    "a null byte in an option": "postgresql+psycopg://u:hunter22x@{host}/d?application_name=%00",
    "a socket of an odd name": "postgresql+psycopg://u:hunter22x@/d?host={folder}%2F%27%22%0A%5C%25",
    "a driver with an event loop": "postgresql+psycopg_async://u:hunter22x@{host}/d",
    "a driver that is a command": "postgresql+os.system://u:hunter22x@{host}/d",
    "a module": "os://u:hunter22x@{host}/d",
    "a time that is none": "postgresql+psycopg://u:hunter22x@{host}/d?connect_timeout=x",
    "a whole address as an option": "postgresql+psycopg://u:hunter22x@{host}/d?conninfo=password%3Dhunter22x",
    "a factory": "postgresql+psycopg://u:hunter22x@{host}/d?row_factory=os.system&context=os",
    "no name before the password": "postgresql+psycopg://:hunter22x@{host}/d",
    "no address": "postgresql+psycopg://u:hunter22x@",
}


@pytest.fixture
def closed_port():
    """A port at which no server listens, and no other program will."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_a_database_url_are_one_line_without_the_password(descend_here, tmp_path, closed_port, name):
    os.mkfifo(tmp_path / "pipe")
    url = OPTIONS[name].format(host=f"127.0.0.1:{closed_port}", folder=tmp_path)
    done = descend_here("runs", "--store", url)
    assert done.returncode == 2 and one_line(done.stderr), done.stderr
    assert SECRET not in done.stderr and ("5432" not in done.stderr or "null" not in name)  # another server's port
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


NAMES = {
    "quotes": "'; DROP TABLE runs; --",
    "double quotes": '"runs"; DROP TABLE "runs"; --',
    "backslashes": "\\'; DROP TABLE runs; --\\",
    "dollars": "$$; DROP TABLE runs; $$",
    "percent": "%s %(name)s %% %",
    "a parameter": ":name ? $1 {0} {name}",
    "a null byte": "a\0b",
    "half of a pair": "a\ud800b",
    "a comment": "/* -- */ \n--",
    "long": "x" * 70_000,
    "JSON's own": '{"a": "\\u0000"}',
    "a path": "../../" * 50,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(NAMES, *NAMES))
def test_names_that_are_code_for_a_server_are_kept_as_texts(postgres, name):
    text = NAMES[name]
    record = Record(0, "baseline", None, text, text, 0, {"python": text, text: "3"})
    record.extend([Reading(text, text, 0, 1.0), Note(text, text), Ending("failed", 1, 1, error=text)])
    with open_store(postgres.url) as store:
        other = store.save(Record(0, "baseline", None, "other.py", "/", 0, {}))
        number = store.save(record)
        save_case(store, Case(record, (FINDING,)))
        kept = store.load(number)
        assert [series for series, _ in kept.readings] and kept.ending is not None
        if "\0" not in text and "\ud800" not in text:
            assert kept.script == text and [*kept.readings] == [(text, text)]
        assert load_case(store, number).findings[0].id == FINDING.id
        assert store.load(other).script == "other.py"
        assert {run.number for run in store.runs()} >= {number, other}


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", ["options=-csearch_path%3Dnosuch", "application_name=%27%3B--", "client_encoding=latin1"]
)
def test_options_of_a_server_that_is_there(descend_here, postgres, options):
    done = descend_here("runs", "--store", f"{postgres.url}&{options}")
    assert done.returncode in (0, 2) and len(complaints(done.stderr)) == (done.returncode == 2), done.stderr


ADDRESSES = {
    "a file": "{folder}/address",
    "a file's URL": "file://{folder}/address",
    "a command": "$(touch {folder}/owned)",
    "a command after an address": "127.0.0.1:1; touch {folder}/owned",
    "an option": "--head",
    "a line": "127.0.0.1:1\n--head",
    "nothing": "",
    "a port": ":1",
    "a port that is none": "127.0.0.1:99999",
    "digits of another script": "127.0.0.1:\u0661",
    "a name of a terminal's sequence": "\x1b[2J:1",
    "a null byte": "127.0.0.1\0:1",
    "half of a pair": "\ud800:1",
    "a long name": "a" * 5000 + ":1",
    "a local cluster": "local",
    "a module": "os.system://127.0.0.1:1",
    "a password": "ray://u:hunter22x@127.0.0.1:1",
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_that_is_no_ray_clusters_is_one_line(tmp_path, monkeypatch, capsys, name):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "address").write_text("127.0.0.1:1")
    with pytest.raises(UsageError) as refused, connect(ADDRESSES[name].format(folder=tmp_path), Plan(role="trial")):
        pass
    said = str(refused.value)
    assert ("no Ray cluster is" in said or "is not an address" in said) and len(said) < 300, said
    assert not {"\n", "\x1b", "\0", "\ud800"} & {*said} and SECRET not in mask_secrets(said)
    assert [path.name for path in tmp_path.iterdir()] == ["address"]
