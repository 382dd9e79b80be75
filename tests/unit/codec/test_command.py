"""`python -m latentprint.codec`: what it prints and writes, and its one-line errors."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint import errors
from latentprint.codec import JpegAI, archive
from latentprint.codec import __main__ as command

LIBRARY = Path(__file__).parents[3] / "workflow" / "lib"


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with one picture, within this process: torch is loaded."""
    ramp = np.add.outer(np.arange(70), np.arange(0, 166, 2)) % 256
    picture = np.stack([ramp, ramp // 2, 255 - ramp], axis=-1).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["latentprint.codec", *map(str, arguments)])
        status = 0
        try:
            errors.run(command.main)
        except SystemExit as end:
            status = int(end.code or 0)
        shown = capsys.readouterr()
        return Done(status, shown.out, shown.err)

    return call


def test_encode_info_decode(run, weights, tmp_path):
    done = run("encode", "picture.png", "--weights", weights, "--latents", "y", "y_hat")
    assert done.returncode == 0, done.stderr
    assert "83 x 70 pixels, BOP, model 3, displacement 0, tools on, weights other" in done.stdout

    found = archive.read(tmp_path / "picture.npz")
    pixels = np.asarray(Image.open(tmp_path / "picture.png"))
    rgb = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    codec = JpegAI.load(weights, "BOP")
    coded = codec.encode(rgb)
    rebuilt = codec.rebuild(found.coded)
    for component in ("luma", "chroma"):
        expected = getattr(coded, component).y_hat
        assert torch.equal(getattr(found.coded, component).y_hat, expected)
        assert torch.equal(getattr(rebuilt, component).y_hat, expected)
    assert torch.equal(found.coded.bits, coded.bits)
    assert f"{coded.bits.sum():,.0f}" in done.stdout

    shown = run("info", "picture.npz")
    assert "luma.y_hat              160 x 5 x 6" in shown.stdout

    done = run("decode", "picture.npz", "--weights", weights)
    assert done.returncode == 0, done.stderr
    picture = np.asarray(Image.open(tmp_path / "picture.decoded.png"))
    assert np.array_equal(picture, codec.decode(coded)[0].permute(1, 2, 0).numpy())
    assert "without the post filters" in done.stdout


def test_the_module_runs_with_the_embedded_weights(run, tmp_path):
    """As a user starts it: a process of its own, no weights named."""
    done = subprocess.run(
        [sys.executable, "-m", "latentprint.codec", "encode", "picture.png", "--no-tools"],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "tools off, weights embedded" in done.stdout
    assert (tmp_path / "picture.npz").is_file()


def test_info_of_pictures_and_weight_files(run, weights):
    assert "83 x 70 pixels, coded in 1 tile" in run("info", "picture.png").stdout
    shown = run("info", str(weights / "VM_bop" / "encoder_Y_0.5.pth")).stdout
    assert "not the file of the release IS, whose MD5 is 402254492190776a3f5d820b6c56ff38" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "picture.jpg"], "picture.jpg: does not exist. Give an 8-bit picture"),
        (["encode", "picture.png", "--bpp", "0.5"], "Rate matching tries every model id"),
        (["encode", "picture.png", "--bpp", "0.123"], "hundredths of a bit per pixel"),
        (["encode", "picture.png", "--model", "4"], "model id 4, expected 0, 1, 2 or 3"),
        (["encode", "picture.png", "--bpp", "0.5", "--beta", "3"], "leave out --model and --beta"),
        (["encode", "picture.png", "--operating-point", "HOP"], "set operating_point"),
        (["decode", "picture.png"], "picture.png: is not a coded image"),
        (["decode", "nothing.npz"], "nothing.npz: no such file"),
        (["info", "nothing.pth"], "nothing.pth: no such file"),
    ],
)
def test_one_line_errors(run, arguments, message):
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_other_weights_are_refused(run, weights):
    assert run("encode", "picture.png", "-o", "other.npz", "--weights", weights).returncode == 0
    done = run("decode", "other.npz")
    assert "other.npz: was coded with other entropy files (other)" in done.stderr


def test_a_damaged_archive_is_one_line(run, weights, tmp_path):
    whole = tmp_path / "whole.npz"
    assert run("encode", "picture.png", "-o", whole, "--weights", weights).returncode == 0
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:-100])
    np.savez(tmp_path / "foreign.npz", a=np.zeros(3))
    with np.load(whole) as arrays:
        kept = {name: arrays[name] for name in arrays.files if name != "luma.q"}
    np.savez(tmp_path / "incomplete.npz", **kept)
    with np.load(whole) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    np.savez(tmp_path / "foreign_model.npz", **content | {"model": np.array([7])})
    np.savez(tmp_path / "wide.npz", **content | {"luma.q": content["luma.q"].astype(np.float64)})
    damaged = bytearray(whole.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 64] = bytes(64)
    (tmp_path / "middle.npz").write_bytes(damaged)
    for name, message in (
        ("cut", "is not a coded image"),
        ("foreign", "is not a coded image of this version"),
        ("incomplete", "is incomplete or damaged"),
        ("foreign_model", "is incomplete or damaged (model id 7)"),
        ("wide", "is incomplete or damaged (luma.q is float64"),
        ("middle", "cannot be read as a coded image"),
    ):
        done = run("info", f"{name}.npz")
        assert done.returncode == 2
        assert message in done.stderr and done.stderr.count("\n") == 1
