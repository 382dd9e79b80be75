"""Bad files of weights, and the line that stops a run before its first job, or that job."""

import hashlib
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from tests.bad_input.configurations import config
from tests.bad_input.desk import Cases, Desk, See
from tests.bad_input.lists import unreadable
from tests.bad_pictures import encoded, picture

LUMA = "VM_bop/encoder_Y_0.5.pth"  # the file that is spoiled
NETWORK = "needed for operating point BOP, model id 3"
PUT = (
    "Put the files of the reference software there, or name another folder as `weights`; "
    "docs/data.md lists the files and checks a folder"
)
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 2669048\n"
RAN = "ran"


def weights(desk: Desk) -> Path:
    """Put the embedded weights into the user's folder, as links, and one as a file to spoil."""
    folder = desk.folder / "weights"
    for source in (desk.root / "resources/codec").glob("*/*.pth"):
        name = source.relative_to(desk.root / "resources/codec")
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if str(name) == LUMA:
            shutil.copy(source, folder / name)
        else:
            (folder / name).symlink_to(source)
    return folder


def planned(spoil: Callable[[Path], object], *values: str) -> See:
    """Plan a run with a folder of weights of which the file for luma is spoiled."""

    def see(desk: Desk) -> str:
        spoil(weights(desk) / LUMA)
        return config(f"weights={desk.folder}/weights", *values)(desk)

    return see


def analysed(spoil: Callable[[Path], object]) -> See:
    """Begin to encode with a spoiled file; nothing that it holds may run."""

    def see(desk: Desk) -> str:
        folder = weights(desk)
        spoil(folder / LUMA)
        (desk.folder / "images").mkdir()
        (desk.folder / "images/large.png").write_bytes(encoded(picture(size=64), "PNG"))
        sha256 = hashlib.sha256((desk.folder / "images/large.png").read_bytes()).hexdigest()
        (desk.folder / "selection.tsv").write_text(
            f"id\tlabel\tsplit\tpath\tsha256\na\treal\ttrain\tlarge.png\t{sha256}\n"
        )
        message = desk.step(
            "analyse_images",
            *("--images", "selection.tsv", "--split", "train", "--shard", 0),
            *("--shard-images", 1, "--root", "images", "--image-size", 64),
            *("--weights", folder, "--operating-point", "BOP", "--model", 3),
            *("--device", "cpu", "--output", "y.h5"),
        )
        assert not (desk.folder / RAN).exists(), "code in the file was run"
        assert not (desk.folder / "y.h5").exists()
        return message

    return see


class Harmful:
    """A pickle that would leave a file in the working directory if it were loaded."""

    def __reduce__(self):
        return (open, (RAN, "w"))


def with_tensor(key: str, change: Callable) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        content = torch.load(path, weights_only=True)
        content[key] = change(content[key])
        torch.save(content, path)

    return spoil


def saved(make: Callable[[], object]) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        torch.save(make(), path)

    return spoil


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def of_chroma(path: Path) -> None:
    shutil.copy(path.with_name("encoder_UV_0.5.pth"), path)


WEIGHTS: Cases = {
    "folder that is not there": (
        config("weights=nowhere"),
        f"weights: CHECKOUT/nowhere/{LUMA} is missing, {NETWORK}. {PUT}",
    ),
    "a file is missing": (
        planned(Path.unlink),
        f"weights: FOLDER/weights/{LUMA} is missing, {NETWORK}. {PUT}",
    ),
    "the high operating point without its files": (
        planned(lambda path: None, "operating_point=HOP"),
        "weights: FOLDER/weights/VM_hop/encoder_Y_0.5.pth is missing, needed for operating point "
        f"HOP, model id 3. {PUT}",
    ),
    "rate matching without all models": (
        planned(lambda path: None, "rate=match"),
        "weights: FOLDER/weights/VM_bop/encoder_Y_0.002.pth is missing, needed for operating point "
        f"BOP, model id 0. {PUT}",
    ),
    "y_hat without its files": (
        planned(lambda path: shutil.rmtree(path.parents[1] / "VM_common_int")),
        "weights: FOLDER/weights/VM_common_int/Y_0.5.pth is missing, needed for y_hat, model id 3 "
        f'(latents: ["y"] does without). {PUT}',
    ),
    "a pointer of Git LFS": (
        planned(lambda path: path.write_bytes(LFS)),
        f"weights: FOLDER/weights/{LUMA} is a Git LFS pointer, not the file itself, {NETWORK}. Run "
        "`git lfs pull` where it comes from and copy it again",
    ),
    "a file that cannot be read": (
        planned(unreadable),
        f"weights: FOLDER/weights/{LUMA} cannot be read (Input/output error), {NETWORK}. Check its "
        "permissions and the disk",
    ),
    "a pointer of Git LFS, after the plan": (
        analysed(lambda path: path.write_bytes(LFS)),
        f"FOLDER/weights/{LUMA}: is a Git LFS pointer, not the file itself. Run `git lfs pull` "
        "where it comes from and copy it again",
    ),
    "empty": (
        analysed(lambda path: path.write_bytes(b"")),
        f"FOLDER/weights/{LUMA}: is empty. Fetch it again",
    ),
    "cut off": (
        analysed(cut),
        f"FOLDER/weights/{LUMA}: is cut off: its end is missing. Fetch it again",
    ),
    "a web page": (
        analysed(lambda path: path.write_bytes(b"<!DOCTYPE html><html>404</html>")),
        f"FOLDER/weights/{LUMA}: is no file of tensors: it begins with b'<!DO', expected "
        "b'PK\\x03\\x04'. Fetch it again",
    ),
    "a pickle with code": (
        analysed(lambda path: path.write_bytes(pickle.dumps(Harmful()))),
        f"FOLDER/weights/{LUMA}: is no file of tensors: it begins with b'\\x80\\x04\\x95\\x1d', "
        "expected b'PK\\x03\\x04'. Fetch it again",
    ),
    "code beside tensors": (
        analysed(saved(lambda: {"conv1.bias": Harmful()})),
        f"FOLDER/weights/{LUMA}: holds io.open, expected tensors and numbers alone; it was not "
        "loaded, as it could run code. Use the file of the reference software",
    ),
    "a list": (
        analysed(saved(lambda: [1.0])),
        f"FOLDER/weights/{LUMA}: holds a list, expected a dictionary of tensors. Use the file of "
        "the reference software",
    ),
    "the file of another component": (
        analysed(of_chroma),
        f"FOLDER/weights/{LUMA}: tensor 'conv1.weight' has shape (128, 12, 3, 3), expected (128, "
        "1, 3, 3). Is it the file of another component or operating point?",
    ),
    "a tensor of another shape": (
        analysed(with_tensor("conv5.weight", lambda value: value[:, :, 0])),
        f"FOLDER/weights/{LUMA}: tensor 'conv5.weight' has shape (160, 160, 1), expected (160, "
        "160, 1, 1). Is it the file of another component or operating point?",
    ),
    "a number that is none": (
        analysed(with_tensor("conv1.bias", lambda value: value * float("nan"))),
        f"FOLDER/weights/{LUMA}: tensor 'conv1.bias' holds values that are not finite. The file is "
        "damaged: fetch it again",
    ),
}
