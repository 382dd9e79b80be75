"""Panels that show accuracies of cells: one per classifier, a row per combination of factors."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from latentprint.figure_style import FAINT, INK, heading
from latentprint.glossary import CLASSIFIER_NAMES, Words


def dress_panels(
    panels: Sequence[Axes],
    classifiers: Sequence[str],
    *,
    names: Sequence[str],
    groups: Sequence[tuple[str, str]],
    lows: Sequence[float],
    text: Words,
) -> None:
    """Give the panels headings, the line of chance, rules between groups, and one scale.

    Parameters
    ----------
    panels : sequence of Axes
        One per classifier; the first names the rows.
    classifiers : sequence of str
    names : sequence of str
        Of the rows, from the top.
    groups : sequence of (str, str)
        Component and feature of each row: a strong rule where the first changes, a faint one where
        the second does.
    lows : sequence of float, 0 to 1
        Lower ends of all intervals; the scale begins below the lowest.
    text : dict
        Words of one language, from `glossary.words`.
    """
    for axes, classifier in zip(panels, classifiers, strict=True):
        heading(axes, CLASSIFIER_NAMES.get(classifier, classifier))
        axes.axvline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
        axes.set_xlabel(text["accuracy"])
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0, labelleft=axes is panels[0])
        for index in range(1, len(groups)):
            if groups[index] != groups[index - 1]:
                strong = groups[index][0] != groups[index - 1][0]
                axes.axhline(index - 0.5, color=FAINT, linewidth=1 if strong else 0.4, zorder=0)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    lowest = min(0.45, min(lows) - 0.02)
    panels[0].set_xlim(lowest, 1.0)
    # A label at the left end would touch the one at the right end of the panel before it.
    panels[0].set_xticks([tenth / 10 for tenth in range(11) if tenth / 10 > lowest + 0.03])
