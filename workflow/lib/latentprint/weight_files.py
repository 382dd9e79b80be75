"""Names of the codec's weight files in the official layout (specification, section 2).

Standard library only: the workflow's rules ask for these names at every start.
"""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from latentprint.errors import UserError

LETTERS = {"luma": "Y", "chroma": "UV"}
BETAS = ("0.002", "0.012", "0.075", "0.5")  # file name suffix of model ids 0 to 3

LFS_POINTER = b"version https://git-lfs"

ANALYSIS_OF = {"SOP": "BOP"}  # operating points without an encoder of their own, and whose they use


def file_point(kind: str, operating_point: str) -> str:
    """Give the operating point whose file serves another one.

    Parameters
    ----------
    kind : {"encoder", "decoder", "entropy"}
    operating_point : {"BOP", "HOP", "SOP"}

    Returns
    -------
    {"BOP", "HOP", "SOP", ""}
        "BOP" for the encoder of SOP, which is BOP's; "" for the entropy files, which all share.
    """
    if kind == "entropy":
        return ""
    return (
        ANALYSIS_OF.get(operating_point, operating_point) if kind == "encoder" else operating_point
    )


def relative_path(kind: str, operating_point: str, component: str, model: int) -> str:
    """Give the path of a file within a folder in the official layout.

    Parameters
    ----------
    kind : {"encoder", "decoder", "entropy"}
    operating_point : str
        "BOP", "HOP" or "SOP"; unused for the entropy files, which all share. SOP has decoders
        alone: `file_point` says whose encoder it uses.
    component : {"luma", "chroma"}
    model : int
        Model id, 0..3.
    """
    name = f"{LETTERS[component]}_{BETAS[model]}.pth"
    if kind == "entropy":
        return f"VM_common_int/{name}"
    return f"VM_{operating_point.lower()}/{kind}_{name}"


def transform_files(
    folder: str | Path, operating_point: str, model: int, *, kind: str = "encoder"
) -> list[str]:
    """Give the encoder or decoder files of a model id.

    Raises
    ------
    UserError
        If one is missing or was not fetched; says what to put where.
    """
    point = file_point(kind, operating_point)
    names = [relative_path(kind, point, part, model) for part in LETTERS]
    return _existing(folder, names, use=f"operating point {operating_point}, model id {model}")


def entropy_files(folder: str | Path, model: int) -> list[str]:
    """Give the entropy files of a model id; `UserError` as above."""
    names = [relative_path("entropy", "", part, model) for part in LETTERS]
    return _existing(folder, names, use=f'y_hat, model id {model} (latents: ["y"] does without)')


def is_pointer(path: Path) -> bool:
    """Tell whether Git LFS left a pointer in place of the file."""
    with path.open("rb") as file:
        return file.read(len(LFS_POINTER)) == LFS_POINTER


def combined_digest(digests: Mapping[str, str]) -> str:
    """Give one SHA-256 for several files.

    Parameters
    ----------
    digests : mapping of str to str
        SHA-256 of each file, hexadecimal, by its path below the folder; in any order.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(digests):
        total.update(path.encode())
        total.update(bytes.fromhex(digests[path]))
    return total.hexdigest()


def _existing(folder: str | Path, names: Iterable[str], *, use: str) -> list[str]:
    paths = [Path(folder) / name for name in names]
    for path in paths:
        if not path.is_file():
            raise UserError(
                f"weights: {path} is missing, needed for {use}. Put the files of the reference "
                "software there, or name another folder as `weights`; docs/data.md lists the files "
                "and checks a folder"
            )
        try:
            pointer = is_pointer(path)
        except OSError as error:
            raise UserError(
                f"weights: {path} cannot be read ({error.strerror}), needed for {use}. Check its "
                "permissions and the disk"
            ) from None
        if pointer:
            raise UserError(
                f"weights: {path} is a Git LFS pointer, not the file itself, needed for {use}. "
                "Run `git lfs pull` where it comes from and copy it again"
            )
    return [str(path) for path in paths]
