"""Files that are no weights, or damaged ones: each is one line with file, defect and next step."""

import os
import pickle
import shutil
import zipfile

import pytest
import torch

from latentprint.codec import JpegAI
from latentprint.codec.weights import Part, check, read
from latentprint.errors import UserError
from latentprint.weight_check import inspect

LUMA = Part("encoder", "BOP", "luma", 3)
ENTROPY = Part("entropy", "", "luma", 3)


class Harmful:
    """A pickle that would run code when loaded."""

    def __reduce__(self):
        return (exec, ("raise SystemError('code was run')",))


@pytest.fixture(scope="module")
def original(weights):
    """The good file's bytes and content, by part."""
    return {part: (weights / part.relative_path).read_bytes() for part in (LUMA, ENTROPY)}


@pytest.fixture
def folder(original, tmp_path):
    """A folder with the two files that the tests spoil."""
    for part, content in original.items():
        (tmp_path / part.relative_path).parent.mkdir()
        (tmp_path / part.relative_path).write_bytes(content)
    return tmp_path


def message(folder, part, act=read):
    with pytest.raises(UserError) as caught:
        act(folder, part)
    text = str(caught.value)
    assert text.startswith(f"{folder / part.relative_path}: ") and "\n" not in text
    assert len(text) < len(str(folder)) + 260
    return text


def edit(key, change):
    return lambda content: content.update({key: change(content[key])})


SCALE = "hyper_scale_decoder.conv1.weight"
TENSORS = {
    "missing": (LUMA, lambda c: c.pop("conv2.weight"), "tensor 'conv2.weight' is missing, expect"),
    "unexpected": (
        LUMA,
        lambda c: c.update(new=torch.zeros(1)),
        "unexpected tensor 'new' (1 in all)",
    ),
    "shape": (
        LUMA,
        edit("conv5.weight", lambda _: torch.zeros(160, 160, 3, 3)),
        "'conv5.weight' has shape (160, 160, 3, 3), expected (160, 160, 1, 1)",
    ),
    "integers for floats": (
        LUMA,
        edit("conv1.bias", lambda value: value.long()),
        "'conv1.bias' has dtype torch.int64, expected float",
    ),
    "complex": (
        LUMA,
        edit("conv1.bias", lambda value: value.to(torch.complex64)),
        "dtype torch.complex64, expected float",
    ),
    "sparse": (LUMA, edit("conv1.weight", lambda v: v.float().to_sparse()), "expected float"),
    "a list for a tensor": (
        LUMA,
        edit("conv1.bias", lambda _: [1.0]),
        "'conv1.bias' is of type li",
    ),
    "floats for integers": (
        ENTROPY,
        edit(SCALE, lambda value: value.float()),
        "expected integer. Is it the file of VM_common/",
    ),
    "both names": (
        ENTROPY,
        lambda c: c.update({"quantizer.gain_unit.c": c["vr_vec.c"]}),
        "'vr_vec.c' under both of its names",
    ),
    "keys that are no names": (LUMA, lambda c: c.update({3: torch.zeros(1)}), "holds the key 3"),
}
VALUES = {
    "NaN": (LUMA, edit("conv1.bias", lambda v: v.clone().fill_(torch.nan)), "are not finite"),
    "infinite": (LUMA, edit("conv1.bias", lambda v: v.double() + 1e300), "are not finite"),
    "beyond 32 bits": (
        ENTROPY,
        edit(SCALE, lambda value: value.long() + 2**40),
        "expected 32-bit integers",
    ),
    "not in integers": (
        ENTROPY,
        edit("hyper_scale_decoder.pointwise.is_quantized", torch.zeros_like),
        "is False, expected True",
    ),
}


def spoil(folder, part, change):
    path = folder / part.relative_path
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)


@pytest.mark.parametrize(("part", "change", "expected"), TENSORS.values(), ids=TENSORS)
def test_a_wrong_tensor_is_named_when_the_codec_is_loaded(folder, part, change, expected):
    spoil(folder, part, change)
    assert expected in message(folder, part)
    assert expected in message(folder, part, act=check)
    with pytest.raises(UserError) as caught:
        JpegAI.load(folder, "BOP")
    assert expected in str(caught.value)


@pytest.mark.parametrize(("part", "change", "expected"), VALUES.values(), ids=VALUES)
def test_a_wrong_value_is_named_when_the_file_is_read(folder, part, change, expected):
    spoil(folder, part, change)
    assert expected in message(folder, part)
    assert expected in message(folder, part, act=lambda *of: check(*of, values=True))
    assert expected in inspect(folder)[part.relative_path].reason


