"""Scripts, notebooks and files of settings that no program can read, or that are made to take for ever."""

import json
from typing import Any

CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []}


def notebook(**parts: Any) -> str:
    return json.dumps({"nbformat": 4, "cells": [CODE], **parts})


def with_source(source: Any) -> str:
    return notebook(cells=[CODE | {"source": source}])


DEEP = "x = " + "-" * 200_000 + "1\n"
SCRIPTS: dict[str, bytes | str] = {
    **{f"declares {name}": f"# coding: {name}\nx = 1\n" for name in ("hex", "base64", "rot13", "zlib", "uu", "mbcs")},
    "declares a codec that always fails": "# coding: undefined\n",
    "declares another encoding than its mark": b"\xef\xbb\xbf# coding: latin-1\nx = 1\n",
    "declares UTF-16 in ASCII": "# coding: utf-16\nx = 1\n",
    "is UTF-16": "x = 1\n".encode("utf-16"),
    "many signs": DEEP,
    "many attributes": "x = a" + ".b" * 100_000 + "\n",
    "a long sum": "x = " + "+".join("1" * 20_000) + "\n",
    "many brackets": "x = " + "(" * 500 + "1" + ")" * 500 + "\n",
    "a null byte": "x = 1\0\n",
    "control characters": "\x1b[2J = 3\n",
    "a number of 5000 digits": "x = " + "9" * 5000 + "\n",
    "a long line and no end": "x = '" + "a" * 500_000 + "'\n(\n",
    "too many blocks": "".join(" " * i + "if 1:\n" for i in range(120)) + " " * 120 + "pass\n",
}
NOTEBOOKS: dict[str, bytes | str] = {
    "deep": "[" * 100_000,
    "deep cells": '{"nbformat": 4, "cells": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "deep outputs": notebook().replace('"outputs": []', '"outputs": ' + "[" * 100_000 + "]" * 100_000),
    "cells that are texts": notebook(cells=["a", 3, None]),
    "a cell without a source": notebook(cells=[{"cell_type": "code"}]),
    "a source that is null": with_source(None),
    "a source of numbers": with_source([1, 2]),
    "a source that is a dictionary": with_source({"a": 1}),
    "metadata that is null": notebook(metadata=None),
    "metadata that is a list": notebook(metadata=[1]),
    "a kernel that is a text": notebook(metadata={"kernelspec": "x"}),
    "a language that is a number": notebook(metadata={"kernelspec": {"language": 5}}),
    "a format that is true": notebook(nbformat=True),
    "a format of 5000 digits": '{"nbformat": ' + "9" * 5000 + "}",
    "a format that is NaN": '{"nbformat": NaN, "cells": []}',
    "cells that are a dictionary": notebook(cells={"a": 1}),
    "a kind that is a list": notebook(cells=[CODE | {"cell_type": ["code"]}]),
    "a cell of many signs": with_source(DEEP),
    "half of a surrogate pair": '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = \'\\ud800\'"}]}',
    "a null character": with_source("x = 1\0"),
    "another encoding": notebook(cells=[CODE | {"source": "x = 'é'"}]).replace("\\u00e9", "é").encode("latin-1"),
    "UTF-16": notebook().encode("utf-16"),
    "a mark of its encoding": b"\xef\xbb\xbf" + notebook().encode(),
    "duplicate keys": '{"nbformat": 4, "cells": [], "cells": 3}',
}
LAUGHS = "a0: &a0 {lr: 0.1}\n" + "".join(
    f"a{i}: &a{i} {{{', '.join(f'k{j}: *a{i - 1}' for j in range(9))}}}\n" for i in range(1, 12)
)
SETTINGS = {  # text -> whether the number at `lr` can be determined
    "an alias of itself": ("a: &a\n  b: *a\nlr: 0.1\n", True),
    "a thousand million laughs": (LAUGHS + "lr: 0.2\n", True),
    "deep": ("a: " + "[" * 5000, False),
    "deep mappings": ("".join(" " * i + "a:\n" for i in range(3000)), False),
    "an object of Python": ("a: !!python/object/apply:os.system ['false']\nlr: 0.1\n", True),
    "two documents": ("lr: 0.1\n---\nlr: 0.2\n", False),
    "control characters": ("a: \x1b[2J\nlr: 0.1\n", False),
    "the key twice": ("lr: 0.1\nlr: 0.1\n", False),
    "many numbers": ("".join(f"k{i}: {i}.5\n" for i in range(6000)) + "lr: 0.1\n", True),
}
