"""Analysis transforms g_a: picture to latents y (specification, sections 4.3 and 4.4)."""

from torch import Tensor

from latentprint.codec.blocks import (
    Step,
    Weights,
    apply,
    conv,
    gated_residual,
    masked_residual,
    normalise,
    pad,
    transformer,
)

STEPS: dict[str, dict[str, tuple[Step, ...]]] = {
    "BOP": {
        "luma": (
            normalise(),
            pad(0),
            conv("conv1", stride=2),
            gated_residual("act1", groups=4),
            pad(1),
            conv("conv2", stride=2),
            gated_residual("act2", groups=4),
            pad(2),
            conv("conv3", stride=2),
            gated_residual("act3", groups=4),
            pad(3),
            conv("conv4", stride=2),
            conv("conv5"),
        ),
        "chroma": (
            normalise(),
            pad(0),
            conv("conv1", stride=2),
            gated_residual("act1", groups=4),
            pad(1),
            conv("conv2", stride=2),
            gated_residual("act2", groups=4),
            pad(2),
            conv("conv3", stride=2),
            gated_residual("act3", groups=4),
            conv("conv5"),
        ),
    },
    # The padding stands before transformer and masked residual, which see the added row or column.
    "HOP": {
        "luma": (
            normalise(),
            pad(0),
            conv("conv1", stride=2),
            gated_residual("act1", groups=4),
            pad(1),
            transformer("TAM", halved=True),
            conv("conv2", stride=2),
            gated_residual("act2", groups=4),
            pad(2),
            masked_residual("cab"),
            conv("conv3", stride=2),
            gated_residual("act3", groups=4),
            pad(3),
            conv("conv4", stride=2),
            conv("conv5"),
        ),
        "chroma": (
            normalise(),
            pad(0),
            conv("conv1", stride=2),
            gated_residual("act1", groups=4),
            pad(1),
            transformer("TAM", halved=False),
            conv("conv2", stride=2),
            gated_residual("act2", groups=4),
            pad(2),
            masked_residual("cab"),
            conv("conv3", stride=2),
            gated_residual("act3", groups=4),
            conv("conv5"),
        ),
    },
}


def analyse(x: Tensor, *, component: str, operating_point: str, weights: Weights) -> Tensor:
    """Transform the planes of one component to latents before quantisation.

    Parameters
    ----------
    x : Tensor, float32, (batch, 1, height, width) for luma, (batch, 12, height, width) for chroma
        Samples 0..255; chroma already at half size (`colour.chroma_input`).
    component : {"luma", "chroma"}
    operating_point : {"BOP", "HOP"}
    weights : mapping of str to Tensor
        An encoder file.

    Returns
    -------
    y : Tensor, float32, (batch, 160, h, w) for luma, (batch, 96, h, w) for chroma
        h and w are the picture's height and width over 16, rounded up. Unbounded.
    """
    steps = STEPS[operating_point][component]
    return apply(steps, x, weights=weights, size=(x.shape[-2], x.shape[-1]))
