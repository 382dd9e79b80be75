"""Figures: what is planned is drawn, from the numbers of the scores, always to the same bytes."""

import csv
import re
import subprocess
import sys
from collections import Counter
from itertools import combinations, pairwise, product
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure as Picture
from matplotlib.text import Text
from PIL import Image

from latentprint import figures
from latentprint.figure_plan import plan, planned, report_labels, shown_name, tables_planned
from latentprint.figure_style import NARROW, WIDE, colour_of, marker_of, save, style
from latentprint.figures import draw, draw_all, draw_bars
from latentprint.glossary import words
from latentprint.matrix_figures import draw_matrix, measures
from latentprint.own_figures import draw_cells, draw_cost
from latentprint.score_table import read_costs, read_scores
from latentprint.thesis import read_published
from tests.unit.synthetic_run import ALL, write_run

SMALL = {
    "one latent": {"latents": ["y_hat"]},
    "one level": {"bpp": ["0.5"]},
    "one classifier": {"classifiers": ["RF"]},
    "one cell": {
        "bpp": ["6"],
        "latents": ["y"],
        "components": ["Y"],
        "features": ["multiple"],
        "classifiers": ["GB"],
    },
    "more of all": {
        "bpp": ["0.12", "1.0"],
        "components": ["YUV"],
        "features": ["flatten", "gap", "single", "multiple"],
        "classifiers": ["RF", "GB", "Stump"],
    },
}


DRAWN = {"components": ["YUV"]}


@pytest.fixture(scope="module")
def published(root):
    return read_published(root / "resources/thesis")


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """Scores and costs of a made-up run."""

    def make(**factors):
        folder = write_run(tmp_path_factory.mktemp("run"), **factors)
        return read_scores(folder / "scores.tsv"), read_costs(folder / "costs.tsv")

    return make


@pytest.fixture(scope="module")
def drawn(run_of, published, tmp_path_factory):
    """Every figure of a grid with one component, drawn once: drawing takes most of the time."""
    scores, costs = run_of(**DRAWN)
    folder = tmp_path_factory.mktemp("figures")
    stems = draw_all(scores, costs, published=published, text=words("en"), folder=folder)
    return scores, folder, stems


# --- the plan -------------------------------------------------------------------------------


def test_plan_of_the_full_grid():
    pairs = [f"figure_3_{number}{letter}" for number in range(1, 7) for letter in "ab"]
    assert planned(**ALL) == [*pairs, "cells", "accuracy_against_cost"]
    assert tables_planned(**ALL) == [
        f"table_{n}" for n in ("2_1", "2_2", "3_1", "3_2", "3_3", "contrasts")
    ]


def test_plan_keeps_to_the_levels_of_the_thesis():
    found = {figure.stem: figure for figure in plan(**(ALL | {"bpp": [12, 0.5, 6]}))}
    for stem, bpp in {"3_1a": "12", "3_2b": "12", "3_3b": "6", "3_5a": "6", "3_6a": "12"}.items():
        assert found[f"figure_{stem}"].bpp == bpp
    assert found["figure_3_1b"].component == found["figure_3_2a"].component == "YUV"
    assert (found["figure_3_2a"].feature, found["figure_3_2b"].feature) == ("flatten", "single")


@pytest.mark.parametrize(
    ("factors", "absent"),
    [
        ({"bpp": ["0.5"]}, {"figure_3_6a", "figure_3_6b"}),
        ({"components": ["Y"]}, {f"figure_3_{number}b" for number in (1, 3, 5, 6)}),
        ({"components": ["YUV"]}, {f"figure_3_{number}a" for number in (1, 3, 5, 6)}),
        ({"features": ["flatten"]}, {"figure_3_2b", "figure_3_4b"}),
        ({"features": ["multiple"]}, {"figure_3_2b", "figure_3_4b"}),
        ({"latents": ["y_hat"]}, set()),
        (
            {"classifiers": ["GB"]},
            {f"figure_3_{number}{letter}" for number in (1, 2, 5, 6) for letter in "ab"},
        ),
    ],
)
def test_absent_levels_leave_out_their_figures(factors, absent):
    assert set(planned(**ALL)) - set(planned(**(ALL | factors))) == absent


