"""The live page: a local server that shows a run while it goes on, by server-sent events."""

import json
import re
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from descend.doctor.record import Message, Record
from descend.doctor.report.live_page import live_change, live_document
from descend.doctor.symptoms import Symptom
from descend.ground.errors import UsageError, reason_of

HOST = "127.0.0.1"  # nobody else's business
# What a request must call this server. A page of another site that has its own name lead to this machine (DNS
# rebinding) makes the browser send that name.
OWN_NAME = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE | re.ASCII)
EVERY_S = 1.0  # between two changes of the page, at least
HEARTBEAT_S = 10.0  # a comment, by which a reader that has gone is noticed
REQUEST_S = 10.0  # in which a request must have come, and each part of an answer must have been taken
MOST_READERS = 32  # at once: each has a thread and a descriptor, which the run itself needs
PARTING_S = 2.0  # for the last change to be fetched


class _Server(ThreadingHTTPServer):
    """Serves a few readers at once, and says nothing on standard error where one of them fails."""

    daemon_threads = True

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._free = threading.Semaphore(MOST_READERS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a new thread; close the connection without an answer if too many are open."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then allow one more reader."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what a reader sends, or no longer reads, is not the run's business."""


class LivePage:
    """Serves one run at `address` from a thread of its own. Raises `UsageError` where the port cannot be had."""

    def __init__(self, record: Record, port: int = 0) -> None:
        self._record, self._findings = record, list[Symptom]()
        self._began: float | None = None
        self._version, self._readers = 0, 0
        self._changed = threading.Condition()
        try:
            self._server = _Server((HOST, port), self._handler())
        except (OSError, OverflowError) as error:
            reason = reason_of(error)
            raise UsageError(f"port {port} cannot be listened at: {reason}; --port 0 takes a free one") from None
        threading.Thread(target=self._server.serve_forever, name="descend-live", daemon=True).start()

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{HOST}:{self._server.server_port}/"

    def take(self, messages: Iterable[Message]) -> None:
        """Take messages of the run; the page's own record is changed by nobody else."""
        with self._changed:
            self._began = self._began or time.monotonic()
            self._record.extend(messages)
            self._version += 1
            self._changed.notify_all()

    def tell(self, symptom: Symptom) -> None:
        """Show what is sure."""
        with self._changed:
            self._findings.append(symptom)
            self._version += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let those who look have the last change, and end."""
        deadline = time.monotonic() + PARTING_S
        with self._changed:
            while self._readers and time.monotonic() < deadline:
                self._changed.wait(0.1)
        self._server.shutdown()
        self._server.server_close()

    def _since(self) -> float:
        ending = self._record.ending
        return ending.loop_s if ending else time.monotonic() - self._began if self._began else 0.0

    def _document(self) -> bytes:
        with self._changed:
            return live_document(self._record, self._findings, self._since()).encode("utf-8", "replace")

    def _change(self, known: int) -> tuple[int, str, bool]:
        """Return the next version after `known`, what it shows, and whether it is the last; wait for it for a while."""
        with self._changed:
            if self._version == known:
                self._changed.wait(HEARTBEAT_S)
            if self._version == known:
                return known, "", False
            shown = live_change(self._record, self._findings, self._since())
            return self._version, json.dumps(shown, allow_nan=False), self._record.ending is not None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        page = self

        class Handler(BaseHTTPRequestHandler):
            timeout = REQUEST_S

            def do_GET(self) -> None:
                try:
                    if not OWN_NAME.fullmatch(self.headers.get("Host", "")):
                        self.send_error(403)
                    elif self.path == "/":
                        self._answer("text/html; charset=utf-8", page._document())
                    elif self.path == "/events":
                        self._stream()
                    else:
                        self.send_error(404)
                except OSError:
                    self.close_connection = True  # the reader has gone, or does not read

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                with page._changed:
                    page._readers += 1
                try:
                    self._send_changes()
                finally:
                    with page._changed:
                        page._readers -= 1
                        page._changed.notify_all()

            def _send_changes(self) -> None:
                known, is_last = -1, False
                while not is_last:
                    known, shown, is_last = page._change(known)
                    self.wfile.write(f"data: {shown}\n\n".encode() if shown else b": still here\n\n")
                    self.wfile.flush()
                    time.sleep(0.0 if is_last else EVERY_S)
                self.wfile.write(b"event: end\ndata: \n\n")

            def log_message(self, format: str, *arguments: object) -> None:
                return

        return Handler
