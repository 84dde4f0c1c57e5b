"""Readers of the live page that send what no browser sends, or nothing: the run is not affected."""

import socket
import struct
import threading
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from waiting import comes

from descend.core.errors import UsageError
from descend.doctor.commands.terminal import say
from descend.doctor.commands.watch import live_server
from descend.doctor.commands.watch.alerts import Webhook, require_address
from descend.doctor.commands.watch.live_server import LivePage
from descend.doctor.record import Ending, Reading, Record

OWN = b"Host: 127.0.0.1\r\n"
REQUESTS = {
    "nothing": b"",
    "half a request": b"GET / HTTP/1.1\r\nHos",
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/9.9\r\n" + OWN + b"\r\n",
    "an invalid version": b"GET / HTTP/x.y\r\n" + OWN + b"\r\n",
    "a long line": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "a long header": b"GET / HTTP/1.1\r\n" + OWN + b"X: " + b"a" * 70_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(200)) + b"\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: x\r\n\r\n",
    "bytes": bytes(range(256)) * 4 + b"\r\n\r\n",
    "a terminal's sequence": b"GET /\x1b[2J HTTP/1.1\r\n" + OWN + b"\r\n",
    "another host": b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: evil.example\r\n" + OWN + b"\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: 127.0.0.1@evil.example\r\n\r\n",
    "a host with a line": b"GET / HTTP/1.1\r\nHost: 127.0.0.1:80:80\r\n\r\n",
    "a path upwards": b"GET /../../etc/passwd HTTP/1.1\r\n" + OWN + b"\r\n",
    "a whole address": b"GET http://127.0.0.1/ HTTP/1.1\r\n" + OWN + b"\r\n",
    "a post": b"POST / HTTP/1.1\r\n" + OWN + b"Content-Length: 99999999999\r\n\r\nx",
    "an invalid method": b"\0\0\0 / HTTP/1.1\r\n" + OWN + b"\r\n",
    "a connection onwards": b"CONNECT evil.example:80 HTTP/1.1\r\n" + OWN + b"\r\n",
}
TARGETS = {  # what another user of the machine asks for, who can see the port, and parts of the secret at most
    "no secret": "/",
    "the stream without a secret": "/events",
    "a secret of his own": "/" + "b" * 40 + "/",
    "a part of the secret": "{half}/",
    "the secret, one letter more": "{secret}b/",
    "the secret without its end": "{secret}",
    "the secret in capitals": "{capitals}/",
    "the secret as a query": "/?token={secret}",
    "the secret with a query": "{secret}/?x=1",
    "a path below the secret": "{secret}/events/",
    "a path above the secret": "{secret}/../",
    "bytes": "/\u00ff\u0080/",
    "surrogates' bytes": "/\u00ed\u00a0\u0080/",
}


@pytest.fixture
def page(monkeypatch) -> Iterator[LivePage]:
    monkeypatch.setattr(live_server, "REQUEST_S", 1.0)
    live = LivePage(Record(script="train.py"))
    live.update([Reading("loss", "0", 0, 1.0)])
    yield live
    live.update([Ending("finished", 0)])
    live.close()


def connected(live: LivePage) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live._server.server_port), timeout=10)


def answered(live: LivePage, request: bytes) -> bytes:
    with connected(live) as reader:
        reader.sendall(request)
        found = b""
        while block := reader.recv(1 << 16):
            found += block
        return found


def secret_of(live: LivePage) -> str:
    """The path of the page without its last slash."""
    return urlsplit(live.address).path.removesuffix("/")


def is_served(live: LivePage) -> bool:
    try:
        return b"train.py" in urllib.request.urlopen(live.address, timeout=10).read()
    except OSError:
        return False


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_no_browser_sends_is_refused_in_silence(page, capfd, name):
    try:
        answer = answered(page, REQUESTS[name].replace(b"GET / ", f"GET {secret_of(page)}/ ".encode()))
    except ConnectionError:  # what was sent is not even read to its end
        answer = b""
    assert b"descend" not in answer or b"403" in answer[:20] or b"train.py" not in answer
    assert not answer.startswith(b"HTTP/1.0 200"), answer[:200]
    assert is_served(page)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("name", TARGETS)
