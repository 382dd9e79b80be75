"""What callers may get wrong: one clear line each that names what, what was expected, what came."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from latentprint.codec import JpegAI, State
from latentprint.errors import UserError

RGB = torch.zeros((1, 3, 64, 64), dtype=torch.uint8)
LUMA, CHROMA = torch.zeros(2, 160, 4, 5), torch.zeros(2, 96, 4, 5)
SIZE = (64, 80)


def refused(message: str, call, *values, **options) -> None:
    """The error's only line holds the message."""
    with pytest.raises(UserError, match=message) as caught:
        call(*values, **options)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 600


@pytest.mark.parametrize(
    ("rgb", "got"),
    [
        (None, "torch tensor uint8.*got NoneType"),
        (RGB.numpy(), "torch tensor uint8.*got ndarray.*torch.from_numpy"),
        ([RGB], "got list"),
        (RGB.float(), r"expected uint8 \(batch, 3, height, width\), got torch.float32"),
        (RGB.to(torch.int16), r"got torch.int16 \(1, 3, 64, 64\)"),
        (RGB.bool(), "got torch.bool"),
        (RGB[0], r"got torch.uint8 \(3, 64, 64\)"),
        (RGB[0, 0], r"got torch.uint8 \(64, 64\)"),
        (RGB.permute(0, 2, 3, 1), r"got torch.uint8 \(1, 64, 64, 3\).*channels second"),
        (RGB[:, :1], r"got torch.uint8 \(1, 1, 64, 64\)"),
        (RGB[:, [0, 1, 2, 0]], r"got torch.uint8 \(1, 4, 64, 64\)"),
        (RGB[:0], r"got torch.uint8 \(0, 3, 64, 64\)"),
        (RGB[..., :63], "expected at least 64 x 64 pixels, got 64 x 63"),
        (RGB[..., :63, :], "expected at least 64 x 64 pixels, got 63 x 64"),
        (RGB[..., :0], "expected at least 64 x 64 pixels, got 64 x 0"),
    ],
)
def test_images(codec, rgb, got):
    refused("^images: .*" + got, codec.encode, rgb)
    refused("^images: .*" + got, codec.encode, rgb, target_bpp=1.0)


PARAMETERS = [
    *(({"model": m}, f"model id {m!r}, expected 0, 1, 2 or 3") for m in (4, -1, 3.0, "3", None)),
    ({"model": True}, "model id True, expected"),
    *(
        ({"beta": beta}, "^beta .*expected two integers")
        for beta in (3, None, "ab", "12", (1, 2, 3), (1,), (), (0.5, 0), ("1", "2"), (None, 0))
    ),
    *(({"beta": beta}, "expected two integers") for beta in ((math.nan, 0), (math.inf, 0))),
    ({"beta": (True, False)}, "expected two integers"),
    ({"beta": torch.zeros(1, 2)}, r"beta: expected integers \(\d, 2\), got torch.float32 \(1, 2\)"),
    ({"beta": torch.zeros(1, 2, dtype=torch.bool)}, "beta: expected integers.*got torch.bool"),
    ({"beta": torch.zeros(2, dtype=torch.int64)}, r"beta: expected integers.*int64 \(2,\)"),
    ({"beta": torch.zeros(5, 2).int()}, r"beta: expected integers.*int32 \(5, 2\)"),
    *(
        ({"latents": kept}, "latents .*expected some of")
        for kept in ("y_hat", (), ("y", "x"), None)
    ),
    ({"latents": 3}, "latents 3, expected some of y"),
    *(({"tools": value}, "tools .*expected True or False") for value in (1, 0, None, "on")),
    ({"tools": np.True_}, "tools .*expected True or False"),
]


@pytest.mark.parametrize(("change", "message"), PARAMETERS)
def test_parameters(codec, change, message):
    refused(message, codec.encode, RGB, **change)
    refused(message, codec.quantise, LUMA, CHROMA, **change)


@pytest.mark.parametrize("target", [0, -1, 0.125, math.nan, math.inf, "6", True, [1.0], (6, 12)])
def test_targets(four_models, target):
    message = "^target rate .*expected hundredths of a bit per pixel"
    refused(message, four_models.encode, RGB, target_bpp=target)
    every = {model: LUMA for model in range(4)}, {model: CHROMA for model in range(4)}
    refused(message, four_models.match, *every, target, size=SIZE)


def test_latents_without_y_are_not_asked_for_y(codec):
    refused("expected some of y_hat, ", codec.quantise, LUMA, CHROMA, latents=("y",))


NAN, INFINITE = LUMA.clone(), CHROMA.clone()
NAN[1, 2, 3, 4], INFINITE[0, 95, 0, 0] = math.nan, -math.inf