def test_matrix_takes_the_best_there_is():
    factors = {"components": ["Y"], "latents": ["y_hat"], "features": ["multiple"]}
    shown = [figure for figure in plan(**(ALL | factors)) if figure.kind == "matrix"]
    assert [figure.stem for figure in shown] == ["figure_3_2a", "figure_3_4a"]
    assert (shown[0].component, shown[0].latent, shown[0].feature) == ("Y", "y_hat", "multiple")


def test_plan_imports_nothing_heavy(root):
    code = (
        "import sys; import latentprint.figure_plan, latentprint.summary, latentprint.tables; "
        "print(sorted({'numpy', 'pandas', 'matplotlib', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "workflow/lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# --- what is drawn --------------------------------------------------------------------------


def test_every_planned_figure_is_written_in_three_formats(drawn):
    _, folder, stems = drawn
    assert stems == planned(**(ALL | DRAWN))
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "png", "tsv")}


def test_pictures_have_the_two_widths_and_200_dots_an_inch(drawn):
    _, folder, _ = drawn
    widths = set()
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            widths.add(picture.width)
            assert picture.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    assert widths == {round(NARROW * 200), round(WIDE * 200)}


def test_svg_holds_text_as_text_and_names_its_source(drawn):
    _, folder, stems = drawn
    for stem in stems:
        tree = ElementTree.parse(folder / f"{stem}.svg")
        texts = ["".join(node.itertext()) for node in tree.iter() if node.tag.endswith("}text")]
        assert "embedded weights, images drawn by the product, n = 180" in texts, stem
        assert any("ccuracy" in text for text in texts), stem
        content = (folder / f"{stem}.svg").read_text()
        assert "<dc:date>" not in content and len(content) < 150_000


def test_level_is_named_in_every_figure_of_one_level(drawn):
    _, folder, _ = drawn
    for stem, level in {"figure_3_1b": "1.0 bpp", "figure_3_3b": "0.25 bpp"}.items():
        assert level in (folder / f"{stem}.svg").read_text()
    text = (folder / "figure_3_2b.svg").read_text()
    assert "RF, YUV, single, y, 1.0 bpp" in text and "positive class: fake" in text


def test_equal_data_give_equal_files(drawn, run_of, published, tmp_path):
    _, folder, _ = drawn
    scores, costs = run_of(**DRAWN)
    again = {figure.kind: figure for figure in plan(**(ALL | DRAWN))}.values()  # one of each kind
    with style():
        for figure in again:
            picture, data = draw(figure, scores, costs, published=published, text=words("en"))
            save(picture, data, tmp_path, figure.stem)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name
    assert len(list(tmp_path.iterdir())) == 3 * len(again)


