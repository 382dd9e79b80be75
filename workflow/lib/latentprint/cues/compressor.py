"""The codec as the cues use it: pictures through it at a level, and latents as it rounds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from latentprint.codec import JpegAI
from latentprint.errors import UserError

Pictures = NDArray[np.uint8]  # (batch, height, width, 3)
Setting = tuple[int, int]  # model id, displacement of luma and chroma

SPACES = ("residual", "latent")


class Compressed(NamedTuple):
    """What came of compressing pictures.

    Attributes
    ----------
    pictures : ndarray, uint8, (batch, height, width, 3)
        Decoded, without the post filters of the standard's decoder.
    bits : ndarray, float64, (batch, 4)
        Estimated bits of luma z, luma y, chroma z, chroma y.
    settings : list of (int, int)
        Model id and displacement of each picture.
    """

    pictures: Pictures
    bits: NDArray[np.float64]
    settings: list[Setting]


@dataclass
class Compressor:
    """The codec and its levels.

    Attributes
    ----------
    codec : JpegAI
    points : mapping of str to (int, int)
        Model id and displacement of every level.
    match : bool
        Find them for every picture instead, so that it takes the level's bits per pixel; needs the
        files of all four model ids.
    tools : bool
        RVS, GRFS and LSBS. RVS makes the step depend on the position.
    """

    codec: JpegAI
    points: Mapping[str, Setting]
    match: bool = False
    tools: bool = False

    def compress(
        self, pictures: Pictures, level: str, settings: Sequence[Setting] | None = None
    ) -> Compressed:
        """Code and decode.

        Parameters
        ----------
        pictures : ndarray, uint8, (batch, height, width, 3)
        level : str
            Of `points`.
        settings : sequence of (int, int), optional
            Of each picture, in place of the level's: of an earlier pass.
        """
        rgb = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        if settings is None and self.match:
            coded = self.codec.encode(
                rgb, tools=self.tools, latents=("y_hat",), target_bpp=100 * float(level)
            )
            decoded = self.codec.decode(coded)
            found = list(zip(coded.model.tolist(), coded.beta[:, 0].tolist(), strict=True))
            return Compressed(_pixels(decoded), coded.bits.numpy(), found)
        settings = list(settings or [self.setting(level)] * len(pictures))
        decoded = np.empty_like(pictures)
        bits = np.empty((len(pictures), 4))
        for model, beta in dict.fromkeys(settings):
            rows = [k for k, setting in enumerate(settings) if setting == (model, beta)]
            coded = self.codec.encode(
                rgb[rows], model, (beta, beta), tools=self.tools, latents=("y_hat",)
            )
            decoded[rows] = _pixels(self.codec.decode(coded))
            bits[rows] = coded.bits.numpy()
        return Compressed(decoded, bits, settings)

    def setting(self, level: str) -> Setting:
        """Give model id and displacement of a level; `UserError` if it has none."""
        if level not in self.points:
            raise UserError(
                f"cues.operating_points has no level {level}, it has {', '.join(self.points)}. "
                "Add it: [model id, displacement]"
            )
        model, beta = self.points[level]
        return model, beta

    def rounding(
        self, pictures: Pictures, levels: Sequence[str], space: str = "residual"
    ) -> dict[str, NDArray[np.float32]]:
        """Analyse pictures and give their latents on the scale on which the codec rounds.

        Parameters
        ----------
        pictures : ndarray, uint8, (batch, height, width, 3)
        levels : sequence of str
            Of `points`; levels of the same model id and displacement are used once.
        space : {"residual", "latent"}
            `residual`: (y - mu) * gain, what the codec itself rounds. `latent`: y * gain.

        Returns
        -------
        dict of str to ndarray, float32, (batch, 256, rows, columns)
            Of each level that is used; luma, then chroma.
        """
        used = {self.setting(level): level for level in reversed(levels)}
        rgb = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        size = (pictures.shape[1], pictures.shape[2])
        analysed: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        found = {}
        for (model, beta), level in reversed(used.items()):
            if model not in analysed:
                y = self.codec.encode(rgb, model, latents=("y",))
                analysed[model] = y.luma.y, y.chroma.y
            ys = analysed[model]
            coded = self.codec.quantise(
                *ys, model, (beta, beta), tools=self.tools, latents=("mu", "gain"),
                size=size,
            )  # fmt: skip
            parts = []
            for y, latents in zip(ys, (coded.luma, coded.chroma), strict=True):
                start = latents.mu if space == "residual" else 0
                parts.append((y - start) * latents.gain[:, :, None, None])
            found[level] = torch.cat(parts, dim=1).cpu().numpy()
        return found


def _pixels(decoded: torch.Tensor) -> Pictures:
    return np.ascontiguousarray(decoded.permute(0, 2, 3, 1).cpu().numpy())