@pytest.mark.parametrize(
    ("luma", "chroma", "message"),
    [
        (CHROMA, LUMA, r"luma latents: expected float.* \(batch, 160, h, w\), got torch.float32"),
        (LUMA, LUMA, r"chroma latents: expected float.* \(batch, 96, h, w\), got .*2, 160, 4, 5"),
        (LUMA[0], CHROMA[0], r"luma latents: expected float.*got torch.float32 \(160, 4, 5\)"),
        (LUMA.int(), CHROMA, "luma latents: expected float.*got torch.int32"),
        (LUMA, CHROMA.short(), "chroma latents: expected float.*got torch.int16"),
        (LUMA.double(), CHROMA.double(), "luma latents: expected float32.*got torch.float64"),
        (LUMA, CHROMA.half(), "chroma latents: expected float32.*got torch.float16"),
        (LUMA[:0], CHROMA[:0], r"luma latents: expected float.*got torch.float32 \(0, 160"),
        (LUMA, CHROMA[:1], "expected the same batch, h and w"),
        (LUMA, CHROMA[..., :3], "luma is .2, 160, 4, 5., chroma .2, 96, 4, 3.; expected the same"),
        (LUMA.numpy(), CHROMA, "luma latents: expected a tensor, got ndarray.*torch.from_numpy"),
        (LUMA, None, "chroma latents: expected a tensor, got NoneType"),
        (NAN, CHROMA, "luma latents: .*not finite"),
        (LUMA, INFINITE, "chroma latents: .*not finite"),
    ],
)
def test_latents(codec, four_models, luma, chroma, message):
    refused(message, codec.quantise, luma, chroma)
    refused(message, codec.synthesise, luma, chroma, size=SIZE)
    every = [{model: x for model in range(4)} for x in (LUMA, CHROMA)]
    every[0][2], every[1][2] = luma, chroma
    refused(message, four_models.match, *every, 1.0, size=SIZE)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((80, 64), "expected latents of 5 x 4 positions, got 4 x 5"),
        ((65, 80), "expected latents of 5 x 5 positions, got 4 x 5"),
        ((48, 80), "expected latents of 3 x 5"),
        ((-64, 80), "expected latents of -4 x 5"),
        ((64,), "expected height and width in pixels"),
        ((64, 80, 3), "expected height and width in pixels"),
        (64, "expected height and width in pixels"),
        ("ab", "expected height and width in pixels"),
        ((None, 80), "expected height and width in pixels"),
        ((math.nan, 80), "expected height and width in pixels"),
        ((math.inf, 80), "expected height and width in pixels"),
    ],
)
def test_sizes(codec, four_models, size, message):
    refused("^size .*" + message, codec.synthesise, LUMA, CHROMA, size)
    refused("^size .*" + message, codec.quantise, LUMA, CHROMA, size=size)
    every = {model: LUMA for model in range(4)}, {model: CHROMA for model in range(4)}
    refused("^size .*" + message, four_models.match, *every, 1.0, size=size)


def test_a_model_id_that_decoders_do_not_have(codec):
    refused("model id -1, expected", codec.synthesise, LUMA, CHROMA, SIZE, model=-1)


@pytest.mark.parametrize(
    ("grid", "size"),
    [((65, 65), None), ((65, 64), (1025, 1024)), ((64, 65), (1023, 1025))],
)
def test_latents_of_tiled_pictures(codec, four_models, grid, size):
    """The last one is below the threshold of luma; its chroma planes are above theirs."""
    luma, chroma = torch.zeros(1, 160, *grid), torch.zeros(1, 96, *grid)
    message = r"pictures above 1,048,576 pixels are coded in tiles.*Use encode"
    refused(message, codec.quantise, luma, chroma, size=size)
    every = {model: luma for model in range(4)}, {model: chroma for model in range(4)}
    refused(message, four_models.match, *every, 1.0, size=size or (1040, 1040))


def test_files_that_are_missing(codec):
    """The codec has model id 3 alone."""
    refused(r"missing VM_bop/encoder_Y_0\.012\.pth", codec.encode, RGB, model=1)
    refused(r"missing VM_bop/encoder_Y_0\.002\.pth", codec.encode, RGB, target_bpp=1.0)
    refused(r"missing VM_common_int/Y_0\.002\.pth", codec.quantise, LUMA, CHROMA, model=0)
    refused(r"missing VM_bop/decoder_Y_0\.075\.pth", codec.synthesise, LUMA, CHROMA, SIZE, model=2)


@pytest.mark.parametrize("component", [0, 1])
def test_matching_needs_the_latents_of_all_models(four_models, component):
    every = [{model: x for model in range(4)} for x in (LUMA, CHROMA)]
    del every[component][2]
    refused(
        "latents of model id 2 are missing. Give all four",
        four_models.match,
        *every,
        1.0,
        size=SIZE,
    )


