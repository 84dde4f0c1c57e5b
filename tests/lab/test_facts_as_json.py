"""Facts as JSON have documented names and keys that do not depend on class names."""

from typing import Any

import pytest

from descend.doctor.record import Fact, Record, facts
from descend.lab.facts_as_json import facts_as_json, json_value
from descend.lab.pages import curvature_table, gradient_figures, layout_figures, surface_figures, symmetry_figures

SEEN = facts.SeenConvexity(points=3, lowest=None, excess=0.0, is_refuted=False)
CONVEXITY = facts.Convexity("mse_loss", "", outputs=SEEN, all=SEEN, hidden=0)
PLATEAU = facts.Plateau(hard_zero=0.0, soft_zero=0.0, smooth_unmoved=1.0)
VIEW = facts.SurfaceView(
    ranges=((-1.0, 1.0),),
    axes=(facts.Axis("random", 1),),
    of=(0.5, "inf"),
    reused=0,
    is_begun_anew=False,
    trail=facts.Trail(),
)
ERRORS = facts.TaylorErrors(1.0, 2.0, (0.1,), (0.2,), 1e-9, None, (0.1,), (0.0,), 3.0)


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (curvature_table, "point eigenvalues kind directions gauss_newton taylor spectrum condition"),
        (surface_figures, "point view values"),
        (
            symmetry_figures,
            "point permutations scales rescaling sharp_and_wide memorising convexity random_units bad_minimum plateau "
            "unanswered",
        ),
        (gradient_figures, "gradient_noise batch_variance momentum_variance gradient_bias weight_variance batch_run"),
        (layout_figures, "layers forecast"),
    ],
)
def test_the_documented_names_are_printed(module: Any, names: str) -> None:
    assert list(dict.fromkeys(module.FACTS.values())) == names.split()


def test_facts_are_printed_in_order_under_their_names() -> None:
    record = Record()
    point = facts.SymmetryPoint(parameters=3, examples=8, batches=2, loss=0.5)
    record.extend([Fact.of(point, 4, "last"), Fact.of(facts.Measuring("minima"), 4, "last")])
    record.extend(Fact.of(facts.Unanswered("minima", why), 4, "last") for why in ("one", "other"))
    assert facts_as_json(record, symmetry_figures.FACTS) == [
        {
            "name": "point",
            "place": "last",
            "step": 4,
            "detail": {"parameters": 3, "examples": 8, "batches": 2, "loss": 0.5},
        },
        {"name": "unanswered", "place": "last", "step": 4, "detail": {"question": "minima", "reason": "one"}},
        {"name": "unanswered", "place": "last", "step": 4, "detail": {"question": "minima", "reason": "other"}},
    ]


def test_defaults_have_no_key() -> None:
    assert "output_layer" not in json_value(CONVEXITY) and json_value(CONVEXITY)["outputs"]["lowest"] is None
    assert list(json_value(PLATEAU)) == ["hard_zero", "soft_zero", "smooth_unmoved"]
    told = json_value(VIEW)
    assert list(told) == ["ranges", "axes", "of", "reused", "is_begun_anew", "trail"] and told["trail"] == {}
    assert told["axes"] == [{"kind": "random", "number": 1}] and told["of"] == [0.5, "inf"]


def test_tuples_are_lists_and_taylor_errors_are_grouped_by_direction() -> None:
    found = facts.Eigenvalues((facts.Eigenvalue(6.0, 0.0),), (), 1, 0.0)
    assert json_value(found) == {"top": [[6.0, 0.0]], "bottom": [], "products": 1, "noise": 0.0}
    assert json_value(facts.Taylor({"top eigenvector": ERRORS}))["top eigenvector"]["distances"] == [0.1]
