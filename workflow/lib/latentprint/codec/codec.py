"""`JpegAI`: the only place that knows the order of the stages."""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec import (
    analysis,
    colour,
    context,
    gains,
    hyper,
    rate,
    residual,
    synthesis,
)
from latentprint.codec import (
    weights as weight_files,
)
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.weights import Part
from latentprint.errors import UserError
from latentprint.weight_files import BETAS

OPERATING_POINTS = ("BOP", "HOP")
KEPT = ("y", "y_hat", "q", "z_hat", "mu")
MIN_SIDE = 64
# On a CPU the convolution algorithm, and with it the last bits, depends on the batch (section 10),
# and a bit can flip a symbol. One picture at a time costs nothing there: batches run no faster.
CPU_BATCH = 1
# Memory of one pixel on a GPU: twice the largest sum of live tensors in analysis or synthesis, so
# that the convolutions' workspace has room (measured on a CPU: 540 bytes BOP, 1,130 bytes HOP).
GPU_BYTES_PER_PIXEL = {"BOP": 1_100, "HOP": 2_300}
GPU_BATCH_MAX = 256


@dataclass
class Latents:
    """Tensors of one component; those not asked for are None.

    Attributes
    ----------
    y : Tensor, float32, (batch, channel, h, w)
        Latents before quantisation.
    y_hat : Tensor, float32, (batch, channel, h, w)
        Latents after quantisation, the input of the synthesis.
    q : Tensor, int16, (batch, channel, h, w)
        Quantised residual.
    z_hat : Tensor, int8, (batch, channel, hz, wz)
        Hyper latents.
    mu : Tensor, float32, (batch, channel, h, w)
        Mean prediction.
    """

    y: Tensor | None = None
    y_hat: Tensor | None = None
    q: Tensor | None = None
    z_hat: Tensor | None = None
    mu: Tensor | None = None


@dataclass
class Coded:
    """A batch of coded images.

    Attributes
    ----------
    luma, chroma : Latents
    model : Tensor, int64, (batch,)
        Model id, 0..3.
    beta : Tensor, int64, (batch, 2)
        Displacement in effect for luma and chroma, -1069..702.
    bits : Tensor, float64, (batch, 4)
        Estimated bits of luma z, luma y, chroma z, chroma y; NaN where nothing was quantised.
    size : (int, int)
        Height and width of the pictures, pixels.
    """

    luma: Latents
    chroma: Latents
    model: Tensor
    beta: Tensor
    bits: Tensor
    size: tuple[int, int]


