"""Groups of hidden units that must be permuted together: the units of layers whose outputs are added to each other.

Each unit has entries along an axis of every parameter that computes, shifts or reads it. When two groups are added, as
in a residual connection, they become one group.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Place = tuple[int, int]  # id of a parameter in the recording, and one of the parameter's axes


@dataclass(eq=False)
class Group:
    """Hidden units that must be permuted together, as far as the analysis has found."""

    count: int
    maker: int | None  # id of the weight that computes the units; None if it is not a parameter
    # axis of a parameter -> number of consecutive entries for each unit
    places: dict[Place, int] = field(default_factory=dict)
    scale: dict[Place, int] = field(default_factory=dict)  # axes of the parameters that the units are proportional to
    # axes of the weights of the next layers, where a rescaling of the units can be undone
    readers: dict[Place, int] = field(default_factory=dict)
    activations: set[str] = field(default_factory=set)
    is_proportional: bool = True  # whether the next layer's inputs are proportional to the scale of the units
    is_output: bool = False  # whether the units are the network's outputs
    reason: str = ""  # why the units cannot be permuted; "" if they can
    _into: "Group | None" = None  # the group that this group was merged into

    @property
    def root(self) -> "Group":
        """The group that this group has been merged into, or this group itself."""
        return self if self._into is None else self._into.root

    def exclude(self, reason: str) -> None:
        """Store the reason why the units cannot be permuted; only the first reason is kept."""
        root = self.root
        root.reason = root.reason or reason

    def merge(self, other: "Group") -> None:
        """Merge two groups into one group with a common order, whose units cannot be rescaled."""
        mine, theirs = self.root, other.root
        if mine is theirs:
            return
        if mine.count != theirs.count:
            mine.exclude(f"groups of {mine.count} and {theirs.count} units are combined")
        theirs._into = mine
        mine.maker = theirs.maker if mine.maker is None else mine.maker
        mine.places |= theirs.places
        mine.activations |= theirs.activations
        mine.is_proportional = False
        mine.is_output = mine.is_output or theirs.is_output
        mine.exclude(theirs.reason)


@dataclass(frozen=True)
class Units:
    """The units along one dimension of a value, with `block` consecutive entries for each unit."""

    group: Group
    block: int = 1

    @property
    def size(self) -> int:
        """The size of the value's dimension: the number of units times the entries for each unit."""
        return self.group.root.count * self.block


class Groups:
    """All groups of hidden units in a recording, and the group that each axis of a parameter belongs to."""

    def __init__(self) -> None:
        self.of: dict[Place, Group] = {}
        self.made: list[Group] = []

    def create(self, count: int, maker: int | None = None) -> Group:
        """Create a group of `count` hidden units and return it."""
        self.made.append(Group(count, maker))
        return self.made[-1]

    def add_axis(self, group: Group, place: Place, size: int) -> int:
        """Add a parameter's axis of the given size to a group; return the number of entries per unit along the axis."""
        root = group.root
        if size % root.count:
            root.exclude(f"{root.count} units are combined with a parameter of size {size}")
            return 1
        analysis = self.of.get(place)
        if analysis is not None:
            analysis.merge(root)
            root = analysis.root
        block = size // root.count
        self.of[place] = root
        root.places[place] = block
        return block

    def roots(self) -> Iterator[Group]:
        """Yield each group of units once; groups that were merged count as one group."""
        yield from {id(group.root): group.root for group in self.made}.values()


Annotation = Mapping[int, Units]  # dimension of a value -> the units along that dimension
