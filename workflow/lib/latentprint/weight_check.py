"""Which official weight files a folder holds, by their MD5, and what can be run with them."""

import hashlib
from pathlib import Path

from latentprint.codec.official import MD5
from latentprint.errors import UserError
from latentprint.weight_files import BETAS, LETTERS, relative_path

OK, MISSING, OTHER, POINTER = "ok", "missing", "other", "pointer"
POINTER_START = b"version https://git-lfs"


def states(folder: Path) -> dict[str, str]:
    """Compare a folder with the list of official files.

    Parameters
    ----------
    folder : Path
        Folder in the official layout.

    Returns
    -------
    dict of str to str
        By path below the folder, in the order of the list: "ok"; "missing"; "other" (another MD5);
        "pointer" (what Git LFS leaves in place of a file that was not fetched).

    Raises
    ------
    UserError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Name the one that holds VM_bop/, VM_hop/, ...")
    return {name: _state(folder / name, md5) for name, md5 in MD5.items()}


def usable(found: dict[str, str]) -> dict[str, list[int]]:
    """Tell for which model ids y and y_hat can be computed, by latent and operating point."""
    able: dict[str, list[int]] = {}
    for point in ("BOP", "HOP"):
        for latent, kinds in (("y", ["encoder"]), ("y_hat", ["encoder", "entropy"])):
            able[f"{latent} {point}"] = [
                model
                for model in range(len(BETAS))
                if all(
                    found[relative_path(kind, point, component, model)] == OK
                    for kind in kinds
                    for component in LETTERS
                )
            ]
    return able


def _state(path: Path, md5: str) -> str:
    if not path.is_file():
        return MISSING
    with path.open("rb") as file:
        if file.read(len(POINTER_START)) == POINTER_START:
            return POINTER
        file.seek(0)
        return OK if hashlib.file_digest(file, "md5").hexdigest() == md5 else OTHER
