"""Figures of the cues. In English."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from latentprint.cues.shown_tables import chosen, number
from latentprint.figure_style import FAINT, INK, NARROW, SMALL, WIDE, frame, heading, legend_below

Row = Mapping[str, str]
Data = list[dict[str, Any]]

# Colour-blind safe; a level of rate has the same colour in every figure.
SERIES = ("#0173B2", "#D55E00", "#029E73", "#CC78BC", "#CA9161", "#949494", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
BINS = 24
SHADES = "viridis"


def _colours(names: Sequence[str]) -> dict[str, str]:
    return {name: SERIES[k % len(SERIES)] for k, name in enumerate(names)}


def draw_histograms(
    features: Sequence[Row], *, lowest: str, jpeg: str, source: str
) -> tuple[Picture, Data]:
    """Draw how the red-green correlation is spread, in four panels.

    Parameters
    ----------
    features : sequence of mapping
        Rows of the colour cue's features.tsv.
    lowest : str
        Version of the strongest compression.
    jpeg : str
        Version as JPEG; "" if there is none.
    source : str
    """
    usable = [row for row in features if not row["confounded"]]
    plain = chosen(usable, kind="uncompressed", version="source")
    panels: list[tuple[str, dict[str, list[Row]]]] = [
        ("A. JPEG AI", {lowest: chosen(usable, kind="uncompressed", version=lowest)}),
        ("B. Chroma halved alone",
         {"half-420": chosen(usable, kind="uncompressed", version="half-420")}),
        ("C. JPEG", {jpeg: chosen(usable, kind="uncompressed", version=jpeg)} if jpeg else {}),
        ("D. Generated pictures", _by_source(chosen(features, kind="synthetic", version="source"))),
    ]  # fmt: skip
    picture, axes = frame(
        WIDE, 2.9, left=0.7, right=0.1, top=0.35, bottom=0.95, foot=source, columns=4
    )
    values = [float(row["c_rg"]) for _, sets in panels for rows in sets.values() for row in rows]
    values += [float(row["c_rg"]) for row in plain]
    # The few lowest would leave the panels empty: they stand in the first bin.
    low = float(np.percentile(values, 2))
    edges = np.linspace(low, 1, BINS + 1)
    data: Data = []
    for place, (title, sets) in zip(axes, panels, strict=True):
        _histogram(place, "uncompressed", plain, edges, INK, title, data, fill=True)
        for (name, rows), colour in zip(sets.items(), SERIES[1:] + SERIES[:1], strict=False):
            _histogram(place, name, rows, edges, colour, title, data, fill=False)
        heading(place, title)
        place.set_xlim(low, 1)
        place.tick_params(labelleft=place is axes[0], labelsize=SMALL)
        if len(sets) == 1:
            place.text(0.04, 0.93, next(iter(sets)), color=SERIES[1], fontsize=SMALL,
                       transform=place.transAxes, ha="left")  # fmt: skip
        elif sets:
            for k, name in enumerate(sets):
                place.text(0.04, 0.93 - 0.085 * k, name.rpartition("/")[2], fontsize=SMALL - 1,
                           color=(SERIES[1:] + SERIES[:1])[k % len(SERIES)],
                           transform=place.transAxes, ha="left")  # fmt: skip
        place.set_xlabel("Correlation red-green", fontsize=SMALL + 1)
    axes[0].set_ylabel("Share of pictures")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    others = "the same photographs, as named (D: others)"
    handles = [
        Patch(color=FAINT, alpha=0.5, label="uncompressed photographs"),
        Line2D([], [], color=SERIES[1], label=others),
    ]
    legend_below(axes[0], handles, below=0.48, columns=2)
    return picture, data


def _by_source(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["source"], []).append(row)
    return found


def _histogram(
    axes: Axes,
    name: str,
    rows: Sequence[Row],
    edges: NDArray[np.float64],
    colour: str,
    panel: str,
    data: Data,
    *,
    fill: bool,
) -> None:
    values = np.clip([float(row["c_rg"]) for row in rows], edges[0], 1)
    shares = np.histogram(values, edges)[0] / max(1, len(values))
    if fill:
        axes.stairs(shares, edges, fill=True, color=FAINT, alpha=0.5)
    else:
        axes.stairs(shares, edges, color=colour, linewidth=1.1)
    data += [
        {"panel": panel[:1], "series": name, "n": len(values), "from": f"{edges[k]:.4f}",
         "to": f"{edges[k + 1]:.4f}", "share": f"{share:.5f}"}
        for k, share in enumerate(shares)
    ]  # fmt: skip


def draw_rates(accuracy: Sequence[Row], *, features: str, source: str) -> tuple[Picture, Data]:
    """Draw the colour cue's accuracy over the test rate, a line for each training rate."""
    rows = chosen(accuracy, task="rates", features=features)
    tests = list(dict.fromkeys(row["test"] for row in rows))
    trained = list(dict.fromkeys(row["trained_on"] for row in rows))
    picture, (axes,) = frame(
        NARROW + 0.5, 3.1, left=0.72, right=0.15, top=0.15, bottom=1.15, foot=source
    )
    colours = _colours(trained)
    for k, name in enumerate(trained):
        own = {row["test"]: row for row in chosen(rows, trained_on=name)}
        x = np.arange(len(tests)) + 0.06 * (k - (len(trained) - 1) / 2)
        y = np.array([number(own[test], "accuracy") for test in tests])
        spread = [
            [y[i] - number(own[test], "accuracy_low") for i, test in enumerate(tests)],
            [number(own[test], "accuracy_high") - y[i] for i, test in enumerate(tests)],
        ]
        wide = 1.8 if name == "all" else 1
        axes.errorbar(
            x, y, yerr=np.maximum(spread, 0), color=colours[name], marker=MARKERS[k % 7],
            markersize=4, linewidth=wide, elinewidth=0.6, label=name,
        )  # fmt: skip
    axes.axhline(0.5, color=FAINT, linewidth=0.8, linestyle="--")
    axes.set_ylim(0.35, 1.02)
    axes.set_xticks(range(len(tests)), tests)
    axes.set_xlabel("Asked about pictures at level (bpp)")
    axes.set_ylabel("Right")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles, _ = axes.get_legend_handles_labels()
    for handle, name in zip(handles, trained, strict=True):
        handle.set_label("all levels" if name == "all" else f"learnt at {name}")
    legend_below(axes, handles, below=0.45, columns=3)
    return picture, [dict(row) for row in rows]