@dataclass
class JpegAI:
    """The codec with one folder of weights at one operating point.

    Use `JpegAI.load`. Nothing is shared between images: every image is coded as if it were the
    first. On a CPU with one thread the result is the same to the last bit whatever the batch; on a
    GPU last bits may differ (specification, section 10).
    """

    folder: Path
    operating_point: str
    device: torch.device
    _cache: dict[Part, dict[str, Tensor]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls, weights: str | Path, operating_point: str = "HOP", device: str = "cpu"
    ) -> "JpegAI":
        """Open a folder in the official layout and check every file that is there.

        Parameters
        ----------
        weights : path
            Folder with `VM_hop/` or `VM_bop/`, and `VM_common_int/`; some of the files are enough:
            each request says which of them it needs.
        operating_point : {"HOP", "BOP"}, default "HOP"
            High or base operating point, of analysis and synthesis alike.
        device : str, default "cpu"
            A torch device.

        Raises
        ------
        UserError
            If the operating point is unknown, the folder holds none of its files, a file is not
            what it should be (file and key are named), or the device is not there.
        """
        folder = Path(weights)
        if operating_point not in OPERATING_POINTS:
            raise UserError(
                f"operating point {operating_point!r} is not available, expected one of "
                f"{', '.join(OPERATING_POINTS)}. Set operating_point"
            )
        try:
            place = torch.device(device)
        except (RuntimeError, TypeError):
            raise UserError(f"device {device!r} is unknown, expected 'cpu' or 'cuda'") from None
        if place.type == "cuda":
            if not torch.cuda.is_available():
                raise UserError(f"device {device!r} asked for, but torch sees no CUDA. Use 'cpu'")
            # The codec is float32: rounded products would flip symbols.
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.allow_tf32 = False
        for part in _present(folder, operating_point):
            weight_files.check(folder, part)
        return cls(folder, operating_point, place)

    @torch.no_grad()
    def encode(
        self,
        rgb: Tensor,
        model: int = 3,
        beta: tuple[int, int] = (0, 0),
        tools: bool = False,
        latents: Collection[str] = ("y", "y_hat"),
        *,
        target_bpp: float | None = None,
    ) -> Coded:
        """Code a batch of images.

        Parameters
        ----------
        rgb : Tensor, uint8, (batch, 3, height, width)
            At least 64 x 64 pixels.
        model : int, default 3
            Model id, 0..3.
        beta : (int, int), default (0, 0)
            Displacement for luma and chroma; clipped to -1069..702.
        tools : bool, default False
            RVS, GRFS and LSBS; only False is available.
        latents : collection of str, default ("y", "y_hat")
            What to keep, out of "y", "y_hat", "q", "z_hat", "mu". With "y" alone the entropy
            files are not needed and `bits` is NaN.
        target_bpp : float, optional
            Rate matching for each image; not available.

        Returns
        -------
        Coded
            Latents on the codec's device; `model`, `beta` and `bits` on the CPU. Pictures of more
            than a megapixel are coded whole, where the reference software works in tiles.

        Raises
        ------
        UserError
            If the images, the model id or the names are not as above, or files are missing.
        """
        if target_bpp is not None:
            raise UserError("target_bpp (rate matching) is not available. Give model and beta")
        rgb = self._check_images(rgb)
        self._check_request(model, beta, tools, latents)
        quantised = any(name != "y" for name in latents)
        self._require(("encoder", "entropy") if quantised else ("encoder",), model)
        pieces = [
            self._encode_batch(batch, model, beta, frozenset(latents))
            for batch in rgb.split(self.batch(rgb.shape[-2] * rgb.shape[-1]))
        ]
        return _gathered(pieces, model, beta, size=(rgb.shape[-2], rgb.shape[-1]))

    @torch.no_grad()
    def quantise(
        self,
        luma_y: Tensor,
        chroma_y: Tensor,
        model: int = 3,
        beta: tuple[int, int] = (0, 0),
        latents: Collection[str] = ("y_hat",),
    ) -> Coded:
        """Run the entropy side alone, on latents that were computed before.

        Parameters
        ----------
        luma_y : Tensor, float32, (batch, 160, h, w)
        chroma_y : Tensor, float32, (batch, 96, h, w)
        model, beta, latents
            As in `encode`.

        Returns
        -------
        Coded
            `size` is that of the latents times 16: the true size is not known here.
        """
        self._check_request(model, beta, False, latents)
        if "y" in latents:
            raise UserError("latents: 'y' is what quantise is given. Ask for the others")
        self._check_latents(luma_y, chroma_y)
        self._require(("entropy",), model)
        size = self.batch(256 * luma_y.shape[-2] * luma_y.shape[-1])
        pieces = [
            self._quantise_batch(*batch, model, beta, frozenset(latents))
            for batch in zip(luma_y.split(size), chroma_y.split(size), strict=True)
        ]
        return _gathered(pieces, model, beta, size=(16 * luma_y.shape[-2], 16 * luma_y.shape[-1]))

    def decode(self, coded: Coded) -> Tensor:
        """Decode a batch to pictures.

        Parameters
        ----------
        coded : Coded
            With "y_hat"; images of several model ids may be mixed.

        Returns
        -------
        Tensor, uint8, (batch, 3, height, width)

        Raises
        ------
        UserError
            If y_hat was not kept.
        """
        if coded.luma.y_hat is None or coded.chroma.y_hat is None:
            raise UserError(
                "decode needs y_hat, which was not kept. Encode with latents=('y_hat',)"
            )
        models = coded.model.unique().tolist()
        pictures = torch.empty((len(coded.model), 3, *coded.size), dtype=torch.uint8)
        for model in models:
            rows = torch.nonzero(coded.model == model).flatten()
            at = rows.to(coded.luma.y_hat.device)
            pictures[rows] = self.synthesise(
                coded.luma.y_hat[at], coded.chroma.y_hat[at], size=coded.size, model=model
            ).cpu()
        return pictures.to(self.device)

    @torch.no_grad()
    def synthesise(
        self, y_hat_luma: Tensor, y_hat_chroma: Tensor, size: tuple[int, int], model: int = 3
    ) -> Tensor:
        """Turn latents into pictures; no post filters.

        Parameters
        ----------
        y_hat_luma : Tensor, float32, (batch, 160, h, w)
        y_hat_chroma : Tensor, float32, (batch, 96, h, w)
        size : (int, int)
            Height and width of the pictures, pixels.
        model : int, default 3

        Returns
        -------
        Tensor, uint8, (batch, 3, height, width)
        """
        self._check_model(model)
        self._check_latents(y_hat_luma, y_hat_chroma)
        grid = tuple(-(-int(side) // 16) for side in size)
        if grid != tuple(y_hat_luma.shape[-2:]):
            raise UserError(
                f"size {tuple(size)}: expected latents of {grid[0]} x {grid[1]} positions, got "
                f"{y_hat_luma.shape[-2]} x {y_hat_luma.shape[-1]}. Give height and width in pixels"
            )
        self._require(("decoder",), model)
        pictures = []
        batch = self.batch(size[0] * size[1])
        for luma, chroma in zip(y_hat_luma.split(batch), y_hat_chroma.split(batch), strict=True):
            luma, chroma = luma.to(self.device), chroma.to(self.device)
            y = synthesis.synthesise_luma(
                luma,
                size=size,
                operating_point=self.operating_point,
                weights=self._weights("decoder", "luma", model),
            )
            uv = synthesis.synthesise_chroma(
                luma,
                chroma,
                size=size,
                operating_point=self.operating_point,
                weights=self._weights("decoder", "chroma", model),
            )
            pictures.append(colour.yuv_to_rgb(y, uv))
        return torch.cat(pictures)

    def batch(self, pixels: int) -> int:
        """Give the number of images that pass the networks together.

        Parameters
        ----------
        pixels : int
            Height times width of one image.
        """
        if self.device.type != "cuda":
            return CPU_BATCH
        free, _ = torch.cuda.mem_get_info(self.device)
        # What PyTorch keeps from earlier batches counts as taken there, but is free for this one.
        free += torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
        return max(
            1, min(GPU_BATCH_MAX, free // (GPU_BYTES_PER_PIXEL[self.operating_point] * pixels))
        )

    def _encode_batch(
        self, rgb: Tensor, model: int, beta: tuple[int, int], kept: frozenset[str]
    ) -> dict:
        y, u, v = colour.rgb_to_yuv(rgb.to(self.device))
        inputs = {"luma": y, "chroma": colour.chroma_input(y, u, v)}
        ys = {
            component: analysis.analyse(
                x,
                component=component,
                operating_point=self.operating_point,
                weights=self._weights("encoder", component, model),
            )
            for component, x in inputs.items()
        }
        if kept == {"y"}:
            piece = {component: Latents() for component in CHANNELS}
            piece["bits"] = torch.full((rgb.shape[0], 4), torch.nan, dtype=torch.float64)
        else:
            piece = self._quantise_batch(ys["luma"], ys["chroma"], model, beta, kept)
        if "y" in kept:
            for component in CHANNELS:
                piece[component].y = ys[component]
        return piece

    def _quantise_batch(
        self,
        luma_y: Tensor,
        chroma_y: Tensor,
        model: int,
        beta: tuple[int, int],
        kept: frozenset[str],
    ) -> dict:
        piece = {}
        bits = []
        ys = {"luma": luma_y.to(self.device), "chroma": chroma_y.to(self.device)}
        for (component, y), displacement in zip(ys.items(), beta, strict=True):
            weights = self._weights("entropy", component, model)
            coded, z_hat, index = self._code_component(y, component, weights, displacement)
            bits.append(rate.hyper_bits(z_hat, weights=weights))
            bits.append(rate.residual_bits(coded.q, index))
            piece[component] = Latents(
                y_hat=coded.y_hat if "y_hat" in kept else None,
                q=coded.q.to(torch.int16) if "q" in kept else None,
                z_hat=z_hat if "z_hat" in kept else None,
                mu=coded.mu if "mu" in kept else None,
            )
        piece["bits"] = torch.stack(bits, dim=1)
        return piece

    def _code_component(
        self, y: Tensor, component: str, weights: dict[str, Tensor], displacement: int
    ) -> tuple[context.Reconstruction, Tensor, Tensor]:
        size = (y.shape[-2], y.shape[-1])
        z_hat = hyper.round_z(hyper.hyper_encode(y, weights=weights))
        psi = hyper.decode_hyper(z_hat, latent_size=size, weights=weights)
        log_gain = gains.gain_log(weights, beta=displacement)
        multiplier = gains.gain(log_gain).to(self.device)[:, None, None]
        index = hyper.decode_scales(z_hat, latent_size=size, weights=weights)
        index = index + log_gain.to(self.device)[:, None, None]
        mask = residual.skip_mask(index)
        if component == "luma":
            coded = context.code_luma(y, psi=psi, mask=mask, gain=multiplier, weights=weights)
        else:
            coded = context.code_chroma(y, psi=psi, mask=mask, gain=multiplier)
        return coded, z_hat, index

    def _weights(self, kind: str, component: str, model: int) -> dict[str, Tensor]:
        part = Part(kind, "" if kind == "entropy" else self.operating_point, component, model)
        if part not in self._cache:
            tensors = weight_files.read(self.folder, part)
            self._cache[part] = {key: value.to(self.device) for key, value in tensors.items()}
        return self._cache[part]

    def used_parts(self, kinds: Collection[str], model: int) -> list[Part]:
        """List the files that a request reads: kinds out of "encoder", "decoder", "entropy"."""
        every = weight_files.parts(self.operating_point, models=[model])
        return [part for part in every if part.kind in kinds]

    def _require(self, kinds: Collection[str], model: int) -> None:
        missing = [
            part.relative_path
            for part in self.used_parts(kinds, model)
            if not (self.folder / part.relative_path).is_file()
        ]
        if missing:
            less = ", or ask for less (latents=('y',) needs the encoder files alone)"
            raise UserError(
                f"{self.folder}: missing {', '.join(missing)}. Add the files or choose another "
                f"model id{less if 'entropy' in kinds else ''}"
            )

    def _check_images(self, rgb: Tensor) -> Tensor:
        if not isinstance(rgb, Tensor):
            raise UserError(
                f"images: expected a torch tensor uint8 (batch, 3, height, width), got "
                f"{type(rgb).__name__}. Convert with torch.from_numpy"
            )
        if rgb.dtype != torch.uint8 or rgb.ndim != 4 or rgb.shape[1] != 3 or not len(rgb):
            raise UserError(
                f"images: expected uint8 (batch, 3, height, width), got {rgb.dtype} "
                f"{tuple(rgb.shape)}. Give 8-bit RGB with the channels second"
            )
        if min(rgb.shape[-2:]) < MIN_SIDE:
            raise UserError(
                f"images: expected at least {MIN_SIDE} x {MIN_SIDE} pixels, got "
                f"{rgb.shape[-2]} x {rgb.shape[-1]}. Leave smaller images out"
            )
        return rgb

    def _check_latents(self, luma: Tensor, chroma: Tensor) -> None:
        for (name, channels), x in zip(CHANNELS.items(), (luma, chroma), strict=True):
            if not isinstance(x, Tensor):
                raise UserError(
                    f"{name} latents: expected a tensor, got {type(x).__name__}. Convert arrays "
                    "with torch.from_numpy"
                )
            if x.ndim != 4 or x.shape[1] != channels or not x.is_floating_point():
                raise UserError(
                    f"{name} latents: expected float (batch, {channels}, h, w), got {x.dtype} "
                    f"{tuple(x.shape)}. Give luma first, then chroma"
                )
        if luma.shape[0] != chroma.shape[0] or luma.shape[-2:] != chroma.shape[-2:]:
            raise UserError(
                f"latents: luma is {tuple(luma.shape)}, chroma {tuple(chroma.shape)}; expected the "
                "same batch, h and w. Give latents of the same images"
            )

    def _check_model(self, model: int) -> None:
        if isinstance(model, bool) or not isinstance(model, int) or not 0 <= model < len(BETAS):
            raise UserError(f"model id {model!r}, expected 0, 1, 2 or 3")

    def _check_request(
        self, model: int, beta: tuple[int, int], tools: bool, latents: Collection[str]
    ) -> None:
        self._check_model(model)
        try:
            whole = [int(value) == value for value in beta]
        except (TypeError, ValueError):
            whole = []
        if len(whole) != 2 or not all(whole):
            raise UserError(f"beta {beta!r}, expected two integers (luma, chroma)")
        if tools:
            raise UserError("tools=True (RVS, GRFS, LSBS) is not available. Use tools=False")
        unknown = sorted(set(latents) - set(KEPT))
        if unknown or not latents or isinstance(latents, str):
            raise UserError(f"latents {latents!r}, expected some of {', '.join(KEPT)}")


def _present(folder: Path, operating_point: str) -> list[Part]:
    """List the files that are there; `UserError` if the operating point can do nothing with them.

    Entropy files alone are enough to quantise, but beside the transforms of another operating
    point they are a request for the wrong one.
    """
    found = {
        point: [
            part for part in weight_files.parts(point) if (folder / part.relative_path).is_file()
        ]
        for point in OPERATING_POINTS
    }
    with_transforms = [
        point for point, parts in found.items() if any(part.kind != "entropy" for part in parts)
    ]
    if found[operating_point] and (operating_point in with_transforms or not with_transforms):
        return found[operating_point]
    first = folder / weight_files.parts(operating_point)[0].relative_path
    advice = (
        f"The folder has files of {', '.join(with_transforms)}: set operating_point"
        if with_transforms
        else "Point `weights` to a folder in the official layout "
        f"(VM_{operating_point.lower()}/, VM_common_int/)"
    )
    raise UserError(
        f"{first}: file is missing, like every other transform of {operating_point}. {advice}"
    )


def _gathered(
    pieces: list[dict], model: int, beta: tuple[int, int], *, size: tuple[int, int]
) -> Coded:
    bits = torch.cat([piece["bits"] for piece in pieces]).cpu()
    in_effect = [max(gains.BETA_MIN, min(gains.BETA_MAX, int(value))) for value in beta]
    return Coded(
        luma=_joined([piece["luma"] for piece in pieces]),
        chroma=_joined([piece["chroma"] for piece in pieces]),
        model=torch.full((len(bits),), model),
        beta=torch.tensor([in_effect] * len(bits)),
        bits=bits,
        size=size,
    )


def _joined(pieces: list[Latents]) -> Latents:
    whole = Latents()
    for name in KEPT:
        values = [getattr(piece, name) for piece in pieces]
        if values[0] is not None:
            setattr(whole, name, torch.cat(values))
    return whole
