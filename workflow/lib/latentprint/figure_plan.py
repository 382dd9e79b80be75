"""Which tables, figures and contrasts a grid of factors gives, known without making them.

The workflow names its outputs from these lists, so this module imports nothing heavy.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from latentprint.thesis import stand_ins


@dataclass(frozen=True)
class Figure:
    """One figure to draw.

    Attributes
    ----------
    stem : str
        File name without suffix.
    kind : str
        "bars" (one classifier), "models" (two), "matrix", "cells" or "cost".
    bpp, component, feature, classifier, latent : str
        What it shows; empty where the figure runs over all levels of a factor.
    """

    stem: str
    kind: str
    bpp: str = ""
    component: str = ""
    feature: str = ""
    classifier: str = ""
    latent: str = ""

    @property
    def group(self) -> str:
        """Where the report lists it: with the other figures of its classifier, or of its kind."""
        if self.kind == "cost":
            return "Figures"
        return f"Figures, {self.classifier or 'all'}"


def shown_name(stem: str) -> str:
    """Name a table or figure for readers: "3.1b" for "figure_3_1b", words for what has no number.

    >>> shown_name("table_2_1"), shown_name("accuracy_against_cost")
    ('2.1', 'accuracy against cost')
    """
    name = stem.removeprefix("figure_").removeprefix("table_")
    return name.replace("_", "." if name[0].isdigit() else " ")


def report_labels(figures: Sequence[Figure]) -> dict[str, dict[str, str]]:
    """Say what stands in the report's list beside each figure: its name and the factors it fixes.

    No word stands for a factor that a figure runs over, and a factor is left out of a list where
    each of two values stands beside half of the figures: Snakemake's report makes a switch of it,
    and the whole report goes blank if a figure has no counterpart at the other value.

    Parameters
    ----------
    figures : sequence of Figure
        All of a run.

    Returns
    -------
    dict
        From stem to labels; the classifier is named by the group.
    """
    found = {figure.stem: {"figure": shown_name(figure.stem)} for figure in figures}
    for group in {figure.group for figure in figures}:
        listed = [figure for figure in figures if figure.group == group]
        for factor in ("bpp", "component", "latent", "feature"):
            values = [getattr(figure, factor) for figure in listed]
            switch = all(values) and {*map(values.count, values)} == {len(values) / 2}
            for figure, value in zip(listed, values, strict=True):
                if value and not switch:
                    found[figure.stem][factor] = value
    return found


def plan(
    *,
    bpp: Sequence[str],
    latents: Sequence[str],
    components: Sequence[str],
    features: Sequence[str],
    classifiers: Sequence[str],
) -> list[Figure]:
    """List the figures of a grid, in the order of the thesis, then the two of our own.

    Parameters
    ----------
    bpp, latents, components, features, classifiers : sequence of str
        Levels of the factors, each at least one, in any order.

    Returns
    -------
    list of Figure
        Figures 3.1, 3.2, 3.6 stand at the highest level, 3.3 and 3.5 at the lowest, as far as
        the factors allow; with one level 3.6 would repeat 3.5 and is left out.
    """
    low, high = stand_ins([str(level) for level in bpp])
    both = "RF" in classifiers and "GB" in classifiers
    figures: list[Figure] = []
    if "RF" in classifiers:
        figures += _bars("figure_3_1", "bars", high, components, "RF")
        figures += _matrices("figure_3_2", high, latents, components, features, "RF")
    if "GB" in classifiers:
        figures += _bars("figure_3_3", "bars", low, components, "GB")
        figures += _matrices("figure_3_4", high, latents, components, features, "GB")
    if both:
        figures += _bars("figure_3_5", "models", low, components)
    if both and low != high:
        figures += _bars("figure_3_6", "models", high, components)
    return [*figures, Figure("cells", "cells"), Figure("accuracy_against_cost", "cost")]


def _bars(
    stem: str, kind: str, level: str, components: Sequence[str], classifier: str = ""
) -> list[Figure]:
    return [
        Figure(stem + letter, kind, bpp=level, component=component, classifier=classifier)
        for letter, component in (("a", "Y"), ("b", "YUV"))
        if component in components
    ]


def _matrices(
    stem: str,
    level: str,
    latents: Sequence[str],
    components: Sequence[str],
    features: Sequence[str],
    classifier: str,
) -> list[Figure]:
    # Thesis: YUV and, by its accuracy, y at 12 bpp. The picture names what it really shows.
    component = "YUV" if "YUV" in components else sorted(components)[0]
    latent = "y" if "y" in latents else sorted(latents)[0]
    shown = {"a": "flatten", "b": "single"}
    if not set(shown.values()) & set(features):
        shown = {"a": sorted(features)[0]}
    return [
        Figure(
            stem + letter,
            "matrix",
            bpp=level,
            component=component,
            feature=feature,
            classifier=classifier,
            latent=latent,
        )
        for letter, feature in shown.items()
        if feature in features
    ]


def planned(
    *,
    bpp: Sequence[str],
    latents: Sequence[str],
    components: Sequence[str],
    features: Sequence[str],
    classifiers: Sequence[str],
) -> list[str]:
    """List the file stems of the figures of a grid; each is written as svg, png and tsv.

    Parameters
    ----------
    bpp, latents, components, features, classifiers : sequence of str
        Levels of the factors, as in the configuration.

    Returns
    -------
    list of str
    """
    figures = plan(
        bpp=bpp,
        latents=latents,
        components=components,
        features=features,
        classifiers=classifiers,
    )
    return [figure.stem for figure in figures]


class Contrast(NamedTuple):
    """Two levels of one factor; differences are those of the first minus the second.

    Over all cells, or over those of one feature where `within` names it.
    """

    factor: str
    first: str
    second: str
    within: str = ""


def contrasts_planned(
    *,
    bpp: Collection[str],
    latents: Collection[str],
    components: Collection[str],
    features: Collection[str],
    classifiers: Collection[str],
) -> list[Contrast]:
    """List every pair of levels of every factor, first the level that the thesis expects to win.

    Parameters
    ----------
    bpp, latents, components, features, classifiers : collection of str
        Levels of the factors, in any order.

    Returns
    -------
    list of Contrast
        By factor as in `scores.tsv`. The higher rate stands first, and what the thesis does not
        have last, by name. Classifiers are compared for each feature as well: the thesis
        concludes that boosting wins on `flatten`.
    """
    ordered = {
        "bpp": sorted(bpp, key=float, reverse=True),
        "latent": sorted(latents),  # "y" before "y_hat"
        "component": _ranked(components, ("YUV", "Y")),
        "feature": _ranked(features, ("flatten", "single", "multiple")),
        "classifier": _ranked(classifiers, ("GB", "RF")),
    }
    apart = ["", *ordered["feature"]] if len(ordered["feature"]) > 1 else [""]
    return [
        Contrast(factor, first, second, within)
        for factor, levels in ordered.items()
        for first, second in combinations(levels, 2)
        for within in (apart if factor == "classifier" else [""])
    ]


def _ranked(levels: Collection[str], first: Sequence[str]) -> list[str]:
    return [name for name in first if name in levels] + sorted(set(levels) - set(first))


def tables_planned(**factors: Sequence[str]) -> list[str]:
    """List the file stems of the tables of a grid; each is written as csv, md, tex and html.

    Parameters
    ----------
    **factors : sequence of str
        `bpp`, `latents`, `components`, `features`, `classifiers`, as in the configuration.

    Returns
    -------
    list of str
        Tables 2.1, 2.2, 3.1 (RF), 3.2 (GB) and 3.3; a further classifier has a table of its
        own name. The contrasts come last, where some factor has two levels.
    """
    return [
        "table_2_1",
        "table_2_2",
        *(accuracy_table(name) for name in table_order(factors["classifiers"])),
        "table_3_3",
        *(["table_contrasts"] if contrasts_planned(**factors) else []),
    ]


def accuracy_table(classifier: str) -> str:
    """Name the accuracy table of a classifier."""
    return {"RF": "table_3_1", "GB": "table_3_2"}.get(classifier, f"table_3_{classifier}")


def table_order(classifiers: Sequence[str]) -> list[str]:
    """Put classifiers in the order of the tables: RF, GB, then others by name."""
    return _ranked(classifiers, ("RF", "GB"))
