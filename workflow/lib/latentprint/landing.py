"""The first page of a run's report: what was done, what came out, how sure it is.

Written as reStructuredText, which `snakemake --report` shows before everything else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from latentprint.accuracy_tables import with_interval
from latentprint.glossary import DRAWN, count, level, sharing, source, words
from latentprint.protocol import FAITHFUL
from latentprint.score_table import (
    Cell,
    Score,
    equal_levels,
    factors_of,
    most_accurate,
    shares_fits,
)
from latentprint.trace import Trace

# The report centres its first page: what is taller than the window would lose its top, beyond the
# reach of scrolling, and the text would stand in a narrow column.
_STYLE = """\
.. raw:: html

   <style>
   .items-center.justify-center.h-screen { align-items: safe center; justify-content: safe center; }
   .prose.max-w-lg { max-width: 44rem; }
   </style>"""
LEVEL_OF_TEST = 0.05
CHANCE = 0.5

# Of the audit: name, and what it is made of.
BASELINES = {
    "file": ("File traits alone", "header and size of the file"),
    "traces": ("File traits and traces", "also marks of resizing and earlier compression"),
}

Row = tuple[str, str, str]


def landing(
    scores: Sequence[Score],
    *,
    audit: Mapping[str, Any],
    selected: Mapping[str, Any],
    settings: Mapping[str, Any],
    trace: Trace,
    decided: Mapping[str, Any] | None = None,
    average: Mapping[str, Any] | None = None,
) -> str:
    """Write the first page.

    Parameters
    ----------
    scores : sequence of Score
        All cells of the run.
    audit : mapping
        Content of ``audit.json``.
    selected : mapping
        Content of ``selected.yaml``.
    settings : mapping
        The configuration's values that say how the run was made.
    trace : Trace
    decided, average : mapping, optional
        Content of ``detectors/detector.yaml`` and measures of the average of the best cells on the
        test images, where these were averaged.

    Returns
    -------
    str
        reStructuredText.
    """
    best = most_accurate(scores)
    paragraphs = [
        _STYLE,
        "Do the latents of JPEG AI, a learned image codec, tell real from synthetic faces?",
        "**What came out.** "
        + " ".join([*_outcome(scores, best, selected), *_averaged(decided, average)]),
        _table(_results(scores, best, audit, selected)),
        "**How sure it is.** " + " ".join(_certainty(scores, best, audit)),
        "**What was done.** " + " ".join(_method(scores, settings)),
        "Intervals are 95 %, the positive class is *fake*. Tables and figures with numbers repeat "
        "those of the thesis (E. Rustichini, University of Florence, 2025). "
        f"Run ``{trace.run}``, configuration ``{trace.config}``, code ``{trace.commit}``.",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"


def _outcome(scores: Sequence[Score], best: Score, selected: Mapping[str, Any]) -> list[str]:
    chosen = _chosen(scores, selected)
    fits = len(_fits(scores))
    if chosen is None:
        unit = "test images" if best.scored_by == "image" else "test images' patches"
        sentences = [f"{_name(best, scores)} calls {_share(best)} of {best.n_test} {unit} right."]
        if fits > 1:
            sentences.append(
                f"It is the most accurate of {fits} fits: as the best of many on the same images "
                "it looks better than it is."
            )
        return sentences
    lead = f"Chosen by cross-validation on the training images, {_name(chosen, scores)} calls"
    if selected["searches"] < fits:
        lead = (
            "Best in cross-validation on the training images, of the "
            f"{selected['searches']} fits whose hyperparameters were searched for themselves, is "
            f"{_name(chosen, scores)}: it calls"
        )
    sentences = [f"{lead} {_share(chosen)} of {chosen.n_test} test images right."]
    if chosen.fit != best.fit:
        sentences.append(
            f"The most accurate of {fits} fits on the test images is {_name(best, scores)} with "
            f"{_share(best)}; as the best of many on the same images it looks better than it is."
        )
    return sentences


def _averaged(decided: Mapping[str, Any] | None, average: Mapping[str, Any] | None) -> list[str]:
    """Say of the average of the best cells what it reaches, and whether it is the detector."""
    if not decided or not average:
        return []
    held = decided["held_out"]
    share = with_interval(
        *(average[name] for name in ("accuracy", "accuracy_low", "accuracy_high"))
    )
    verdict = (
        "better than the best of them there, and therefore the detector of the run"
        if decided["detector"] == "ensemble"
        else "no better than the best of them there, which stays the detector of the run"
    )
    return [
        f"The average of {len(decided['members'])} cells is right about {held['accuracy']:.3f} of "
        f"the training images that its fits did not see, {verdict}; it calls {share} of the test "
        "images right."
    ]


def _certainty(scores: Sequence[Score], best: Score, audit: Mapping[str, Any]) -> list[str]:
    distinct = _fits(scores)
    above = sum(score.accuracy_low > CHANCE for score in distinct)
    sentences = []
    if distinct:
        sentences.append(
            f"{above} of {len(distinct)} fits lie above chance with their whole interval."
        )
    tested = [score for score in distinct if score.mcnemar_p_holm is not None]
    alike = sum(score.mcnemar_p_holm >= LEVEL_OF_TEST for score in tested)
    if tested:
        sentences.append(
            f"{alike} of the other {len(tested)} cannot be told from the most accurate (McNemar's "
            "test on the same images, Holm's correction, 5 %)."
        )
    sentences += _audited(audit)
    if any(score.images == DRAWN for score in scores):
        sentences.append(
            "The images are drawn by the product: they show the pipeline at work and say nothing "
            "about photographs."
        )
    elif any(score.weights != "official" for score in scores):
        sentences.append(
            "The weights are not the official ones: the latents have the shape of those of the "
            "JPEG AI reference software and are made by the same operations, but differ."
        )
    return sentences


def _audited(audit: Mapping[str, Any]) -> list[str]:
    """Say what files alone tell; of duplicates and file settings only what gives the label away."""
    *reached, duplicates, settings = audit["sentences"]
    found = audit["near_duplicates"]
    if found["across_splits"] or found["across_classes"]:
        reached.append(duplicates)
    if any(audit[name]["share_alone"] for name in ("tables", "samplings", "formats")):
        reached.append(settings)
    return reached


def _method(scores: Sequence[Score], settings: Mapping[str, Any]) -> list[str]:
    text = words("en")
    levels = factors_of(scores)
    rates = ", ".join(level(bpp, scores, text) for bpp in levels["bpp"])
    sentences = [
        f"{len(scores)} cells, every combination of {rates}; {', '.join(levels['latents'])}; "
        f"{', '.join(levels['components'])}; {', '.join(levels['features'])}; "
        f"{', '.join(levels['classifiers'])}.",
        f"Trained on {count(scores, 'n_train')} images of {settings['image_size']} x "
        f"{settings['image_size']} pixels, half of each class; {source(scores, text)} test images.",
        f"Codec at operating point {settings['operating_point']}, tools "
        f"{'on' if settings['tools'] else 'off'}, state {settings['state']}; protocol "
        f"{settings['protocol']}.",
        _tuning(settings),
    ]
    if settings["rate"] == "match":
        sentences.append(_matched(scores))
    if settings["y_hat"] == "before_lsbs" and "y_hat" in levels["latents"]:
        sentences.append("y_hat is taken before LSBS, not as it enters the synthesis.")
    if settings["protocol"] == FAITHFUL:
        sentences.append(text["note_faithful"])
    if any(score.scored_by == "patch" for score in scores):
        sentences.append(text["note_by_patch"])
    if settings["state"] == "carried" and settings["tools"] and "y_hat" in levels["latents"]:
        sentences.append(
            "The encoder carried state from image to image, as the reference software does, so "
            "y_hat depends on the order of the images: where all real images come first, it can "
            "give the class away."
        )
    if equal_levels(scores):
        return sentences + sharing(scores, text)
    if shares_fits(scores):
        sentences.append("Levels with one model id share y.")
    return sentences


def _matched(scores: Sequence[Score]) -> str:
    """Say at which operating points the matcher ended, level by level."""
    found = []
    for bpp in factors_of(scores)["bpp"]:
        score = next(score for score in scores if score.bpp == bpp)
        models = f"model id{'s' if ',' in score.model else ''} {score.model}"
        luma = score.beta.split(",")[0]
        found.append(f"{bpp} bpp: {models}, displacement {luma.replace('..', ' to ')}")
    return (
        "The rate of every image was matched by the reference software's rule; of the test images, "
        f"{'; '.join(found)}."
    )


def _tuning(settings: Mapping[str, Any]) -> str:
    if settings["tuning"] == "published":
        early = any(engine.get("early_stopping") for engine in settings["engine"].values())
        stops = "; boosting stops early" if early else ""
        return f"Hyperparameters are those that the thesis printed; nothing was searched{stops}."
    reused = any(
        value is True or (isinstance(value, str) and value != name)
        for name, value in settings["tuning_from"].items()
    )
    where = "and reused as the configuration says" if reused else "for every fit"
    return f"Hyperparameters were searched, folds never dividing an image, {where}."


def _results(
    scores: Sequence[Score], best: Score, audit: Mapping[str, Any], selected: Mapping[str, Any]
) -> list[Row]:
    rows = []
    chosen = _chosen(scores, selected)
    if chosen is not None:
        of_some = selected["searches"] < len(_fits(scores))
        what = "best of the searches" if of_some else "chosen by cross-validation"
        rows.append(_result(f"Detector, {what}", _name(chosen, scores), chosen))
    rows.append(_result("Detector, most accurate on test images", _name(best, scores), best))
    for name, (what, made_of) in BASELINES.items():
        baseline = audit["baselines"].get(name)
        if baseline is not None:
            accuracy = with_interval(baseline["accuracy"], baseline["low"], baseline["high"])
            rows.append((what, made_of, accuracy))
    return rows


def _result(what: str, name: str, score: Score) -> Row:
    accuracy = with_interval(score.accuracy, score.accuracy_low, score.accuracy_high)
    return what, name, accuracy


def _table(rows: Sequence[Row]) -> str:
    head = ("", "made of", "accuracy (95 % interval)")
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        for index, cell in enumerate(row):
            lines.append(f"   {'* -' if index == 0 else '  -'} {cell}".rstrip())
    return "\n".join(lines)


def _chosen(scores: Sequence[Score], selected: Mapping[str, Any]) -> Score | None:
    key = tuple(selected.get(name) for name in Cell.__dataclass_fields__)
    return next((score for score in scores if score.key == key), None)


def _fits(scores: Sequence[Score]) -> list[Score]:
    """Give one cell of every fit whose accuracy counts images."""
    return list({score.fit: score for score in scores if score.scored_by == "image"}.values())


def _share(score: Score) -> str:
    return with_interval(score.accuracy, score.accuracy_low, score.accuracy_high)


def _name(score: Score, scores: Sequence[Score]) -> str:
    """Name a fit by its factors, with all levels at which it stands."""
    rates = " and ".join(other.bpp for other in scores if other.fit == score.fit)
    return (
        f"{score.classifier} on {score.feature} {score.component} of ``{score.latent}`` at "
        f"{rates} bpp"
    )
