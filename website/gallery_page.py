"""The gallery: the verdict and the picture of every claim, and pictures of paths and surfaces."""

import re
from collections.abc import Callable
from pathlib import Path

CLAIMS = Path(__file__).parents[1] / "docs" / "claims"
PICTURES = {
    "trajectories": "Paths of optimizers on Beale's function (`descend lab trajectories --surface beale`)",
    "surface": "The loss on the plane of a run's path (`descend lab surface train.py`)",
    "curvature": "The eigenvalues of a Hessian (`descend lab curvature train.py`)",
    "gradients": "Gradients and their noise (`descend lab gradients train.py`)",
    "activations": "The outputs of each layer with each initialisation (`descend lab activations`)",
    "symmetry": "Symmetries of the hidden units (`descend lab symmetry train.py`)",
    "schedules": "Schedules of the learning rate (`descend lab schedule`)",
    "cycles": "Cyclic schedules (`descend lab schedule`)",
}
RULE = """## Skeptical results are welcome

A measurement that contradicts a textbook, a paper or this gallery is as good a contribution as one that confirms it.
These rules hold for all of them:

1. Both sides are tuned with equally many runs, and the search continues if its best value is at the edge.
2. The range in which the claim holds, and the one in which it does not, are written down before the measurement.
3. Several seeds, an interval, and one error rate for all claims together.
4. The code is published with the figures, and every figure is published: also the one that is not wanted.

A new claim is one file in `src/descend/claims/gallery`; [Contributing](../contribute/index.md) says how. If your
measurement differs from ours, report it with the form "A claim measured otherwise".
"""


def gallery_page(linked: Callable[[str], object]) -> str:
    """Return the gallery. linked: called with the path of each picture that it shows."""
    lines = ["# Gallery", "", "What textbooks and lectures claim, measured here. Green is what the claim expects."]
    lines += ["[How claims are measured](index.md), with a table of all.", ""]
    for path in sorted(CLAIMS.glob("*.md")):
        lines += [*_claim(path.stem, path.read_text(encoding="utf-8")), ""]
    lines += ["## Paths, surfaces and gradients", ""]
    for name, caption in PICTURES.items():
        linked(f"docs/{name}.png")
        lines += [f"![{caption.partition(' (')[0]}](../assets/{name}.png)", "", f"{caption}.", ""]
    return "\n".join([*lines, RULE])


def _claim(name: str, text: str) -> list[str]:
    """Return the title, the sentence, the verdict and the picture of one claim."""
    title, sentence, verdict = (part.strip() for part in text.split("\n\n")[:3])
    bold = re.match(r"\*\*.*?\*\*", verdict)
    picture = re.findall(r"!\[[^\]]*\]\([^)]*\)", text)[:1]
    return [f"## [{title.removeprefix('# ')}]({name}.md)", "", sentence, "", bold[0] if bold else verdict, "", *picture]
