"""Groups of units that must keep one order: those of a layer, and of all layers that are added to it or read it.

A unit's entries lie along an axis of each parameter that makes, shifts or reads it. Where two groups meet, as at the
sum of a residual connection, they become one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Place = tuple[int, int]  # a parameter's slot, and an axis of it


@dataclass(eq=False)
class Group:
    """Units of one order, as far as is known yet."""

    count: int
    maker: int | None  # slot of the weight that makes them, where it is a parameter
    places: dict[Place, int] = field(default_factory=dict)  # -> entries in a row for each unit
    scale: dict[Place, int] = field(default_factory=dict)  # of them, what they are proportional to
    readers: dict[Place, int] = field(default_factory=dict)  # of them, what undoes their scale
    activations: set[str] = field(default_factory=set)
    is_proportional: bool = True  # whether what is read is, in its scale
    is_output: bool = False  # whether the loss judges them
    reason: str = ""  # why they cannot be put into another order
    _into: "Group | None" = None  # the group that has taken it in

    @property
    def root(self) -> "Group":
        """The group that it is part of by now."""
        return self if self._into is None else self._into.root

    def refuse(self, reason: str) -> None:
        """Note why the units cannot be put into another order: the first reason stands."""
        root = self.root
        root.reason = root.reason or reason

    def merge(self, other: "Group") -> None:
        """Make one group of two: one order for both, and no scale of their own."""
        mine, theirs = self.root, other.root
        if mine is theirs:
            return
        if mine.count != theirs.count:
            mine.refuse(f"{mine.count} and {theirs.count} units meet")
        theirs._into = mine
        mine.maker = theirs.maker if mine.maker is None else mine.maker
        mine.places |= theirs.places
        mine.activations |= theirs.activations
        mine.is_proportional = False
        mine.is_output = mine.is_output or theirs.is_output
        mine.refuse(theirs.reason)


@dataclass(frozen=True)
class Units:
    """What lies along one dimension of a value: each unit of a group, `block` entries in a row."""

    group: Group
    block: int = 1

    @property
    def size(self) -> int:
        """Of the dimension."""
        return self.group.root.count * self.block


class Groups:
    """All groups of a recording, and which one each axis of a parameter belongs to."""

    def __init__(self) -> None:
        self.of: dict[Place, Group] = {}
        self.made: list[Group] = []

    def new(self, count: int, maker: int | None = None) -> Group:
        """Return a group of its own."""
        self.made.append(Group(count, maker))
        return self.made[-1]

    def join(self, group: Group, place: Place, size: int) -> int:
        """Give an axis of a parameter, of that size, to a group; return how many entries each unit has along it."""
        root = group.root
        if size % root.count:
            root.refuse(f"{root.count} units meet a parameter of {size}")
            return 1
        known = self.of.get(place)
        if known is not None:
            known.merge(root)
            root = known.root
        block = size // root.count
        self.of[place] = root
        root.places[place] = block
        return block

    def roots(self) -> Iterator[Group]:
        """Yield every group once."""
        yield from {id(group.root): group.root for group in self.made}.values()


Annotation = Mapping[int, Units]  # dimension -> what lies along it
