"""Numbers, durations, lines and places as a reader sees them."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from cases import FINDINGS

from descend.doctor.record import Note, Site
from descend.doctor.report import wording
from descend.doctor.report.measurements import NAMES, group_notes


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (2.0, "2"),
        (2.301, "2.301"),
        (0.08312, "0.0831"),
        (12.3456, "12.35"),
        (1410, "1\u00a0410"),
        (-0.5, "−0.5"),
        (-1234.0, "−1\u00a0234"),
        (1.234e-5, "1.2×10⁻⁵"),
        (-3e30, "−3.0×10³⁰"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers_keep_three_or_four_digits(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0.078, 0.091), "[0.078, 0.091]"),
        ((0.39, 0.441), "[0.390, 0.441]"),
        ((-2.5, 1.5), "[−2.5, 1.5]"),
        ((1e-7, 2e-7), "[1.0×10⁻⁷, 2.0×10⁻⁷]"),
        ((1000.0, 2000.0), "[1\u00a0000, 2\u00a0000]"),
        ((0.5, 0.5), "[0.5, 0.5]"),
        ((math.nan, math.nan), ""),
        ((1.0, math.inf), "[1, ∞]"),
    ],
)
def test_an_interval_shows_two_digits_of_its_width(ends, text):
    assert wording.interval(*ends) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0.4 ms"),
        (0.04, "40 ms"),
        (0.0997, "100 ms"),
        (0.0, "0 s"),
        (2.1, "2.1 s"),
        (31.4, "31 s"),
        (59.9, "1 min 0 s"),
        (125.0, "2 min 5 s"),
        (math.nan, "unknown time"),
    ],
)
def test_durations(seconds, text):
    assert wording.duration(seconds) == text


def test_one_line_drops_what_would_move_the_cursor_or_reorder_the_text():
    assert wording.one_line("a\n\tb\x1b[31m\u202ec\x00") == "a b c"
    assert wording.one_line("a" * 50, 10) == "a" * 9 + "…"
    assert wording.one_line("\udc80x") == "x"


@pytest.mark.parametrize("limit", range(12, 48))
def test_a_cut_line_ends_with_a_whole_word(limit):
    text = "standardise inputs, learning rate 0.5 → 0.0271 and more"
    cut = wording.one_line(text, limit)
    assert len(cut) <= limit and cut.endswith("…")
    assert text.startswith(cut[:-1]) and text[len(cut) - 1 :][:1] in " ,→"


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("the cost rises", "The cost rises."),
        ("a step is short", "A step is short."),
        ("cross_entropy receives logits", "cross_entropy receives logits."),
        ("α·λmax = 5.1", "α·λmax = 5.1."),
        ("train.py is odd", "train.py is odd."),
        ("Why?", "Why?"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_unless_it_begins_with_a_name(text, whole):
    assert wording.sentence(text) == whole


def test_places_are_relative_to_the_root_and_fall_back_to_the_module(tmp_path):
    site = Site("loss", "", str(tmp_path / "src" / "train.py"), 14)
    assert wording.place(site, "net.0", tmp_path) == "src/train.py:14"
    assert wording.place(site, "", Path("/elsewhere")) == f"{tmp_path}/src/train.py:14"
    assert wording.place(None, "net.0", tmp_path) == "net.0"


def test_the_root_is_the_runs_own_wherever_the_report_is_read(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    case = FINDINGS["dead_units"](tmp_path)
    assert wording.root_of(case) == tmp_path
    assert wording.root_of(replace(case, record=replace(case.record, root=""))) == elsewhere


def test_notes_are_grouped_by_their_reason():
    notes = [
        Note("curvature_low", "r"),
        Note("curvature", "r"),
        Note("curvature", "r", 9),
        Note("twin_share", "s"),
    ]
    assert group_notes(notes) == {"r": ["curvature low", "curvature"], "s": ["twin share"]}


def test_every_probe_has_a_plain_name_of_its_own():
    from descend.doctor.probes import GRADIENTS, PROBES, SPREAD

    named = [NAMES.get(probe.name) for probe in (*PROBES, SPREAD, *GRADIENTS)]
    assert None not in named and len(set(named)) == len(named)


def test_a_long_list_says_how_many_more_there_are():
    assert wording.listed(["curvature", "activations"], 40) == "curvature, activations"
    assert wording.listed(["curvature", "activations", "gradient"], 24) == "curvature, activations and 1 more"
    assert wording.listed(["curvature"], 4) == "curvature"


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        ((0.9605, 0.9661), "−96.6 to −96.0\u00a0%"),
        ((0.484, 0.99996), "−99.996 to −48\u00a0%"),  # never said to be all of it
        ((-0.2, 0.6), "−60 to +20\u00a0%"),
        ((0.2, 0.2), "−20\u00a0%"),
        ((math.nan, math.nan), ""),
    ],
)
def test_what_a_change_takes_off_is_told_as_an_interval(gain, text):
    assert wording.taken_off(gain) == text
