"""The pages of `benchmarks/`: a program prints every row, and what is quick to compute comes out again."""

import re
from collections.abc import Callable, Iterator
from math import isclose
from pathlib import Path

import pytest
import torch

from .printed_texts import NUMBER, ROOT, can_be_printed
from .programs import programs

layouts, origins, overhead, stragglers, symmetries, tradeoff, trajectories, bench = programs(
    "layouts", "origins", "overhead", "stragglers", "symmetries", "tradeoff", "trajectories", "run"
)

BY_DOCS = "CLAIMS.md"  # docs/claims.py writes this page; tests/claims compares it
PAGES = sorted(page for page in (ROOT / "benchmarks").glob("*.md") if page.name != BY_DOCS)
Rows = list[list[str]]


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def rows(text: str) -> Rows:
    """Return all rows of tables in a text, without the lines that separate heads from bodies."""
    return [cells(line) for line in text.splitlines() if line.startswith("|") and not set(line) <= set("|- ")]


def tables(page: str) -> Iterator[Rows]:
    """Yield the tables of a page, each with its head."""
    text = (ROOT / "benchmarks" / page).read_text(encoding="utf-8")
    yield from (rows(table) for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE))


def table(page: str, *head: str) -> Rows:
    """Return the rows of the table whose head begins with these cells."""
    [found] = [body for first, *body in tables(page) if first[: len(head)] == list(head)]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_program_prints_every_cell_of_every_row(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    unknown = [(row, cell) for row in rows(text) for cell in row if not can_be_printed(cell)]
    assert not unknown


@pytest.mark.parametrize(
    "cell",
    [
        "held-out loss, with (3 seeds) and without (5)",
        "not measured in pairs",
        "likely",
        "0.27 against 0.35 or so",
        "SGDR is far ahead (Loshchilov & Hutter 2017)",
    ],
)
def test_a_cell_written_by_hand_is_found(cell: str) -> None:
    assert not can_be_printed(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "-0.0103 to 0.00327",
        "0.00141 (−0.0003 to 9.4×10⁻⁴)",
        "4.0e+20",
        "10^178",
        "32 examples",
        "not in 300",
        "more than 150 times",
    ]
    + ["1.8, annealed to 0", "it fails: whatever a tool says"],
)
def test_a_cell_that_a_program_prints_is_known(cell: str) -> None:
    assert can_be_printed(cell)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_section_says_how_it_is_measured(page: Path) -> None:
    head, *sections = re.split(r"^## ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not rows(head)  # a table before the first section would have no origin
    found = {section.splitlines()[0]: section.splitlines()[2] for section in sections}
    assert found == {title: origin.line for title, origin in origins.ORIGINS[page.name].items()}


def test_each_command_exists() -> None:
    parts = {origin.part for sections in origins.ORIGINS.values() for origin in sections.values()}
    assert parts <= {*bench.PARTS, "gpu"}  # that one is there where a GPU is


def test_a_program_writes_the_origin_after_the_title(tmp_path: Path) -> None:
    sheet = bench.Sheet(tmp_path / "PARTS.md", "Parts")
    title, origin = next(iter(origins.ORIGINS["PARTS.md"].items()))
    sheet.write(f"## {title}", "", "| part |")
    assert sheet.path.read_text().splitlines()[-5:] == [f"## {title}", "", origin.line, "", "| part |"]
    page = tmp_path / "LANDSCAPE.md"
    bench.landscape.fill_section(page, "# The landscape\n", "surfaces", lambda write: write("| surface |"))
    assert origins.ORIGINS["LANDSCAPE.md"]["Surfaces"].line in page.read_text()


def test_the_watched_loops_are_those_of_the_program() -> None:
    found = {row[0]: int(row[2]) for row in table("WATCHING.md", "loop")}
    assert found == overhead.LOOPS


# -- what is quick to compute


def agree(cell: str, again: str) -> bool:
    """Return whether two cells say the same in words, and numbers that differ by a twentieth or by rounding."""
    pairs = zip(NUMBER.findall(cell), NUMBER.findall(again))
    values = ([float(number.replace(" ", "").replace("−", "-")) for number in pair] for pair in pairs)
    alike = (isclose(a, b, rel_tol=0.05) or max(abs(a), abs(b)) < 1e-5 for a, b in values)
    return NUMBER.sub("#", cell) == NUMBER.sub("#", again) and all(alike)


def test_numbers_agree_within_a_twentieth() -> None:
    assert agree("0.100 [0.09, 0.11]", "0.101 [0.09, 0.11]") and agree("2e-07", "3e-07")
    assert not agree("0.100", "0.108") and not agree("held", "undecided") and not agree("-0.1", "0.1")


def of_2013() -> Rows:
    lines: list[str] = []
    layouts.of_table(lambda *more: lines.extend(more))
    return rows("\n".join(lines))[1:]


def of_stragglers() -> Rows:
    counts = [(int(row[0]), row[1] == "yes") for row in table("PARALLEL.md", "workers", "one slow")]
    return [[str(n), "yes" if slow else "no", *stragglers.speeds(n, slow)] for n, slow in counts]


RECOMPUTED: dict[str, tuple[tuple[str, ...], Callable[[], Rows]]] = {
    "a table of 2013": (("PARALLEL.md", "configuration", "days, published"), of_2013),
    "stragglers": (("PARALLEL.md", "workers", "one slow"), of_stragglers),
    "momentum's equation": (
        ("LANDSCAPE.md", "time of a step"),
        lambda: [cells(row) for row in trajectories._apart()],
    ),
    "orders of units": (("LANDSCAPE.md", "hidden layers"), lambda: [cells(row) for row in symmetries.orders()]),
    "scales": (("LANDSCAPE.md", "measure of sharpness"), lambda: [cells(row) for row in symmetries.scales()]),
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECOMPUTED)
def test_what_is_quick_to_compute_comes_out_again(name: str) -> None:
    (page, *head), compute = RECOMPUTED[name]
    again = {tuple(row[:2]): row for row in compute()}
    shown = {tuple(row[:2]): row for row in table(page, *head)}
    found = {key: shown.get(key) for key in again}
    assert again and all(row and all(map(agree, row, again[key])) for key, row in found.items()), (found, again)


def test_what_is_kept_for_the_backward_pass_comes_out_again() -> None:
    kept = {row[0]: row[3] for row in table("LANDSCAPE.md", "a step sees", "steps a second")}
    assert kept == {name: f"{tradeoff.kept(size) / 1024:.0f} kB" for name, size in tradeoff.SIZES.items()}
