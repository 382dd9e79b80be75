"""`JpegAI`: the only place that knows the order of the stages."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentprint.codec import (
    analysis,
    checks,
    colour,
    gains,
    heap,
    hyper,
    synthesis,
    tiles,
    weight_set,
)
from latentprint.codec import weights as weight_files
from latentprint.codec.batches import work_through
from latentprint.codec.coded import KEPT, Coded, Latents, joined, reordered, with_y
from latentprint.codec.coder import EntropyCoder
from latentprint.codec.matcher import MODELS, Decision, check_target
from latentprint.codec.state import State
from latentprint.codec.weight_set import OPERATING_POINTS
from latentprint.codec.weights import Part
from latentprint.errors import UserError
from latentprint.weight_files import file_point

# Samples of the network's input, in both directions, for one latent and for one hyper latent.
LATENT_UNIT = {"luma": 16, "chroma": 8}
HYPER_UNIT = {"luma": 64, "chroma": 32}
ANALYSIS_TILING = {"luma": tiles.LUMA, "chroma": tiles.CHROMA}
# On a CPU the convolution algorithm, and with it the last bits, depends on the batch (section 10),
# and a bit can flip a symbol. One picture at a time costs nothing there: batches run no faster.
CPU_BATCH = 1
# Memory of one pixel on a GPU: twice the largest sum of live tensors in analysis or synthesis, so
# that the convolutions' workspace has room (measured on a CPU: 540 bytes BOP, 1,130 bytes HOP).
GPU_SHARE = 0.7  # of the memory of a GPU: the rest is for weights, the driver and a desktop
GPU_BYTES_PER_PIXEL = {"BOP": 1_100, "HOP": 2_300, "SOP": 1_100}
GPU_BATCH_MAX = 256


@dataclass
class JpegAI:
    """The codec with one folder of weights at one operating point.

    Use `JpegAI.load`. Nothing is shared between images unless a `State` is given: every image is
    coded as if it were the first. On a CPU with one thread the result is the same to the last bit
    whatever the batch; on a GPU last bits may differ (specification, section 10).
    """

    folder: Path
    operating_point: str
    device: torch.device
    _cache: dict[Part, dict[str, Tensor]] = field(default_factory=dict, repr=False)
    _batch_limit: int = field(default=GPU_BATCH_MAX, repr=False)

    @classmethod
    def load(
        cls, weights: str | Path, operating_point: str = "HOP", device: str = "cpu"
    ) -> "JpegAI":
        """Open a folder in the official layout and check every file that is there.

        Parameters
        ----------
        weights : path
            Folder with `VM_hop/`, `VM_bop/` or `VM_sop/`, and `VM_common_int/`; some of the files
            are enough: each request says which of them it needs.
        operating_point : {"HOP", "BOP", "SOP"}, default "HOP"
            High or base operating point of analysis and synthesis; SOP, the simple one, has the
            analysis of BOP and a synthesis of its own.
        device : str, default "cpu"
            A torch device.

        Raises
        ------
        UserError
            If the operating point is unknown, the folder holds none of its files, a file is not
            what it should be (file and key are named), or the device is not there.

        Notes
        -----
        On a CPU memory that PyTorch frees then stays with the process (`heap.keep`).
        """
        folder = Path(weights)
        if operating_point not in OPERATING_POINTS:
            raise UserError(
                f"operating point {operating_point!r} is not available, expected one of "
                f"{', '.join(OPERATING_POINTS)}. Set operating_point"
            )
        place = checks.device(device)
        if place.type == "cuda":
            # The codec is float32: rounded products would flip symbols.
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.backends.cudnn.allow_tf32 = False
            # And the same run after run: no choice of algorithm by trial.
            torch.backends.cudnn.deterministic = True
            torch.backends.cudnn.benchmark = False
        else:
            heap.keep()
        for part in weight_set.present(folder, operating_point):
            weight_files.check(folder, part)
        return cls(folder, operating_point, place)

    @torch.no_grad()
    def encode(
        self,
        rgb: Tensor,
        model: int = 3,
        beta: Sequence[int] | Tensor = (0, 0),
        tools: bool = True,
        latents: Collection[str] = ("y", "y_hat"),
        *,
        target_bpp: float | None = None,
        state: State | None = None,
    ) -> Coded:
        """Code a batch of images.

        Parameters
        ----------
        rgb : Tensor, uint8, (batch, 3, height, width)
            At least 64 x 64 pixels. Above 1,048,576 pixels a picture is coded in tiles.
        model : int, default 3
            Model id, 0..3.
        beta : (int, int) or Tensor, integer, (batch, 2), default (0, 0)
            Displacement for luma and chroma; clipped to -1069..702.
        tools : bool, default True
            RVS, GRFS and LSBS.
        latents : collection of str, default ("y", "y_hat")
            What to keep: names of the attributes of `Latents`. With "y" alone and without target
            the entropy files are not needed and `bits` is NaN.
        target_bpp : float, optional
            Match the rate of each image, in hundredths of a bit per pixel; `model` and `beta` are
            then ignored, and the files of all four model ids are needed.
        state : State, optional
            Carry on as the reference software does within one process; it is changed.

        Returns
        -------
        Coded
            Latents on the codec's device; `model`, `beta` and `bits` on the CPU.

        Raises
        ------
        UserError
            If the images or a parameter are not as above, or files are missing.
        """
        rgb = checks.images(rgb)
        checks.tools(tools)
        checks.state(state)
        wanted = checks.kept(latents)
        size = (rgb.shape[-2], rgb.shape[-1])
        if target_bpp is not None:
            target = check_target(target_bpp)
            self._require(("encoder", "entropy"), *MODELS)
            pieces = self._batches(
                len(rgb),
                size,
                lambda rows: self._encode_matched(rgb[rows], target, tools, wanted, state),
                one_by_one=state is not None,
            )
            return joined(pieces)
        checks.model(model)
        displacements = checks.displacements(beta, len(rgb))
        quantised = wanted != {"y"}
        self._require(("encoder", "entropy") if quantised else ("encoder",), model)

        def code(rows: slice) -> Coded:
            ys, z_hats = self._analyse(rgb[rows], model, with_z=quantised)
            if quantised:
                sides = self._coder.sides(ys, model, z_hats)
                coded = self._coder.quantise(
                    ys, sides, model, displacements[rows], tools, wanted, size, state
                )
            else:
                coded = _unquantised(model, displacements[rows], size, tools)
            return with_y(coded, ys) if "y" in wanted else coded

        return joined(self._batches(len(rgb), size, code))

    @torch.no_grad()
    def quantise(
        self,
        luma_y: Tensor,
        chroma_y: Tensor,
        model: int = 3,
        beta: Sequence[int] | Tensor = (0, 0),
        tools: bool = True,
        latents: Collection[str] = ("y_hat",),
        *,
        size: tuple[int, int] | None = None,
        state: State | None = None,
    ) -> Coded:
        """Run the entropy side alone, on latents that were computed before.

        Parameters
        ----------
        luma_y : Tensor, float32, (batch, 160, h, w)
        chroma_y : Tensor, float32, (batch, 96, h, w)
        model, beta, tools, latents, state
            As in `encode`; latents without "y".
        size : (int, int), optional
            Height and width of the pictures, pixels; by default those of the latents times 16.

        Returns
        -------
        Coded

        Raises
        ------
        UserError
            As `encode`, and for pictures that are coded in tiles: their hyper latents depend on
            more than y.
        """
        checks.model(model)
        checks.tools(tools)
        checks.state(state)
        wanted = checks.kept(latents, of=[name for name in KEPT if name != "y"])
        checks.latents(luma_y, chroma_y)
        size = _untiled(size, luma_y)
        displacements = checks.displacements(beta, len(luma_y))
        self._require(("entropy",), model)

        def code(rows: slice) -> Coded:
            ys = {"luma": luma_y[rows].to(self.device), "chroma": chroma_y[rows].to(self.device)}
            sides = self._coder.sides(ys, model)
            return self._coder.quantise(
                ys, sides, model, displacements[rows], tools, wanted, size, state
            )

        return joined(self._batches(len(luma_y), size, code))

    @torch.no_grad()
    def match(
        self,
        luma_y: Mapping[int, Tensor],
        chroma_y: Mapping[int, Tensor],
        target_bpp: float,
        *,
        size: tuple[int, int],
        tools: bool = True,
        state: State | None = None,
    ) -> list[Decision]:
        """Match the rate of images whose latents of all four models were computed before.

        Parameters
        ----------
        luma_y : mapping of model id to Tensor, float32, (batch, 160, h, w)
        chroma_y : mapping of model id to Tensor, float32, (batch, 96, h, w)
        target_bpp, tools, state
            As in `encode`.
        size : (int, int)
            Height and width of the pictures, pixels: rates are counted for them.

        Returns
        -------
        list of Decision
            One for each image.
        """
        target = check_target(target_bpp)
        checks.tools(tools)
        checks.state(state)
        checks.models(luma_y, chroma_y)
        self._require(("entropy",), *MODELS)
        size = _untiled(size, luma_y[0])
        decisions: list[Decision] = []

        def decide(rows: slice) -> list[Decision]:
            ys = {
                model: {
                    "luma": luma_y[model][rows].to(self.device),
                    "chroma": chroma_y[model][rows].to(self.device),
                }
                for model in MODELS
            }
            sides = {model: self._coder.sides(ys[model], model) for model in MODELS}
            return self._coder.match(ys, sides, target, tools, size, state)

        for piece in self._batches(len(luma_y[0]), size, decide, one_by_one=state is not None):
            decisions += piece
        return decisions

    @torch.no_grad()
    def rebuild(self, coded: Coded) -> Coded:
        """Rebuild y_hat from symbols, as a decoder does.

        Parameters
        ----------
        coded : Coded
            With "q" and "z_hat", and "grfs" where the tools were on; model ids may be mixed.

        Returns
        -------
        Coded
            With "y_hat", "y_hat_before_lsbs" and "mu" beside what was given. On the CPU y_hat is
            the encoder's to the last bit.

        Raises
        ------
        UserError
            If symbols were not kept, or files are missing.
        """
        needed = ("q", "z_hat", "grfs") if coded.tools else ("q", "z_hat")
        for name in needed:
            if getattr(coded.luma, name) is None or getattr(coded.chroma, name) is None:
                raise UserError(
                    f"rebuild needs {' and '.join(needed)}; {name} was not kept. "
                    f"Encode with latents={needed}"
                )
        pieces, order = [], []
        for model in coded.model.unique().tolist():
            self._require(("entropy",), model)
            of_model = torch.nonzero(coded.model == model).flatten()
            part = reordered(coded, of_model)
            pieces += self._batches(
                len(of_model),
                coded.size,
                lambda rows, part=part, model=model: self._coder.rebuild(
                    reordered(part, torch.arange(len(part.model))[rows]), model
                ),
            )
            order.append(of_model)
        return reordered(joined(pieces), torch.cat(order).argsort())

    def decode(self, coded: Coded) -> Tensor:
        """Decode a batch to pictures.

        Parameters
        ----------
        coded : Coded
            With "y_hat"; images of several model ids may be mixed.

        Returns
        -------
        Tensor, uint8, (batch, 3, height, width)
            Without the post filters of the standard's decoder, which change neither y nor y_hat.

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
        checks.model(model)
        checks.latents(y_hat_luma, y_hat_chroma)
        size = checks.size(size, y_hat_luma)
        self._require(("decoder",), model)

        def picture(rows: slice) -> Tensor:
            luma, chroma = y_hat_luma[rows].to(self.device), y_hat_chroma[rows].to(self.device)
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
            return colour.yuv_to_rgb(y, uv)

        return torch.cat(self._batches(len(y_hat_luma), size, picture))

    def batch(self, pixels: int) -> int:
        """Give the number of images that pass the networks together.

        Parameters
        ----------
        pixels : int
            Height times width of one image.
        """
        if self.device.type != "cuda":
            return CPU_BATCH
        # Not by what is free now: a batch decides last bits, and the next job must take the same.
        _, total = torch.cuda.mem_get_info(self.device)
        usable = int(GPU_SHARE * total)
        fitting = usable // (GPU_BYTES_PER_PIXEL[self.operating_point] * pixels)
        return max(1, min(self._batch_limit, fitting))

    def used_parts(self, kinds: Collection[str], model: int) -> list[Part]:
        """List the files that a request reads: kinds out of "encoder", "decoder", "entropy"."""
        return weight_set.used(self.operating_point, kinds, model)

    def _batches(
        self,
        count: int,
        size: tuple[int, int],
        work: Callable[[slice], Any],
        *,
        one_by_one: bool = False,
    ) -> list[Any]:
        together = 1 if one_by_one else self.batch(size[0] * size[1])
        place = f"device {self.device}, images of {size[0]} x {size[1]} pixels"
        pieces, fitting = work_through(count, together, work, place=place)
        if fitting < together:
            self._batch_limit = fitting
        return pieces

    def _analyse(
        self, rgb: Tensor, model: int, *, with_z: bool
    ) -> tuple[dict[str, Tensor], dict[str, Tensor | None]]:
        """Give y and z_hat of both components; z_hat is None where it follows from y alone."""
        y, u, v = colour.rgb_to_yuv(rgb.to(self.device))
        ys: dict[str, Tensor] = {}
        z_hats: dict[str, Tensor | None] = {}
        for component, x in (("luma", y), ("chroma", colour.chroma_input(y, u, v))):
            size = (x.shape[-2], x.shape[-1])
            cuts = tiles.windows(*size, ANALYSIS_TILING[component])
            pieces = [
                analysis.analyse(
                    tiles.cut(x, cut),
                    component=component,
                    operating_point=file_point("encoder", self.operating_point),
                    weights=self._weights("encoder", component, model),
                )
                for cut in cuts
            ]
            ys[component] = tiles.assemble(
                pieces,
                cuts,
                size=size,
                unit=LATENT_UNIT[component],
                drop=ANALYSIS_TILING[component].margin,
            )
            z_hats[component] = None
            if with_z and len(cuts) > 1:
                # The reference runs the hyper encoder on the tiles as they are, overlap included.
                weights = self._weights("entropy", component, model)
                z_hats[component] = tiles.assemble(
                    (hyper.round_z(hyper.hyper_encode(piece, weights=weights)) for piece in pieces),
                    cuts,
                    size=size,
                    unit=HYPER_UNIT[component],
                    drop=0,
                )
        return ys, z_hats

    def _encode_matched(
        self, rgb: Tensor, target: float, tools: bool, wanted: frozenset[str], state: State | None
    ) -> Coded:
        size = (rgb.shape[-2], rgb.shape[-1])
        ys, sides = {}, {}
        for model in MODELS:
            ys[model], z_hats = self._analyse(rgb, model, with_z=True)
            sides[model] = self._coder.sides(ys[model], model, z_hats)
        return self._coder.quantise_matched(ys, sides, target, tools, wanted, size, state)

    @property
    def _coder(self) -> EntropyCoder:
        return EntropyCoder(
            lambda component, model: self._weights("entropy", component, model), self.device
        )

    def _weights(self, kind: str, component: str, model: int) -> dict[str, Tensor]:
        (part,) = (p for p in self.used_parts((kind,), model) if p.component == component)
        if part not in self._cache:
            tensors = hyper.prepared(weight_files.read(self.folder, part))
            self._cache[part] = {key: value.to(self.device) for key, value in tensors.items()}
        return self._cache[part]

    def _require(self, kinds: Collection[str], *models: int) -> None:
        weight_set.require(self.folder, self.operating_point, kinds, *models)


def _unquantised(model: int, beta: Tensor, size: tuple[int, int], tools: bool) -> Coded:
    return Coded(
        luma=Latents(),
        chroma=Latents(),
        model=torch.full((len(beta),), model),
        beta=beta.clamp(gains.BETA_MIN, gains.BETA_MAX),
        bits=torch.full((len(beta), 4), torch.nan, dtype=torch.float64),
        size=size,
        tools=tools,
    )


def _untiled(size: tuple[int, int] | None, luma: Tensor) -> tuple[int, int]:
    """Give the size of pictures whose hyper latents follow from y, since they are one tile."""
    if size is None:
        size = (16 * luma.shape[-2], 16 * luma.shape[-1])
    size = checks.size(size, luma)
    half = (-(-size[0] // 2), -(-size[1] // 2))
    if len(tiles.windows(*size, tiles.LUMA)) + len(tiles.windows(*half, tiles.CHROMA)) > 2:
        raise UserError(
            f"latents of {size[0]} x {size[1]} pixels: pictures above 1,048,576 pixels are coded "
            "in tiles, whose hyper latents do not follow from y alone. Use encode"
        )
    return size
