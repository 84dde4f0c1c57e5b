"""Formatting of numbers, durations, lines and places."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from cases import FINDINGS

from descend.doctor.record import Note, Site
from descend.doctor.report import formatting
from descend.doctor.report.measurement_names import NAMES, group_by_reason
from descend.doctor.report.quantities import value_with_unit


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
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0.078, 0.091), "0.078 to 0.091"),
        ((0.39, 0.441), "0.390 to 0.441"),
        ((-2.5, 1.5), "−2.5 to 1.5"),
        ((1e-7, 2e-7), "1.0×10⁻⁷ to 2.0×10⁻⁷"),
        ((1000.0, 2000.0), "1\u00a0000 to 2\u00a0000"),
        ((0.5, 0.5), "0.5 to 0.5"),
        ((math.nan, math.nan), ""),
        ((1.0, math.inf), "1 to ∞"),
    ],
)
def test_an_interval_shows_two_digits_of_its_width(ends, text):
    assert formatting.interval(*ends) == text


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
def test_durations_have_a_suitable_unit(seconds, text):
    assert formatting.duration(seconds) == text


def test_one_line_drops_control_and_bidirectional_characters():
    assert formatting.one_line("a\n\tb\x1b[31m\u202ec\x00") == "a b c"
    assert formatting.one_line("a" * 50, 10) == "a" * 9 + "…"
    assert formatting.one_line("\udc80x") == "x"


@pytest.mark.parametrize("limit", range(12, 48))
def test_a_cut_line_ends_with_a_whole_word(limit):
    text = "standardise inputs, learning rate 0.5 → 0.0271 and more"
    cut = formatting.one_line(text, limit)
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
    assert formatting.sentence(text) == whole


def test_places_are_relative_to_the_root_or_name_the_module(tmp_path):
    site = Site("loss", "", str(tmp_path / "src" / "train.py"), 14)
    assert formatting.place(site, "net.0", tmp_path) == "src/train.py:14"
    assert formatting.place(site, "", Path("/elsewhere")) == f"{tmp_path}/src/train.py:14"
    assert formatting.place(None, "net.0", tmp_path) == "net.0"


def test_the_root_is_the_working_directory_of_the_run(tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    case = FINDINGS["dead_units"](tmp_path)
    assert formatting.working_directory(case) == tmp_path
    assert formatting.working_directory(replace(case, record=replace(case.record, root=""))) == elsewhere


def test_notes_are_grouped_by_reason():
    notes = [
        Note("curvature_low", "r"),
        Note("curvature", "r"),
        Note("curvature", "r", 9),
        Note("duplicate_share", "s"),
    ]
    assert group_by_reason(notes) == {"r": ["curvature low", "curvature"], "s": ["share of identical units"]}


def test_every_measurement_has_a_distinct_name():
    from descend.doctor.measure import GRADIENTS, PROBES, SPREAD

    named = [NAMES.get(probe.name) for probe in (*PROBES, SPREAD, *GRADIENTS)]
    assert None not in named and len(set(named)) == len(named)


def test_a_long_list_reports_how_many_names_are_left_out():
    assert formatting.join_names(["curvature", "activations"], 40) == "curvature, activations"
    assert formatting.join_names(["curvature", "activations", "gradient"], 24) == "curvature, activations and 1 more"
    assert formatting.join_names(["curvature"], 4) == "curvature"


@pytest.mark.parametrize(
    ("gain", "text"),
    [
        ((0.57, 0.841), "down 57–84\u00a0%"),
        ((0.9605, 0.9661), "down 96–96.6\u00a0%"),
        ((0.484, 0.99996), "down 48–99.996\u00a0%"),  # never rounded to 100 %
        ((-0.2, 0.6), "between 20\u00a0% up and 60\u00a0% down"),
        ((0.2, 0.2), "down 20\u00a0%"),
        ((-0.3, -0.1), "up 10–30\u00a0%"),
        ((-99.0, -9.0), "up 900–9\u00a0900\u00a0%"),
        ((0.0, 0.5), "down 0–50\u00a0%"),
        ((0.0, 0.0), "unchanged"),
        ((0.99, 0.99), "down 99\u00a0% or more"),  # the ratio of each seed is limited to a factor of 100
        ((math.nan, math.nan), ""),
    ],
)
def test_a_relative_change_is_an_interval_in_words(gain, text):
    assert formatting.relative_change(gain) == text


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        ((-0.6, -0.4), "−60 to −40\u00a0%"),
        ((-0.3, 0.2), "−30 to +20\u00a0%"),
        ((-0.99996, -0.484), "−99.996 to −48\u00a0%"),
        ((-0.99, -0.99), "≤ −99\u00a0%"),
        ((0.0, 0.5), "0 to +50\u00a0%"),
        ((9.0, 99.0), "+900 to +9\u00a0900\u00a0%"),
        ((math.nan, math.nan), ""),
        ((-0.5, math.inf), ""),
    ],
)
def test_a_difference_is_an_interval_with_signs(difference, text):
    assert formatting.signed_change(difference) == text


@pytest.mark.parametrize(
    ("quantity", "value", "text"),
    [
        ("dead_share", 0.95, "95\u00a0%"),
        ("share of parameters left out", 0.004, "0.4\u00a0%"),
        ("condition_ratio", 2300.0, "2\u00a0300\u00a0×"),
        ("largest loss / first", 3.2, "3.2\u00a0×"),
        ("own_seconds", 0.02, "20 ms"),
        ("first step with a loss that is NaN or infinite", 12.0, "step 12"),
        ("lr * lambda_max", 5.1, "5.1"),
        ("gradient_norm", math.inf, "∞"),
        ("dead_share", math.inf, "∞"),
    ],
)
def test_a_measured_value_has_the_unit_of_its_quantity(quantity, value, text):
    assert value_with_unit(quantity, value) == text
