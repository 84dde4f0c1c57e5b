"""The three searches: random, by evolution, and Monte Carlo tree search. All of them end when the archive is full."""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from descend.discover.archive import Archive, OutOfEvaluations
from descend.discover.expression import (
    LONGEST,
    Expression,
    argument_count,
    crossed,
    mutated,
    random_expression,
    read_prefix,
)

MOST_PROPOSALS = 100  # for each evaluation: a search that finds nothing new ends
POPULATION, TOURNAMENT = 48, 6  # Real et al. 2019, §3: many small tournaments among the youngest
FROM_ARCHIVE, CROSSING = 0.2, 0.3  # probabilities that a parent is an elite of the archive, and of a second parent
EXPLORATION = 0.7  # weight of rarely tried symbols in the tree search
Search = Callable[[Archive, random.Random, Sequence[str]], None]


def random_search(archive: Archive, draws: random.Random, symbols: Sequence[str]) -> None:
    """Evaluate independent random expressions: the floor that other searches must beat."""
    while True:
        _propose(archive, random_expression(draws, symbols, draws.randint(1, LONGEST)))


def evolution(archive: Archive, draws: random.Random, symbols: Sequence[str]) -> None:
    """Change the best of a few rules, from plain SGD on, and drop the oldest ones (Real et al. 2019, Algorithm 1)."""
    start = read_prefix(["g"])
    population = [(_propose(archive, start), start)]
    while True:
        if draws.random() < FROM_ARCHIVE and (elites := archive.elites):
            parent = draws.choice(elites).expression
        else:
            parent = min(draws.choices(population, k=TOURNAMENT), key=lambda member: member[0])[1]
        if draws.random() < CROSSING:
            parent = crossed(parent, draws.choice(population)[1], draws)
        child = mutated(parent, draws, symbols)
        value = _propose(archive, child)
        if math.isfinite(value):
            population.append((value, child))
            del population[:-POPULATION]


@dataclass
class _Node:
    """The beginning of an expression in prefix order, with the rewards of those that begin so."""

    visits: int = 0
    total: float = 0.0
    is_exhausted: bool = False  # whether every expression that begins so was evaluated
    children: dict[str, "_Node"] = field(default_factory=dict)

    def bound(self, parent_visits: int) -> float:
        """Return the upper confidence bound: the mean reward, and more the less the node was visited."""
        return self.total / self.visits + EXPLORATION * math.sqrt(math.log(parent_visits) / self.visits)

    def next_symbol(self, fitting: Sequence[str], draws: random.Random) -> tuple[str, bool]:
        """Return the symbol to try next, and whether it was never tried here."""
        if new := [symbol for symbol in fitting if symbol not in self.children]:
            return draws.choice(new), True
        open_ones = {symbol: self.children[symbol] for symbol in fitting if not self.children[symbol].is_exhausted}
        return max(open_ones, key=lambda symbol: open_ones[symbol].bound(self.visits)), False


def tree_search(archive: Archive, draws: random.Random, symbols: Sequence[str]) -> None:
    """Choose the symbols in prefix order by their upper confidence bounds (UCT: Kocsis & Szepesvári 2006).

    The reward of an expression falls from 1 to 0 as its score rises; it is 0 if the expression cannot train anything.
    """
    root = _Node()
    while not root.is_exhausted:
        path, prefix, waiting, is_new = [root], list[str](), 1, False
        while waiting and not is_new:
            symbol, is_new = path[-1].next_symbol(_fitting(symbols, len(prefix), waiting), draws)
            prefix.append(symbol)
            waiting += argument_count(symbol) - 1
            path.append(path[-1].children.setdefault(symbol, _Node()))
        path[-1].is_exhausted = not waiting
        expression = read_prefix([*prefix, *_completion(draws, symbols, len(prefix), waiting)])
        reward = 1 / (1 + math.exp(min(_propose(archive, expression), 700.0)))
        for node in path:
            node.visits, node.total = node.visits + 1, node.total + reward
        _close(path, prefix, symbols)


def _fitting(symbols: Sequence[str], length: int, waiting: int) -> list[str]:
    """Return the symbols that may follow a prefix of some length, in which so many arguments are missing."""
    return [symbol for symbol in symbols if length + waiting + argument_count(symbol) <= LONGEST]


def _close(path: Sequence[_Node], prefix: Sequence[str], symbols: Sequence[str]) -> None:
    """Mark the nodes of a path, the last ones first, whose expressions were all evaluated."""
    for depth in range(len(path) - 2, -1, -1):
        waiting = 1 + sum(argument_count(symbol) - 1 for symbol in prefix[:depth])
        children = [path[depth].children.get(symbol) for symbol in _fitting(symbols, depth, waiting)]
        path[depth].is_exhausted = all(child is not None and child.is_exhausted for child in children)
        if not path[depth].is_exhausted:
            return


def _completion(draws: random.Random, symbols: Sequence[str], length: int, waiting: int) -> list[str]:
    """Return random symbols that complete a prefix of some length, in which so many arguments are missing."""
    found: list[str] = []
    for missing in range(waiting - 1, -1, -1):
        part = random_expression(draws, symbols, draws.randint(1, LONGEST - length - len(found) - missing))
        found += part.prefix
    return found


def _propose(archive: Archive, expression: Expression) -> float:
    """Return the score of an expression. Raise `OutOfEvaluations` if the search finds nothing new any more."""
    if archive.proposed >= MOST_PROPOSALS * archive.most:
        raise OutOfEvaluations
    return archive.evaluate(expression)


SEARCHES: dict[str, Search] = {"evolution": evolution, "tree": tree_search, "random": random_search}


def run_search(name: str, archive: Archive, seed: int, symbols: Sequence[str]) -> None:
    """Run a search until the archive is full. The same seed and symbols give the same search."""
    try:
        SEARCHES[name](archive, random.Random(f"{name} {seed}"), symbols)
    except OutOfEvaluations:
        return
