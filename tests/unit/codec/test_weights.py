"""Reading weight files: every kind, every width; what is said of files of another origin."""

import hashlib
import logging
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.codec.layouts import LAYOUTS
from latentprint.codec.official import MD5, UNUSED_MD5
from latentprint.codec.weights import Part, check, digest, digests, parts, read, source
from latentprint.errors import UserError

PART = Part("encoder", "BOP", "luma", 3)
DECODER = Part("decoder", "BOP", "chroma", 3)
ENTROPY = Part("entropy", "", "luma", 3)
EVERY = list(dict.fromkeys(p for point in ("BOP", "HOP", "SOP") for p in parts(point, models=[0])))
LEFT_BY_TRAINING = {
    "epoch": 7,
    "best_loss": np.float64(0.5),
    "optimizer": {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 1e-4}]},
    "channel_wise_entropy": torch.zeros(160),
    "entropy.table": torch.zeros(3),
}


@pytest.fixture
def folder(weights, tmp_path):
    shutil.copytree(weights, tmp_path / "weights")
    return tmp_path / "weights"


def change(folder, part, edit):
    path = folder / part.relative_path
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def fabricate(folder, part, *, extra):
    """Write a file of the right layout: float64, int64, one tensor a parameter."""
    generator = torch.Generator().manual_seed(5)
    content = {}
    for key, entry in LAYOUTS[part.kind, part.operating_point, part.component].items():
        numbers = torch.randint(-100, 100, entry.shape, generator=generator)
        content[key] = {
            "float": numbers.double() / 8,
            "integer": numbers,
            "bool": torch.ones(entry.shape, dtype=torch.bool),
        }[entry.kind]
    first = next(iter(content))
    stored = content | {first: torch.nn.Parameter(content[first])} | extra
    if "vr_vec.c" in stored:
        stored["quantizer.gain_unit.c"] = stored.pop("vr_vec.c")
    path = folder / part.relative_path
    path.parent.mkdir()
    torch.save(stored, path)
    return content


def peak_bytes():
    """Largest resident memory of this process since it was reset."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(x for x in status.splitlines() if x.startswith("VmHWM")).split()[1])


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
        ("decoder", "SOP", "luma", 461_504),
        ("decoder", "SOP", "chroma", 208_976),
    ],
)
def test_parameter_counts(kind, operating_point, component, parameters):
    """The counts of the specification, section 2.2."""
    layout = LAYOUTS[kind, operating_point, component]
    assert sum(math.prod(entry.shape) for entry in layout.values()) == parameters


@pytest.mark.parametrize("part", EVERY, ids=lambda part: part.relative_path)
def test_every_kind_of_file_is_read(tmp_path, part):
    """Other widths, the tensors' older name and what a training leaves in a file."""
    written = fabricate(tmp_path, part, extra=LEFT_BY_TRAINING)
    tensors = read(tmp_path, part)
    check(tmp_path, part, values=True)
    layout = LAYOUTS[part.kind, part.operating_point, part.component]
    assert set(tensors) == set(layout)
    for key, value in tensors.items():
        assert (
            value.dtype
            == {"float": torch.float32, "integer": torch.int32, "bool": torch.bool}[
                layout[key].kind
            ]
        )
        assert torch.equal(value, written[key].to(value.dtype)) and not value.requires_grad


@pytest.mark.parametrize("name", ["vr_vec.c", "quantizer.gain_unit.c"])
def test_both_names_of_the_gains(folder, name):
    def edit(content):
        content[name] = content.pop("vr_vec.c")

    change(folder, ENTROPY, edit)
    assert read(folder, ENTROPY)["vr_vec.c"].shape == (160, 18)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int16, torch.int32, torch.int64])
