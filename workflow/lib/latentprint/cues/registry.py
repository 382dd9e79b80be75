"""The cues: each one module and one entry here.

A module has `QUESTION`, whose yes is the positive class; `names(settings)` and
`measure(pictures, asked)`, the values; `FEATURE_SETS` and `columns(names, feature_set)`, parts of
them; `trials(settings, material)`, what is asked; and for pages `SHOWN` (values), `CAUTION` and
`silence(picture, jpeg_sampling)`, why it does not speak. Modules are imported when a step uses
them: the rules read this file at every start and need names of versions alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from latentprint.cues.versions import SOURCE, ai, then

Settings = Mapping[str, Any]  # the key `cues` of the configuration


@dataclass(frozen=True)
class Cue:
    """One entry.

    Attributes
    ----------
    load : callable
        Imports the module.
    coded : bool
        Whether the picture under test is given to the codec.
    versions : callable
        Versions that are measured, of the settings.
    measured_by : tuple of str
        Which of its own settings decide the values; others decide what is asked of them.
    """

    load: Callable[[], ModuleType]
    coded: bool
    versions: Callable[[Settings], list[str]]
    measured_by: tuple[str, ...]


def _colour() -> ModuleType:
    from latentprint.cues import colour

    return colour


def _rd() -> ModuleType:
    from latentprint.cues import rd

    return rd


def _quantisation() -> ModuleType:
    from latentprint.cues import quantisation

    return quantisation


def _colour_versions(settings: Settings) -> list[str]:
    altered = [then(one, step) for one in _answers(settings) for step in settings["alterations"]]
    return [*_answers(settings), "half-420", "full-444", *settings["colour"]["jpeg"], *altered]


def _rd_versions(settings: Settings) -> list[str]:
    rates = settings["rd"]["rates"]
    return [*(ai(b) for b in rates), *(ai(a, b) for b in rates for a in rates)]


def _quantisation_versions(settings: Settings) -> list[str]:
    altered = [then(one, step) for one in _answers(settings) for step in settings["alterations"]]
    return [*_answers(settings), *altered]


def _answers(settings: Settings) -> list[str]:
    return [SOURCE, *(ai(level) for level in settings["rates"])]


CUES = {
    "colour": Cue(_colour, False, _colour_versions, ("filter",)),
    "rd": Cue(_rd, True, _rd_versions, ("analysis_bpp",)),
    "quantisation": Cue(
        _quantisation,
        True,
        _quantisation_versions,
        ("space", "analysis_bpp", "components", "border"),
    ),
}


def versions_of(settings: Settings, names: Sequence[str]) -> list[str]:
    """List all versions that some cues measure, each once."""
    return list(dict.fromkeys(v for name in names for v in CUES[name].versions(settings)))
