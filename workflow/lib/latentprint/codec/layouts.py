"""Keys, shapes and kinds of every tensor in the official files (specification, section 2.2)."""

from dataclasses import dataclass

from latentprint.codec.blocks import HEADS

CHANNELS = {"luma": 160, "chroma": 96}
GAIN_COLUMNS = 18
Z_SYMBOLS = 63

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Entry:
    """What one tensor of a file must be.

    Attributes
    ----------
    shape : tuple of int
    kind : {"float", "integer", "bool"}
        The file may hold any width of the kind; `dtype` of `weights` says what it becomes.
    required : bool
    """

    shape: Shape
    kind: str = "float"
    required: bool = True


Layout = dict[str, Entry]


def _conv(key: str, shape: Shape, *, bias: int = 0) -> Layout:
    layout = {f"{key}.weight": Entry(shape)}
    if bias:
        layout[f"{key}.bias"] = Entry((bias,))
    return layout


def _gate(key: str, channels: int, groups: int) -> Layout:
    return _conv(f"{key}.conv", (channels, channels // groups, 3, 3)) | _conv(
        f"{key}.conv2", (channels, channels, 1, 1)
    )


def _bop_encoder(component: str) -> Layout:
    inputs = {"luma": 1, "chroma": 12}[component]
    layout = _conv("conv1", (128, inputs, 3, 3), bias=128)
    for name in ("conv2", "conv3"):
        layout |= _conv(name, (128, 128, 3, 3), bias=128)
    for name in ("act1", "act2", "act3"):
        layout |= _gate(name, 128, 4)
    if component == "luma":
        return (
            layout | _conv("conv4", (160, 128, 3, 3), bias=160) | _conv("conv5", (160, 160, 1, 1))
        )
    return layout | _conv("conv5", (96, 128, 1, 1))


def _bop_decoder(component: str) -> Layout:
    if component == "luma":
        return (
            _conv("first_stage.0.0.conv1", (160, 160, 3, 3), bias=160)
            | _conv("first_stage.1", (160, 64, 4, 4), bias=64)
            | _gate("first_stage.2", 64, 4)
            | _conv("conv2_t", (64, 64, 4, 4), bias=64)
            | _gate("iact2", 64, 4)
            | _conv("conv3", (96, 64, 3, 3), bias=96)
            | _gate("iact3", 96, 6)
            | _conv("conv4", (16, 96, 1, 1))
        )
    return (
        _conv("first_stage.conv1", (48, 256, 3, 3), bias=48)
        | _conv("conv2_t", (144, 64, 4, 4), bias=64)
        | _gate("iact2", 64, 4)
        | _conv("conv3", (128, 64, 3, 3), bias=128)
        | _gate("iact3", 128, 8)
        | _conv("conv4", (128, 128, 1, 1))
    )


def _sop_decoder(component: str) -> Layout:
    rest = (
        _gate("iact2", 32, 2)
        | _conv("conv3", (32, 32, 3, 3), bias=32)
        | _gate("iact3", 32, 2)
        | _conv("conv4", ({"luma": 16, "chroma": 128}[component], 32, 1, 1))
    )
    if component == "luma":
        return (
            _conv("first_stage.0.0.conv1", (160, 160, 3, 3), bias=160)
            | _conv("first_stage.1.conv", (256, 160, 2, 2))
            | _gate("first_stage.2", 64, 4)
            | _conv("conv2_t.conv", (128, 64, 2, 2))
            | rest
        )
    return (
        _conv("first_stage.conv1", (48, 256, 3, 3), bias=48)
        | _conv("conv2_t.conv", (128, 144, 2, 2))
        | rest
    )


def _hop_encoder(component: str) -> Layout:
    return (
        _bop_encoder(component)
        | _transformer("TAM", 128, halved=component == "luma")
        | _masked_residual("cab", 128)
    )


def _hop_decoder(component: str) -> Layout:
    if component == "luma":
        return (
            _residual("first_stage.0.0", 160)
            | _conv("first_stage.1", (160, 128, 3, 3), bias=128)
            | _gate("first_stage.2", 128, 4)
            | _conv("conv2_t", (128, 128, 3, 3), bias=128)
            | _masked_residual("CAB", 128)
            | _gate("iact2", 128, 4)
            | _conv("conv3_t", (512, 128, 1, 1), bias=512)
            | _transformer("TAM", 128, halved=True)
            | _gate("iact3", 128, 4)
            | _conv("conv4_t", (128, 1, 3, 3), bias=1)
        )
    return (
        _conv("first_stage.conv1", (48, 256, 3, 3), bias=48)
        | _conv("conv2_t", (144, 64, 3, 3), bias=64)
        | _masked_residual("CAB", 64)
        | _gate("iact2", 64, 4)
        | _conv("conv3_t", (256, 64, 1, 1), bias=256)
        | _transformer("TAM", 64, halved=False)
        | _gate("iact3", 64, 4)
        | _conv("conv4_t", (64, 8, 3, 3), bias=8)
    )


def _residual(key: str, d: int) -> Layout:
    return _conv(f"{key}.conv1", (d, d, 3, 3), bias=d) | _conv(f"{key}.conv2", (d, d, 3, 3), bias=d)


def _masked_residual(key: str, d: int) -> Layout:
    layout = {}
    for name in ("residual_trunk.0", "residual_trunk.1", "residual_mask2.0", "residual_mask3.0"):
        layout |= _residual(f"{key}.{name}", d)
    for name in ("subscale", "upscale"):
        layout |= _conv(f"{key}.{name}", (d, d, 3, 3), bias=d)
    return layout


def _transformer(key: str, d: int, *, halved: bool) -> Layout:
    layout = {}
    if halved:
        for name in ("ds_conv", "us_conv"):
            layout |= _conv(f"{key}.{name}", (d, d, 3, 3), bias=d)
    for block in (f"{key}.TABs.0", f"{key}.TABs.1"):
        layout |= _conv(f"{block}.prep_data.norm1", (d,), bias=d)
        layout |= _conv(f"{block}.prep_data.conv1", (3 * d, d, 1, 1))
        layout |= _conv(f"{block}.prep_data.conv2", (3 * d, 1, 3, 3))
        layout[f"{block}.attn.temperature"] = Entry((HEADS, 1, 1))
        layout |= _conv(f"{block}.attn.project_out", (d, d, 1, 1))
        layout |= _conv(f"{block}.ffn.norm1", (d,), bias=d)
        layout |= _conv(f"{block}.ffn.project_in", (8 * d, d, 1, 1))
        layout |= _conv(f"{block}.ffn.dwconv", (8 * d, 1, 3, 3))
        layout |= _conv(f"{block}.ffn.project_out", (d, 4 * d, 1, 1))
    return layout


def _entropy(component: str) -> Layout:
    c = CHANNELS[component]
    layout = {"vr_vec.c": Entry((c, GAIN_COLUMNS))}
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        layout |= _conv(f"hyper_encoder.{name}", (c, c, 3, 3), bias=c)
    layout |= _conv("hyper_decoder.conv1", (c, c, 1, 1))
    layout |= _conv("hyper_decoder.conv2", (c, c, 4, 4), bias=c)
    layout |= _conv("hyper_decoder.conv3", (c, c, 3, 3), bias=c)
    layout |= _conv("hyper_decoder.conv4", (4 * c, c, 3, 3), bias=4 * c)
    layout |= _scale_layer("conv1", (c, c, 1, 1))
    layout |= _scale_layer("depthwise", (c, c, 3, 3))
    layout |= _scale_layer("pointwise", (16 * c, c, 1, 1))
    for layer, (rows, columns) in enumerate(((3, 1), (3, 3), (3, 3), (1, 3))):
        layout[f"hyper_entropy.matrices.{layer}"] = Entry((c, rows, columns))
        layout[f"hyper_entropy.biases.{layer}"] = Entry((c, rows, 1))
        if layer < 3:
            layout[f"hyper_entropy.factors.{layer}"] = Entry((c, 3, 1))
    layout["hyper_entropy.freqs_int"] = Entry((c, Z_SYMBOLS), "integer", required=False)
    layout["hyper_entropy.is_quantized"] = Entry((1,), "bool", required=False)
    if component == "luma":
        for phase in range(4):
            layout |= _context(phase, c)
    return layout


def _scale_layer(name: str, shape: Shape) -> Layout:
    key = f"hyper_scale_decoder.{name}"
    return {
        f"{key}.weight": Entry(shape, "integer"),
        f"{key}.bias": Entry((shape[0],), "integer"),
        f"{key}.is_quantized": Entry((1,), "bool"),
        f"{key}.per_channel_shifts": Entry((1, shape[0], 1, 1), "integer"),
    }


def _context(phase: int, c: int) -> Layout:
    key = f"context.MCM.{phase}"
    width = c if phase == 0 else 2 * c
    layout = _conv(f"{key}.fusion_pred_net.conv1", (c, width, 1, 1))
    layout |= _conv(f"{key}.fusion_pred_net.conv2", (c, c, 1, 1))
    layout |= _conv(f"{key}.fusion_pred_net.conv3", (c, c, 1, 1))
    if phase:
        layout |= _conv(f"{key}.conv.0", (c, c * phase, 1, 1))
        layout |= _conv(f"{key}.conv.1", (c, c // 5, 3, 3), bias=c)
    return layout


LAYOUTS: dict[tuple[str, str, str], Layout] = {
    (kind, operating_point, component): make(component)
    for component in CHANNELS
    for kind, operating_point, make in (
        ("encoder", "BOP", _bop_encoder),
        ("decoder", "BOP", _bop_decoder),
        ("encoder", "HOP", _hop_encoder),
        ("decoder", "HOP", _hop_decoder),
        ("decoder", "SOP", _sop_decoder),
        ("entropy", "", _entropy),
    )
}
