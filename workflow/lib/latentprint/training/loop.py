"""The training loop: rate-distortion loss, seeded batches, resumable from its last checkpoint."""

import logging
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from latentprint.codec.gains import GAIN_KEY, LOG_K
from latentprint.errors import UserError
from latentprint.files import replacing
from latentprint.progress import Progress
from latentprint.training import network
from latentprint.training.pictures import Pictures
from latentprint.training.start import CodecTensors, fit_scales, start

logger = logging.getLogger(__name__)

WARM_UP = 100  # steps until the full learning rate
BETAS = (-900, 300)  # displacements drawn in training
CHECKPOINT_EVERY = 100  # steps
GRADIENT_NORM = 1.0
# The transforms start as a good linear codec, which steps of the entropy side's size destroy.
TRANSFORM_RATE = 0.1  # of the learning rate
# The few tensors of the model of z sit behind softplus and tanh and would follow z too slowly.
DENSITY_RATE = 10.0


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes
    ----------
    steps, batch, crop, seed : int
        Optimiser steps in all; crops in a step; side of a crop, pixels; seed of everything.
    learning_rate : float
        Largest learning rate, after the warm-up and before the cosine decay.
    distortion_weight : float
        Weight of the mean squared error (0..255, RGB) at displacement 0, bits per pixel; it goes
        with the square of the gain at other displacements, as the quantisation error does.
    """

    steps: int
    batch: int
    crop: int
    seed: int
    learning_rate: float
    distortion_weight: float


def train(pictures: Pictures, *, settings: Settings, checkpoint: Path) -> CodecTensors:
    """Train, from the last checkpoint if there is one.

    Parameters
    ----------
    pictures : Pictures
    settings : Settings
    checkpoint : Path
        Written every 100 steps; holds the settings and a digest of the photographs, which must
        agree when resumed. A finished one is given back as it is: remove it to train anew after a
        change of the training code.

    Returns
    -------
    CodecTensors

    Raises
    ------
    UserError
        If the checkpoint was made with other settings or photographs.
    """
    parameters, moments, first = _resume(pictures, settings, checkpoint)
    optimiser = _optimiser(parameters)
    if moments:
        optimiser.load_state_dict(moments)
    progress = Progress(settings.steps - first, "steps")
    smoothed: dict[str, float] = {}
    for step in range(first, settings.steps):
        rate = settings.learning_rate * _schedule(step, settings.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        torch.manual_seed(settings.seed * 1_000_003 + step)
        measured = _step(pictures.at(step), parameters, optimiser, settings)
        for name, value in measured.items():
            smoothed[name] = 0.98 * smoothed.get(name, value) + 0.02 * value
        progress.advance(
            1,
            note="loss {loss:.3f}, {bpp:.3f} bpp, {psnr:.2f} dB (training crops)".format(
                **smoothed
            ),
        )
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == settings.steps:
            _save(parameters, optimiser, step + 1, pictures, settings, checkpoint)
    return {
        component: {key: value.detach() for key, value in tensors.items()}
        for component, tensors in parameters.items()
    }


def _optimiser(parameters: CodecTensors) -> torch.optim.Optimizer:
    groups: dict[float, list[Tensor]] = {TRANSFORM_RATE: [], 1.0: [], DENSITY_RATE: []}
    for component in parameters.values():
        for key, value in component.items():
            if not key.endswith(GAIN_KEY):
                groups[_share(key)].append(value.requires_grad_())
    return torch.optim.Adam(
        [{"params": tensors, "share": share} for share, tensors in groups.items()]
    )


def _share(key: str) -> float:
    """Give the part of the learning rate that a tensor takes."""
    if not key.startswith("entropy/"):
        return TRANSFORM_RATE
    return DENSITY_RATE if "hyper_entropy" in key else 1.0


def _schedule(step: int, steps: int) -> float:
    if step < WARM_UP:
        return (step + 1) / WARM_UP
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))


def _step(
    rgb: torch.Tensor,
    parameters: CodecTensors,
    optimiser: torch.optim.Optimizer,
    settings: Settings,
) -> dict[str, float]:
    beta = int(torch.randint(BETAS[0], BETAS[1] + 1, ()))
    outcome = network.run(rgb, parameters, beta=beta)
    error = (outcome.rgb - rgb.float()).square().mean()
    weight = settings.distortion_weight * math.exp(2 * beta * LOG_K / 128)
    loss = outcome.bpp + weight * error
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    measured = {
        "loss": float(loss.detach()),
        "bpp": float(outcome.bpp.detach()),
        "psnr": 10 * math.log10(255**2 / float(error.detach())),
    }
    if not math.isfinite(measured["loss"]):
        raise UserError(
            f"training: the loss is {measured['loss']}. Lower training.learning_rate and start "
            "again from an older checkpoint"
        )
    torch.nn.utils.clip_grad_norm_(
        [tensor for group in optimiser.param_groups for tensor in group["params"]], GRADIENT_NORM
    )
    optimiser.step()
    return measured


def _resume(
    pictures: Pictures, settings: Settings, checkpoint: Path
) -> tuple[CodecTensors, dict | None, int]:
    if checkpoint.is_file():
        saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
        if saved["settings"] != asdict(settings):
            raise UserError(
                f"{checkpoint}: made with {saved['settings']}, this run has {asdict(settings)}. "
                "Remove the checkpoint to start again, or use its settings"
            )
        if saved["photographs"] != pictures.digest:
            raise UserError(
                f"{checkpoint}: made with other photographs than the {len(pictures.names)} of "
                "training.photos. Remove the checkpoint to start again, or give the same folder"
            )
        logger.info("resuming at step %d from %s", saved["step"], checkpoint)
        return saved["parameters"], saved["optimiser"], saved["step"]
    parameters = start(settings.seed)
    with torch.no_grad():
        fit_scales(parameters, network.latents(pictures.at(settings.steps), parameters))
    return parameters, None, 0


def _save(
    parameters: CodecTensors,
    optimiser: torch.optim.Optimizer,
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
        "optimiser": optimiser.state_dict(),
        "step": step,
        "settings": asdict(settings),
        "photographs": pictures.digest,
    }
    with replacing(checkpoint) as temporary:
        torch.save(content, temporary)
