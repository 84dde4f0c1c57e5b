"""Write the page on the loss landscape; each section can be measured separately, without changing the others."""

from collections.abc import Callable

import critical_points
import curvature
import gradient_statistics
import surfaces
import symmetries
import torch
import tradeoff
import trajectories
from side_by_side import HERE, fill_section

PAGE = HERE / "LANDSCAPE.md"
HEAD = """# The landscape

Each section by itself: `python benchmarks/run.py NAME`. Ratios are medians of pairs (least to largest).
"""
Write = Callable[..., None]


def of_curvature(write: Write) -> None:
    """Measure ends, density, trace and condition number, and the motion of optimizers along eigenvectors."""
    write("### Products for both ends, relative to ARPACK at an equal residual (reach: at most 1.1)", "")
    write(
        "Networks on 512 digits in float64, the same start; ARPACK by `scipy.sparse.linalg.eigsh(which='BE')`, at the"
    )
    write("loosest tolerance that leaves no larger residual.", "")
    write("| network | pairs | residual / radius | ours | ARPACK | ratio |", "|---|---|---|---|---|---|")
    for row in curvature.against_arpack():
        write(row)
    write("", "### Time for the same answer, ours over theirs (reach: at most 1)", "")
    write(
        "In float32, one thread. Eigenvalues: each tool at its loosest setting that is right from three random",
        "starts.",
    )
    write("", "| network | question | tool | ours, ms | ours over theirs |", "|---|---|---|---|---|")
    for row in curvature.against_others():
        write(row)
    write("", "### Against the formed matrix, in float64", "")
    write("Reach: λmax within 1 %, λmin and density (Wasserstein distance) within 1 % of the range. κ: what is said of")
    write("the condition number, and the formed matrix's, which is singular but for rounding.", "")
    write("| network | parameters | products | λmax off | λmin off | density off | trace held | κ | formed |")
    write("|---" * 9 + "|")
    for row in curvature.against_formed_matrices():
        write(row)
    write("", f"The 95 % interval of the trace holds it in {curvature.coverage()} (reach: 180).", "")
    write("### What a rule does along an eigenvector: predicted, and observed over 12 steps of the full batch", "")
    write(
        "Driven: the direction has settled and follows the others. Off: the observed α·λ from the predicted one, as a"
    )
    write("share of it, of those that move by themselves.", "")
    write("| rule | largest α·λ | bound | directions | driven | as predicted | off, median | largest |")
    write("|---" * 8 + "|")
    for row in curvature.predicted_and_observed():
        write(row)


def of_surfaces(write: Write) -> None:
    """Measure the number of evaluations of a surface, the gain of refining, and the time of a value."""
    write("### Evaluations over the places that are drawn (reach: at most 1.1)", "")
    write(
        "| surface | places | in one go | interrupted and resumed |", "|---|---|---|---|", *surfaces.evaluations(), ""
    )
    write("### Errors of as many places, of the range (root of the mean square over the finest grid)", "")
    write("| cost | places | refined | even, by lines | even, by a cubic |", "|---|---|---|---|---|")
    for row in surfaces.refinement():
        write(row)
    write("", "### 51 × 51 values, over as many forward passes", "")
    write("| network | time | ratio |", "|---|---|---|", *surfaces.seconds())


SECTIONS: dict[str, Callable[[Write], None]] = {
    "curvature": of_curvature,
    "critical points": critical_points.of_critical_points,
    "surfaces": of_surfaces,
    "gradients": gradient_statistics.of_gradients,
    "trajectories": trajectories.of_trajectories,
    "symmetry": symmetries.of_symmetries,
    "trade-off": tradeoff.of_tradeoff,
}


def measure(name: str) -> None:
    """Measure one section and replace it on the page."""
    torch.set_num_threads(1)
    fill_section(PAGE, HEAD, name, SECTIONS[name])
