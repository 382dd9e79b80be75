"""What a cue is asked: which pictures a forest learns from, and which it is asked about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from latentprint.cues.sources import Source

ALL = "all"
DETECTOR = "detector"  # the task whose forest scores a user's pictures


@dataclass(frozen=True)
class Pick:
    """Some pictures of one version, as one class.

    Attributes
    ----------
    version : str
    kind : str
        Class of the sources: uncompressed, synthetic, decoded.
    positive : bool
        Class that they have for this cue.
    source : str, optional
        One source alone.
    confounded : bool or None
        Only confounded pictures, only others, or (None) all.
    turn : (int, int), optional
        Of the sources in their order only those whose number leaves this rest: (rest, divisor). Of
        several levels each photograph then stands for one.
    """

    version: str
    kind: str
    positive: bool
    source: str | None = None
    confounded: bool | None = None
    turn: tuple[int, int] | None = None

    def choose(self, sources: Sequence[Source]) -> list[Source]:
        """Give the pictures that belong to it, in their order."""
        chosen = [
            source
            for source in sources
            if source.kind == self.kind
            and self.source in (None, source.source)
            and self.confounded in (None, bool(source.confounded))
        ]
        rest, divisor = self.turn or (0, 1)
        return chosen[rest::divisor]


@dataclass(frozen=True)
class Trial:
    """One forest, and what it is asked about.

    Attributes
    ----------
    task : str
        Table that it belongs to.
    trained_on : str
        In a word: a level, a generator, "all".
    train : tuple of Pick
    tests : mapping of str to tuple of Pick
        By name. A forest is never asked about an image that it learnt from: it is fitted once for
        each fold of images.
    features : str
        Feature set.
    """

    task: str
    trained_on: str
    train: tuple[Pick, ...]
    tests: Mapping[str, tuple[Pick, ...]] = field(hash=False)
    features: str


@dataclass(frozen=True)
class Asked:
    """What a module is given to measure pictures.

    Attributes
    ----------
    compressor : Compressor or None
        None for cues that do not ask the codec.
    version : str
        Of the pictures.
    settings : mapping
        The key `cues` of the configuration.
    """

    compressor: Any
    version: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Material:
    """What pictures there are, for the trials to be made up from.

    Attributes
    ----------
    photographs, generators, decoded : tuple of str
        Sources of each class.
    """

    photographs: tuple[str, ...]
    generators: tuple[str, ...]
    decoded: tuple[str, ...]


def material(sources: Sequence[Source]) -> Material:
    """List the sources of each class, in order of first appearance."""

    def of(kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.source for row in sources if row.kind == kind))

    return Material(of("uncompressed"), of("synthetic"), of("decoded"))
