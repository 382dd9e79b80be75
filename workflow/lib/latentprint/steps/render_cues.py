"""Step of the rule render_cues: tables and figures of the forensic cues."""

import argparse
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latentprint.cues import shown_figures as figures
from latentprint.cues import shown_tables as tables
from latentprint.cues.colour import residual
from latentprint.cues.sources import BATCH, Source, batches, read_list
from latentprint.detectors.names import read_rows
from latentprint.errors import run
from latentprint.figure_style import save, style
from latentprint.glossary import words
from latentprint.table_formats import traced, write_table
from latentprint.trace import Trace, commit

logger = logging.getLogger(__name__)

GENERATORS = 2  # whose spectra are drawn


def main() -> None:
    """Write tables in four formats and figures with their data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", type=Path, required=True, help="sources.tsv")
    parser.add_argument("--exclusions", type=Path, required=True)
    parser.add_argument("--cues", nargs="+", required=True)
    parser.add_argument("--folders", type=Path, nargs="+", required=True, help="of each cue")
    parser.add_argument("--features", nargs="+", required=True, help="feature set of each cue")
    parser.add_argument("--pictures", type=Path, required=True, help="of the sources")
    parser.add_argument("--lowest", required=True, help="version of the strongest compression")
    parser.add_argument("--lowest-pictures", type=Path, required=True)
    parser.add_argument("--jpeg", default="", help="version that is JPEG")
    parser.add_argument("--origin", required=True, help="pictures and weights, in a sentence")
    parser.add_argument("--run", required=True, help="name of the run")
    parser.add_argument("--config-digest", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder")
    options = parser.parse_args()

    sources = read_list(options.list)
    folders = dict(zip(options.cues, options.folders, strict=True))
    features = dict(zip(options.cues, options.features, strict=True))
    accuracy = {cue: read_rows(folder / "accuracy.tsv") for cue, folder in folders.items()}
    trace = Trace(options.run, options.config_digest, commit())
    shown = [tables.material_table(sources, read_rows(options.exclusions), origin=options.origin)]
    for cue, rows in accuracy.items():
        shown += tables.cue_tables(cue, rows, origin=options.origin)
    for table in shown:
        write_table(traced(table, trace, text=words("en")), options.output)
    given = {"source": options.origin}
    with style():
        if "colour" in folders:
            rows = read_rows(folders["colour"] / "features.tsv")
            drawn = figures.draw_histograms(rows, lowest=options.lowest, jpeg=options.jpeg, **given)
            save(*drawn, options.output, "colour_histograms")
            drawn = figures.draw_rates(accuracy["colour"], features=features["colour"], **given)
            save(*drawn, options.output, "colour_accuracy")
        if "rd" in folders:
            rows = read_rows(folders["rd"] / "passes.tsv")
            save(*figures.draw_passes(rows, **given), options.output, "rd_curves")
            drawn = figures.draw_pairs(accuracy["rd"], features=features["rd"], **given)
            save(*drawn, options.output, "rd_accuracy")
            rows = read_rows(folders["rd"] / "importance.tsv")
            save(*figures.draw_importance(rows, **given), options.output, "rd_importance")
        if "quantisation" in folders:
            rows = read_rows(folders["quantisation"] / "projection.tsv")
            save(*figures.draw_map(rows, **given), options.output, "quantisation_map")
        spectra, counts = _spectra(options, sources)
        save(*figures.draw_spectra(spectra, counts, **given), options.output, "spectra")
        altered = {
            cue: rows for cue, rows in accuracy.items() if tables.chosen(rows, task="altered")
        }
        if altered:
            save(*figures.draw_robustness(altered, **given), options.output, "robustness")
    logger.info("wrote tables and figures of %s to %s", ", ".join(folders), options.output)


def _spectra(
    options: argparse.Namespace, sources: Sequence[Source]
) -> tuple[Mapping[str, np.ndarray], Mapping[str, int]]:
    """Average spectra of photographs, their strongest compression, and two generators."""
    photographs = [one for one in sources if one.kind == "uncompressed"]
    named = {
        "uncompressed": (photographs, options.pictures),
        options.lowest: (photographs, options.lowest_pictures),
    }
    generators = dict.fromkeys(one.source for one in sources if one.kind == "synthetic")
    for name in list(generators)[:GENERATORS]:
        some = [one for one in sources if one.source == name and one.kind == "synthetic"]
        named[name.rpartition("/")[2]] = (some, options.pictures)
    spectra = {name: _mean_spectrum(rows, folder) for name, (rows, folder) in named.items()}
    return spectra, {name: len(rows) for name, (rows, _) in named.items()}


def _mean_spectrum(rows: Sequence[Source], folder: Path) -> np.ndarray:
    total, count = 0.0, 0
    for _, pictures in batches(rows, folder, BATCH):
        for picture in pictures:
            high = residual(picture[..., 1].astype(float), "gauss")
            magnitude = np.abs(np.fft.fftshift(np.fft.fft2(high)))
            total = total + np.log(magnitude + 1.0)
            count += 1
    return np.asarray(total / count)


if __name__ == "__main__":
    run(main)
