"""Regenerates what the README shows: the doctor's true output, the table of symptoms, and the picture of a report."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from descend.canon import CANON
from descend.symptoms import SYMPTOMS

ROOT = Path(__file__).parents[1]
BLOCK = r"(<!-- output: {} -->\n).*?(<!-- end -->)"


def symptom_table() -> str:
    """Return the catalogue as a Markdown table: id, what it is, what is prescribed."""
    rows = ["| problem | what it is | remedies |", "|---|---|---|"]
    for name, function in SYMPTOMS.items():
        summary = (sys.modules[function.__module__].__doc__ or "").partition(": ")[2].strip().rstrip(".")
        remedies = dict.fromkeys(row.remedy for row in CANON if row.symptom == name)
        rows.append(f"| `{name}` | {summary} | {', '.join(f'`{r}`' for r in remedies)} |")
    return "\n".join(rows) + "\n"


def doctors_output(script: str, store: str) -> str:
    """Return what the doctor prints, with the store's own path as a user would see it."""
    command = [sys.executable, "-m", "descend", "doctor", "--store", store, script]
    environment = {**os.environ, "COLUMNS": "110"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    lines = [line.rstrip() for line in done.stdout.replace(store, ".descend").splitlines()]
    return f"```\n$ descend doctor {script}\n" + "\n".join(lines) + "\n```\n"


def picture(report: Path) -> None:
    """Take a picture of a report's upper part with Chromium."""
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 1900})
        page.goto(report.as_uri())
        page.wait_for_timeout(2000)
        page.screenshot(path=ROOT / "docs" / "report.png")
        browser.close()


def replaced(text: str, name: str, content: str) -> str:
    """Return `text` with the block of that name filled anew."""
    return re.sub(BLOCK.format(re.escape(name)), lambda m: m[1] + content + m[2], text, flags=re.DOTALL)


def main() -> None:
    """Write the README and the picture."""
    readme = ROOT / "README.md"
    script = "examples/digits_mlp.py"
    with tempfile.TemporaryDirectory() as store:
        text = replaced(readme.read_text(), f"descend doctor {script}", doctors_output(script, store))
        picture(Path(store, "1", "report.html"))
    readme.write_text(replaced(text, "symptoms", symptom_table()))


if __name__ == "__main__":
    main()