@pytest.mark.parametrize("name", ["q", "z_hat", "grfs"])
@pytest.mark.parametrize("component", ["luma", "chroma"])
def test_rebuilding_needs_every_kind_of_symbol(codec, component, name):
    coded = codec.encode(RGB, latents=("q", "z_hat", "grfs"))
    codec.rebuild(coded)
    incomplete = dataclasses.replace(getattr(coded, component), **{name: None})
    refused(
        f"rebuild needs q and z_hat and grfs; {name} was not kept. Encode with latents=",
        codec.rebuild,
        dataclasses.replace(coded, **{component: incomplete}),
    )


def test_rebuilding_without_tools_needs_no_flags(codec):
    coded = codec.encode(RGB, latents=("q", "z_hat"), tools=False)
    assert codec.rebuild(coded).luma.y_hat is not None
    coded.luma.q = None
    refused("rebuild needs q and z_hat; q was not kept", codec.rebuild, coded)


def test_decoding_needs_y_hat(codec):
    message = r"decode needs y_hat, which was not kept. Encode with latents=\('y_hat',\)"
    refused(message, codec.decode, codec.encode(RGB, latents=("y",)))
    coded = codec.encode(RGB, latents=("y_hat",))
    coded.luma.y_hat[0, 0, 0, 0] = math.nan
    refused("luma latents: .*not finite", codec.decode, coded)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"VM_hop/encoder_Y_0\.002\.pth: file is missing.*files of BOP.*: set operating_point"),
        ({"operating_point": "bop"}, "'bop' is not available, expected one of BOP, HOP, SOP"),
        ({"operating_point": None}, "None is not available, expected one of BOP, HOP, SOP"),
        ({"operating_point": "BOP", "device": "gpu"}, "'gpu' is unknown, expected 'cpu' or 'cuda'"),
        ({"operating_point": "BOP", "device": None}, "None is unknown, expected 'cpu' or 'cuda'"),
        ({"operating_point": "BOP", "device": "cuda"}, "'cuda' asked for.*no CUDA. Use 'cpu'"),
        ({"operating_point": "BOP", "device": "cuda:1"}, "'cuda:1' asked for.*no CUDA. Use 'cpu'"),
    ],
)
def test_loading(monkeypatch, weights, options, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused(message, JpegAI.load, weights, **options)


def test_a_folder_without_files(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        refused(r"VM_bop/encoder_Y_0\.002\.pth: file is missing.*Point", JpegAI.load, folder, "BOP")


def other_batch(codec: JpegAI) -> None:
    every = [{model: x[:1] for model in range(4)} for x in (LUMA, CHROMA)]
    every[0][2], every[1][2] = LUMA, CHROMA
    codec.match(*every, 1.0, size=SIZE)


def other_grid(codec: JpegAI) -> None:
    every = [{model: x for model in range(4)} for x in (LUMA, CHROMA)]
    every[0][2], every[1][2] = LUMA[..., :3, :], CHROMA[..., :3, :]
    codec.match(*every, 1.0, size=SIZE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda codec: codec.encode(RGB, state="x"), "state 'x', expected a State"),
        (lambda codec: codec.encode(RGB, state=State), "expected a State"),
        (lambda codec: codec.encode(RGB, target_bpp=1.0, state={}), "state {}, expected a State"),
        (lambda codec: codec.encode(RGB, beta=(10**30, 0)), "expected two integers"),
        (lambda codec: codec.encode(RGB, latents=(["y"],)), "latents .*, expected some of"),
        (lambda codec: codec.quantise(LUMA[:, :, :0], CHROMA[:, :, :0]), "luma latents: expected"),
        (lambda codec: codec.quantise(LUMA, CHROMA, size=(63.5, 80)), "pixels, whole numbers"),
        (other_batch, "of model id 2 are .*Give latents of the same images"),
        (other_grid, "of model id 2 are .*Give latents of the same images"),
        (
            lambda codec: codec.match([LUMA] * 4, [CHROMA] * 4, 1.0, size=SIZE),
            "Give all four, as a mapping",
        ),
        (lambda codec: JpegAI.load(codec.folder, "BOP", "meta"), "'meta' is not supported"),
    ],
    ids=[
        "state, text",
        "state, the class",
        "state, a dict",
        "displacement beyond 64 bits",
        "list of lists to keep",
        "latents without rows",
        "half a pixel",
        "models with other batches",
        "models with other grids",
        "lists in place of mappings",
        "device that does not compute",
    ],
)
def test_other_misuse(four_models, call, message):
    refused(message, call, four_models)
