import ast
from pathlib import Path

import pytest

from descend.doctor.codemod.imports import import_module, import_name
from descend.doctor.remedies import NotApplicable

LINE = "from descend.network import reinitialise\n"
PLACES = {
    "nothing": ("x = 1\n", LINE + "x = 1\n"),
    "imports": ("import a\nfrom b import c\n\nx = 1\n", "import a\nfrom b import c\n" + LINE + "\nx = 1\n"),
    "a docstring": ('"""Doc."""\n\nx = 1\n', '"""Doc."""\n\n' + LINE + "x = 1\n"),
    "a docstring alone": ('"""Doc."""\n', '"""Doc."""\n' + LINE),
    "the future": (
        "from __future__ import annotations\nx = 1\n",
        "from __future__ import annotations\n" + LINE + "x = 1\n",
    ),
    "a shebang": ("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n\nx = 1\n", None),
    "imports between": (
        "import os\nos.environ['A'] = '1'\nimport torch\n",
        "import os\n" + LINE + "os.environ['A'] = '1'\nimport torch\n",
    ),
    "a comment after it": ("import a  # why\n# next\nx = 1\n", "import a  # why\n" + LINE + "# next\nx = 1\n"),
    "brackets": ("from a import (\n    b,\n)\nx = 1\n", "from a import (\n    b,\n)\n" + LINE + "x = 1\n"),
    "no line end": ("import a", "import a\n" + LINE.rstrip()),
    "the name": (LINE + "x = 1\n", LINE + "x = 1\n"),
    "its neighbour": (
        "from descend.network import standardise_inputs\nx = 1\n",
        "from descend.network import reinitialise, standardise_inputs\nx = 1\n",
    ),
    "windows": ("import a\r\nx = 1\r\n", "import a\r\n" + LINE.replace("\n", "\r\n") + "x = 1\r\n"),
}


@pytest.mark.parametrize("case", PLACES)
def test_an_import_is_added_after_existing_imports(case: str) -> None:
    before, after = PLACES[case]
    text = import_name(Path("train.py"), before, "descend.network", "reinitialise")
    ast.parse(text)
    assert text == (after or before.replace("x = 1", LINE + "x = 1"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import torch\n", "import torch\n"),
        ("import torch.optim\n", "import torch.optim\n"),
        ("import torch.nn as nn\n", "import torch.nn as nn\nimport torch\n"),
        ("from torch import nn\n", "from torch import nn\nimport torch\n"),
    ],
)
def test_a_module_is_imported_once(before: str, after: str) -> None:
    assert import_module(Path("train.py"), before, "torch") == after


@pytest.mark.parametrize(
    "text",
    ["def reinitialise(): pass\n", "def f(reinitialise): pass\n", "from mine import x as reinitialise\n"],
)
def test_a_name_in_use_is_not_imported(text: str) -> None:
    with pytest.raises(NotApplicable, match="^train.py already uses the name `reinitialise`$"):
        import_name(Path("train.py"), text, "descend.network", "reinitialise")


def test_a_method_of_the_same_name_does_not_prevent_an_import() -> None:
    text = "class A:\n    def reinitialise(self): pass\n"
    assert import_name(Path("train.py"), text, "descend.network", "reinitialise") == LINE + text


def test_unreadable_grammar_is_reported() -> None:
    with pytest.raises(NotApplicable, match="train.py cannot be edited"):
        import_name(Path("train.py"), "x = = 1\n", "descend.network", "reinitialise")
