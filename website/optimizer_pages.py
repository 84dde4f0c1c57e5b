"""The pages of the optimizers: when to use one, its equations, two pictures, its parameters and its code."""

from collections.abc import Iterator

import optimizer_charts
from equations import equations
from part_pages import class_page, optimizer_classes

COMPARED = (
    "[Which optimizer to choose](../do/choosing.md) compares optimizers, [Optimizers](../lookup/optim.md) lists all."
)


def optimizer_pages(*, with_charts: bool) -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each optimizer's page and, if asked, of its pictures."""
    for name, kind in optimizer_classes().items():
        pictures = {}
        if with_charts:
            pictures = {"ravine": optimizer_charts.ravine_chart(name), "digits": optimizer_charts.digits_chart(name)}
        example = f"from descend.optim import {name}\n\noptimizer = {name}(model.parameters())"
        rates = {which: text for which, (_, text) in pictures.items()}
        yield f"optimizers/{name}.md", class_page(kind, example, COMPARED, [*_equations(kind), *_pictures(name, rates)])
        for which, (svg, _) in pictures.items():
            yield f"optimizers/{name}-{which}.svg", svg


def _equations(kind: type) -> Iterator[str]:
    """Yield the section with the equations of an optimizer's update rules."""
    rules = equations(kind)
    if rules:
        yield from ("## Equations", "")
        yield "θ are the weights, g is their gradient, and t is the number of the step, from 1."
        yield ""
        for name, lines in rules:
            yield from (f"`{name}`:", "", "```text", *lines, "```", "") if lines else _no_equations(name)


def _no_equations(name: str) -> Iterator[str]:
    """Yield a sentence about an update rule that has loops or matrix functions."""
    yield from (f"`{name}` updates a matrix as a whole. Its code below is shorter than its equations.", "")


def _pictures(name: str, rates: dict[str, str]) -> Iterator[str]:
    """Yield the section with the pictures. rates: name of the picture -> the learning rates in it."""
    if rates:
        steps, epochs = optimizer_charts.STEPS_ON_RAVINE, optimizer_charts.EPOCHS
        yield from ("## Two problems", "")
        yield f"{steps} steps on ½(x²/50 + y²), with the best learning rate of a search ({rates['ravine']}):"
        yield from ("", f"![Path of {name} on the surface]({name}-ravine.svg)", "")
        batches = "with all examples in each step" if name in optimizer_charts.FULL_BATCH else "in batches of 64"
        yield f"{epochs * 29} steps on the digits of scikit-learn, {batches}, with one hidden layer of 32 ReLUs"
        yield f"(one seed, the other settings as by default; best learning rates: {rates['digits']}):"
        yield from ("", f"![Training loss of {name} on digits]({name}-digits.svg)", "")
        yield f"`descend lab trajectories --rules {name},SGD` draws other surfaces."
        yield ""
