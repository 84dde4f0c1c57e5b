"""`descend report --open` opens the page in the browser that BROWSER names, or says that there is none."""

import os
import subprocess
import sys

import pytest

from descend.doctor.record import Ending, Record
from descend.doctor.record.store import open_store


@pytest.fixture
def opened(tmp_path):
    """Run `descend report --open` with a browser, and return the finished process."""
    record = Record(script="train.py", root=str(tmp_path))
    record.add(Ending("finished", 0, 40))
    with open_store(tmp_path / ".descend") as store:
        store.save(record)

    def run(browser: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "descend", "report", "1", "--open"]
        known = {**os.environ, **environment, "BROWSER": browser}
        return subprocess.run(command, cwd=tmp_path, env=known, capture_output=True, text=True, check=False)

    return run


def test_the_page_is_opened_by_its_address(opened, tmp_path):
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/address\n')
    browser.chmod(0o755)
    done = opened(f"{browser} %s")
    page = tmp_path / ".descend" / "1" / "report.html"
    assert done.returncode == 0 and done.stdout.strip() == ".descend/1/report.html", done.stderr
    assert (tmp_path / "address").read_text() == page.as_uri() and page.exists()


def test_without_a_browser_the_path_is_printed_with_advice(opened, tmp_path):
    (tmp_path / "empty").mkdir()
    done = opened("/no/such/browser %s", PATH=str(tmp_path / "empty"), DISPLAY="", WAYLAND_DISPLAY="")
    assert done.returncode == 2 and "no web browser could be started: open .descend/1/report.html" in done.stderr
    assert done.stdout.strip() == ".descend/1/report.html"
