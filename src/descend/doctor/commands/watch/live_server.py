"""The live page: a local HTTP server that shows a run while it trains, updated by server-sent events.

Every user of this machine can connect to the server. The server responds only to requests with the page's secret path.
"""

import hmac
import json
import re
import secrets
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from descend.core.errors import UsageError, reason_of
from descend.doctor.assess.symptom import Symptom
from descend.doctor.record import Message, Record
from descend.doctor.report.live_page import live_document, live_update

HOST = "127.0.0.1"
# The user must be able to read the secret path, but `say` masks texts that mix letters and digits or contain "hook".
# The path therefore consists of consonants only.
SECRET_LETTERS = "bcdfghjlmnpqrstvwxyz"
SECRET_LENGTH = 40  # number of letters in the secret path of the page, which make 173 random bits
# Requests must use one of these host names. With DNS rebinding, another site's name would resolve to this machine, and
# the browser would send that name.
OWN_NAME = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)
EVERY_S = 1.0  # shortest time in seconds between two updates of the page
# Seconds between heartbeat comments in the event stream. Sending them shows whether a client has disconnected.
HEARTBEAT_S = 10.0
REQUEST_S = 10.0  # timeout in seconds for reading a request, and for each write of a response
# Largest number of clients at once. Each uses a thread and a file descriptor, which the training may need.
MOST_CLIENTS = 32
CLOSING_S = 2.0  # seconds to wait at the end for clients to fetch the last update
# Headers of every response. They prevent caching, and other sites from embedding the page or learning its address.
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class _Server(ThreadingHTTPServer):
    """An HTTP server that serves a limited number of clients at once and prints nothing if a client fails."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = threading.Semaphore(MOST_CLIENTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Respond in a new thread; close the connection without a response if too many connections are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Respond to the request, then free the client's place for another one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing, since an error of a client must not disturb the output of the training."""


class _Responses(BaseHTTPRequestHandler):
    """Base class of request handlers that add `HEADERS` to each response and write no log."""

    def end_headers(self) -> None:
        """Add `HEADERS` to a response, and end its headers."""
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def _respond(self, content_type: str, body: bytes) -> None:
        """Send a response with status 200, this content type and this body."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Write no log, so that the output of the training is not disturbed."""
        return


def _is_expected_path(path: str, expected: str) -> bool:
    """Return whether a path is the expected one. The time of the comparison reveals nothing about the secret path."""
    return hmac.compare_digest(path.encode(), expected.encode())


class LivePage:
    """Serves the page of one run at `address` in its own thread. Raise `UsageError` if the port is not available."""

    def __init__(self, record: Record, port: int = 0) -> None:
        self._record, self._findings = record, list[Symptom]()
        self._began: float | None = None
        self._version, self._clients = 0, 0
        self._changed = threading.Condition()
        self._path = f"/{''.join(secrets.choice(SECRET_LETTERS) for _ in range(SECRET_LENGTH))}/"
        try:
            self._server = _Server((HOST, port), self._handler())
        except (OSError, OverflowError) as error:
            reason = reason_of(error)
            raise UsageError(f"port {port} is not available: {reason}; --port 0 picks a free one") from None
        threading.Thread(target=self._server.serve_forever, name="descend-live", daemon=True).start()

    @property
    def address(self) -> str:
        """The URL of the page, which ends in the secret path."""
        return f"http://{HOST}:{self._server.server_port}{self._path}"

    def update(self, messages: Iterable[Message]) -> None:
        """Add messages to the page's own copy of the record, and wake the threads that send updates to the clients."""
        with self._changed:
            self._began = self._began or time.monotonic()
            self._record.extend(messages)
            self._version += 1
            self._changed.notify_all()

    def add_finding(self, symptom: Symptom) -> None:
        """Add a certain finding to the page."""
        with self._changed:
            self._findings.append(symptom)
            self._version += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Wait a short time for the clients to fetch the last update, then stop the server."""
        deadline = time.monotonic() + CLOSING_S
        with self._changed:
            while self._clients and time.monotonic() < deadline:
                self._changed.wait(0.1)
        self._server.shutdown()
        self._server.server_close()

    def _elapsed_s(self) -> float:
        """Return the seconds since the training began, or until it ended."""
        ending = self._record.ending
        return ending.loop_s if ending else time.monotonic() - self._began if self._began else 0.0

    def _document(self) -> bytes:
        """Return the HTML of the whole page as bytes."""
        with self._changed:
            return live_document(self._record, self._findings, self._elapsed_s()).encode("utf-8", "replace")

    def _next_update(self, known: int) -> tuple[int, str, bool]:
        """Wait for a version of the page newer than `known`; return its number, its JSON, and whether it is the last.

        If there is no new version within `HEARTBEAT_S`, the JSON is "".
        """
        with self._changed:
            if self._version == known:
                self._changed.wait(HEARTBEAT_S)
            if self._version == known:
                return known, "", False
            shown = live_update(self._record, self._findings, self._elapsed_s())
            return self._version, json.dumps(shown, allow_nan=False), self._record.ending is not None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        """Return a request handler class that serves this page."""
        page = self

        class Handler(_Responses):
            """Handles one request: for the page or for its event stream."""

            timeout = REQUEST_S

            def do_GET(self) -> None:
                """Respond with the page or with its event stream, depending on the path; refuse every other request."""
                try:
                    if not OWN_NAME.fullmatch(self.headers.get("Host", "")):
                        self.send_error(403)
                    elif _is_expected_path(self.path, page._path):
                        self._respond("text/html; charset=utf-8", page._document())
                    elif _is_expected_path(self.path, f"{page._path}events"):
                        self._stream()
                    else:
                        self.send_error(404)
                except OSError:
                    self.close_connection = True  # the client has disconnected, or does not read the response

            def _stream(self) -> None:
                """Send updates of the page as server-sent events until the run ends or the client disconnects."""
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                with page._changed:
                    page._clients += 1
                try:
                    self._send_updates()
                finally:
                    with page._changed:
                        page._clients -= 1
                        page._changed.notify_all()

            def _send_updates(self) -> None:
                """Send each new version of the page, and a heartbeat if there is no new version for a while."""
                known, is_last = -1, False
                while not is_last:
                    known, shown, is_last = page._next_update(known)
                    self.wfile.write(f"data: {shown}\n\n".encode() if shown else b": heartbeat\n\n")
                    self.wfile.flush()
                    time.sleep(0.0 if is_last else EVERY_S)
                self.wfile.write(b"event: end\ndata: \n\n")

        return Handler