def draw_passes(rows: Sequence[Row], *, source: str) -> tuple[Picture, Data]:
    """Draw quality against the original over rate, a line for each pass, a panel for each codec."""
    picture, panels = frame(
        WIDE, 3.2, left=0.6, right=0.2, top=0.35, bottom=1.0, foot=source, columns=2,
        share_x=False,
    )  # fmt: skip
    passes = sorted({int(row["pass"]) for row in rows})
    shades = matplotlib.colormaps[SHADES](np.linspace(0.05, 0.85, len(passes)))
    for axes, codec in zip(panels, ("JPEG AI", "JPEG"), strict=True):
        for shade, count in zip(shades, passes, strict=True):
            own = sorted(
                chosen(rows, codec=codec, **{"pass": str(count)}), key=lambda r: float(r["bpp"])
            )
            axes.plot(
                [float(row["bpp"]) for row in own], [float(row["psnr"]) for row in own],
                color=shade, marker=MARKERS[(count - 1) % 7], markersize=3.5, linewidth=1,
            )  # fmt: skip
        heading(axes, codec)
        axes.set_xlabel("Bits per pixel")
        axes.grid(True)
    panels[0].set_ylabel("PSNR against the original (dB)")
    panels[1].tick_params(labelleft=False)
    handles = [
        Line2D([], [], color=shade, marker=MARKERS[(count - 1) % 7], markersize=3.5,
               label=f"pass {count}")
        for shade, count in zip(shades, passes, strict=True)
    ]  # fmt: skip
    legend_below(panels[0], handles, below=0.47, columns=len(passes))
    return picture, [dict(row) for row in rows]


