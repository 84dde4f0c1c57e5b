"""Banned words: house terms and archaic turns that a reader from outside does not understand at the first reading."""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
INSTEAD = {  # pattern -> what to write
    "behind": "after, downstream of, below",
    "beside": "next to, in addition to",
    "anew": "again",
    "upon": "on",
    "hence|whence|thus": "so, therefore, from where",
    "told|tells|telling": "reported, passed, says",
    "heard|hears?": "received, logged",
    "foretells?|foretold": "predict, predicted",
    "suffer(s|ed|ing)?": "fails, has",
    "yardsticks?": "evaluation metric",
    "stumbl(e|es|ed|ing)": "on_internal_error, fails",
    "somebody|nobody": "the user, no one; name who it is",
    "none (is|are|has|have|was)": "no ... is",
    "stands?|stood": "is",
    "lies|lay": "is",
    "sits?": "is",
    "bears?|bore": "tolerates, has",
    "knows": "has, sees, uses",
    "clean bill": "no problem found",
    "(bare|plain) runs?": "baseline run",
    "arms?": "trial",
    "canon": "catalog",
    "dos(e|es|ed)": "remedy arguments",
    "second looks?": "follow-up",
    "(cur|heal|mend)(e|s|es|ed|able|ing)?": "fix, fixed",
    "wings?|rooms?|doors?|house": "package, module, interface",
    "on the way": "along the path, in between",
    "(of|beside|behind|in|to|for) whom": "a plain noun",
    "ails?": "is wrong with",
    "asked": "requested, computed",
    "whoever": "the process that, the user who",
    "hardly": "almost no",
}
PATTERNS = {re.compile(rf"\b({pattern})\b", re.IGNORECASE): pattern for pattern in INSTEAD}
ANY = re.compile(rf"\b({'|'.join(INSTEAD)})\b", re.IGNORECASE)
NAMES = re.compile("^(" + "|".join(p for p in INSTEAD if " " not in p) + ")$", re.IGNORECASE)
AS_OTHERS_WROTE = (
    "tests/scripts",
    "tests/kinds/programs",
    "clinic/sick",
    "clinic/healthy",
    "clinic/novice",
    "clinic/strangers",
)
GENERATED = ("tests/sentences_snapshot.md", "docs/bounds.md")
QUOTED = re.compile(r"`[^`\n]*`|^    [^\n]*$|^```.*?^```", re.MULTILINE | re.DOTALL)


def texts_of_source(source: str) -> Iterator[str]:
    """Return docstrings, comments, strings with at least two words, and the words of all names defined."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value.split()) > 1:
            yield node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _words(node.name)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).strip("_").split("_")


def banned_in(text: str) -> list[str]:
    """Return the banned words of a text, each as often as it occurs."""
    return [match.group().lower() for match in ANY.finditer(text)]


def banned_in_file(path: Path) -> list[str]:
    """Return the banned words of a Python file, of its name, or of a document without its code."""
    if path.suffix == ".py":
        texts = [*texts_of_source(path.read_text()), *_words(path.stem)]
    else:
        texts = [QUOTED.sub("", path.read_text())]
    return [word for text in texts for word in banned_in(text)]


def files() -> Iterator[Path]:
    """Return all files that are ours: source, tests, documents, benchmarks, examples."""
    for pattern in (
        "src/**/*.py",
        "tests/**/*.py",
        "benchmarks/**/*.py",
        "examples/**/*.py",
        "docs/**/*.py",
        "clinic/*.py",
        "*.md",
        "[!.]*/**/*.md",
    ):
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            is_other = name.startswith((".", "build/", *AS_OTHERS_WROTE)) or name in GENERATED
            if not is_other and path != Path(__file__):
                yield path


def test_no_file_has_a_banned_word():
    assert [str(path) for path in files() if banned_in_file(path)] == [], (
        f"python tests/{Path(__file__).name} says where"
    )


@pytest.mark.parametrize("text", ["What stands behind it", "# Told anew", "A clean bill", "cured", "none is left"])
def test_a_banned_word_is_found(text):
    assert banned_in(text)


@pytest.mark.parametrize(
    "text", ["understand", "the standard deviation", "alarms", "a bearing", "a mentor", "housekeeping"]
)
def test_a_word_that_contains_a_banned_one_is_not(text):
    assert not banned_in(text)


def test_names_comments_and_docstrings_are_read_but_no_code():
    source = 'def _heard_out():\n    """Of a run."""\n    behind = 1  # anew\n    return f"{behind} is told"\n'
    assert sorted(word for text in texts_of_source(source) for word in banned_in(text)) == ["anew", "heard", "told"]


def main() -> None:
    """Print the banned words of the files given, or of all files, each with what to write instead."""
    for path in [Path(name).resolve() for name in sys.argv[1:]] or files():
        for word, count in Counter(banned_in_file(path)).most_common():
            instead = next(INSTEAD[p] for pattern, p in PATTERNS.items() if pattern.fullmatch(word))
            print(f"{path.relative_to(ROOT)}: {word} ({count}): {instead}")


if __name__ == "__main__":
    main()
