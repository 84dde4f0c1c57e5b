"""Regenerates what the documents show: the doctor's true output, the symptoms, what examples print, the pictures."""

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from math import inf
from pathlib import Path
from typing import Any

import bounds
import safety
import sentences
import skill
import symptoms

ROOT = Path(__file__).parents[1]
BLOCK = r"(<!-- output: {} -->\n).*?(<!-- end -->)"
EXAMPLE = re.compile(r"```python\n(.*?)```|<!-- output: (\w+) -->", re.DOTALL)
SCREEN = 1000  # pixels: the height of the report's picture, as much as a reader sees at once
WIDTH = 960  # pixels: the letters of so wide a page can still be read where a README makes it narrower
PICTURES = {
    "schedules": ["schedule", "Cosine(1000).after_warmup(50)", "WarmRestarts(100, 2)", "Step(300)", "--lr", "0.1"],
    "cycles": ["schedule", "Triangular(400)", "CosineCycle(400)", "WarmRestarts(400)", "--lr", "2"],
    "activations": ["activations"],
    "trajectories": ["trajectories", "--surface", "beale"],
    "curvature": ["curvature", "--at", "last", "examples/digits_classifier.py"],
    "symmetry": ["symmetry", "--only", "permutation,sharpness,labels", "examples/digits_classifier.py"],
    "surface": ["surface", "--directions", "path", "--steps", "300", "examples/digits_cnn.py"],
    "gradients": ["gradients", "examples/digits_classifier.py"],
}


def doctors_output(script: str, folder: str) -> str:
    """Return what the doctor prints of a copy of the script in an empty folder."""
    copied = Path(folder, script)
    copied.parent.mkdir()
    shutil.copy(ROOT / script, copied)
    command = [sys.executable, "-m", "descend", "doctor", "--format", "text", script]
    environment = {**os.environ, "COLUMNS": "110"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return f"```\n$ descend doctor {script}\n" + "\n".join(lines) + "\n```\n"


def examples(page: str) -> dict[str, str]:
    """Run a page's examples one after another; return what those print that an output block follows."""
    import torch

    shown, printed = {}, ""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        known = materials()
        for code, name in EXAMPLE.findall(page):
            if name in measured():
                continue
            if name:
                shown[name] = f"```\n{printed}```\n"
                continue
            with redirect_stdout(io.StringIO()) as out:
                exec(code, known)
            printed = out.getvalue()
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # an example's own
    return shown


def materials() -> dict[str, Any]:
    """Return the model and the data that the examples speak of."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    inputs, labels = torch.randn(24, 4), torch.arange(24) % 3
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    dataset = TensorDataset(inputs, labels)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(dataset, batch_size=8)

    def train(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for x, y in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    known = {"model": model, "optimizer": optimizer, "inputs": inputs, "labels": labels, "dataset": dataset}
    return {**known, "loader": loader, "train": train, "loss_fn": nn.functional.cross_entropy}


def pictures_of_parts() -> None:
    """Draw the pictures of the page on the parts."""
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in PICTURES.items():
            page = Path(folder, f"{name}.html")
            part, *options = arguments  # a script's own arguments would come last
            command = [sys.executable, "-m", "descend", "lab", part, "-o", str(page), *options]
            subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
            picture(page, ROOT / "docs" / f"{name}.png")


def picture(page_file: Path, into: Path, height: float = inf) -> None:
    """Take a picture of a page with Chromium, of at most so many pixels from the top."""
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        page.goto(page_file.as_uri())
        page.wait_for_timeout(2000)
        part = page.locator("main").bounding_box()
        end = min(part["y"] + part["height"], height)
        page.screenshot(path=into, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": end})
        browser.close()


def measured() -> dict[str, str]:
    """Return the tables that benchmarks have measured last, by the name of their block."""
    found = {}
    heads = (
        ("trade-off", "LANDSCAPE", "| a step sees | learning rate"),
        ("cost of batches", "LANDSCAPE", "| a step sees | steps a second"),
        ("parts", "PARTS", "| part"),
        ("growing", "PARTS", "| what | mean size"),
    )
    for name, file, head in heads:
        text = (ROOT / "benchmarks" / f"{file}.md").read_text()
        [found[name]] = [table for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE) if table.startswith(head)]
    return found


def replaced(text: str, name: str, content: str) -> str:
    """Return `text` with the block of that name filled again."""
    return re.sub(BLOCK.format(re.escape(name)), lambda m: m[1] + content + m[2], text, flags=re.DOTALL)


def tables() -> None:
    """Write the pages that come from the source alone: symptoms, limits, sentences, safety, the assistants' skill."""
    symptoms.PAGE.write_text(symptoms.page())
    bounds.PAGE.write_text(bounds.page())
    sentences.PAGE.write_text(sentences.page())
    safety.PAGE.write_text(safety.page())
    skill.PAGE.write_text(skill.page())


def main() -> None:
    """Write the README, the page on the parts, the tables, and the pictures."""
    tables()
    readme = ROOT / "README.md"
    script = "examples/digits_mlp.py"
    with tempfile.TemporaryDirectory() as folder:
        text = replaced(readme.read_text(), f"descend doctor {script}", doctors_output(script, folder))
        picture(Path(folder, ".descend", "1", "report.html"), ROOT / "docs" / "report.png", SCREEN)
    readme.write_text(text)
    knobs = ROOT / "docs" / "knobs.md"
    text = knobs.read_text()
    for name, printed in (examples(text) | measured()).items():
        text = replaced(text, name, printed)
    knobs.write_text(text)
    pictures_of_parts()


if __name__ == "__main__":
    tables() if "--tables" in sys.argv else main()
