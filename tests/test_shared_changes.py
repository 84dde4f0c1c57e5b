"""Whether two patches of one script share a change."""

import pytest

from descend.doctor.script.script import Script
from descend.doctor.script.shared_changes import share_a_change

BEFORE = "import torch\na\nb\nc\nd\ne\nf\ng\nh\n"


def patch_to(tmp_path, after: str) -> str:
    (tmp_path / "train.py").write_text(BEFORE)
    script = Script(tmp_path / "train.py", tmp_path)
    return script.edit(script.path, after).diff()


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ((("b\n", "B\n"),), (("b\n", "B\n"), ("g\n", "G\n")), True),
        ((("b\n", "B\n"),), (("b\nc\n", "B\nC\n"),), True),  # one hunk, with one equal line
        ((("b\n", "B\n"),), (("b\n", "bb\n"),), False),  # the same line, changed differently
        ((("b\n", ""),), (("b\n", ""), ("g\n", "G\n")), True),
        ((("b\n", ""),), (("b\n", "B\n"),), False),
        ((("b\n", "b\nnew\n"),), (("b\n", "b\nnew\nmore\n"),), True),
        ((("b\n", "b\nnew\n"),), (("g\n", "g\nnew\n"),), False),
        ((("torch\n", "torch\nimport os\n"), ("b\n", "B\n")), (("torch\n", "torch\nimport os\n"), ("g\n", "")), False),
    ],
)
def test_patches_share_a_change_if_equal_lines_become_equal(tmp_path, one, other, shared):
    texts = []
    for edits in (one, other):
        text = BEFORE
        for old, new in edits:
            text = text.replace(old, new, 1)
        texts.append(patch_to(tmp_path, text))
    assert share_a_change(*texts) is share_a_change(*reversed(texts)) is shared
