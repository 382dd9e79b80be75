"""Latents of pictures in memory, at the operating points that a run's detectors were trained on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from latentprint.codec import JpegAI
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.matcher import MODELS
from latentprint.errors import UserError
from latentprint.extraction import CARRIED, Y_HAT

# What `latentprint.points` names "model-3" (y) and "model-3_beta-545" (y_hat); not imported from
# there, where the whole configuration is. Points of other names differ from image to image.
STATED = re.compile(r"model-(?P<model>[0-3])(_beta-(?P<beta>-?[0-9]+))?")

Planes = tuple[torch.Tensor, torch.Tensor]  # luma, chroma: float32 (N, 160 or 96, h, w)
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Coding:
    """How a run codes its images.

    Attributes
    ----------
    codec : JpegAI
    tools : bool
    state : {"fresh", "carried"}
    y_hat : {"after_lsbs", "before_lsbs"}
    """

    codec: JpegAI
    tools: bool = True
    state: str = "fresh"
    y_hat: str = "after_lsbs"

    def check(self, point: str) -> None:
        """Refuse what one picture by itself cannot be given.

        Parameters
        ----------
        point : str
            As `latentprint.points` names it.

        Raises
        ------
        UserError
            If latents there depend on the pictures before.
        """
        stated = STATED.fullmatch(point)
        if self.state == CARRIED and not (stated and stated["beta"] is None):
            raise UserError(
                f"config: state is carried, with which latents at {point} depend on the images "
                "coded before: a single image has none. Train a detector with state: fresh, or "
                'with latents: ["y"] and rate: table, and score with that'
            )


@dataclass
class BatchLatents:
    """Latents of one batch, computed once for all detectors that ask.

    The stages are called one by one, as extraction calls them, so that a picture has the latents
    that it would have in the run.

    Attributes
    ----------
    coding : Coding
    rgb : Tensor, uint8, (N, 3, H, W)
    """

    coding: Coding
    rgb: torch.Tensor
    _y: dict[int, Planes] = field(default_factory=dict, repr=False)
    _matched: dict[str, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict, repr=False)
    _quantised: dict[str, Planes] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, coding: Coding, pictures: Sequence[NDArray[np.uint8]]) -> "BatchLatents":
        """Begin with pictures of one size, uint8 (H, W, 3)."""
        return cls(coding, torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))

    def at(self, point: str, bpp: str, latent: str) -> dict[str, Values]:
        """Give latents at a point.

        Parameters
        ----------
        point : str
            Where the detector was trained.
        bpp : str
            Its level, which is matched where images of the point differ in model or displacement.
        latent : {"y", "y_hat"}

        Returns
        -------
        dict of str to ndarray, float32, (N, channels, h, w)
            "luma" and "chroma".
        """
        stated = STATED.fullmatch(point)
        if latent == "y_hat":
            planes = self._y_hat(point, bpp)
        elif stated:
            planes = self._analysed(int(stated["model"]))
        else:
            models, _ = self._match(bpp)
            planes = self._gathered(models)
        return {part: plane.numpy() for part, plane in zip(CHANNELS, planes, strict=True)}

    def _analysed(self, model: int) -> Planes:
        if model not in self._y:
            coded = self.coding.codec.encode(self.rgb, model=model, latents=("y",))
            self._y[model] = coded.luma.y.cpu(), coded.chroma.y.cpu()
        return self._y[model]

    def _match(self, bpp: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Find model ids, int64 (N,), and displacements, int64 (N, 2)."""
        if bpp not in self._matched:
            analysed = {model: self._analysed(model) for model in MODELS}
            luma, chroma = (
                {model: planes[k] for model, planes in analysed.items()} for k in (0, 1)
            )
            size = (self.rgb.shape[2], self.rgb.shape[3])
            found = self.coding.codec.match(
                luma, chroma, float(bpp), size=size, tools=self.coding.tools
            )
            models = torch.tensor([decision.model for decision in found])
            betas = torch.tensor([[decision.beta] * 2 for decision in found])
            self._matched[bpp] = models, betas
        return self._matched[bpp]

    def _gathered(self, models: torch.Tensor) -> Planes:
        planes = tuple(torch.empty_like(plane) for plane in self._analysed(int(models[0])))
        for model in models.unique().tolist():
            rows = torch.nonzero(models == model).flatten()
            for plane, analysed in zip(planes, self._analysed(model), strict=True):
                plane[rows] = analysed[rows]
        return planes

    def _y_hat(self, point: str, bpp: str) -> Planes:
        stated = STATED.fullmatch(point)
        key = point if stated else bpp
        if key not in self._quantised:
            if stated:
                models = torch.full((len(self.rgb),), int(stated["model"]))
                betas = torch.full((len(self.rgb), 2), int(stated["beta"]))
            else:
                models, betas = self._match(bpp)
            self._quantised[key] = self._quantise(models, betas)
        return self._quantised[key]

    def _quantise(self, models: torch.Tensor, betas: torch.Tensor) -> Planes:
        kept = Y_HAT[self.coding.y_hat]
        size = (self.rgb.shape[2], self.rgb.shape[3])
        planes: Planes | None = None
        for model in models.unique().tolist():
            rows = torch.nonzero(models == model).flatten()
            y = tuple(plane[rows] for plane in self._analysed(model))
            coded = self.coding.codec.quantise(
                *y, model, betas[rows], self.coding.tools, (kept,), size=size
            )
            made = tuple(getattr(part, kept).cpu() for part in (coded.luma, coded.chroma))
            if planes is None:
                planes = tuple(plane.new_empty((len(models), *plane.shape[1:])) for plane in made)
            for plane, values in zip(planes, made, strict=True):
                plane[rows] = values
        return planes
