"""The trials of a search that is under way, so that a killed search goes on where it was.

One JSON line per finished trial stands in a file beside the outputs. Every line carries the digest
of all that a trial's scores depend on besides its parameters; lines of other digests are passed
over, and so is a last line that was cut off.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from latentprint.files import write_text
from latentprint.tuning import Trial

NAME = "trials.partial.jsonl"


class Journal:
    """The finished trials of one search.

    Parameters
    ----------
    path : Path
        The file. What it holds of this search is read, the rest is dropped.
    key : mapping
        All that a trial's scores depend on besides its parameters; its values are JSON.
    """

    def __init__(self, path: Path, key: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        self._trials = self._read()
        # Written anew, so that a line which was cut off does not spoil the next one.
        write_text(self.path, "".join(self._line(trial) for trial in self._trials.values()))

    def find(self, parameters: Mapping[str, Any], *, images: int | None = None) -> Trial | None:
        """Give the finished trial of these parameters on so many images, or None."""
        return self._trials.get(_name(parameters, images))

    def add(self, trial: Trial) -> None:
        """Keep one finished trial; it is in the file when this returns."""
        self._trials[_name(trial.parameters, trial.images)] = trial
        with self.path.open("a", encoding="utf-8") as file:
            file.write(self._line(trial))

    def remove(self) -> None:
        """Delete the file: the search is done."""
        self.path.unlink(missing_ok=True)

    def _line(self, trial: Trial) -> str:
        return json.dumps({"search": self._digest} | asdict(trial)) + "\n"

    def _read(self) -> dict[str, Trial]:
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return {}
        trials = {}
        for line in text.splitlines():
            try:
                content = json.loads(line)
            except ValueError:  # cut off
                continue
            if isinstance(content, dict) and content.pop("search", None) == self._digest:
                trial = Trial(**content | {"scores": tuple(content["scores"])})
                trials[_name(trial.parameters, trial.images)] = trial
        return trials


def _name(parameters: Mapping[str, Any], images: int | None) -> str:
    return json.dumps([parameters, images], sort_keys=True)
