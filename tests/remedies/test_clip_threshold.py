import pytest

from descend.doctor.remedies.clip_threshold import clip_threshold

HEAD = "import torch\nfrom torch.nn.utils import clip_grad_norm_\n"
CALLS = [
    ("torch.nn.utils.clip_grad_norm_(m.parameters(), 0.5)", "torch.nn.utils.clip_grad_norm_(m.parameters(), 2.0)"),
    ("clip_grad_norm_(m.parameters(), max_norm=1e-3)", "clip_grad_norm_(m.parameters(), max_norm=2.0)"),
    ("clip_grad_norm_(m.parameters(), 0.5, norm_type=2)", "clip_grad_norm_(m.parameters(), 2.0, norm_type=2)"),
    ("clip_grad_norm_(m.parameters(), a * 2)", "clip_grad_norm_(m.parameters(), 2.0)"),
    ("utils.clip_grad_value_(m.parameters(), 0.5)", "utils.clip_grad_value_(m.parameters(), 2.0)"),
    ("utils.clip_grad_value_(m.parameters(), clip_value=1)", "utils.clip_grad_value_(m.parameters(), clip_value=2.0)"),
    ("fabric.clip_gradients(m, o, max_norm=0.5)", "fabric.clip_gradients(m, o, max_norm=2.0)"),
]


@pytest.mark.parametrize(("before", "after"), CALLS)
def test_the_threshold_in_the_call_is_changed(patient, before: str, after: str) -> None:
    p = patient(HEAD + before + "\n", clip=before.split("(")[0], made={"clip": _function(before)})
    assert p.edited(clip_threshold, max_norm=2.0) == HEAD + after + "\n"


def _function(code: str) -> str:
    return "clip_grad_value_" if "value" in code else "clip_grad_norm_"


@pytest.mark.parametrize(
    "text",
    [
        "CLIP = 0.5\nclip_grad_norm_(p, CLIP)\n",
        "a.add_argument('--clip', default=0.5)\nclip_grad_norm_(p, args.clip)\n",
        "class T:\n    clip = 0.5\n    def f(self):\n        clip_grad_norm_(p, max_norm=self.clip)\n",
    ],
)
def test_the_number_is_changed_where_it_is_defined(patient, text: str) -> None:
    p = patient(HEAD + text, clip="clip_grad_norm_(")
    assert p.edited(clip_threshold, max_norm=2.0) == HEAD + text.replace("0.5", "2.0")


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("clip_grad_norm_(p, 2.0)", "the threshold of the clipping is 2.0 already"),
        ("trainer.fit(m)", "the clip_grad_norm_ only indirectly"),
        ("clip_grad_norm_(*a)", "unpacks a list into the call's arguments"),
    ],
)
def test_refusals_say_why(patient, call: str, reason: str) -> None:
    p = patient(HEAD + call + "\n", clip=call.split("(")[0], made={"clip": "clip_grad_norm_"})
    assert reason in p.refusal(clip_threshold, max_norm=2.0)


def test_an_unrecorded_call_is_refused(patient) -> None:
    assert "did not show where the clipping of gradients" in patient("x = 1\n").refusal(clip_threshold, max_norm=1.0)
