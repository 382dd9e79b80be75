"""Reading weight files: every defect is one line that names file and key."""

import math
import shutil

import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.official import MD5
from latentprint.codec.weights import Part, read, source
from latentprint.errors import UserError

PART = Part("encoder", "BOP", "luma", 3)
ENTROPY = Part("entropy", "", "luma", 3)


@pytest.fixture
def folder(weights, tmp_path):
    shutil.copytree(weights, tmp_path / "weights")
    return tmp_path / "weights"


def change(folder, part, edit):
    path = folder / part.relative_path
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


@pytest.mark.parametrize(
    ("kind", "operating_point", "component", "parameters"),
    [
        ("encoder", "BOP", "luma", 666_272),
        ("encoder", "BOP", "chroma", 481_152),
        ("decoder", "BOP", "luma", 566_656),
        ("decoder", "BOP", "chroma", 396_528),
        ("encoder", "HOP", "luma", 2_987_944),
        ("encoder", "HOP", "chroma", 2_507_656),
        ("decoder", "HOP", "luma", 3_341_769),
        ("decoder", "HOP", "chroma", 755_072),
    ],
)
def test_parameter_counts(kind, operating_point, component, parameters):
    """The counts of the specification, section 2.2."""
    layout = LAYOUTS[kind, operating_point, component]
    assert sum(math.prod(entry.shape) for entry in layout.values()) == parameters


def test_floats_are_widened_and_old_names_renamed(folder):
    change(folder, ENTROPY, lambda c: c.update({"quantizer.gain_unit.c": c.pop("vr_vec.c")}))
    change(folder, ENTROPY, lambda c: c.update({"epoch": 7, "entropy.table": torch.zeros(3)}))
    tensors = read(folder, ENTROPY)
    assert tensors["vr_vec.c"].dtype == torch.float32
    assert tensors["hyper_scale_decoder.conv1.weight"].dtype == torch.int32
    assert "epoch" not in tensors and "entropy.table" not in tensors


@pytest.mark.parametrize(
    ("part", "edit", "message"),
    [
        (PART, lambda c: c.pop("conv2.weight"), "'conv2.weight' is missing"),
        (PART, lambda c: c.update(extra=torch.zeros(1)), "unexpected tensor 'extra'"),
        (
            PART,
            lambda c: c.update({"conv5.weight": torch.zeros(160, 160, 3, 3)}),
            r"'conv5.weight' has shape \(160, 160, 3, 3\), expected \(160, 160, 1, 1\)",
        ),
        (
            PART,
            lambda c: c.update({"conv1.bias": torch.zeros(128, dtype=torch.int64)}),
            "'conv1.bias' has dtype torch.int64, expected float",
        ),
        (PART, lambda c: c.update({"conv1.bias": [1.0]}), "'conv1.bias' is a list"),
        (
            ENTROPY,
            lambda c: c.update({"hyper_scale_decoder.conv1.weight": torch.zeros(160, 160, 1, 1)}),
            "has dtype torch.float32, expected integer",
        ),
    ],
)
def test_a_wrong_tensor_is_named_at_load(folder, part, edit, message):
    change(folder, part, edit)
    with pytest.raises(UserError, match=message) as caught:
        JpegAI.load(folder, "BOP")
    assert part.relative_path in str(caught.value)


def test_a_file_of_the_other_operating_point(folder, hop_weights):
    hop = Part("encoder", "HOP", "luma", 3)
    shutil.copytree(hop_weights / "VM_hop", folder / "VM_hop")
    shutil.copy(folder / PART.relative_path, folder / hop.relative_path)
    with pytest.raises(UserError, match=r"'TAM\.\S+' is missing.* of another .*operating point"):
        JpegAI.load(folder, "HOP")
    shutil.copy(hop_weights / hop.relative_path, folder / PART.relative_path)
    with pytest.raises(UserError, match=r"unexpected tensor 'TAM\."):
        JpegAI.load(folder, "BOP")


def test_values_that_are_not_finite(folder):
    change(folder, PART, lambda c: c["conv1.bias"].fill_(torch.nan))
    with pytest.raises(UserError, match=r"'conv1.bias' holds values that are not finite"):
        read(folder, PART)


def test_missing_file(folder):
    (folder / PART.relative_path).unlink()
    with pytest.raises(UserError, match=r"encoder_Y_0\.5\.pth"):
        JpegAI.load(folder, "BOP").encode(torch.zeros((1, 3, 64, 64), dtype=torch.uint8))


def test_empty_folder(tmp_path):
    with pytest.raises(UserError, match=r"VM_bop/encoder_Y_0\.002\.pth: file is missing"):
        JpegAI.load(tmp_path, "BOP")


class Harmful:
    """A pickle that would run code when loaded."""

    def __reduce__(self):
        return (exec, ("raise SystemError('code was run')",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"", "cannot be read"),
        (b"nonsense" * 100, "cannot be read"),
    ],
)
def test_files_that_are_no_weights(folder, content, message):
    (folder / PART.relative_path).write_bytes(content)
    with pytest.raises(UserError, match=message):
        JpegAI.load(folder, "BOP")


def test_truncated_file(folder):
    path = folder / PART.relative_path
    path.write_bytes(path.read_bytes()[:10_000])
    with pytest.raises(UserError, match="cannot be read"):
        JpegAI.load(folder, "BOP")


@pytest.mark.parametrize("content", [{"conv1.weight": Harmful()}, [torch.zeros(1)]])
def test_no_code_runs_from_a_file(folder, content):
    torch.save(content, folder / PART.relative_path)
    with pytest.raises(UserError, match=r"encoder_Y_0\.5\.pth"):
        JpegAI.load(folder, "BOP")


def test_source_of_weights(folder, shared):
    used = [Part("encoder", "BOP", component, 3) for component in ("luma", "chroma")]
    assert source(folder, used) == "other"
    (folder / "model_card.md").write_text("card")
    assert source(folder, used) == "embedded"
    assert source(shared / "data" / "weights", used) == "official"
    assert len(MD5) == 48
