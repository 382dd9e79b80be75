"""Where training starts when it goes on from weights: their transforms and context model, new z.

The hyper networks are designed anew (`hyper_start`), for the latents that the transforms have come
to give. What the explicit prediction said on average stays, as a constant, so that the context
model finds what it is used to.
"""

from pathlib import Path

from torch import Tensor

from latentprint.codec import hyper
from latentprint.codec.gains import GAIN_KEY
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.weights import Part, read
from latentprint.training import network
from latentprint.training.export import MODEL
from latentprint.training.start import FILES, CodecTensors

REDESIGNED = ("hyper_encoder", "hyper_scale_decoder", "hyper_entropy", GAIN_KEY)


def take_over(parameters: CodecTensors, folder: Path, rgb: Tensor) -> None:
    """Replace what training starts from by the tensors of a folder of weights.

    Parameters
    ----------
    parameters : dict
        As `start.start` gives them; changed in place.
    folder : Path
        Weights of BOP, model id 3, in the official layout, as `export` writes them.
    rgb : Tensor, uint8, (batch, 3, height, width)
        Photographs; the explicit prediction is averaged over them. Sides multiples of 64.

    Raises
    ------
    UserError
        If a file is missing or not what it should be.
    """
    taken = {
        component: {
            kind: read(folder, Part(kind, point, component, MODEL)) for kind, point in FILES
        }
        for component in CHANNELS
    }
    for component, files in taken.items():
        for kind, tensors in files.items():
            for key, value in tensors.items():
                name = f"{kind}/{key}"
                if name in parameters[component] and not key.startswith(REDESIGNED):
                    parameters[component][name].copy_(value)
    for component, y in network.latents(rgb, parameters).items():
        entropy = taken[component]["entropy"]
        z_hat = hyper.round_z(hyper.hyper_encode(y, weights=entropy))
        psi = hyper.decode_hyper(z_hat, latent_size=(y.shape[-2], y.shape[-1]), weights=entropy)
        tensors = parameters[component]
        tensors["entropy/hyper_decoder.conv4.weight"].zero_()
        tensors["entropy/hyper_decoder.conv4.bias"].copy_(psi.mean(dim=(0, 2, 3)))
