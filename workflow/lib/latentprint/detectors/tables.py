"""Tables of detectors: the ranking of all cells, calibration, and tests on other images."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from latentprint.accuracy_tables import with_interval
from latentprint.detectors.found import Detector
from latentprint.detectors.words import test_name
from latentprint.evaluate import FACTORS, wilson_interval
from latentprint.glossary import Words
from latentprint.table_formats import Column, Table

Row = Mapping[str, str]

VALID = ("accuracy_valid", "accuracy_valid_low", "accuracy_valid_high")
SEEDS = ("accuracy_mean", "accuracy_sd")
CROSS_VALIDATED = ("cv_accuracy_low", "cv_accuracy_high")


def _number(text: str) -> float | None:
    return float(text) if text else None


def ranking(
    scores: Sequence[Row],
    costs: Sequence[Row],
    candidates: Sequence[Row],
    *,
    pixels: Sequence[Mapping[str, Any]] = (),
    average: Mapping[str, Any] | None = None,
    source: str,
    text: Words,
) -> Table:
    """Build the table of all detectors: a row per fit, best in cross-validation first.

    Parameters
    ----------
    scores, costs : sequence of mapping
        Rows of `scores.tsv` and `costs.tsv`.
    candidates : sequence of mapping
        Rows of `candidates.tsv`: the fits, best first. Cells that share one are one row.
    pixels : sequence of mapping
        What came of fits to pixels; they have no rank.
    average : mapping, optional
        Row of the average of the best cells, from `found.read_average`; it has no rank either.
    source : str
        Weights, images and number of test images.
    text : dict
        From `detectors.words.words`.
    """
    spent = {tuple(row[name] for name in FACTORS): row for row in costs}
    scored = {tuple(row[name] for name in FACTORS): row for row in scores}
    ranked = [
        dict(scored[tuple(row[name] for name in FACTORS)]) | {"cv_accuracy": row["cv_accuracy"]}
        for row in candidates
    ]
    highest = max(float(row["accuracy"]) for row in ranked)
    rows, data, bold = [], [], set()
    for rank, row in enumerate(ranked, 1):
        cost = spent[tuple(row[name] for name in FACTORS)]
        cores = _number(cost["cores"]) or 1
        per_image = _per_image(cost, row, cores)
        accuracy = float(row["accuracy"])
        if accuracy == highest:
            bold.add((rank - 1, 7))
        cv, p = _number(row["cv_accuracy"]), _number(row["mcnemar_p_holm"])
        search, fit = _number(cost["search_s"]), _number(cost["fit_s"])
        rows.append(
            [
                f"{rank}",
                row["classifier"],
                row["feature"],
                row["component"],
                row["latent"],
                row["bpp"],
                with_interval(*cross_validated(cv, row["n_train"])),
                with_interval(accuracy, float(row["accuracy_low"]), float(row["accuracy_high"])),
                f"{float(row['auc']):.3f}" if row["auc"] else "",
                "" if p is None else _p(p),
                "" if search is None else f"{search * cores:.1f}",
                "" if fit is None else f"{fit * cores:.1f}",
                "" if per_image is None else f"{per_image:.1f}",
            ]
        )
        data.append(
            {"rank": rank}
            | {name: row[name] for name in FACTORS}
            | {
                name: _number(row[name])
                for name in (
                    *("cv_accuracy", "accuracy", "accuracy_low", "accuracy_high", "auc"),
                    "mcnemar_p_holm",
                )
            }
            | dict(zip(CROSS_VALIDATED, cross_validated(cv, row["n_train"])[1:], strict=True))
            | {"search_s": search, "fit_s": fit, "cores": cores, "predict_ms": per_image}
        )
    if average:
        rows.append(_average_row(average, text))
    rows += [_pixel_row(one, text) for one in pixels]
    heads = ["cv", "test_accuracy", "auc", "p_best", "search_cores", "fit_cores", "per_image"]
    for index, row in enumerate(ranked):
        data[index] |= {name: _number(row.get(name, "")) for name in (*VALID, *SEEDS)}
    for head, names, shown in (
        ("second_test", VALID, with_interval),
        ("over_seeds", SEEDS, _mean_and_spread),
    ):
        if any(record[names[0]] is not None for record in data):
            heads.append(head)
            for row, record in itertools.zip_longest(rows, data, fillvalue={}):
                row.append(shown(*(record.get(name) for name in names)))
            if average and head == "second_test" and "valid" in average:
                rows[len(data)][-1] = with_interval(*average["valid"])
    return Table(
        stem="ranking",
        number="",
        caption=text["detectors"],
        columns=[
            Column(text["rank"], numeric=True),
            Column(text["model"]),
            Column(text["feature"]),
            Column(text["component_short"]),
            Column(text["latent"]),
            Column(text["bpp"], numeric=True),
            *(Column(text[head], numeric=True) for head in heads),
        ],
        rows=rows,
        notes=[
            text["note_detectors"],
            *([_about_average(average, text)] if average else []),
            text["note_cv"],
            text["note_p_best"],
            text["note_per_image"],
            *(text[f"note_{head}"] for head in ("second_test", "over_seeds") if head in heads),
            text["note_source"].format(source=source),
        ],
        data=data,
        bold=bold,
        rules={len(data)} if pixels or average else set(),
        language=text["language"],
    )


def cross_validated(
    accuracy: float | None, n_images: int | str
) -> tuple[float | None, float | None, float | None]:
    """Give an accuracy in cross-validation and its Wilson interval for so many training images."""
    if accuracy is None:
        return None, None, None
    return accuracy, *wilson_interval(accuracy * int(n_images), int(n_images))


def _mean_and_spread(mean: float | None, spread: float | None) -> str:
    return "" if mean is None else f"{mean:.3f} \N{PLUS-MINUS SIGN} {spread:.3f}"


def _average_row(average: Mapping[str, Any], text: Words) -> list[str]:
    low, high = average["accuracy_low"], average["accuracy_high"]
    return [
        *("", text["average"].format(n=len(average["members"])), "", "", "", ""),
        with_interval(*(average[f"held_out{end}"] for end in ("", "_low", "_high"))),
        with_interval(average["accuracy"], low, high),
        f"{average['auc']:.3f}",
        *("", "", "", ""),
    ]


def _about_average(average: Mapping[str, Any], text: Words) -> str:
    about = text["note_average"].format(
        n=len(average["members"]), held_out=f"{average['held_out']:.3f}",
        best=f"{average['best_member']:.3f}", members="; ".join(average["members"]),
    )  # fmt: skip
    return f"{about} {text['average_chosen' if average['chosen'] else 'average_left']}"


def _pixel_row(pixels: Mapping[str, Any], text: Words) -> list[str]:
    low, high = pixels["accuracy_low"], pixels["accuracy_high"]
    per_image = 1000 * pixels["predict_s"] * pixels["cores"] / pixels["n_test"]
    return [
        *("", pixels["classifier"], f"{text['pixels']}, {pixels['values']}", "", "", ""),
        with_interval(*cross_validated(pixels["cv_accuracy"], pixels["n_train"])),
        with_interval(pixels["accuracy"], low, high),
        f"{pixels['auc']:.3f}",
        *("", ""),
        f"{pixels['fit_s'] * pixels['cores']:.1f}",
        f"{per_image:.1f}",
    ]


def _per_image(cost: Row, score: Row, cores: float) -> float | None:
    seconds = _number(cost["predict_s"])
    return None if seconds is None else 1000 * seconds * cores / int(score["n_test"])


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def calibration_table(detectors: Sequence[Detector], *, source: str, text: Words) -> Table:
    """Build the table of calibration: a row per detector and false-alarm rate."""
    rows, data, breaks = [], [], set()
    for detector in detectors:
        test = detector.calibration["test"]
        if rows:
            breaks.add(len(rows))
        for number, threshold in enumerate(detector.calibration["thresholds"]):
            found = threshold.get("test", {})
            head = [
                detector.name,
                detector.calibration["calibration"]["method"],
                f"{test['ece_before']:.3f} / {test['ece_after']:.3f}",
                f"{test['log_loss_before']:.3f} / {test['log_loss_after']:.3f}",
            ]
            value = threshold["threshold"]
            rows.append(
                [
                    *(head if number == 0 else [""] * 4),
                    f"{threshold['rate']:.0%}",
                    "" if value is None else f"{value:.3f}",
                    _rate(found, "false_alarm"),
                    _rate(found, "detection"),
                ]
            )
            data.append(
                {name: detector.cell[name] for name in FACTORS}
                | {"method": head[1]}
                | {
                    name: test[name]
                    for name in ("ece_before", "ece_after", "log_loss_before", "log_loss_after")
                }
                | {"rate": threshold["rate"], "threshold": value}
                | {
                    name + end: found.get(name + end)
                    for name in ("false_alarm", "detection")
                    for end in ("", "_low", "_high")
                }
            )
    heads = ("ece", "log_loss", "alarms_asked", "threshold", "alarms", "detections")
    return Table(
        stem="calibration",
        number="",
        caption=text["calibration"],
        columns=[
            Column(text["detector"]),
            Column(text["map"]),
            *(Column(text[head], numeric=True) for head in heads),
        ],
        rows=rows,
        notes=[text["note_calibration"], text["note_source"].format(source=source)],
        data=data,
        rules=breaks,
        language=text["language"],
    )


def _rate(found: Mapping[str, Any], name: str) -> str:
    return with_interval(*(found.get(name + end) for end in ("", "_low", "_high")))


def cross_table(
    detectors: Sequence[Detector], *, source: str, coded_with: str, text: Words
) -> Table:
    """Build the table of tests on other images and latents: a row per detector and test."""
    rows, data, breaks = [], [], set()
    for detector in detectors:
        if rows:
            breaks.add(len(rows))
        for number, asked in enumerate(detector.asked):
            shown = shown_test(asked.test, detector, text)
            difference = ""
            if asked.difference is not None:
                difference = (
                    f"{asked.difference:+.3f} ({asked.difference_low:+.3f} to "
                    f"{asked.difference_high:+.3f})"
                )
            rows.append(
                [
                    detector.name if number == 0 else "",
                    shown,
                    f"{asked.n}",
                    with_interval(asked.right, asked.low, asked.high),
                    difference,
                    _share(asked.real_called_fake),
                    _share(asked.fake_called_fake),
                ]
            )
            data.append({name: detector.cell[name] for name in FACTORS} | asked.__dict__)
    heads = ("images", "right", "difference_own", "real_fake", "fake_fake")
    notes = [text["note_cross"]]
    if any("jpegai" in asked.test for detector in detectors for asked in detector.asked):
        notes.append(text["note_jpegai"].format(weights=coded_with))
    return Table(
        stem="cross",
        number="",
        caption=text["cross"],
        columns=[
            Column(text["detector"]),
            Column(text["asked_about"]),
            *(Column(text[head], numeric=True) for head in heads),
        ],
        rows=rows,
        notes=[*notes, text["note_source"].format(source=source)],
        data=data,
        rules=breaks,
        language=text["language"],
    )


def shown_test(test: str, detector: Detector, text: Words) -> str:
    """Name a test for readers."""
    if test == "own":
        return text["own_test"]
    return test_name(test, latent=detector.cell["latent"], text=text)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
