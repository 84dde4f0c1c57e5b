"""The pages of the claims and the list that `descend claims` prints are those of the stored measurements."""

import importlib.util
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch

from descend.claims.campaign import places_of, stored_rows
from descend.claims.gallery import claim_names
from descend.claims.listing import SHIPPED as VERDICTS
from descend.claims.listing import STYLES, shipped_verdicts
from descend.claims.rows import SHIPPED
from descend.claims.verdict import Verdict

ROOT = Path(__file__).parents[2]
MEASURED_WITH = "torch 2.13.0+cpu"  # as in the rows
pytestmark = pytest.mark.skipif(
    torch.__version__.partition("+")[0] not in MEASURED_WITH, reason=f"the claims are measured with {MEASURED_WITH}"
)


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("claim_pages", ROOT / "docs" / "claims.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["claim_pages"] = module
    spec.loader.exec_module(module)
    return module


def test_every_claim_is_measured_as_it_is_now():
    places = places_of(claim_names())
    assert set(places) == set(stored_rows(SHIPPED, places)), "descend claims --all --resume"
    assert len(SHIPPED.read_text().splitlines()) == len(places)
    assert all(MEASURED_WITH in line for line in SHIPPED.read_text().splitlines())


def test_the_pages_show_the_measurements(pages):
    judged, rows = pages.judged_claims()
    assert pages.INDEX.read_text() == pages.index(judged, rows), "python docs/claims.py"
    assert pages.choosing(judged) in pages.GUIDE.read_text()
    assert VERDICTS.read_text() == pages.verdicts(judged, rows)
    for name, one in judged.items():
        assert (pages.FOLDER / f"{name}.md").read_text() == pages.page(name, one, rows)
        picture = (pages.FOLDER / f"{name}.svg").read_text()
        assert picture == pages.picture(one)
        ET.fromstring(picture)
    assert {path.stem for path in pages.FOLDER.iterdir()} == set(claim_names())


def test_the_list_names_each_verdict_with_a_style():
    assert set(STYLES) == set(map(str, Verdict)) == {one["verdict"] for one in shipped_verdicts()}
    assert json.dumps(shipped_verdicts(), allow_nan=False)
