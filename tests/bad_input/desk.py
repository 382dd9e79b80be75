"""Where a user sits who gives bad input, and the one line that answers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.front_door import Ended, FrontDoor


@dataclass
class Desk:
    """Where a user sits: an empty folder and a checkout.

    Attributes
    ----------
    folder : Path
        Empty; `FOLDER` in the messages.
    root : Path
        The checkout.
    door : FrontDoor
    reasons : dict
        Why images of the sets that `pictures.index_all` makes were excluded, by set and name.
    """

    folder: Path
    root: Path
    door: FrontDoor
    reasons: dict[str, dict[str, str]]

    def step(self, name: str, *options: str | Path | int) -> str:
        """Run a step of a rule, which must refuse."""
        library = self.root / "workflow/lib"
        command = (f"latentprint.steps.{name}", *options)
        return refusal(self.door.run(*command, folder=self.folder, path=library))

    def snakemake(self, *arguments: str | Path) -> Ended:
        """Ask for a plan of the run."""
        command = ("snakemake", "--dry-run", "--cores", 2, *arguments)
        return self.door.run(*command, folder=self.root, path=self.root)


def refusal(ended: Ended) -> str:
    """Give the one line in which a command said what is wrong."""
    *before, last = ended.stderr.splitlines() or [""]
    assert ended.status == 2, ended
    assert last.startswith("error: "), ended
    assert not any(line.startswith(("error", "Traceback")) for line in before), ended
    return last.removeprefix("error: ")


See = Callable[[Desk], str]

# A case of a table: what the user does, which gives what the user sees, and the whole message.
Cases = dict[str, tuple[See, str]]
