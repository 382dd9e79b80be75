"""The training loop: rate-distortion loss, seeded batches, resumable from its last checkpoint.

Training goes through stages. Most of a step's work is the analysis transforms, whose early layers
begin as a plain rearrangement of pixels. As long as these are not trained, their outcome is
computed once for a pool of batches, and a step costs a sixth (entropy networks alone) to a half
(with the synthesis and the end of the analysis) of a step of all networks.
"""

import logging
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec import gains
from latentprint.codec.gains import GAIN_KEY, LOG_K
from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.progress import Progress
from latentprint.training import continued, hyper_start, network
from latentprint.training.pictures import Pictures
from latentprint.training.start import BETA_AT_STEP, CodecTensors, start

logger = logging.getLogger(__name__)

WARM_UP = 100  # steps of a stage until its full learning rate
AVERAGED_BATCHES = 8  # batches over which the explicit prediction of taken weights is averaged
RATE_EXPONENT = 0.7  # the rate of photographs goes about with this power of the gain
CHECKPOINT_EVERY = 100  # steps
GRADIENT_NORM = 1.0
SLICES = 2  # parts of a batch, each with a displacement of its own, one thread each
FITTED_BATCHES = 48  # batches whose latents decide the start of the hyper networks
# Shares of the learning rate, by the beginning of a tensor's name, the first that fits. A step of
# Adam moves every weight by about the learning rate, whatever the weight's size and that of what it
# multiplies: layers that read latents, up to a hundred and more, take small steps, the few tensors
# of the model of z, behind softplus and tanh, large ones.
SHARES = {
    "encoder": 0.1,
    "decoder/first_stage": 0.03,
    "decoder/conv2_t": 0.03,
    "decoder": 0.1,
    "entropy/hyper_encoder": 0.1,
    "entropy/hyper_entropy": 10.0,
    "entropy": 1.0,
}


@dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes
    ----------
    networks : tuple of str
        Which are trained: of "encoder_begin", "encoder_end", "decoder", "entropy".
    steps : int
        Optimiser steps.
    learning_rate : float
        Largest learning rate, after the warm-up and before the cosine decay.
    """

    networks: tuple[str, ...]
    steps: int
    learning_rate: float


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    batch, crop, seed : int
        Crops in a step; side of a crop, pixels; seed of everything.
    pool : int
        Batches kept, with what the early layers of the encoder make of them, in stages that do not
        train these.
    distortion_weight : float
        Weight of the mean squared error (0..255, RGB) at displacement `start.BETA_AT_STEP`, bits
        per pixel; it goes with the square of the gain elsewhere, as the quantisation error does.
    start : str
        Name of the weights to go on from, whose folder `train` is given; "" = a cosine transform.
    stages : tuple of Stage
    """

    start: str
    batch: int
    crop: int
    seed: int
    pool: int
    distortion_weight: float
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, values: dict) -> "Settings":
        """Make settings of what a configuration or a checkpoint holds."""
        stages = tuple(
            Stage(tuple(stage["networks"]), stage["steps"], stage["learning_rate"])
            for stage in values["stages"]
        )
        return cls(**{**values, "stages": stages})


