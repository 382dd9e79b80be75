"""Measures against scikit-learn, scipy and hand numbers; the tables that gather all cells."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.stats
import yaml
from sklearn import metrics

from latentprint.collect import (
    COST_COLUMNS,
    SCORE_COLUMNS,
    cost_rows,
    read_cell,
    score_rows,
    selected_cell,
    write_table,
)
from latentprint.errors import UserError
from latentprint.evaluate import (
    Z_95,
    area_under_roc,
    average_precision,
    cell_scores,
    clustered_interval,
    expected_calibration_error,
    holm,
    mcnemar,
    measure,
    wilson_interval,
)
from latentprint.predictions import Predictions, vote, write_predictions
from latentprint.score_table import most_accurate
from latentprint.tuning import Best

SIDECAR = {
    "attributes": {"operating_point": "BOP", "tools": False, "weights": "embedded"},
    "summary": {
        "model": {"3": 40},
        "beta": {"luma": [-8, 4], "chroma": [2, 2]},
        "bpp": {"mean": 0.26, "min": 0.2, "max": 0.3},
    },
}


def made_up(n=40, patches=1, *, seed=0, skill=0.15) -> Predictions:
    random = np.random.default_rng(seed)
    fake = np.arange(n) % 2 == 1
    probabilities = np.clip(
        0.5 + skill * np.where(fake, 1, -1)[:, None] + random.normal(0, 0.2, (n, patches)), 0, 1
    ).round(2)
    score, votes, predicted = vote(probabilities)
    ids = tuple(f"i{index}" for index in range(n))
    return Predictions(ids, fake, score, votes, np.full(n, patches), predicted)


# Measures


@pytest.mark.parametrize("n", [1, 7, 200, 3000])
def test_wilson_is_that_of_scipy(n):
    for correct in sorted({0, 1, n // 3, n - 1, n}):
        expected = scipy.stats.binomtest(correct, n).proportion_ci(method="wilson")
        assert wilson_interval(correct, n) == pytest.approx(
            (expected.low, expected.high), abs=1e-12
        )
    assert pytest.approx(scipy.stats.norm.ppf(0.975), abs=1e-15) == Z_95


def test_wilson_half_widths_of_the_thesis():
    # thesis-facts.md, section 7, n = 3,000
    for share, half in ((0.534, 0.0179), (0.72, 0.0161), (0.94, 0.0085)):
        low, high = wilson_interval(round(share * 3000), 3000)
        assert (high - low) / 2 == pytest.approx(half, abs=0.001)


@pytest.mark.parametrize("seed", range(5))
def test_ranking_measures_are_those_of_scikit_learn(seed):
    predictions = made_up(n=90 + seed, seed=seed)  # scores have two digits, so that some are equal
    fake, score = predictions.fake, predictions.score
    assert len(np.unique(score)) < len(score)
    assert area_under_roc(fake, score) == pytest.approx(
        metrics.roc_auc_score(fake, score), abs=1e-12
    )
    assert average_precision(fake, score) == pytest.approx(
        metrics.average_precision_score(fake, score), abs=1e-12
    )


def test_counts_are_those_of_scikit_learn():
    predictions = made_up(seed=3)
    measured = measure(predictions)
    (rr, rf), (fr, ff) = metrics.confusion_matrix(predictions.fake, predictions.predicted)
    assert (measured["real_real"], measured["real_fake"]) == (rr, rf)
    assert (measured["fake_real"], measured["fake_fake"]) == (fr, ff)
    assert measured["accuracy"] == metrics.accuracy_score(predictions.fake, predictions.predicted)
    assert measured["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(predictions.fake, predictions.predicted), abs=1e-15
    )
    assert measured["n_test"] == 40
    assert measured["patch_accuracy"] is None
    assert measured["ties"] == 0


def test_published_matrix_gives_published_numbers():
    # thesis-facts.md, section 2.3, figure 3.2a: 1140 360 169 1331, accuracy 0.824
    counts = ((True, True, 1140), (True, False, 360), (False, True, 169), (False, False, 1331))
    fake = np.repeat([true for true, _, _ in counts], [count for _, _, count in counts])
    predicted = np.repeat([called for _, called, _ in counts], [count for _, _, count in counts])
    predictions = Predictions(
        ("x",) * 3000, fake, predicted * 0.8, predicted * 1, np.ones(3000, int), predicted
    )
    measured = measure(predictions)
    assert round(measured["accuracy"], 3) == 0.824
    assert [measured[name] for name in ("fake_fake", "fake_real", "real_fake", "real_real")] == [
        1140,
        360,
        169,
        1331,
    ]


def test_calibration_error_by_hand():
    fake = np.array([True, False, True, True])
    # bin [0, 0.1): scores 0.05, 0.05, share 0.5; bin [0.9, 1]: 0.9 and 1.0, share 1
    score = np.array([0.05, 0.05, 0.9, 1.0])
    expected = 0.5 * abs(0.5 - 0.05) + 0.5 * abs(1.0 - 0.95)
    assert expected_calibration_error(fake, score) == pytest.approx(expected, abs=1e-15)
    assert expected_calibration_error(fake, fake.astype(float)) == 0


def test_patches_and_ties_are_counted():
    probabilities = np.array([[0.9, 0.1, 0.8, 0.2], [0.9, 0.9, 0.9, 0.1], [0.1, 0.1, 0.2, 0.9]])
    score, votes, predicted = vote(probabilities)
    fake = np.array([True, True, False])
    measured = measure(Predictions(("a", "b", "c"), fake, score, votes, np.full(3, 4), predicted))
    assert measured["ties"] == 1
    assert measured["patch_accuracy"] == pytest.approx((2 + 3 + 3) / 12)


def by_patch(n=40, patches=15, *, seed=0) -> Predictions:
    """Patches of one image hang together: an image is easy or hard as a whole."""
    random = np.random.default_rng(seed)
    fake = np.arange(n) % 2 == 1
    right = random.binomial(patches, random.uniform(0.2, 1.0, n))
    votes = np.where(fake, right, patches - right)
    ids = tuple(f"i{index}" for index in range(n))
    return Predictions(ids, fake, votes / patches, votes, np.full(n, patches), votes > patches / 2)


def test_scored_by_patch_counts_patches_but_images_make_the_interval():
    predictions = by_patch()
    measured = measure(predictions, unit="patch")
    fake = np.repeat(predictions.fake, 15)
    called = np.concatenate([np.arange(15) < votes for votes in predictions.votes])
    (rr, rf), (fr, ff) = metrics.confusion_matrix(fake, called)
    assert (measured["real_real"], measured["real_fake"]) == (rr, rf)
    assert (measured["fake_real"], measured["fake_fake"]) == (fr, ff)
    assert measured["accuracy"] == metrics.accuracy_score(fake, called)
    assert measured["accuracy"] == pytest.approx(measured["patch_accuracy"], abs=1e-15)
    assert measured["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(fake, called), abs=1e-15
    )
    assert measured["n_test"] == 40
    low, high = wilson_interval(round(measured["accuracy"] * 600), 600)
    assert measured["accuracy_high"] - measured["accuracy_low"] > 1.5 * (high - low)
    by_image = measure(predictions)
    for name in ("auc", "average_precision", "ece", "ties", "n_test"):
        assert measured[name] == by_image[name]


def test_interval_over_images_is_that_of_their_mean():
    shares = np.random.default_rng(1).random(50)
    low, high = clustered_interval(shares)
    expected = scipy.stats.norm.interval(0.95, shares.mean(), scipy.stats.sem(shares))
    assert (low, high) == pytest.approx(expected, abs=1e-12)
    assert clustered_interval(np.array([1.0, 1.0, 0.5])) == (pytest.approx(0.5066, abs=1e-4), 1.0)
    # Nothing to take a spread from: as many trials as images.
    assert clustered_interval(np.ones(20)) == wilson_interval(20, 20)
    assert clustered_interval(np.array([0.6])) == wilson_interval(0.6, 1)


def test_interval_over_images_covers_what_one_over_patches_misses():
    """Images with shares of their own, mean 0.6: 95 % of the intervals should hold it."""
    random = np.random.default_rng(5)
    clustered = patches = 0
    for _ in range(400):
        right = random.binomial(15, random.beta(3.0, 2.0, 60))
        low, high = clustered_interval(right / 15)
        clustered += low <= 0.6 <= high
        low, high = wilson_interval(int(right.sum()), 900)
        patches += low <= 0.6 <= high
    assert 0.92 < clustered / 400 < 0.98
    assert patches / 400 < 0.8


def test_one_class_leaves_undefined_measures_empty():
    predictions = made_up(n=6)
    one = Predictions(
        predictions.ids,
        np.zeros(6, bool),
        predictions.score,
        predictions.votes,
        predictions.n_patches,
        predictions.predicted,
    )
    measured = measure(one)
    assert measured["auc"] is measured["average_precision"] is measured["balanced_accuracy"] is None


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 5), (3, 9), (10, 10), (40, 120)])
def test_mcnemar_is_the_binomial_test(first, second):
    best = np.array([True] * first + [False] * second + [True] * 7 + [False] * 2)
    cell = np.array([False] * first + [True] * second + [True] * 7 + [False] * 2)
    n = first + second
    expected = scipy.stats.binomtest(first, n).pvalue if n else 1.0
    assert mcnemar(best, cell) == (first, second, pytest.approx(expected, rel=1e-9))


def test_mcnemar_by_hand():
    # 1 against 5: 2 (C(6,0) + C(6,1)) / 64
    best, cell = np.array([True] + [False] * 5), np.array([False] + [True] * 5)
    assert mcnemar(best, cell)[2] == 14 / 64


def test_mcnemar_of_many_images_is_exact():
    n = 20_000
    best, cell = np.arange(n) % 2 == 0, np.arange(n) % 2 == 1
    assert mcnemar(best, cell)[2] == 1.0
    cell = np.arange(n) % 16 == 1
    assert mcnemar(best, cell) == (10_000, 1_250, 0.0)


def test_holm_by_hand():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


# Tables of all cells


def write_cell(folder, factors, point, predictions, *, cv_accuracy=None, protocol="corrected"):
    """Write the files of one cell that are gathered."""
    tail = "/".join(factors[1:])
    target = folder / f"bpp-{factors[0]}" / tail
    write_predictions(target / "predictions.tsv", predictions)
    costs = {"search_s": 0.0, "fit_s": 1.5, "predict_s": 0.25, "cores": 1, "peak_mb": 200.5}
    (target / "costs.json").write_text(json.dumps(costs))
    source = "reused" if cv_accuracy is None else "searched"
    scores = cell_scores(
        predictions,
        best=Best(factors[4], {"a": 1}, cv_accuracy, source, "study"),
        fit={
            "cell": f"{point}/{tail}",
            "engine": {"name": "sklearn"},
            "parameters": {"b": 2, "a": 1},
            "n_images": 160,
            "n_rows": 1280,
            "n_values": 256,
            "protocol": protocol,
            "oob_accuracy": 0.625,
        },
        sidecar=SIDECAR,
        cell=f"bpp-{factors[0]}/{tail}",
        run="demo",
        images="drawn by the product",
    )
    (target / "scores.json").write_text(json.dumps(scores))
    return target


@pytest.fixture
def cells(tmp_path):
    """Four cells; the two of y at both levels are equal."""
    weak, strong, middle = (
        made_up(seed=seed, skill=skill, patches=patches)
        for seed, skill, patches in ((1, 0.02, 1), (2, 0.25, 4), (3, 0.1, 1))
    )
    rest = ("Y", "multiple", "GB")
    folders = [
        write_cell(tmp_path, ("0.25", "y", *rest), "model-3", strong, cv_accuracy=0.7),
        write_cell(tmp_path, ("1.0", "y", *rest), "model-3", strong, cv_accuracy=0.7),
        write_cell(tmp_path, ("0.25", "y_hat", *rest), "bpp-0.25", weak, cv_accuracy=0.8),
        write_cell(tmp_path, ("1.0", "y_hat", *rest), "bpp-1.0", middle),
    ]
    return [read_cell(folder) for folder in folders]


def test_scores_of_a_cell_hold_every_column_but_the_paired_ones(cells):
    paired = {"best_only", "cell_only", "mcnemar_p", "mcnemar_p_holm"}
    scores = cells[1].scores
    assert set(scores) == set(SCORE_COLUMNS) - paired
    assert (scores["bpp"], scores["latent"], scores["point"]) == ("1.0", "y", "model-3")
    assert (scores["images"], scores["weights"]) == ("drawn by the product", "embedded")
    assert (scores["model"], scores["beta"], scores["bpp_reached"]) == ("3", "-8..4,2", 0.26)
    assert (scores["tuning"], scores["study"], scores["cv_accuracy"]) == ("searched", "study", 0.7)
    assert (scores["n_train"], scores["n_rows"], scores["n_values"]) == (160, 1280, 256)
    assert (scores["protocol"], scores["scored_by"]) == ("corrected", "image")
    assert scores["oob_accuracy"] == 0.625


def test_cells_are_compared_with_the_most_accurate(cells):
    rows = score_rows(cells)
    accuracies = [row["accuracy"] for row in rows]
    assert accuracies[0] == accuracies[1] == max(accuracies) > max(accuracies[2:])
    for row in rows[:2]:  # one fit, which stands at both levels
        assert row["mcnemar_p"] is row["best_only"] is row["mcnemar_p_holm"] is None
    for row in rows[2:]:
        n = row["best_only"] + row["cell_only"]
        expected = scipy.stats.binomtest(row["best_only"], n).pvalue
        assert row["mcnemar_p"] == pytest.approx(expected, rel=1e-9)
        assert row["best_only"] - row["cell_only"] == pytest.approx(
            40 * (accuracies[0] - row["accuracy"])
        )
    found = [row["mcnemar_p"] for row in rows[2:]]
    assert [row["mcnemar_p_holm"] for row in rows[2:]] == holm(found)


def test_a_shared_fit_is_one_test_for_holm(tmp_path):
    """Copies of a fit at other levels must not make the correction stricter."""
    predictions = [made_up(seed=seed, skill=0.3 - 0.1 * seed) for seed in range(3)]
    rest = ("Y", "single", "GB")
    once = [
        write_cell(tmp_path / "a", ("1", "y_hat", *rest), "bpp-1", predictions[0]),
        write_cell(tmp_path / "a", ("0.5", "y_hat", *rest), "bpp-0.5", predictions[1]),
        write_cell(tmp_path / "a", ("1", "y", *rest), "model-3", predictions[2]),
    ]
    copies = [
        write_cell(tmp_path / "a", (level, "y", *rest), "model-3", predictions[2])
        for level in ("0.5", "0.25")
    ]
    alone = score_rows([read_cell(folder) for folder in once])
    copied = score_rows([read_cell(folder) for folder in [*once, *copies]])
    assert [row["mcnemar_p_holm"] for row in copied[:3]] == [row["mcnemar_p_holm"] for row in alone]
    assert copied[3]["mcnemar_p_holm"] == copied[4]["mcnemar_p_holm"] == alone[2]["mcnemar_p_holm"]


def test_cells_scored_by_patch_are_compared_with_nothing(tmp_path):
    rest = ("0.25", "y", "Y")
    weak, strong = made_up(seed=1, skill=0.05), made_up(seed=2, skill=0.15)
    perfect = by_patch()
    perfect = Predictions(
        perfect.ids, perfect.fake, perfect.score, np.where(perfect.fake, 15, 0),
        perfect.n_patches, perfect.fake,
    )  # fmt: skip
    faithful = {"protocol": "faithful"}
    folders = [
        write_cell(tmp_path, (*rest, "multiple", "RF"), "model-3", perfect, **faithful),
        write_cell(tmp_path, (*rest, "single", "RF"), "model-3", strong, **faithful),
        write_cell(tmp_path, (*rest, "multiple", "GB"), "model-3", weak, **faithful),
    ]
    cells = [read_cell(folder) for folder in folders]
    rows = score_rows(cells)
    assert [row["scored_by"] for row in rows] == ["patch", "image", "image"]
    assert rows[0]["accuracy"] == 1.0 > rows[1]["accuracy"] > rows[2]["accuracy"]
    for row in rows[:2]:  # the one by patch, and the most accurate of the others
        assert row["best_only"] is row["mcnemar_p"] is row["mcnemar_p_holm"] is None
    assert rows[2]["mcnemar_p_holm"] == rows[2]["mcnemar_p"] > 0  # one test: no correction
    (alone,) = score_rows(cells[:1])
    assert alone["mcnemar_p_holm"] is None
    found = [SimpleNamespace(**row) for row in rows]
    assert most_accurate(found) is found[1]
    assert most_accurate(found[:1]) is found[0]


def test_one_cell_alone_is_compared_with_nothing(cells):
    (row,) = score_rows(cells[:1])
    assert row["mcnemar_p_holm"] is None


def test_other_images_are_refused(cells, tmp_path):
    other = made_up(n=38)
    folder = write_cell(tmp_path, ("6", "y", "Y", "single", "RF"), "bpp-6", other)
    with pytest.raises(UserError, match=r"6/y/Y/single/RF.*other images"):
        score_rows([*cells, read_cell(folder)])


def test_tables_are_tidy_and_equal_when_made_again(cells, tmp_path):
    for name in ("first", "second"):
        write_table(tmp_path / f"{name}.tsv", SCORE_COLUMNS, score_rows(cells))
    text = (tmp_path / "first.tsv").read_text(encoding="utf-8")
    assert text == (tmp_path / "second.tsv").read_text(encoding="utf-8")
    header, *lines = [line.split("\t") for line in text.splitlines()]
    assert tuple(header) == SCORE_COLUMNS
    assert {len(line) for line in lines} == {len(SCORE_COLUMNS)}
    row = dict(zip(header, lines[3], strict=True))
    assert row["parameters"] == '{"a": 1, "b": 2}'
    assert row["tools"] == "off"
    assert row["cv_accuracy"] == "" and row["patch_accuracy"] == ""
    assert float(row["accuracy_low"]) == cells[3].scores["accuracy_low"]
    write_table(tmp_path / "costs.tsv", COST_COLUMNS, cost_rows(cells))
    line = (tmp_path / "costs.tsv").read_text().splitlines()[1]
    assert line == "0.25\ty\tY\tmultiple\tGB\t0.0\t1.5\t0.25\t1\t200.5"


def test_columns_are_those_of_the_contract():
    assert SCORE_COLUMNS == tuple(
        "bpp latent component feature classifier accuracy accuracy_low accuracy_high n_test "
        "n_train n_rows n_values cv_accuracy balanced_accuracy auc average_precision ece "
        "fake_fake fake_real real_fake real_real patch_accuracy ties best_only cell_only "
        "mcnemar_p mcnemar_p_holm engine parameters tuning study run images weights "
        "operating_point tools model beta bpp_reached point "
        "protocol scored_by oob_accuracy n_iterations "
        "n_valid accuracy_valid accuracy_valid_low accuracy_valid_high "
        "n_seeds accuracy_mean accuracy_sd".split()
    )


def test_the_selected_cell_is_chosen_by_cross_validation_not_by_test(cells, tmp_path):
    selected = selected_cell(cells)
    assert (selected["bpp"], selected["latent"], selected["cv_accuracy"]) == ("0.25", "y_hat", 0.8)
    assert selected["searches"] == len({cell.scores["study"] for cell in cells[:3]})
    assert yaml.safe_load(yaml.safe_dump(selected)) == selected
    assert selected_cell(cells[:2])["bpp"] == "0.25"  # the first of equals
    assert selected_cell(cells[3:])["cell"] is None


def test_a_missing_file_of_a_cell_is_named(tmp_path):
    folder = tmp_path / "bpp-6/y/Y/single/RF"
    with pytest.raises(UserError, match=r"bpp-6/y/Y/single/RF/scores\.json"):
        read_cell(folder)


def test_a_second_test_split_and_other_seeds_have_columns_of_their_own():
    fits = [made_up(seed=seed) for seed in range(3)]
    second = made_up(n=30, seed=9)
    factors = "bpp-6/y/Y/single/RF"
    given = {
        "best": Best("RF", {}, None, "published", None), "sidecar": SIDECAR, "cell": factors,
        "run": "demo", "images": "some",
        "fit": {
            "cell": "model-3/y/Y/single/RF", "engine": {"name": "sklearn"}, "parameters": {},
            "n_images": 2, "n_rows": 2, "n_values": 1, "protocol": "corrected",
            "oob_accuracy": None,
        },
    }  # fmt: skip
    alone = cell_scores(fits[0], **given)
    assert alone["n_seeds"] == 1
    further = [name for name in SCORE_COLUMNS if "valid" in name or name[-5:] in ("_mean", "cy_sd")]
    assert [alone[name] for name in further] == [None] * 6

    found = cell_scores(fits[0], **given, valid=second, seeds=fits[1:])
    accuracies = [np.mean(fit.predicted == fit.fake) for fit in fits]
    assert found["accuracy"] == accuracies[0]  # the first fit stays the cell's
    assert found["accuracy_mean"] == pytest.approx(np.mean(accuracies))
    assert (
        found["accuracy_sd"] == pytest.approx(np.std(accuracies, ddof=1)) and found["n_seeds"] == 3
    )
    right = int((second.predicted == second.fake).sum())
    assert (found["n_valid"], found["accuracy_valid"]) == (30, right / 30)
    ends = (found["accuracy_valid_low"], found["accuracy_valid_high"])
    assert ends == wilson_interval(right, 30)
