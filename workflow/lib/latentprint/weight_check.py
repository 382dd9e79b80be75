"""Which weight files a folder holds, which are the release's, and what can be run with them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from latentprint.codec import weights
from latentprint.codec.official import MD5, UNUSED_MD5
from latentprint.codec.weight_set import OPERATING_POINTS
from latentprint.errors import UserError
from latentprint.weight_files import BETAS, LETTERS, file_point, is_pointer, relative_path

OFFICIAL, OTHER, MISSING, POINTER, BROKEN = "official", "other", "missing", "pointer", "broken"
NEEDED = {"y": ("encoder",), "y_hat": ("encoder", "entropy"), "pictures": ("decoder",)}

RELEASED = {md5: name for name, md5 in (MD5 | UNUSED_MD5).items()}
PARTS = {part.relative_path: part for point in OPERATING_POINTS for part in weights.parts(point)}


@dataclass(frozen=True)
class Found:
    """What stands in the place of one file.

    Attributes
    ----------
    state : {"official", "other", "missing", "pointer", "broken"}
        "official": the release's MD5; "other": another MD5, and every tensor is as it must be;
        "pointer": what Git LFS leaves in place of a file that was not fetched; "broken": anything
        else, files of the release under each other's names included.
    reason : str
        What is wrong with a broken file.
    """

    state: str
    reason: str = ""

    @property
    def usable(self) -> bool:
        """Whether the codec can read it."""
        return self.state in (OFFICIAL, OTHER)


def inspect(folder: Path) -> dict[str, Found]:
    """Look at every file that the codec can use.

    Parameters
    ----------
    folder : Path
        Folder in the official layout.

    Returns
    -------
    dict of str to Found
        By path below the folder, in the order of the list of official files.

    Raises
    ------
    UserError
        If there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder. Name the one that holds VM_bop/, VM_hop/, ...")
    return {name: _found(folder, name) for name in MD5}


def unused(folder: Path) -> list[str]:
    """List the files for training alone that are there."""
    return [name for name in UNUSED_MD5 if (folder / name).is_file()]


def able(found: Mapping[str, Found]) -> dict[str, dict[str, list[int]]]:
    """Tell for which model ids what can be computed.

    Parameters
    ----------
    found : mapping of str to Found
        What `inspect` gives.

    Returns
    -------
    dict of str to dict of str to list of int
        Model ids by "y", "y_hat", "pictures" (from y_hat) and by operating point. SOP takes its
        latents from the encoder of BOP.
    """
    return {
        what: {
            point: [
                model
                for model in range(len(BETAS))
                if all(
                    found[relative_path(kind, file_point(kind, point), component, model)].usable
                    for kind in kinds
                    for component in LETTERS
                )
            ]
            for point in OPERATING_POINTS
        }
        for what, kinds in NEEDED.items()
    }


def can_match_rates(models: Mapping[str, dict[str, list[int]]], point: str) -> bool:
    """Tell whether the rate can be matched: that tries y_hat of every model id."""
    return len(models["y_hat"][point]) == len(BETAS)


def folder_meant(folder: Path) -> Path | None:
    """Find the folder that was meant where the one given is a level too high or too deep."""
    below = sorted(other for other in folder.iterdir() if other.is_dir())
    for other in (folder.absolute().parent, *below):
        if any((other / name).is_file() for name in MD5):
            return other
    return None


def _found(folder: Path, name: str) -> Found:
    path = folder / name
    try:
        if not path.exists():
            return Found(MISSING)
        if path.is_file():
            if is_pointer(path):
                return Found(POINTER)
            with path.open("rb") as file:
                md5 = hashlib.file_digest(file, "md5").hexdigest()
            if md5 == MD5[name]:
                return Found(OFFICIAL)
            if md5 in RELEASED:
                return Found(
                    BROKEN, f"is {RELEASED[md5]} of the release. Put each under its own name"
                )
        weights.check(folder, PARTS[name], values=True)
    except UserError as error:
        return Found(BROKEN, str(error).removeprefix(f"{path}: "))
    except OSError as error:
        return Found(BROKEN, f"cannot be read ({error.strerror})")
    return Found(OTHER)
