"""Asking the cues of a run about pictures: values and probability, or why there is none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from latentprint.codec import JpegAI
from latentprint.cues import detector
from latentprint.cues.compressor import Compressor
from latentprint.cues.registry import CUES
from latentprint.cues.trials import Asked
from latentprint.cues.versions import SOURCE
from latentprint.detectors.calibration import Calibration
from latentprint.evaluate import wilson_interval
from latentprint.image_files import jpeg_settings
from latentprint.model_files import load_model
from latentprint.seeds import rng

Pixels = NDArray[np.uint8]  # (side, side, 3)

DRAWN = "drawn by the product"  # in what the rules say of such pictures
DRAWS = 200  # of the bootstrap over the images that the calibration was learnt from


class Answer(NamedTuple):
    """What a cue says of one picture.

    Attributes
    ----------
    values : dict of str to float
        Some of what was measured.
    probability, low, high : float or None
        Of yes to the cue's question, with its 95 % interval; None where the cue does not speak.
    note : str
        Why it does not, or what to think of.
    """

    values: dict[str, float]
    probability: float | None
    low: float | None
    high: float | None
    note: str


class AskedCue:
    """One cue of a run, ready to be asked.

    Parameters
    ----------
    folder : Path
        Of `classify_cue`.
    codec : JpegAI
        With encoder, entropy and decoder files.
    """

    def __init__(self, folder: Path, codec: JpegAI) -> None:
        self._facts = detector.read_facts(folder / detector.FACTS)
        self.name: str = self._facts["cue"]
        self._module = CUES[self.name].load()
        self._model = load_model(folder / detector.MODEL)
        settings = self._facts["settings"]
        compressor = None
        if CUES[self.name].coded:
            compressor = Compressor(
                codec, settings["operating_points"], settings["rate"] == "match", settings["tools"]
            )
        self._asked = Asked(compressor, SOURCE, settings)
        self._names = self._module.names(settings)
        self._used = np.array([self._names.index(name) for name in self._facts["names"]])
        self._maps = _drawn_maps(self._facts)
        self._images = max(self._facts["images"]) + 1
        self._least = 1 / (self._images + 2)

    @property
    def question(self) -> str:
        """The question whose yes has the probability."""
        return str(self._module.QUESTION)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the values that an answer gives."""
        return tuple(self._module.SHOWN)

    @property
    def about(self) -> str:
        """What the forest learnt from and how well that held, in one sentence."""
        held = self._facts["held_out"]
        drawn = DRAWN in self._facts["trained_on"]
        return (
            f"learnt from {self._facts['trained_on']} ({self._facts['weights']}); right on "
            f"{held['accuracy']:.1%} ({held['accuracy_low']:.1%} to {held['accuracy_high']:.1%}) "
            f"of {held['n']} pictures that it had not seen"
            f"{'; what it says of photographs means nothing' if drawn else ''}"
        )

    def ask(self, pictures: Sequence[Pixels], paths: Sequence[Path]) -> list[Answer]:
        """Answer for pictures of one size; `paths` are their files.

        Parameters
        ----------
        pictures : sequence of ndarray, uint8, (side, side, 3)
            A region that starts at multiples of 16 pixels.
        paths : sequence of Path

        Returns
        -------
        list of Answer
        """
        measured = self._module.measure(np.stack(pictures), self._asked)
        score = self._model.predict_proba(measured[:, self._used].astype(np.float32))[:, 1]
        found = []
        for picture, path, values, one in zip(pictures, paths, measured, score, strict=True):
            shown = self._shown(values)
            reason = self._module.silence(picture, _sampling(path))
            if reason:
                found.append(Answer(shown, None, None, None, f"confounded: {reason}"))
                continue
            at = np.array([one])
            said = np.array([chart(at)[0] for chart in self._maps])
            # So many images cannot show a probability nearer to 0 or 1.
            probability, *drawn = said.clip(self._least, 1 - self._least).tolist()
            low, high = np.percentile(drawn, [2.5, 97.5])
            low, high = min(float(low), probability), max(float(high), probability)
            # Where all draws end at the limit, the interval is that of none among so many.
            if probability <= self._least:
                high = max(high, wilson_interval(0, self._images)[1])
            if probability >= 1 - self._least:
                low = min(low, wilson_interval(self._images, self._images)[0])
            found.append(Answer(shown, probability, low, high, self._module.CAUTION))
        return found

    def _shown(self, values: NDArray[np.float64]) -> dict[str, float]:
        """Give the values to be shown; of one value for every channel and level the mean."""
        named = dict(zip(self._names, values.tolist(), strict=True))
        return {
            name: named[name]
            if name in named
            else float(np.mean([v for n, v in named.items() if n.startswith(f"{name}_")]))
            for name in self.values
        }


def _drawn_maps(facts: dict[str, Any]) -> list[Calibration]:
    """Give the calibration, and those of images drawn anew, each with all versions of it."""
    stated = dict(facts["calibration"])
    stated |= {name: tuple(stated[name]) for name in ("scores", "probabilities")}
    score, positive = np.array(facts["scores"]), np.array(facts["positive"], bool)
    images = np.array(facts["images"])
    rows = [np.flatnonzero(images == one) for one in range(images.max() + 1)]
    chance = rng(0, "cues", "asking")
    maps = [Calibration(**stated)]
    while len(maps) <= DRAWS:
        drawn = np.concatenate([rows[k] for k in chance.integers(len(rows), size=len(rows))])
        if 0 < positive[drawn].sum() < len(drawn):
            maps.append(detector.fit_map(score[drawn], positive[drawn]))
    return maps


def _sampling(path: Path) -> str:
    """Give the chroma sampling of a JPEG file, "" of others."""
    try:
        with Image.open(path) as image:
            return jpeg_settings(image)[1]
    except (OSError, UnidentifiedImageError):
        return ""