def train(
    pictures: Pictures,
    *,
    settings: Settings,
    checkpoint: Path,
    start_folder: Path | None = None,
    threads: int = 1,
) -> CodecTensors:
    """Train, from the last checkpoint if there is one.

    Parameters
    ----------
    pictures : Pictures
    settings : Settings
    checkpoint : Path
        Written every 100 steps; holds the settings and a digest of the photographs, which must
        agree when resumed. A finished one is given back as it is: remove it to train anew after a
        change of the training code.
    start_folder : Path, optional
        Weights to go on from, of the name that the settings give.
    threads : int
        Parts of a batch computed side by side, at most 2; the outcome does not depend on it.

    Returns
    -------
    CodecTensors

    Raises
    ------
    UserError
        If the checkpoint was made with other settings or photographs.
    """
    parameters, moments, done = _resume(pictures, settings, checkpoint, start_folder)
    batches = _Batches(pictures, parameters, settings.pool)
    progress = Progress(sum(stage.steps for stage in settings.stages), "steps", done=done)
    first = 0  # of the stage, among all steps
    for number, stage in enumerate(settings.stages):
        last = first + stage.steps
        if done < last:
            optimiser = _optimiser(parameters, stage)
            if moments:
                optimiser.load_state_dict(moments)
                moments = None
            batches.begin(stage, threads)
            smoothed: dict[str, float] = {}
            for step in range(max(first, done), last):
                rate = stage.learning_rate * _schedule(step - first, stage.steps)
                for group in optimiser.param_groups:
                    group["lr"] = rate * group["share"]
                measured = _step(batches, step, parameters, optimiser, settings, stage, threads)
                for name, value in measured.items():
                    smoothed[name] = 0.98 * smoothed.get(name, value) + 0.02 * value
                figures = ", ".join(f"{name} {value:.3f}" for name, value in smoothed.items())
                progress.advance(1, note=f"stage {number + 1} of {len(settings.stages)}, {figures}")
                if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == last:
                    moments_now = optimiser.state_dict() if step + 1 < last else None
                    _save(parameters, moments_now, step + 1, pictures, settings, checkpoint)
        first = last
    return {
        component: {key: value.detach() for key, value in tensors.items()}
        for component, tensors in parameters.items()
    }


class _Batches:
    """What the steps of a stage see: crops, and what is known of them where there is a pool."""

    def __init__(self, pictures: Pictures, parameters: CodecTensors, size: int) -> None:
        self._pictures, self._parameters, self._size = pictures, parameters, size
        self._pool: list[tuple[Tensor, dict[str, Tensor]]] = []

    def begin(self, stage: Stage, threads: int) -> None:
        """Get ready for a stage; a pool lasts until the early layers are trained."""
        if "encoder_begin" in stage.networks:
            self._pool = []
        elif not self._pool:
            with ThreadPoolExecutor(threads) as pool:
                self._pool = list(pool.map(self._prepared, range(self._size)))

    def _prepared(self, at: int) -> tuple[Tensor, dict[str, Tensor]]:
        rgb = self._pictures.at(at)
        with torch.no_grad():  # in each thread anew
            return rgb, network.prepare(rgb, self._parameters)

    def at(self, step: int) -> tuple[Tensor, dict[str, Tensor] | None]:
        """Give the crops of a step, and the outcome of the early layers where it is known."""
        return self._pool[step % len(self._pool)] if self._pool else (self._pictures.at(step), None)


def _optimiser(parameters: CodecTensors, stage: Stage) -> torch.optim.Optimizer:
    groups: dict[float, list[Tensor]] = {}
    for component, tensors in parameters.items():
        for key, value in tensors.items():
            part = network.part_of(key, component)
            trained = part in stage.networks and not key.endswith(GAIN_KEY)
            value.requires_grad_(trained)
            if trained:
                groups.setdefault(_share(key, part), []).append(value)
    return torch.optim.Adam([{"params": group, "share": share} for share, group in groups.items()])


def _share(key: str, part: str) -> float:
    """Give the share of the learning rate that a tensor takes."""
    name = f"{part}/{key.split('/')[1]}"
    return next(share for beginning, share in SHARES.items() if name.startswith(beginning))


def _schedule(step: int, steps: int) -> float:
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))


def _step(
    batches: _Batches,
    step: int,
    parameters: CodecTensors,
    optimiser: torch.optim.Optimizer,
    settings: Settings,
    stage: Stage,
    threads: int,
) -> dict[str, float]:
    rgb, prepared = batches.at(step)
    trained = [tensor for group in optimiser.param_groups for tensor in group["params"]]
    sizes = [len(part) for part in rgb.chunk(SLICES)]

    def part(number: int) -> tuple[Sequence[Tensor], dict[str, float]]:
        rows = slice(sum(sizes[:number]), sum(sizes[: number + 1]))
        random = torch.Generator().manual_seed((settings.seed * 1_000_003 + step) * SLICES + number)
        known = {key: value[rows] for key, value in prepared.items()} if prepared else None
        loss, measured = _loss(rgb[rows], known, parameters, settings, stage, random)
        share = sizes[number] / len(rgb)
        gradients = torch.autograd.grad(loss * share, trained, materialize_grads=True)
        return gradients, {name: value * share for name, value in measured.items()}

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(part, range(len(sizes))))
    for tensor, *gradients in zip(trained, *(gradients for gradients, _ in parts), strict=True):
        tensor.grad = sum(gradients[1:], start=gradients[0])
    torch.nn.utils.clip_grad_norm_(trained, GRADIENT_NORM)
    optimiser.step()
    total = {name: sum(values[name] for _, values in parts) for name in parts[0][1]}
    if not math.isfinite(total["loss"]):
        raise UserError(
            f"training: the loss is {total['loss']} at step {step}. Lower the learning_rate of its "
            "stage, remove the checkpoint and start again"
        )
    return total


