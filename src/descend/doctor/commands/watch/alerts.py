"""Report each certain finding once during a run: on the terminal, to a Python callback, to a webhook."""

import json
import threading
import time
import urllib.request
from collections.abc import Callable, Collection
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from descend.core.errors import UsageError
from descend.doctor.assess.symptom import Symptom, unexplained_symptoms
from descend.doctor.catalog.diagnosis import diagnose
from descend.doctor.record import Ending, Message, Record
from descend.doctor.redaction import mask_secrets_in, remember_secrets

LEAST_INTERVAL_S = 0.5  # shortest time in seconds between the end of a diagnosis and the next one
CORE_SHARE = 0.05  # share of the time of one core that diagnoses may use, however long the record is
TIMEOUT_S = 5.0  # seconds after which a webhook request is abandoned


class Alerts:
    """Diagnoses a growing record repeatedly, and reports each certain finding exactly once.

    kinds: kinds of problems to report (wiring, statics, dynamics); all kinds if empty.
    """

    def __init__(
        self,
        report: Callable[[Symptom], None],
        *,
        select: Collection[str] = (),
        ignore: Collection[str] = (),
        kinds: Collection[str] = (),
    ) -> None:
        self._report, self._select, self._ignore, self._kinds = report, select, ignore, kinds
        self.reported: set[str] = set()  # ids of the symptoms that have been reported
        self._next_time = 0.0

    def update(self, record: Record, messages: Collection[Message]) -> None:
        """Diagnose the record if enough time has passed since the last diagnosis, or if the run has ended."""
        began = time.monotonic()
        if began < self._next_time and not any(isinstance(m, Ending) for m in messages):
            return
        found = diagnose(record, select=self._select, ignore=self._ignore)
        for symptom in unexplained_symptoms(
            [s for s in found if s.certain and (not self._kinds or s.kind in self._kinds)]
        ):
            self.report_once(symptom)
        now = time.monotonic()
        self._next_time = now + max(LEAST_INTERVAL_S, (now - began) / CORE_SHARE)

    def report_once(self, symptom: Symptom) -> None:
        """Report a symptom unless this symptom has already been reported."""
        if symptom.id not in self.reported:
            self.reported.add(symptom.id)
            self._report(symptom)


class Webhook:
    """Posts each finding as JSON to a URL from a separate thread, and calls `on_failure` with the first error only.

    Raise `UsageError` for an invalid URL.
    """

    def __init__(self, address: str, on_failure: Callable[[str], object]) -> None:
        require_address(address)
        self._address, self._on_failure = address, on_failure
        remember_secrets([address])  # The URL is masked like a secret, because anyone who has it can post to it.
        self._has_failed = False
        self._posting: list[threading.Thread] = []

    def post(self, finding: dict[str, Any]) -> None:
        """Post one finding without waiting for the response."""
        thread = threading.Thread(target=self._post, args=(json.dumps(mask_secrets_in(finding)).encode(),), daemon=True)
        self._posting.append(thread)
        thread.start()

    def close(self) -> None:
        """Wait until the requests have finished, each for a few seconds at most."""
        for thread in self._posting:
            thread.join(TIMEOUT_S)

    def _post(self, body: bytes) -> None:
        """Send one POST request with this body; report the error if it is the first one."""
        request = urllib.request.Request(self._address, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):
                return
        except (OSError, ValueError, HTTPException) as error:
            if not self._has_failed:
                self._has_failed = True
                self._on_failure(f"the webhook cannot be reached: {error}")


def require_address(address: str) -> None:
    """Raise `UsageError` unless the address is an HTTP URL without a user name."""
    try:
        parts = urlsplit(address)
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # If the URL had a user name, urllib could read the password as a port and print it.
        is_valid = is_valid and parts.username is None
    except ValueError:  # the port is invalid
        is_valid = False
    if not is_valid or any(character.isspace() or not character.isprintable() for character in address):
        # The message does not repeat the address, which may hold a secret.
        raise UsageError("the webhook must be a URL such as https://host/path")
