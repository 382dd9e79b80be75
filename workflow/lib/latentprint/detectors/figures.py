"""Figures of detectors: cost, learning curves, calibration, importance, tests on other images."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from latentprint.detectors.found import Detector
from latentprint.detectors.stability import stability
from latentprint.detectors.tables import shown_test
from latentprint.figure_style import (
    FAINT,
    INK,
    SMALL,
    WIDE,
    colour_of,
    frame,
    heading,
    legend_below,
    marker_of,
)
from latentprint.glossary import Words

Data = list[dict[str, Any]]

LEAST_SECONDS, LEAST_MS = 1e-2, 1e-2  # a logarithmic scale has no zero


def draw_costs(
    ranked: Sequence[Mapping[str, Any]], *, source: str, text: Words
) -> tuple[Picture, Data]:
    """Draw test accuracy against the cost of fitting and of asking: a mark per fit.

    Parameters
    ----------
    ranked : sequence of dict
        Data of the table `ranking`, best in cross-validation first.
    source : str
    text : dict
    """
    classifiers = sorted({row["classifier"] for row in ranked})
    features = sorted({row["feature"] for row in ranked})
    picture, panels = frame(
        WIDE, 3.9, left=0.55, right=0.15, top=0.15, bottom=1.35, foot=source, columns=2,
        share_x=False,
    )  # fmt: skip
    for axes, name, least in zip(
        panels, ("fit_s", "predict_ms"), (LEAST_SECONDS, LEAST_MS), strict=True
    ):
        for row in ranked:
            spent = row[name] * (row["cores"] if name == "fit_s" else 1)
            spent = max(spent, least)
            colour = colour_of(row["classifier"], classifiers)
            span = [row["accuracy_low"], row["accuracy_high"]]
            axes.plot([spent, spent], span, color=colour, lw=0.6, alpha=0.4, zorder=2)
            axes.plot(
                spent, row["accuracy"], marker=marker_of(row["feature"], features), color=colour,
                ms=4.5, ls="none", mec="white", mew=0.4, zorder=3,
            )  # fmt: skip
            if row["rank"] == 1:
                axes.plot(spent, row["accuracy"], "o", ms=11, mfc="none", mec=INK, mew=1, zorder=4)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.tick_params(axis="x", labelrotation=30, labelsize=SMALL)
        axes.grid()
    panels[0].set_ylabel(text["accuracy"])
    panels[0].set_xlabel(text["cost_fit"])
    panels[1].set_xlabel(text["cost_image"])
    panels[1].tick_params(labelleft=False)
    data = [
        {
            name: row[name]
            for name in (
                *("rank", "bpp", "latent", "component", "feature", "classifier", "accuracy"),
                *("accuracy_low", "accuracy_high", "fit_s", "cores", "predict_ms"),
            )
        }
        for row in ranked
    ]
    handles = [Patch(facecolor=colour_of(name, classifiers), label=name) for name in classifiers]
    handles += [
        Line2D([], [], marker=marker_of(name, features), color=FAINT, ls="none", ms=4.5, label=name)
        for name in features
    ]
    ring = Line2D([], [], marker="o", ls="none", ms=9, mfc="none", mec=INK, label=text["best_cv"])
    legend_below(panels[0], [*handles, ring], below=0.62, columns=6)
    return picture, data


def draw_curves(detectors: Sequence[Detector], *, source: str, text: Words) -> tuple[Picture, Data]:
    """Draw accuracy against the number of training images, and what a power law makes of it."""
    picture, (axes,) = frame(
        WIDE,
        4.0,
        left=0.55,
        right=0.2,
        top=0.15,
        bottom=1.35,
        foot=f"{source}; {text['note_curve']}",
    )
    names = [detector.cell["classifier"] for detector in detectors]
    data = []
    for detector in detectors:
        colour = colour_of(detector.cell["classifier"], names)
        measured, ahead = detector.curve["measured"], detector.curve["extrapolated"]
        counts = [row["n_train"] for row in measured]
        values = [row["accuracy"] for row in measured]
        low_high = np.array([[row["accuracy_low"], row["accuracy_high"]] for row in measured]).T
        axes.vlines(counts, *low_high, color=colour, lw=1, zorder=2)
        axes.plot(counts, values, "o-", color=colour, ms=4.5, lw=1.2, zorder=3)
        if ahead:
            x = [counts[-1], *(row["n_train"] for row in ahead)]
            axes.plot(
                x, [values[-1], *(row["accuracy"] for row in ahead)], ls=(0, (4, 2)), color=colour,
                lw=1, marker="o", mfc="white", ms=4.5, markevery=list(range(1, len(x))), zorder=3,
            )  # fmt: skip
            band = [
                [measured[-1][f"accuracy_{end}"], *(row[f"accuracy_{end}"] for row in ahead)]
                for end in ("low", "high")
            ]
            axes.fill_between(x, *band, color=colour, alpha=0.12, lw=0)
        for kind, rows in (("measured", measured), ("extrapolated", ahead)):
            for row in rows:
                shown = {
                    k: row[k] for k in ("n_train", "accuracy", "accuracy_low", "accuracy_high")
                }
                data.append({"detector": detector.name, "kind": kind} | shown)
    axes.axhline(0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(10))
    axes.xaxis.set_minor_locator(NullLocator())
    ticks = sorted({row["n_train"] for row in data})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=30, ha="right", fontsize=SMALL)
    axes.set_xlabel(text["training_images"])
    axes.set_ylabel(text["accuracy"])
    axes.grid(axis="y")
    handles = _keys(detectors)
    look = {"ls": (0, (4, 2)), "marker": "o", "mfc": "white"}
    handles.append(Line2D([], [], color=FAINT, label=text["extrapolated"], **look))
    handles.append(Line2D([], [], color=INK, lw=0.8, ls="--", label=text["chance"]))
    legend_below(axes, handles, below=0.72, columns=3)
    return picture, data


def draw_reliability(
    detectors: Sequence[Detector], *, source: str, text: Words
) -> tuple[Picture, Data]:
    """Draw the share of fakes among test images against what was said: a panel per detector."""
    count = len(detectors)
    # Names of neighbours must not run into each other: so many characters stand above a panel.
    width = int(95 / max(2, count))
    titles = [textwrap.wrap(detector.name, width) for detector in detectors]
    more = 0.13 * (max(map(len, titles)) - 1)
    picture, panels = frame(
        WIDE, 1.3 + more + 6.4 / max(2, count), left=0.55, right=0.15, top=0.35 + more, bottom=1.0,
        foot=source, columns=count,
    )  # fmt: skip
    names = [detector.cell["classifier"] for detector in detectors]
    data = []
    for axes, detector, title in zip(panels, detectors, titles, strict=True):
        colour = colour_of(detector.cell["classifier"], names)
        axes.plot([0, 1], [0, 1], color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
        for when, filled in (("before", False), ("after", True)):
            bins = detector.calibration["test"][f"bins_{when}"]
            x, y = [row["mean"] for row in bins], [row["fakes"] for row in bins]
            if filled:
                spans = [[row[f"fakes_{end}"] for row in bins] for end in ("low", "high")]
                axes.vlines(x, *spans, color=colour, lw=1, alpha=0.6, zorder=2)
            look = {"mfc": colour if filled else "white", "mec": colour, "ms": 4.5, "marker": "o"}
            axes.plot(x, y, color=colour if filled else FAINT, lw=0.8, zorder=3, **look)
            data += [{"detector": detector.name, "kind": when} | row for row in bins]
        measured = detector.calibration["test"]
        shares = f"ECE {measured['ece_before']:.3f} → {measured['ece_after']:.3f}"
        heading(axes, "\n".join([*title, shares]))
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_aspect("equal", adjustable="box")
        # Ends of neighbours would run into each other with more digits.
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
        axes.grid()
        axes.set_xlabel(text["probability"])
    panels[0].set_ylabel(text["share_fake"])
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    look = {"marker": "o", "color": FAINT, "mec": INK, "ms": 4.5}
    handles = [
        Line2D([], [], mfc="white", label=text["before"], **look),
        Line2D([], [], mfc=INK, label=text["after"], **look),
        Line2D([], [], color=INK, lw=1, label=text["interval"]),
    ]
    legend_below(panels[0], handles, below=0.5, columns=3)
    return picture, data


def draw_importance(detector: Detector, *, source: str, text: Words) -> tuple[Picture, Data]:
    """Draw which positions and channels a detector uses, and which tell anything alone.

    Positions as a plane (where the feature keeps them), channels as lines from the least to the
    greatest of the repetitions.
    """
    rows = detector.importance
    plane = [row for row in rows if row["kind"] == "position"]
    height = 6.5 if plane else 3.7
    picture = Picture(figsize=(WIDE, height))
    picture.text(
        0.5, 0.05 / height, f"{detector.name}; {source}", ha="center", va="bottom", fontsize=SMALL
    )
    line_height = 1.15 / height
    for index, name in enumerate(("drop", "alone")):
        if plane:
            place = (0.06 + 0.5 * index, 1 - 2.8 / height, 0.36, 2.35 / height)
            _plane(picture, picture.add_axes(place), plane, name, text)
        bottom = (0.65 + (1 - index) * 1.5) / height
        axes = picture.add_axes((0.075, bottom, 0.905, line_height * 0.85))
        _channels(axes, rows, name, text)
        if index == 1:
            axes.set_xlabel(text["channel"])
        else:
            axes.tick_params(labelbottom=False)
    return picture, [dict(row) for row in rows]


def _repeated(rows: Sequence[Mapping[str, str]], name: str) -> NDArray[np.float64]:
    """Give the values of all repetitions, (repetitions, groups)."""
    count = len({row["repetition"] for row in rows})
    return np.array([float(row[name]) for row in rows]).reshape(count, -1)


def _title(rows: Sequence[Mapping[str, str]], name: str, kind: str, text: Words) -> str:
    steady = stability(_repeated(rows, name))
    shown = text[f"{kind}_{name}"]
    if steady is not None:
        shown += "\n" + text["stability"].format(value=f"{steady:.2f}")
    return shown


def _plane(
    picture: Picture, axes: Axes, rows: Sequence[Mapping[str, str]], name: str, text: Words
) -> None:
    mean = _repeated(rows, name).mean(axis=0)
    height = max(int(row["row"]) for row in rows) + 1
    image = axes.imshow(mean.reshape(height, -1), cmap="cividis", interpolation="nearest")
    bar = picture.colorbar(image, ax=axes, fraction=0.045, pad=0.03)
    bar.outline.set_linewidth(0.5)
    bar.ax.tick_params(labelsize=SMALL)
    axes.set_xticks([0, mean.size // height - 1])
    axes.set_yticks([0, height - 1])
    axes.tick_params(length=0, labelsize=SMALL)
    heading(axes, _title(rows, name, "positions", text))


def _channels(axes: Axes, rows: Sequence[Mapping[str, str]], name: str, text: Words) -> None:
    channels = [row for row in rows if row["kind"] == "channel"]
    values = _repeated(channels, name)
    first = channels[: values.shape[1]]
    x = np.arange(values.shape[1])
    colours = ["#0173B2" if row["component"] == "luma" else "#D55E00" for row in first]
    axes.vlines(x, values.min(axis=0), values.max(axis=0), color=colours, lw=0.8, alpha=0.5)
    axes.scatter(x, values.mean(axis=0), c=colours, s=4, zorder=3)
    axes.axhline(0.5 if name == "alone" else 0.0, color=INK, lw=0.8, ls=(0, (4, 2)))
    axes.set_xlim(-1, len(x))
    axes.tick_params(labelsize=SMALL)
    axes.grid(axis="y")
    heading(axes, _title(channels, name, "channels", text).replace("\n", ", "))


def draw_cross(detectors: Sequence[Detector], *, source: str, text: Words) -> tuple[Picture, Data]:
    """Draw the share of images called right, by what a detector was asked about."""
    tests = list(dict.fromkeys(asked.test for d in detectors for asked in d.asked))
    shown = {a.test: shown_test(a.test, d, text) for d in detectors for a in d.asked}
    names = [detector.cell["classifier"] for detector in detectors]
    picture, (axes,) = frame(
        WIDE, 1.15 + 0.26 * len(tests), left=0.2 + 0.066 * max(map(len, shown.values())), right=0.2,
        top=0.1, bottom=0.95, foot=source,
    )  # fmt: skip
    data = []
    for number, detector in enumerate(detectors):
        colour = colour_of(detector.cell["classifier"], names)
        offset = (number - (len(detectors) - 1) / 2) * 0.22
        for asked in detector.asked:
            place = tests.index(asked.test) + offset
            axes.hlines(place, asked.low, asked.high, color=colour, lw=1, zorder=2)
            # Where there is one class only, right is not accuracy: hollow.
            both = asked.real_called_fake is not None and asked.fake_called_fake is not None
            look = {"mfc": colour if both else "white", "mec": colour}
            axes.plot(asked.right, place, marker="o", ms=4.5, ls="none", zorder=3, **look)
            data.append(
                {"detector": detector.name, "test": asked.test, "n": asked.n, "right": asked.right}
                | {"low": asked.low, "high": asked.high, "difference": asked.difference}
            )
    axes.axvline(0.5, color=INK, lw=0.8, ls=(0, (4, 2)), zorder=1)
    axes.set_yticks(range(len(tests)), [shown[test] for test in tests])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(min(0.45, min(row["low"] for row in data) - 0.02), 1.01)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel(text["right"])
    axes.grid(axis="x")
    handles = _keys(detectors)
    legend_below(axes, handles, below=0.48, columns=2)
    return picture, data


def _keys(detectors: Sequence[Detector]) -> list[Artist]:
    """Give a legend's entry for every detector."""
    names = [detector.cell["classifier"] for detector in detectors]
    return [
        Line2D([], [], color=colour_of(name, names), marker="o", ms=4.5, label=detector.name)
        for name, detector in zip(names, detectors, strict=True)
    ]
