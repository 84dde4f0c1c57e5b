"""What is sure, told once while a run goes on: to a terminal, a Python callback, a webhook."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Collection
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from descend.doctor.canon.diagnosis import diagnose
from descend.doctor.record import Ending, Message, Record
from descend.doctor.redaction import cleaned, learn
from descend.doctor.symptoms import Symptom, causes
from descend.ground.errors import UsageError

LOOK_S = 0.5  # between two looks, at least;
SHARE = 0.05  # and so little of one core's time is spent looking, however long the record has grown
TIMEOUT_S = 5.0  # of a webhook


class Alerts:
    """Looks at a record as it grows, and tells each sure finding once, the first time that it is seen.

    `kinds`: of which kinds (wiring, statics, dynamics); all where none is named.
    """

    def __init__(
        self,
        tell: Callable[[Symptom], None],
        *,
        select: Collection[str] = (),
        ignore: Collection[str] = (),
        kinds: Collection[str] = (),
    ) -> None:
        self._tell, self._select, self._ignore, self._kinds = tell, select, ignore, kinds
        self.told: set[str] = set()  # ids
        self._next = 0.0

    def look(self, record: Record, messages: Collection[Message]) -> None:
        """Look again, where enough time has passed or the run has ended."""
        began = time.monotonic()
        if began < self._next and not any(isinstance(m, Ending) for m in messages):
            return
        found = diagnose(record, select=self._select, ignore=self._ignore)
        for symptom in causes([s for s in found if s.certain and (not self._kinds or s.kind in self._kinds)]):
            self.tell_once(symptom)
        now = time.monotonic()
        self._next = now + max(LOOK_S, (now - began) / SHARE)

    def tell_once(self, symptom: Symptom) -> None:
        """Tell a symptom, unless it has been told."""
        if symptom.id not in self.told:
            self.told.add(symptom.id)
            self._tell(symptom)


class Webhook:
    """Posts each finding as JSON to an address, from a thread of its own; `failed` is told once where that fails.

    Raises `UsageError` for what is no address.
    """

    def __init__(self, address: str, failed: Callable[[str], object]) -> None:
        require_address(address)
        self._address, self._failed = address, failed
        learn([address])  # who knows it can post there
        self._has_failed = False
        self._posting: list[threading.Thread] = []

    def post(self, finding: dict[str, Any]) -> None:
        """Post one finding without waiting for an answer."""
        thread = threading.Thread(target=self._post, args=(json.dumps(cleaned(finding)).encode(),), daemon=True)
        self._posting.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait for what is under way."""
        for thread in self._posting:
            thread.join(TIMEOUT_S)

    def _post(self, body: bytes) -> None:
        request = urllib.request.Request(self._address, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                return
        except (OSError, ValueError, HTTPException) as error:
            if not self._has_failed:
                self._has_failed = True
                self._failed(f"the webhook cannot be reached: {error}")


def require_address(address: str) -> None:
    """Raise `UsageError` for what nothing could be posted to."""
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        is_one = is_one and parts.username is None  # urllib takes a password for a port, and says so
    except ValueError:  # a port that is none
        is_one = False
    if not is_one or any(character.isspace() or not character.isprintable() for character in address):
        raise UsageError("the webhook must be an address such as https://host/path")  # its own may hold a secret