def draw_pairs(accuracy: Sequence[Row], *, features: str, source: str) -> tuple[Picture, Data]:
    """Draw the accuracy for every first and second level as two heat maps."""
    kinds = (("one second level", "A forest for each second level"), ("all pairs", "One for all"))
    rows = [row for task, _ in kinds for row in chosen(accuracy, task=task, features=features)]
    pairs = [row["test"].split(" then ") for row in rows]
    first = list(dict.fromkeys(a for a, _ in pairs))
    second = list(dict.fromkeys(b for _, b in pairs))
    picture, panels = frame(
        WIDE * 0.85, 3.1, left=0.75, right=0.8, top=0.35, bottom=0.75, foot=source, columns=2
    )
    mesh = None
    for axes, (task, title) in zip(panels, kinds, strict=True):
        values = np.full((len(first), len(second)), np.nan)
        for row in chosen(rows, task=task):
            a, b = row["test"].split(" then ")
            values[first.index(a), second.index(b)] = number(row, "accuracy")
            share = number(row, "accuracy")
            interval = f"{number(row, 'accuracy_low'):.2f}-{number(row, 'accuracy_high'):.2f}"
            axes.text(
                second.index(b) + 0.5, first.index(a) + 0.5, f"{share:.2f}\n{interval}",
                ha="center", va="center", fontsize=SMALL, linespacing=1.3,
                color="white" if share > 0.8 else INK,
            )  # fmt: skip
        mesh = axes.pcolormesh(
            values, cmap=matplotlib.colormaps["Blues"].resampled(20), vmin=0.4, vmax=1,
            edgecolors="white", linewidth=1,
        )  # fmt: skip
        axes.set_xticks(np.arange(len(second)) + 0.5, second)
        axes.set_xlabel("Second level (bpp)")
        axes.tick_params(length=0, labelleft=axes is panels[0])
        heading(axes, title)
    panels[0].set_yticks(np.arange(len(first)) + 0.5, first)
    panels[0].set_ylabel("First level (bpp)")
    place = panels[1].get_position()
    beside = picture.add_axes((place.x1 + 0.02, place.y0, 0.02, place.height))
    bar = picture.colorbar(mesh, cax=beside, ticks=[0.4, 0.5, 0.75, 1])
    bar.set_label("Right", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return picture, [dict(row) for row in rows]


def draw_importance(rows: Sequence[Row], *, source: str) -> tuple[Picture, Data]:
    """Draw how much AUC is lost when one value is exchanged among pictures."""
    rows = sorted(rows, key=lambda row: float(row["lost_auc"]))
    picture, (axes,) = frame(
        NARROW + 0.6, 0.75 + 0.19 * len(rows) + 0.6, left=0.95, right=0.2, top=0.1, bottom=0.7,
        foot=source,
    )  # fmt: skip
    places = np.arange(len(rows))
    axes.barh(
        places, [float(row["lost_auc"]) for row in rows], height=0.65, color=SERIES[0],
        xerr=[float(row["spread"]) for row in rows],
        error_kw={"elinewidth": 0.7, "ecolor": INK},
    )  # fmt: skip
    axes.set_yticks(places, [row["name"] for row in rows], fontsize=SMALL)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel("AUC lost when exchanged")
    return picture, [dict(row) for row in rows]


def draw_spectra(
    spectra: Mapping[str, NDArray[np.float64]], counts: Mapping[str, int], *, source: str
) -> tuple[Picture, Data]:
    """Draw mean logarithmic spectra of high-pass residuals, zero frequency in the middle.

    Parameters
    ----------
    spectra : mapping of str to ndarray, float64, (height, width)
        Natural logarithms of magnitudes, by name.
    counts : mapping of str to int
        Pictures behind each.
    source : str
    """
    picture, panels = frame(
        WIDE, 2.7, left=0.15, right=0.75, top=0.4, bottom=0.35, foot=source, columns=len(spectra)
    )
    low, high = np.percentile(np.stack(list(spectra.values())), [1, 99.8])
    mesh = None
    data: Data = []
    for axes, (name, values) in zip(panels, spectra.items(), strict=True):
        mesh = axes.imshow(values, cmap="magma", vmin=low, vmax=high, interpolation="nearest")
        axes.set_axis_off()
        heading(axes, f"{name}\n{counts[name]} pictures")
        # Along the middle row: period-2 and period-16 peaks are read off there.
        middle = values[len(values) // 2, len(values) // 2 :]
        data += [
            {"pictures": name, "n": counts[name], "cycles_per_pixel": f"{k / len(values):.5f}",
             "log_magnitude": f"{value:.4f}"}
            for k, value in enumerate(middle.tolist())
        ]  # fmt: skip
    place = panels[-1].get_position()
    beside = picture.add_axes((place.x1 + 0.02, place.y0 + 0.05, 0.015, place.height - 0.1))
    bar = picture.colorbar(mesh, cax=beside)
    bar.set_label("log magnitude", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return picture, data


def draw_map(rows: Sequence[Row], *, source: str) -> tuple[Picture, Data]:
    """Draw the projection of a cue's pictures twice: by level of rate, and by generator."""
    picture, panels = frame(
        WIDE, 3.9, left=0.2, right=0.2, top=0.35, bottom=1.0, foot=source, columns=2
    )
    coded = [row for row in rows if row["positive"] == "1"]
    others = [row for row in rows if row["positive"] != "1"]
    levels = list(dict.fromkeys(row["version"] for row in coded))
    sources = list(dict.fromkeys(row["source"] for row in others))
    method = rows[0]["method"]
    for axes, groups, grey, title in (
        (panels[0], [(level, [r for r in coded if r["version"] == level]) for level in levels],
         others, f"By level ({method})"),
        (panels[1], [(name, [r for r in others if r["source"] == name]) for name in sources],
         coded, f"By generator ({method})"),
    ):  # fmt: skip
        _dots(axes, grey, FAINT, "o", size=5)
        for k, (_, some) in enumerate(groups):
            _dots(axes, some, SERIES[k % 7], MARKERS[k % 7], size=11)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_color(FAINT)
        heading(axes, title)
        handles = [
            Line2D([], [], color=SERIES[k % 7], marker=MARKERS[k % 7], linestyle="", markersize=4,
                   label=name.rpartition("/")[2])
            for k, (name, _) in enumerate(groups)
        ]  # fmt: skip
        handles.append(Line2D([], [], color=FAINT, marker="o", linestyle="", markersize=3,
                              label="generated" if axes is panels[0] else "JPEG AI"))  # fmt: skip
        axes.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.03), ncols=3,
            fontsize=SMALL, handletextpad=0.2, columnspacing=0.8,
        )  # fmt: skip
    return picture, [dict(row) for row in rows]


def _dots(axes: Axes, rows: Sequence[Row], colour: str, marker: str, *, size: float) -> None:
    axes.scatter(
        [float(row["x"]) for row in rows], [float(row["y"]) for row in rows],
        s=size, c=colour, marker=marker, linewidths=0,
    )  # fmt: skip


def draw_robustness(accuracy: Mapping[str, Sequence[Row]], *, source: str) -> tuple[Picture, Data]:
    """Draw accuracy after further steps, a line for each level, a panel for each forest.

    Parameters
    ----------
    accuracy : mapping of str to sequence of mapping
        Rows of accuracy.tsv by cue; those of the task "altered" are drawn.
    source : str
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for cue, rows in accuracy.items():
        for row in chosen(rows, task="altered"):
            groups.setdefault((cue, row["trained_on"]), []).append(row)
    picture, panels = frame(
        WIDE, 3.5, left=0.72, right=0.1, top=0.5, bottom=1.35, foot=source, columns=len(groups),
        share_x=False,
    )  # fmt: skip
    every = [row["test"].split(", ") for rows in groups.values() for row in rows]
    levels = list(dict.fromkeys(level for _, level in every))
    colours = _colours(levels)
    data: Data = []
    for axes, ((cue, trained), rows) in zip(panels, groups.items(), strict=True):
        steps = list(dict.fromkeys(row["test"].split(", ")[0] for row in rows))
        for k, level in enumerate(levels):
            own = [row for row in rows if row["test"].endswith(f", {level}")]
            x = np.arange(len(own)) + 0.09 * (k - (len(levels) - 1) / 2)
            y = np.array([number(row, "accuracy") for row in own])
            spread = [
                y - [number(row, "accuracy_low") for row in own],
                [number(row, "accuracy_high") for row in own] - y,
            ]
            axes.errorbar(
                x, y, yerr=np.maximum(spread, 0), color=colours[level], marker=MARKERS[k % 7],
                markersize=3.5, linewidth=0, elinewidth=0.8,
            )  # fmt: skip
        axes.axhline(0.5, color=FAINT, linewidth=0.8, linestyle="--")
        axes.set_xticks(range(len(steps)), steps, rotation=45, ha="right", fontsize=SMALL)
        axes.set_xlim(-0.5, len(steps) - 0.5)
        learnt = {"all": "untouched pictures", "untouched": "untouched pictures"}
        heading(axes, f"{cue}: learnt from\n{learnt.get(trained, 'altered ones as well')}")
        axes.tick_params(labelleft=axes is panels[0])
        data += [{"cue": cue} | dict(row) for row in rows]
    panels[0].set_ylim(0, 1.03)
    panels[0].set_ylabel("Right")
    panels[0].yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles = [
        Line2D([], [], color=colours[level], marker=MARKERS[k % 7], linestyle="", markersize=4,
               label=f"{level} bpp")
        for k, level in enumerate(levels)
    ]  # fmt: skip
    legend_below(panels[0], handles, below=0.75, columns=len(levels))
    return picture, data
