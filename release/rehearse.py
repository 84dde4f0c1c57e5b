"""Rehearse a release: build it twice, serve it as a package index, install each extra in a new environment, use it.

    python release/rehearse.py                  # all of it: about fifteen minutes
    python release/rehearse.py --only base,mcp  # some of the environments

Each environment is new, is outside the checkout, and gets descend from the index alone. The other packages come from
the index that pip is configured for. It prints the size of the files, and for each extra the seconds of the
installation, the size of what it adds, and the result of a real use.
"""

import argparse
import functools
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "website" / "pages" / "learn" / "first_diagnosis.md"
TENSORBOARD = ["descend", "export", "1", "--format", "tensorboard", "--output", "events"]
PARQUET = ["descend", "export", "1", "--output", "run.parquet"]
# extra -> commands that use it, in a folder with train.py, after a run of `descend watch train.py`
USES: dict[str, list[list[str]]] = {
    "base": [["descend", "doctor", "--quick", "simple.py"], ["descend", "explain", "instability"]],
    "examples": [["descend", "doctor", "train.py"], ["descend", "apply", "1"]],
    "export": [["descend", "watch", "simple.py"], PARQUET, TENSORBOARD],
    "mcp": [["descend", "mcp"]],
    "postgres": [["python", "-c", "import psycopg; psycopg.pq.version()"]],
    "ray": [
        ["ray", "start", "--head", "--num-cpus", "2"],
        ["descend", "doctor", "--ray", "auto", "--seeds", "2", "simple.py"],
        ["ray", "stop"],
    ],
}
FINDINGS = (0, 1, 3)  # exit statuses of a consultation that worked


def built(folder: Path) -> list[Path]:
    """Build the wheel and the sdist in a folder, with the date of the last commit."""
    date = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    environment = {**os.environ, "SOURCE_DATE_EPOCH": date.strip()}
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, env=environment, capture_output=True, check=True)
    return sorted(folder.iterdir())


def digest(file: Path) -> str:
    """Return the SHA-256 digest of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def package_index(files: list[Path], folder: Path) -> Iterator[str]:
    """Serve files as a package index (PEP 503) at an address of this machine."""
    project = folder / "descend"
    project.mkdir(parents=True)
    for file in files:
        shutil.copy(file, project)
    links = "".join(f'<a href="{file.name}#sha256={digest(file)}">{file.name}</a>\n' for file in files)
    (project / "index.html").write_text(links)
    (folder / "index.html").write_text('<a href="descend/">descend</a>')
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints no line for each request."""

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def example_script() -> str:
    """Return the script of the first page that a new user reads."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]


def simple_script() -> str:
    """Return a script that needs no package except torch."""
    return example_script().replace("from sklearn.datasets import load_digits\n", "").replace(
        "digits = load_digits()\nx = torch.tensor(digits.data, dtype=torch.float32)",
        "x = torch.rand(1797, 64) * 16",
    ).replace("y = torch.tensor(digits.target)", "y = x[:, :10].argmax(1)")  # fmt: skip


def rehearse(extra: str, index: str, folder: Path) -> str:
    """Install descend with one extra in a bare environment, use it, and return a row of the table."""
    environment = folder / f"env-{extra}"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    bin_folder = environment / "bin"
    began = time.monotonic()
    name = "descend" if extra == "base" else f"descend[{extra}]"
    torch = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    command = [str(bin_folder / "pip"), "install", "-q", "--extra-index-url", index, name, torch]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return f"| {extra} | not installed: {done.stderr.strip().splitlines()[-1][:120]} | | |"
    seconds = time.monotonic() - began
    work = folder / f"work-{extra}"
    work.mkdir()
    (work / "train.py").write_text(example_script())
    (work / "simple.py").write_text(simple_script())
    results = [_use([str(bin_folder / use[0]), *use[1:]], work) for use in USES[extra]]
    size = sum(file.stat().st_size for file in environment.rglob("*") if file.is_file() and not file.is_symlink())
    shutil.rmtree(environment)
    return f"| {extra} | {seconds:.0f} | {size / 2**20:.0f} | {'; '.join(results)} |"


def _use(command: list[str], folder: Path) -> str:
    """Run a command outside the checkout, and return its last word: the verdict, or how it failed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    shown = " ".join([Path(command[0]).name, *command[1:]])[:60]
    verdict = re.search(r"^verdict +(.*)$", done.stdout, re.MULTILINE)
    if done.returncode not in FINDINGS or "Traceback" in done.stderr:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return f"`{shown}` failed with status {done.returncode}: {last[:120]}"
    return f"`{shown}`: {verdict[1] if verdict else 'works'}"


def main() -> int:
    """Rehearse the release; return 1 if something failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(USES), help="the extras to install, separated by commas")
    chosen = parser.parse_args().only.split(",")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, again = built(folder / "one"), built(folder / "two")
        same = [digest(file) for file in files] == [digest(file) for file in again]
        for file in files:
            print(f"{file.name}: {file.stat().st_size / 2**20:.2f} MB")
        print(f"two builds are {'the same, byte for byte' if same else 'DIFFERENT'}\n")
        print("| extra | seconds to install | MB with all packages | use |\n|---|---|---|---|", flush=True)
        rows = []
        with package_index(files, folder / "index") as index:
            for extra in chosen:
                rows.append(rehearse(extra, index, folder))
                print(rows[-1], flush=True)
    return 0 if same and not any("failed with" in row or "not installed" in row for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
