"""Where latents are kept and cells are fitted: at points, never at levels of rate.

A level of bpp gives every image a model id and a displacement. Levels that give all images the same
ones are one point: its latents are kept and its cells are fitted once, and the levels hold copies.
Points are named by what they are, so that a level that is added changes no other:

=========================  ====================================================================
``model-3``                y, where all images of both splits have model id 3
``models-1f2e3d4c``        y, where images differ in model id
``model-3_beta-240``       y_hat with the table's model id and displacement (``beta--240``: -240)
``matched-1f2e3d4c``       y_hat with model ids and displacements found for every image
=========================  ====================================================================

The eight hexadecimal digits are of a digest over the model ids (y), or model ids and displacements
(y_hat), of the training and the test images.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from latentprint import grid
from latentprint.classifiers import CLASSIFIERS
from latentprint.errors import UserError
from latentprint.grid import Cell, Config

SPLITS = ("train", "test")
# Of rules' wildcards.
MODEL = r"model-[0-3]"
MIXED = r"models-[0-9a-f]{8}"
QUANTISED = r"model-[0-3]_beta--?[0-9]+|matched-[0-9a-f]{8}"

Sidecar = Mapping[str, Any]


@dataclass(frozen=True)
class Points:
    """The points of a run.

    Attributes
    ----------
    config : dict
    matched : callable (level, split) -> Sidecar, optional
        Description of what the matcher found for the images of a split; needed with `rate: match`
        alone. Asked for no more levels than an answer needs.
    unknown : type of exception
        What `matched` raises for a level that was not matched yet.
    """

    config: Config
    matched: Callable[[str, str], Sidecar] | None = None
    unknown: type[Exception] = LookupError

    def of(self, bpp: str, latent: str) -> str:
        """Name the point of a level.

        Parameters
        ----------
        bpp : str
            Level as in paths.
        latent : {"y", "y_hat"}
        """
        if not grid.matched(self.config):
            model, beta = grid.operating_point(self.config, bpp)
            return f"model-{model}" if latent == "y" else f"model-{model}_beta-{beta}"
        found = [self._found(bpp, split) for split in SPLITS]
        if latent == "y_hat":
            return f"matched-{_digest(found, ('model', 'beta'))}"
        models = {model for sidecar in found for model in sidecar["summary"]["model"]}
        return (
            f"model-{models.pop()}" if len(models) == 1 else f"models-{_digest(found, ('model',))}"
        )

    def models(self, bpp: str, split: str) -> list[int]:
        """Give the model ids that the images of a level have, in ascending order."""
        if not grid.matched(self.config):
            return [grid.operating_point(self.config, bpp)[0]]
        return sorted(int(model) for model in self._found(bpp, split)["summary"]["model"])

    def levels_at(self, point: str) -> Iterator[str]:
        """Give the levels that are a point, in the order of the configuration."""
        latent = _latent(point)
        return (bpp for bpp in grid.levels(self.config) if self.of(bpp, latent) == point)

    def level_at(self, point: str) -> str:
        """Give any level that is a point, one that is known if there is one.

        So that what is known of a point does not wait for levels that were added.

        Raises
        ------
        UserError
            If no level is at this point.
        """
        latent, waiting = _latent(point), None
        for bpp in grid.levels(self.config):
            try:
                if self.of(bpp, latent) == point:
                    return bpp
            except self.unknown as error:
                waiting = waiting or error
        if waiting:
            raise waiting
        raise UserError(
            f"{point}: no level of bpp is at this point. Run snakemake without a target"
        )

    def same_as(self, bpp: str) -> list[str]:
        """Give the levels before a level that give all images the same model and displacement."""
        before = grid.levels(self.config)
        before = before[: before.index(bpp)]
        return [other for other in before if self.of(other, "y_hat") == self.of(bpp, "y_hat")]

    def fitted(self, cell: Cell) -> str:
        """Name the cell that is fitted for a cell of a level, as `study` reads it."""
        return "/".join((self.of(cell.bpp, cell.latent), *cell.path.split("/")[1:]))

    def study(self, fitted: str) -> str:
        """Name the cell whose search a fitted cell uses.

        `tuning_from` says what is reused: a feature from another feature, `latents` and `bpp` true
        where the first latent and the first level of the lists stand for all. Features are searched
        each by itself where there are no trees: a penalty depends on the number of values.

        Parameters
        ----------
        fitted : str
            "<point>/<latent>/<component>/<feature>/<classifier>".

        Returns
        -------
        str
            Of the same form; equal to `fitted` where the cell is searched itself.
        """
        where, latent, component, feature, classifier = fitted.split("/")
        reuse = self.config["tuning_from"]
        if reuse.get("latents") and self.config["latents"][0] != latent:
            latent = self.config["latents"][0]
            # All levels of a point of y_hat have one point of y; the other way round they need not.
            level = self.level_at(where) if latent == "y" else next(self.levels_at(where))
            where = self.of(level, latent)
        if reuse.get("bpp"):
            where = self.of(grid.levels(self.config)[0], latent)
        if CLASSIFIERS[classifier].grown:
            feature = reuse.get(feature, feature)
        return f"{where}/{latent}/{component}/{feature}/{classifier}"

    def searched(self, fitted: str) -> bool:
        """Say whether a fitted cell has a search of its own; else its parameters are given."""
        return self.config["tuning"] != "published" and self.study(fitted) == fitted

    def _found(self, bpp: str, split: str) -> Sidecar:
        if self.matched is None:
            raise ValueError("rate: match, but nothing is known of what was matched")
        return self.matched(bpp, split)


def _latent(point: str) -> str:
    return "y_hat" if re.fullmatch(QUANTISED, point) else "y"


def table_entry(point: str) -> tuple[int, int]:
    """Give model id and displacement of a point "model-<m>_beta-<b>"."""
    model, _, beta = point.removeprefix("model-").partition("_beta-")
    return int(model), int(beta)


def _digest(sidecars: list[Sidecar], names: tuple[str, ...]) -> str:
    digests = [sidecar["datasets"][name]["sha256"] for sidecar in sidecars for name in names]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()[:8]