def foreign_zip(path, name, content):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)


FILES = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "nonsense": (
        lambda p: p.write_bytes(b"nonsense" * 99),
        "it begins with b'nons', expected b'PK",
    ),
    "a web page": (lambda p: p.write_bytes(b"<!DOCTYPE html>"), "it begins with b'<!DO'"),
    "a pointer": (
        lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "is a Git LFS pointer, not the file itself. Run `git lfs pull`",
    ),
    "half": (lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]), "is cut off"),
    "all but a byte": (lambda p: p.write_bytes(p.read_bytes()[:-1]), "is cut off"),
    "a zip": (lambda p: foreign_zip(p, "hello.txt", "x"), "cannot be read as a file of tensors ("),
    "a zip with folders": (lambda p: foreign_zip(p, "a/b.txt", "x"), "cannot be read as a file of"),
    "a zip with a pickle": (
        lambda p: foreign_zip(p, "a/data.pkl", pickle.dumps({}, 2)),
        "cannot be read as a file of tensors (",
    ),
    "a pickle": (lambda p: p.write_bytes(pickle.dumps({"conv1.bias": 1})), "is no file of tensors"),
    "a pickle with code": (lambda p: p.write_bytes(pickle.dumps(Harmful())), "is no file of tens"),
    "code": (
        lambda p: torch.save({"conv1.bias": Harmful()}, p),
        "holds builtins.exec, expected te",
    ),
    "a network": (lambda p: torch.save(torch.nn.Conv2d(1, 1, 1), p), "holds torch.nn.modules"),
    "a list": (lambda p: torch.save([torch.zeros(1)], p), "holds a list, expected a dictionary"),
    "a tensor": (lambda p: torch.save(torch.zeros(1), p), "holds a Tensor, expected a dictionary"),
    "a folder": (lambda p: (p.unlink(), p.mkdir()), "is a folder, expected a file"),
    "a pipe": (lambda p: (p.unlink(), os.mkfifo(p)), "is a device or a pipe, expected a file"),
    "none": (lambda p: p.unlink(), "file is missing"),
    "a link to nothing": (lambda p: (p.unlink(), p.symlink_to("gone")), "file is missing"),
}


@pytest.mark.parametrize(("change", "expected"), FILES.values(), ids=FILES)
def test_what_is_no_file_of_tensors(folder, change, expected):
    change(folder / LUMA.relative_path)
    assert expected in message(folder, LUMA)
    assert expected in message(folder, LUMA, act=check)


@pytest.mark.parametrize(
    "name", [name for name in FILES if name not in ("none", "a link to nothing")]
)
def test_the_check_of_a_folder_tells_them_too(folder, name):
    change, expected = FILES[name]
    change(folder / LUMA.relative_path)
    found = inspect(folder)
    one = found[LUMA.relative_path]
    assert not one.usable and found[ENTROPY.relative_path].state == "other"
    if name == "a pointer":
        assert one.state == "pointer"
    else:
        assert one.state == "broken" and expected in one.reason and str(folder) not in one.reason


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs /proc")
def test_an_unreadable_file(folder):
    """A file of the kernel that exists, and that nobody can read from its start."""
    path = folder / LUMA.relative_path
    path.unlink()
    path.symlink_to("/proc/self/mem")
    assert "cannot be read (Input/output error). Check its permissions" in message(folder, LUMA)
    assert "cannot be read" in inspect(folder)[LUMA.relative_path].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read every file")
def test_a_file_without_permission(folder):
    (folder / LUMA.relative_path).chmod(0)
    assert "cannot be read (Permission denied)" in message(folder, LUMA)
    assert "cannot be read" in inspect(folder)[LUMA.relative_path].reason


def test_a_file_of_the_other_operating_point(folder, hop_weights):
    hop = Part("encoder", "HOP", "luma", 3)
    shutil.copytree(hop_weights / "VM_hop", folder / "VM_hop")
    shutil.copy(folder / LUMA.relative_path, folder / hop.relative_path)
    with pytest.raises(UserError, match=r"'TAM\.\S+' is missing.* of another .*operating point"):
        JpegAI.load(folder, "HOP")
    shutil.copy(hop_weights / hop.relative_path, folder / LUMA.relative_path)
    with pytest.raises(UserError, match=r"unexpected tensor 'TAM\."):
        JpegAI.load(folder, "BOP")