def test_a_request_without_the_secret_path_learns_nothing(page, capfd, name):
    secret = secret_of(page)
    target = TARGETS[name].format(secret=secret, half=secret[:20], capitals=secret.upper())
    answer = answered(page, f"GET {target} HTTP/1.1\r\n".encode("latin-1") + OWN + b"\r\n")
    assert answer.startswith((b"HTTP/1.0 404", b"HTTP/1.0 400"))
    assert b"train.py" not in answer and secret.encode() not in answer
    assert is_served(page) and capfd.readouterr().err == ""


def test_each_page_has_another_secret_that_its_user_can_read(page, capsys):
    other = LivePage(Record(script="other.py"))
    other.update([Ending("finished", 0)])
    other.close()
    assert secret_of(page) != secret_of(other) and len(secret_of(page)) == 41
    say(f"live page at {page.address}")
    assert capsys.readouterr().err == f"descend: live page at {page.address}\n"


@pytest.mark.parametrize("name", live_server.HEADERS)
@pytest.mark.parametrize("target", ["{secret}/", "/"])
def test_each_answer_is_for_its_own_reader_alone(page, name, target):
    request = f"GET {target.format(secret=secret_of(page))} HTTP/1.1\r\n"
    assert f"{name}: {live_server.HEADERS[name]}\r\n".encode() in answered(page, request.encode() + OWN + b"\r\n")


@pytest.mark.parametrize("when", ["before it asks", "after it asks", "while it reads"])
def test_a_reader_that_breaks_off_leaves_no_traceback(page, capfd, when):
    for _ in range(5):
        reader = connected(page)
        if when != "before it asks":
            reader.sendall(f"GET {secret_of(page)}/events HTTP/1.1\r\n".encode() + OWN + b"\r\n")
        if when == "while it reads":
            reader.recv(10)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends with a reset
        reader.close()
        page.update([Reading("loss", "0", 1, 0.5)])
    assert is_served(page) and comes(lambda: page._clients == 0)
    assert capfd.readouterr().err == ""


@pytest.mark.thorough
def test_readers_that_say_nothing_take_neither_threads_nor_descriptors_without_an_end(page, capfd):
    before = threading.active_count()
    readers = [connected(page) for _ in range(100)]
    assert threading.active_count() - before <= live_server.MOST_CLIENTS
    assert comes(lambda: is_served(page), within=30)  # those that came first have had their time
    for reader in readers:
        reader.close()
    assert comes(lambda: threading.active_count() <= before + 1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "address",
    [
        "http://me:pw1@127.0.0.1:1/",
        "http://me@h/",
        "http://[" + "a" * 5000,
        "http://127.0.0.1:99999/",
        "http://h:0/",
        "file:///etc/passwd",
        "http:///x",
        "http://h/\x1b[2J",
        "http://h/\u202e",
        "",
    ],
)
def test_an_address_that_nothing_can_be_posted_to(address):
    with pytest.raises(UsageError) as refused:
        require_address(address)
    assert "pw1" not in str(refused.value) and "\x1b" not in str(refused.value)


ANSWERS = {
    "nothing": b"",
    "no HTTP": b"SSH-2.0-OpenSSH\r\n",
    "a long line": b"HTTP/1.1 200 " + b"a" * 100_000 + b"\r\n\r\n",
    "a failure that speaks": b"HTTP/1.1 500 no\x1b[2Jno\r\nContent-Length: 0\r\n\r\n",
    "to itself": b"HTTP/1.1 302 Found\r\nLocation: /hook/q7Zx4821wK\r\nContent-Length: 0\r\n\r\n",
    "to a file": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_webhook_answers_is_at_most_a_line_without_its_address(name):
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            server.settimeout(5)
            try:
                while True:
                    client, _ = server.accept()
                    with client:
                        client.recv(1 << 16)
                        client.sendall(ANSWERS[name])
            except OSError:
                return

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        hook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/hook/q7Zx4821wK", said.append)
        for _ in range(2):
            hook.post({"symptom": "no_step"})
        hook.close()
    from descend.core.control_characters import on_one_line
    from descend.doctor.redaction import mask_secrets

    assert len(said) <= 1 and all("q7Zx4821wK" not in on_one_line(mask_secrets(line)) for line in said), said