def test_data_beside_a_figure_are_the_scores(drawn):
    scores, folder, _ = drawn
    with (folder / "figure_3_5b.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 12
    found = {score.key: score for score in scores}
    for row in rows:
        key = tuple(row[name] for name in ("bpp", "latent", "component", "feature", "classifier"))
        assert (row["bpp"], row["component"]) == ("0.25", "YUV")
        assert float(row["accuracy"]) == found[key].accuracy
    with (folder / "cells.tsv").open(newline="") as file:
        assert len(list(csv.DictReader(file, delimiter="\t"))) == 24
    with (folder / "accuracy_against_cost.tsv").open(newline="") as file:
        assert len(list(csv.DictReader(file, delimiter="\t"))) == 18  # one per fit


def figure_of(stem, **factors):
    return next(figure for figure in plan(**(ALL | factors)) if figure.stem == stem)


def test_bars_have_the_heights_order_and_colours_of_the_thesis(run_of, published):
    scores, _ = run_of()
    with style():
        picture, data = draw_bars(
            figure_of("figure_3_6a"), scores, published=published, text=words("en")
        )
    axes = picture.axes[0]
    bars = sorted(axes.patches, key=lambda bar: bar.get_x())
    found = {score.key: score for score in scores}
    expected = [
        found["1.0", latent, "Y", feature, classifier].accuracy
        for feature in ("flatten", "multiple", "single")
        for classifier in ("GB", "RF")
        for latent in ("y", "y_hat")
    ]
    assert [bar.get_height() for bar in bars] == pytest.approx(expected)
    colours = [tuple(round(255 * part) for part in bar.get_facecolor()[:3]) for bar in bars[:4]]
    # Thesis, figures 3.5 and 3.6: #2E86AB, #7BB3DB, #A23B72, #D67BA8.
    assert colours == [(46, 134, 171), (123, 179, 219), (162, 59, 114), (214, 123, 168)]
    assert len({bar.get_hatch() for bar in bars[:4]}) == 4
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["Flatten", "Multiple", "Single"]
    assert len(data) == 12


@pytest.mark.parametrize(
    ("case", "language"),
    [
        ("full", "en"),
        ("one latent", "en"),
        ("one level", "it"),
        ("one classifier", "it"),
        ("one cell", "en"),
        ("more of all", "en"),
    ],
)
def test_no_text_is_clipped_and_none_hides_another(run_of, published, case, language):
    factors = SMALL.get(case, {})
    scores, costs = run_of(**factors)
    kinds = {figure.kind: figure for figure in plan(**(ALL | factors))}
    with style():
        for figure in kinds.values():
            picture, _ = draw(figure, scores, costs, published=published, text=words(language))
            check_texts(picture, f"{case}: {figure.stem}")


@pytest.mark.parametrize("kind", ["bars", "matrix", "cells"])
def test_long_source_and_other_rate_have_room(run_of, published, kind):
    constants = {
        "weights": "official",
        "images": "faces folder /srv/data/140k-real-and-fake-faces/real_vs_fake/real-vs-fake",
        "bpp_reached": 2.13,
    }
    factors = {"bpp": ["6", "12"], "components": ["Y"], "classifiers": ["GB"]}
    scores, costs = run_of(constants=constants, **factors)
    figure = next(figure for figure in plan(**(ALL | factors)) if figure.kind == kind)
    with style():
        picture, _ = draw(figure, scores, costs, published=published, text=words("it"))
        check_texts(picture, figure.stem)


def check_texts(picture: Picture, name: str) -> None:
    """Every text lies inside the picture, and no two of them overlap."""
    picture.draw_without_rendering()
    boxes, unseen = {}, set()
    for axis in (axis for axes in picture.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [tick for tick in axis.get_major_ticks() if not low <= tick.get_loc() <= high]
        unseen |= {label for tick in ticks for label in (tick.label1, tick.label2)}
    for item in picture.findobj(Text):
        if item.get_text().strip() and item.get_visible() and item not in unseen:
            box = item.get_window_extent()
            boxes[box.x0, box.y0] = (box, item.get_text())
    frame = picture.bbox
    for box, text in boxes.values():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= frame.x1 and box.y1 <= frame.y1
        assert inside, f"{name}: {text!r} is clipped"
    for (box, text), (other, beside) in combinations(boxes.values(), 2):
        assert not overlap(box, other), f"{name}: {text!r} and {beside!r} overlap"


def overlap(first, second) -> bool:
    """Tell whether two boxes share more than a pixel each way."""
    wide = min(first.x1, second.x1) - max(first.x0, second.x0)
    high = min(first.y1, second.y1) - max(first.y0, second.y0)
    return wide > 1 and high > 1


def test_values_stand_above_the_intervals(run_of, published):
    scores, _ = run_of()
    with style():
        picture, data = draw_bars(
            figure_of("figure_3_1a"), scores, published=published, text=words("en")
        )
    axes = picture.axes[0]
    values = [text for text in axes.texts if re.fullmatch(r"0\.\d{3}", text.get_text())]
    tops = sorted(row["accuracy_high"] for row in data)
    assert len(values) == 6
    heights = sorted(value.get_position()[1] for value in values)
    assert all(top < height for top, height in zip(tops, heights, strict=True))
    assert any(line.get_ydata()[0] == 0.5 for line in axes.lines)  # chance


def test_bars_end_at_one_without_breaking_the_interval(run_of, published):
    constants = {"accuracy": 1.0, "accuracy_low": 0.97, "accuracy_high": 0.9999999}
    scores, _ = run_of(constants=constants)
    with style():
        picture, _ = draw_bars(
            figure_of("figure_3_1a"), scores, published=published, text=words("en")
        )
    assert picture.axes[0].get_ylim()[1] > 1.05


# --- matrices -------------------------------------------------------------------------------


def test_matrix_counts_are_those_behind_the_accuracy(run_of, published):
    scores, _ = run_of(bpp=["6", "12"])
    figure = figure_of("figure_3_4a", bpp=["6", "12"])
    with style():
        _, data = draw_matrix(figure, scores, published=published, text=words("en"))
    score = next(s for s in scores if s.key == ("12", "y", "YUV", "flatten", "GB"))
    count = {(row["actual"], row["predicted"]): row["count"] for row in data}
    right = count["real", "real"] + count["fake", "fake"]
    assert right / sum(count.values()) == pytest.approx(score.accuracy)
    for true in ("real", "fake"):
        shares = [row["share_of_actual"] for row in data if row["actual"] == true]
        assert sum(shares) == pytest.approx(1)
    assert {row["thesis_count"] for row in data} == {1387, 112, 68, 1432}


def test_matrix_says_where_it_differs_from_the_thesis(run_of, published):
    factors = {"latents": ["y_hat"]}
    scores, _ = run_of(**factors)
    figure = figure_of("figure_3_2a", **factors)
    with style():
        picture, _ = draw_matrix(figure, scores, published=published, text=words("en"))
    heading = picture.axes[0].texts[-1].get_text()
    assert heading.startswith("RF, YUV, flatten, y_hat, 1.0 bpp")
    assert heading.endswith("thesis: YUV, flatten, y")


def test_measures_agree_with_those_published_for_figure_3_2a(run_of, published):
    scores, _ = run_of(constants=published.matrices["3.2a"])
    # Thesis, figure 3.2a: 0.824, and for fake 0.871 / 0.760 / 0.812.
    expected = {"accuracy": "0.824", "precision": "0.871", "recall": "0.760", "f1": "0.812"}
    assert measures(scores[0]) == expected


def test_measures_without_any_fake_called_are_not_numbers(run_of):
    counts = {"fake_fake": 0, "fake_real": 90, "real_fake": 0, "real_real": 90}
    scores, _ = run_of(constants=counts)
    expected = {"accuracy": "0.500", "precision": "-", "recall": "0.000", "f1": "0.000"}
    assert measures(scores[0]) == expected


# --- own figures ----------------------------------------------------------------------------


def test_cells_are_all_there_and_compared_at_equal_levels_only(run_of, published):
    for bpp, marks in ((["0.25", "1.0"], 0), (["6", "12"], 48)):
        scores, _ = run_of(bpp=bpp)
        with style():
            picture, data = draw_cells(scores, published=published, text=words("en"))
        lines = [line for axes in picture.axes for line in axes.lines]
        counts = Counter()
        for line in lines:
            counts[line.get_marker()] += len(line.get_xdata())
        assert (counts["o"], counts["D"], counts["|"]) == (24, 24, marks)
        assert len(data) == 48


def test_cost_leaves_out_cells_without_a_time(run_of):
    scores, costs = run_of()
    with style():
        _, data = draw_cost(scores, costs[:10], text=words("en"))
    assert {row["bpp"] for row in data} == {"0.25"}
    assert len(data) == 10


def test_colours_and_markers_are_fixed():
    assert colour_of("RF", ["RF"]) == colour_of("RF", ["GB", "RF", "Other"])
    names = ["GB", "RF", "A", "B"]
    assert len({colour_of(name, names) for name in names}) == 4
    features = ["flatten", "single", "multiple", "gap", "screened"]
    assert len({marker_of(name, features) for name in features}) == 5


def test_style_is_left_behind():
    import matplotlib

    before = matplotlib.rcParams["svg.fonttype"]
    with style():
        assert matplotlib.rcParams["svg.fonttype"] == "none"
    assert matplotlib.rcParams["svg.fonttype"] == before


def test_figures_leave_no_temporary_file(drawn):
    _, folder, _ = drawn
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_failed_figure_leaves_nothing(run_of, published, tmp_path, monkeypatch):
    scores, costs = run_of()

    def fail(*_args, **_kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(Picture, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        figures.draw_all(scores, costs, published=published, text=words("en"), folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_plan_order_is_that_of_the_thesis():
    numbers = [stem for stem in planned(**ALL) if stem.startswith("figure")]
    assert all(first < second for first, second in pairwise(numbers))


def switches(listed):
    """The labels of which Snakemake's report would make a switch, as its abstract_results.js does.

    All but the first label of the list that have two values, each in half of the entries; none at
    all where several have.
    """
    names = list(dict.fromkeys(name for labels in listed for name in labels))
    found = []
    for name in names[1:]:
        counts = Counter(labels[name] for labels in listed if name in labels)
        if len(counts) == 2 and set(counts.values()) == {len(listed) / 2}:
            found.append(name)
    return found if len(found) == 1 else []


def test_a_switch_needs_two_values_each_in_half_of_the_list():
    pairs = [{"figure": name, "latent": latent} for name in "ab" for latent in ("y", "all")]
    assert switches(pairs) == ["latent"]
    assert switches(pairs[:3]) == []


def some(names):
    """All choices of at least one of the names."""
    return [list(chosen) for n in range(1, len(names) + 1) for chosen in combinations(names, n)]


def test_no_list_of_figures_has_a_switch_without_counterparts():
    """An entry that a switch turns to nothing leaves the whole report empty."""
    choices = {name: some(names) for name, names in ALL.items()}
    choices["classifiers"] += [["RF", "Stump"], ["Stump"], ["RF", "GB", "Stump"]]
    for levels in product(*choices.values()):
        figures = plan(**dict(zip(choices, levels, strict=True)))
        found, groups = report_labels(figures), {}
        for figure in figures:
            groups.setdefault(figure.group, []).append(found[figure.stem])
        for group, listed in groups.items():
            assert switches(listed) == [], (levels, group)
            assert len({labels["figure"] for labels in listed}) == len(listed)


def test_labels_are_the_factors_that_a_figure_fixes():
    found = report_labels(plan(**ALL))
    assert found["figure_3_2a"] == {
        "figure": "3.2a", "bpp": "1.0", "component": "YUV", "latent": "y", "feature": "flatten",
    }  # fmt: skip
    assert found["figure_3_5b"] == {"figure": "3.5b", "bpp": "0.25", "component": "YUV"}
    assert found["cells"] == {"figure": "cells"}


def test_figures_of_one_classifier_are_listed_together():
    groups = {figure.stem: figure.group for figure in plan(**ALL)}
    assert groups["figure_3_2a"] == groups["figure_3_1b"] == "Figures, RF"
    assert groups["figure_3_4b"] == "Figures, GB"
    assert groups["figure_3_5a"] == groups["cells"] == "Figures, all"
    assert groups["accuracy_against_cost"] == "Figures"


def test_names_for_readers_have_dots_in_numbers_only():
    assert [shown_name(stem) for stem in ("figure_3_1b", "table_2_1", "table_contrasts")] == [
        "3.1b", "2.1", "contrasts",
    ]  # fmt: skip
    assert shown_name("accuracy_against_cost") == "accuracy against cost"