def _loss(
    rgb: Tensor,
    prepared: dict[str, Tensor] | None,
    parameters: CodecTensors,
    settings: Settings,
    stage: Stage,
    random: torch.Generator,
) -> tuple[Tensor, dict[str, float]]:
    """Give the loss of some crops, and what to show of it."""
    beta = int(torch.randint(gains.BETA_MIN, gains.BETA_MAX + 1, (), generator=random))
    y = network.finish(prepared or network.prepare(rgb, parameters), parameters)
    rebuilt, bits = network.code(y, parameters, beta=beta)
    bpp = bits / (rgb.shape[0] * rgb.shape[2] * rgb.shape[3])
    gain = math.exp((beta - BETA_AT_STEP) * LOG_K / gains.LEVEL_UNITS)
    loss, measured = bpp, {"bpp": float(bpp.detach())}
    if stage.networks != ("entropy",):  # which leave y_hat as it is, to within the rounding
        error = (network.decode(rebuilt, parameters) - rgb.float()).square().mean()
        loss = bpp + settings.distortion_weight * gain**2 * error
        measured["dB"] = 10 * math.log10(255**2 / float(error.detach()))
    # So a percent of the rate counts about the same at every displacement.
    loss = loss / gain**RATE_EXPONENT
    return loss, {"loss": float(loss.detach())} | measured


def _resume(
    pictures: Pictures, settings: Settings, checkpoint: Path, start_folder: Path | None
) -> tuple[CodecTensors, dict | None, int]:
    if checkpoint.is_file():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        try:
            before = Settings.of(saved["settings"])
        except (KeyError, TypeError):
            raise UserError(
                f"{checkpoint}: was made by another version. Remove it to start again"
            ) from None
        kept = settings.stages[: len(before.stages)]
        if replace(settings, stages=kept) != before:  # further stages may follow
            raise UserError(
                f"{checkpoint}: made with {saved['settings']}, this run has {asdict(settings)}. "
                "Remove the checkpoint to start again, or use its settings"
            )
        if saved["photographs"] != pictures.digest:
            raise UserError(
                f"{checkpoint}: made with other photographs than the {len(pictures.files)} of "
                "training.photos. Remove the checkpoint to start again, or give the same folder"
            )
        logger.info("resuming at step %d from %s", saved["step"], checkpoint)
        return saved["parameters"], saved["optimiser"], saved["step"]
    parameters = start(settings.seed)
    with torch.no_grad():
        if start_folder:
            rgb = torch.cat([pictures.at(at) for at in range(AVERAGED_BATCHES)])
            continued.take_over(parameters, start_folder, rgb)
        y = [network.latents(pictures.at(at), parameters) for at in range(FITTED_BATCHES)]
        hyper_start.fit(parameters, {key: torch.cat([batch[key] for batch in y]) for key in y[0]})
    return parameters, None, 0


def _save(
    parameters: CodecTensors,
    moments: dict | None,
    step: int,
    pictures: Pictures,
    settings: Settings,
    checkpoint: Path,
) -> None:
    content = {
        "parameters": {
            component: {key: value.detach() for key, value in tensors.items()}
            for component, tensors in parameters.items()
        },
        "optimiser": moments,
        "step": step,
        "settings": asdict(settings),
        "photographs": pictures.digest,
    }
    with replacing(checkpoint) as temporary:
        torch.save(content, temporary)