def test_integers_of_any_width(folder, dtype):
    key = "hyper_scale_decoder.conv1.weight"
    expected = read(folder, ENTROPY)[key]
    change(folder, ENTROPY, lambda c: c.update({key: c[key].to(dtype)}))
    assert torch.equal(read(folder, ENTROPY)[key], expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_of_any_width(folder, dtype):
    change(folder, PART, lambda c: c.update({"conv1.bias": torch.arange(128).to(dtype)}))
    assert torch.equal(read(folder, PART)["conv1.bias"], torch.arange(128.0))


def test_extra_entries_cost_no_memory(folder):
    extra = 64 * 2**20
    change(folder, PART, lambda c: c.update(optimizer={"state": torch.zeros(extra // 4)}))
    own_peak = Path("/proc/self/clear_refs")
    try:
        own_peak.write_text("5")
    except OSError:
        pytest.skip("the peak of the memory cannot be reset here")
    before = peak_bytes()
    read(folder, PART)
    assert peak_bytes() - before < extra / 2


def test_tensors_outlive_their_file(folder):
    """Also those that need no conversion, which would copy them anyway."""
    change(folder, PART, lambda c: c.update({key: c[key].float() for key in c}))
    tensors = read(folder, PART)
    before = {key: value.clone() for key, value in tensors.items()}
    path = folder / PART.relative_path
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert all(torch.equal(value, before[key]) for key, value in tensors.items())


def test_missing_file(folder):
    (folder / PART.relative_path).unlink()
    with pytest.raises(UserError, match=r"encoder_Y_0\.5\.pth"):
        JpegAI.load(folder, "BOP").encode(torch.zeros((1, 3, 64, 64), dtype=torch.uint8))


def test_empty_folder(tmp_path):
    with pytest.raises(UserError, match=r"VM_bop/encoder_Y_0\.002\.pth: file is missing"):
        JpegAI.load(tmp_path, "BOP")


def warnings_of(caplog):
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(("part", "what"), [(PART, "latents"), (DECODER, "pictures")])
def test_a_file_of_another_origin_is_told_once(folder, caplog, part, what):
    path = folder / part.relative_path
    for _ in range(2):
        read(folder, part)
    (record,) = warnings_of(caplog)
    found = hashlib.md5(path.read_bytes()).hexdigest()
    assert record.name == "latentprint.codec.weights"
    assert record.getMessage() == (
        f"{path}: MD5 is {found}, expected {MD5[part.relative_path]} (release IS): "
        f"{what} are not those of the release"
    )
    change(folder, part, lambda c: c.update(epoch=1))
    read(folder, part)
    assert len(warnings_of(caplog)) == 2


def test_checking_does_not_warn(folder, caplog):
    check(folder, PART, values=True)
    assert not warnings_of(caplog)


def test_embedded_weights_do_not_warn(root, folder, caplog):
    read(root / "resources" / "codec", PART)
    (folder / "model_card.md").write_text("card")
    read(folder, PART)
    assert not warnings_of(caplog)


@pytest.mark.parametrize("part", [PART, Part("decoder", "SOP", "chroma", 3)])
def test_official_files_do_not_warn(shared, caplog, part):
    read(shared / "data" / "weights", part)
    assert not warnings_of(caplog)


def test_the_digest_is_over_the_digests_of_the_files(tmp_path):
    (tmp_path / "VM_bop").mkdir()
    used = [Part("encoder", "BOP", component, 3) for component in ("luma", "chroma")]
    for part, content in zip(used, (b"one", b"two"), strict=True):
        (tmp_path / part.relative_path).write_bytes(content)
    one, two = hashlib.sha256(b"one"), hashlib.sha256(b"two")
    names = "VM_bop/encoder_UV_0.5.pth", "VM_bop/encoder_Y_0.5.pth"
    assert list(digests(tmp_path, used).items()) == [
        (names[0], two.hexdigest()),
        (names[1], one.hexdigest()),
    ]
    whole = names[0].encode() + two.digest() + names[1].encode() + one.digest()
    assert digest(tmp_path, used) == hashlib.sha256(whole).hexdigest()


def test_source_of_weights(folder, shared):
    used = [Part("encoder", "BOP", component, 3) for component in ("luma", "chroma")]
    assert source(folder, used) == "other"
    (folder / "model_card.md").write_text("card")
    assert source(folder, used) == "embedded"
    assert source(shared / "data" / "weights", used) == "official"


def test_the_list_of_official_files_names_every_part():
    named = {p.relative_path for point in ("BOP", "HOP", "SOP") for p in parts(point)}
    assert named == set(MD5) and len(MD5) == 48
    assert len(UNUSED_MD5) == 8 and all(name.startswith("VM_common/") for name in UNUSED_MD5)
    assert len({*MD5.values(), *UNUSED_MD5.values()}) == 56
