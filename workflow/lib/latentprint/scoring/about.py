"""What the page says of a detector: what it is, what it was trained on, how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentprint.errors import UserError
from latentprint.glossary import DRAWN, words
from latentprint.score_table import Score, read_scores
from latentprint.scoring.thresholds import percent
from latentprint.trace import Trace

CHANCE = 0.5
CLASSIFIERS = {
    "RF": "random forest",
    "GB": "gradient boosting",
    "GBS": "gradient boosting with a share of the columns",
    "LR": "logistic regression",
    "ridge": "ridge regression",
    "SVM": "support vector machine",
    "CNN": "convolutional network",
}
FEATURES = {
    "flatten": "all values",
    "single": "the centre position",
    "multiple": "all positions, which vote,",
    "gap": "mean, spread and mean absolute value of every channel",
    "screened": "the most telling values",
}
COMPONENTS = {"Y": "luma", "YUV": "luma and chroma"}
LATENTS = {"y": "y (before quantisation)", "y_hat": "y_hat (after quantisation)"}


@dataclass(frozen=True)
class About:
    """What is said of the detector and of the folder.

    Attributes
    ----------
    folder : str
        As the user named it.
    size : int
        Width and height of training images, pixels.
    cells : sequence of Score
        Of the run's scores.tsv, one for each member.
    described : mapping
        What ``calibration.json`` says.
    trace : Trace
    weighed : int
        Cells whose average was weighed against the best of them; 1 where none was asked for.
    """

    folder: str
    size: int
    cells: Sequence[Score]
    described: Mapping[str, Any]
    trace: Trace
    weighed: int = 1

    @property
    def drawn(self) -> bool:
        """Whether the training images are the product's own drawings."""
        return any(cell.images == DRAWN for cell in self.cells)

    def facts(self) -> list[tuple[str, str]]:
        """Give names and sentences."""
        held_out, test = self.described["training"], self.described["test"]
        return [
            ("Detector", self._detector()),
            ("Trained on", self._trained()),
            (
                "Accuracy",
                f"{_accuracy(held_out)} on {held_out['n']} training images, each asked of a fit "
                f"without it; {_accuracy(test)} on {test['n']} test images (95 % intervals; an "
                "image is called synthetic from a probability of 0.5)",
            ),
            (
                "Calibration",
                f"{self._map()}; expected calibration error {held_out['ece_after']:.3f} on the "
                f"held-out training images, {test['ece_after']:.3f} on the test images",
            ),
            (
                "Origin",
                f"run {self.trace.run}, configuration {self.trace.config}, code "
                f"{self.trace.commit}",
            ),
        ]

    def notes(self) -> list[str]:
        """Say what the numbers mean, and what they do not."""
        held_out = self.described["training"]["n"]
        return [
            self._scope(),
            *self._guessing(),
            "The probability is that of a synthetic image among images like the training images, "
            "half of which were real. Where synthetic images are rarer or more frequent than "
            "that, it is too high or too low.",
            f"The interval (95 %) is the chance of the {held_out} held-out training images that "
            "the probabilities were learnt from. What another training sample, another camera or "
            "another generator would give is not in it.",
            "Above a threshold means: of the real held-out training images no more than this share "
            "had a higher score. It is no verdict on a single image.",
            f"The detector answers for images of {self.size} x {self.size} pixels alone: its "
            "signal sits at positions, so that an image that was cut or resized would be another "
            "question. Others are refused, never resized.",
        ]

    def thresholds(self) -> list[tuple[str, ...]]:
        """Give rows of text: rate asked, score above, false alarms and fakes found on the test."""
        rows = []
        for row in self.described["thresholds"]:
            if row["threshold"] is None:
                few = "too few real images in training"
                rows.append((percent(row["rate"]), few, "", ""))
                continue
            test = row["test"]
            shares = tuple(_share(test, name) for name in ("false_alarm", "detection"))
            rows.append((percent(row["rate"]), f"{row['threshold']:.3f}", *shares))
        return rows

    def _detector(self) -> str:
        named = [cell_words(cell) for cell in self.cells]
        if len(named) > 1:
            return (
                f"average of {len(named)} cells, more accurate on held-out training images than "
                f"the best of them: {'; '.join(named)}"
            )
        if self.weighed > 1:
            return (
                f"{named[0]}; the best of {self.weighed} cells on held-out training images, where "
                "their average was not more accurate"
            )
        return f"{named[0]}; the cell of the run that was best in cross-validation"

    def _trained(self) -> str:
        first, text = self.cells[0], words("en")
        images = text["images_drawn"] if self.drawn else f"images of the {first.images}"
        weights = text.get(f"weights_{first.weights}", text["weights_other"])
        return f"{first.n_train} {images}, coded by JPEG AI with {weights}"

    def _map(self) -> str:
        method = self.described["calibration"]["method"]
        name = "Platt's map (logistic)" if method == "platt" else "isotonic regression"
        return f"{name}, learnt from {self.described['training']['n']} held-out training images"

    def _guessing(self) -> list[str]:
        """Say it where the detector may be no better than a coin."""
        if self.described["training"]["accuracy_low"] > CHANCE:
            return []
        return [
            "On held-out training images this detector is not better than guessing as far as "
            f"{self.described['training']['n']} images tell: its probabilities say nothing."
        ]

    def _scope(self) -> str:
        if self.drawn:
            return (
                "This detector was trained on portraits that the product drew. It shows how "
                "scoring works; what it says of photographs means nothing."
            )
        return (
            f"This detector was trained on {self.cells[0].n_train} images of one collection. Of "
            "images from other cameras, other generators or other processing (resized, compressed "
            "again) it says nothing sure."
        )


def scores_of(path: Path, cells: Sequence[str]) -> list[Score]:
    """Give what scores.tsv says of cells "bpp-<bpp>/<latent>/<component>/<feature>/<classifier>".

    Raises
    ------
    UserError
        If the table cannot be read or lacks one.
    """
    known = {"bpp-" + "/".join(score.key): score for score in read_scores(path)}
    missing = [cell for cell in cells if cell not in known]
    if missing:
        raise UserError(f"{path}: has no row of {missing[0]}. Run snakemake again.")
    return [known[cell] for cell in cells]


def cell_words(cell: Score) -> str:
    """Write a cell in words."""
    classifier = CLASSIFIERS.get(cell.classifier, cell.classifier)
    feature = FEATURES.get(cell.feature, cell.feature)
    return (
        f"{classifier} on {feature} of the {COMPONENTS[cell.component]} latents "
        f"{LATENTS[cell.latent]} at {cell.bpp} bpp"
    )


def _accuracy(measured: Mapping[str, Any]) -> str:
    ends = f"{measured['accuracy_low']:.3f} to {measured['accuracy_high']:.3f}"
    return f"{measured['accuracy']:.3f} ({ends})"


def _share(measured: Mapping[str, Any], name: str) -> str:
    if measured[name] is None:
        return ""
    ends = f"{measured[f'{name}_low']:.3f} to {measured[f'{name}_high']:.3f}"
    return f"{measured[name]:.3f} ({ends})"
