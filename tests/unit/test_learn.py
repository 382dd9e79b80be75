"""Classifiers, search and votes: what may not depend on chance, threads, rows or cells."""

import contextlib
import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.utils import shuffle

from latentprint.binning import bin_edges, block_binning
from latentprint.cell_fits import (
    fit_cell,
    predict_images,
    shuffle_rows,
    voting_rows,
)
from latentprint.cell_fits import (
    joined as put_together,
)
from latentprint.classifiers import CLASSIFIERS, check_memory, effective_parameters, fit_bytes
from latentprint.errors import UserError
from latentprint.features import Matrix
from latentprint.learn import (
    divided_rows,
    fit_model,
    oob_accuracy,
    take_rows,
    validation_rows,
)
from latentprint.model_files import TRUSTED_TYPES, load_model, save_model
from latentprint.predicting import predict_fake
from latentprint.predictions import Predictions, read_predictions, vote, write_predictions
from latentprint.protocol import training_positions, voting_positions
from latentprint.search import cross_validate, grid, image_folds, search
from latentprint.seeds import rng
from latentprint.space_check import check_space
from latentprint.spaces import draw
from latentprint.study import search_cell
from latentprint.tuning import (
    Best,
    Trial,
    best_trial,
    cost_of,
    keep_published,
    read_best,
    reuse_study,
    search_seconds,
    write_best,
    write_trials,
)

ENGINE = {
    "RF": {"name": "sklearn"},
    "GB": {"name": "sklearn", "max_bins": 15, "early_stopping": False},
}
SMALL = {
    "RF": {"n_estimators": 8, "max_depth": 4, "min_samples_leaf": 2, "max_features": "sqrt"},
    "GB": {"max_iter": 5, "max_leaf_nodes": 4, "learning_rate": 0.2, "min_samples_leaf": 5},
}
SPACE = {
    "RF": {"n_estimators": 5, "max_depth": {"integers": [2, 6]}, "max_features": "sqrt"},
    "GB": {"max_iter": 3, "max_leaf_nodes": 3, "learning_rate": {"uniform": [0.05, 0.3]}},
}
BOTH = pytest.mark.parametrize("classifier", ["RF", "GB"])


def matrix(n=40, rows=1, values=30, *, shift=1.0, seed=0) -> Matrix:
    """n images, every second one fake; fakes are shifted in a third of the values."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n, dtype=np.int32), rows)
    fake = groups % 2 == 1
    array = random.normal(size=(n * rows, values)).astype(np.float32)
    array[fake, : values // 3] += shift
    return Matrix(
        np.asfortranarray(array),
        groups,
        fake,
        tuple(f"i{index}" for index in range(n)),
        {"train_digests": {"luma/y": "d"}},
    )


def fitted(classifier, data, *, threads=1, state=3, **changes):
    parameters = effective_parameters(
        classifier, SMALL[classifier], {**ENGINE[classifier], **changes}
    )
    return fit_model(
        classifier,
        parameters,
        values=data.values,
        groups=data.groups,
        fake=data.fake,
        random_state=state,
        threads=threads,
    )


# Votes


def test_the_majority_decides():
    score, votes, predicted = vote(np.array([[0.9, 0.1, 0.2], [0.6, 0.7, 0.1], [0.5, 0.5, 0.0]]))
    assert votes.tolist() == [1, 2, 2]
    assert predicted.tolist() == [False, True, True]
    np.testing.assert_allclose(score, [0.4, 1.4 / 3, 1 / 3], rtol=1e-15)


def test_a_tie_goes_to_the_higher_mean_then_to_fake():
    _, votes, predicted = vote(np.array([[0.9, 0.4], [0.6, 0.1], [0.75, 0.25]]))
    assert votes.tolist() == [1, 1, 1]
    assert predicted.tolist() == [True, False, True]


def test_one_row_is_its_own_vote():
    score, votes, predicted = vote(np.array([[0.49], [0.5], [0.51]]))
    assert votes.tolist() == [0, 1, 1]
    assert predicted.tolist() == [False, True, True]
    assert score.tolist() == [0.49, 0.5, 0.51]


def test_predictions_round_trip(tmp_path):
    random = np.random.default_rng(0)
    probabilities = random.random((12, 4))
    score, votes, predicted = vote(probabilities)
    ids = tuple(f'a "quoted" é {index}' for index in range(12))
    fake = random.random(12) < 0.5
    path = tmp_path / "predictions.tsv"
    write_predictions(path, Predictions(ids, fake, score, votes, np.full(12, 4), predicted))
    found = read_predictions(path)
    assert found.ids == ids
    np.testing.assert_allclose(found.score, score, rtol=5e-9)
    for name, expected in (("fake", fake), ("votes", votes), ("predicted", predicted)):
        np.testing.assert_array_equal(getattr(found, name), expected)
    path.write_text("id\tscore\n")
    with pytest.raises(UserError, match=r"predictions\.tsv"):
        read_predictions(path)


def test_predictions_of_blocks_are_put_together():
    data, test = matrix(), matrix(n=15, rows=2, seed=1)
    model = fitted("RF", data)
    expected = predict_images(model, test, threads=1)
    parts = []
    for start, stop in ((0, 4), (4, 15)):
        rows = slice(2 * start, 2 * stop)
        part = replace(
            test,
            values=test.values[rows],
            groups=test.groups[rows] - start,
            fake=test.fake[rows],
            ids=test.ids[start:stop],
        )
        parts.append(predict_images(model, part, threads=1))
    found = put_together(parts)
    assert found.ids == expected.ids
    for name in ("fake", "score", "votes", "n_patches", "predicted"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


# Fits


@BOTH
def test_a_fit_finds_the_shifted_values(classifier):
    model = fitted(classifier, matrix(n=100))
    predictions = predict_images(model, matrix(n=200, seed=1), threads=1)
    assert np.mean(predictions.predicted == predictions.fake) > 0.7  # chance: 1 in 10**8
    assert predictions.n_patches.tolist() == [1] * 200
    assert ((predictions.score >= 0) & (predictions.score <= 1)).all()


@BOTH
def test_the_score_is_the_probability_of_fake(classifier):
    data = matrix(shift=3.0)
    score = predict_fake(fitted(classifier, data), data.values, threads=1)
    assert score[data.fake].mean() > 0.7 > 0.3 > score[~data.fake].mean()


@BOTH
def test_threads_and_blocks_change_nothing(classifier, monkeypatch):
    data = matrix(n=60, rows=4)
    once, twice = (fitted(classifier, data, threads=threads) for threads in (1, 2))
    expected = predict_fake(once, data.values, threads=1)
    monkeypatch.setattr("latentprint.predicting.PREDICTION_BLOCK_VALUES", 7 * 30)
    for threads in (1, 2):
        np.testing.assert_array_equal(predict_fake(twice, data.values, threads=threads), expected)


@BOTH
def test_equal_fits_give_equal_files_and_answers(classifier, tmp_path):
    data = matrix()
    paths = [tmp_path / f"{threads}.skops" for threads in (1, 2)]
    for threads, path in zip((1, 2), paths, strict=True):
        save_model(path, fitted(classifier, data, threads=threads))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    other = tmp_path / "other.skops"
    save_model(
        other,
        fitted(
            classifier,
            data,
            state=4 if classifier == "RF" else 3,
            **({} if classifier == "RF" else {"max_bins": 5}),
        ),
    )
    assert paths[0].read_bytes() != other.read_bytes()
    loaded = load_model(paths[0])
    np.testing.assert_array_equal(
        predict_fake(loaded, data.values, threads=1),
        predict_fake(fitted(classifier, data), data.values, threads=1),
    )


def test_only_these_types_are_trusted_beyond_the_usual(tmp_path):
    from sklearn.preprocessing import FunctionTransformer

    assert sorted(TRUSTED_TYPES) == [
        "latentprint.estimators.convolutional.ConvolutionalHead",
        "latentprint.estimators.kernel_machine.KernelMachine",
        "latentprint.estimators.linear.RidgeScores",
        "latentprint.estimators.screening.Screened",
        "latentprint.histograms.boosting.HistogramBoosting",
        "latentprint.histograms.forest.HistogramForest",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.tree._tree.Tree",
    ]
    path = tmp_path / "strange.skops"
    save_model(path, FunctionTransformer(subprocess.run))
    with pytest.raises(UserError, match=r"strange\.skops: cannot be loaded"):
        load_model(path)
    path.write_bytes(b"no zip file")
    with pytest.raises(UserError, match=r"strange\.skops: cannot be loaded"):
        load_model(path)
    with pytest.raises(UserError, match="cannot be loaded"):
        load_model(tmp_path / "absent.skops")


@BOTH
def test_fit_of_a_cell_says_what_it_did(classifier):
    data = matrix(n=30, rows=2)
    best = Best(classifier, SMALL[classifier], None, "published", None)
    model, description = fit_cell(
        data, best, engine=ENGINE[classifier], seed=7, cell="model-3/y/Y/single/X", threads=1
    )
    assert (description["n_images"], description["n_rows"], description["n_values"]) == (30, 60, 30)
    assert description["parameters"].items() >= SMALL[classifier].items()
    assert description["n_iterations"] == (8 if classifier == "RF" else 5)
    assert yaml.safe_load(yaml.safe_dump(description)) == description
    assert list(model.classes_) == ["fake", "real"]


def test_cells_have_their_own_random_state():
    best = Best("RF", SMALL["RF"], None, "published", None)
    states = {
        fit_cell(matrix(), best, engine=ENGINE["RF"], seed=7, cell=cell, threads=1)[1][
            "random_state"
        ]
        for cell in ("a/RF", "b/RF")
    }
    assert len(states) == 2


def test_early_stopping_validates_on_whole_images():
    data = matrix(n=40, rows=5)
    kept = validation_rows(data.groups, data.fake, 3)
    images = np.unique(data.groups[kept])
    assert len(images) == 4
    assert np.count_nonzero(images % 2) == 2
    assert np.count_nonzero(kept) == 4 * 5
    np.testing.assert_array_equal(kept, validation_rows(data.groups, data.fake, 3))
    model = fitted("GB", data, early_stopping=True, n_iter_no_change=1, tol=10.0)
    assert model.n_iter_ < SMALL["GB"]["max_iter"]


# The thesis' way


@BOTH
def test_faithful_fits_are_those_of_scikit_learn_on_shuffled_rows(classifier):
    """Seed 42, rows shuffled by sklearn.utils.shuffle, its own early stopping: bit for bit."""
    settings = {"max_bins": 15, "early_stopping": True} if classifier == "GB" else {}
    parameters = SMALL[classifier] | ({"max_iter": 40} if classifier == "GB" else {})
    data, seen = matrix(n=60, rows=3, shift=0.2), matrix(n=20, seed=1)
    labels = np.where(data.fake, "fake", "real")
    values, labels = shuffle(data.values, labels, random_state=42)
    make = {"RF": RandomForestClassifier, "GB": HistGradientBoostingClassifier}[classifier]
    expected = make(**parameters, **settings, random_state=42).fit(values, labels)
    model, description = fit_cell(
        data,
        Best(classifier, parameters, None, "published", None),
        engine={"name": "sklearn"} | settings,
        seed=7,
        cell="a/b/c/multiple/X",
        threads=1,
        protocol="faithful",
    )
    np.testing.assert_array_equal(
        model.predict_proba(seen.values), expected.predict_proba(seen.values)
    )
    assert description["n_images"] == 60 and description["n_rows"] == 180
    assert (description["protocol"], description["random_state"]) == ("faithful", 42)
    assert description["oob_accuracy"] is None
    if classifier == "GB":
        assert description["n_iterations"] == expected.n_iter_ < 40


def test_shuffled_rows_keep_their_labels_and_images():
    data, before = matrix(n=20, rows=2), matrix(n=20, rows=2)
    shuffle_rows(data)
    assert data.groups.tolist() != before.groups.tolist()
    np.testing.assert_array_equal(data.fake, data.groups % 2 == 1)
    known = {row.tobytes(): group for row, group in zip(before.values, before.groups, strict=True)}
    for row, group in zip(data.values, data.groups, strict=True):
        assert known.pop(row.tobytes()) == group
    assert data.values.flags.f_contiguous


def test_rows_of_one_image_may_stand_on_both_sides_only_where_rows_are_divided():
    data = matrix(n=40, rows=5)
    fitted_rows, kept = divided_rows(np.where(data.fake, "fake", "real"), 42)
    assert sorted([*fitted_rows, *kept]) == list(range(200))
    assert len(kept) == 20 and np.count_nonzero(data.fake[kept]) == 10
    assert set(data.groups[kept]) & set(data.groups[fitted_rows])
    by_image = validation_rows(data.groups, data.fake, 42)
    assert not set(data.groups[by_image]) & set(data.groups[~by_image])


def patches_matrix(n=12, *, feature="multiple", latent="y", height=16, width=16):
    """Test rows whose first value is the place of the row among those of its image."""
    per_image = height * width if feature == "multiple" else 1
    groups = np.repeat(np.arange(n, dtype=np.int32), per_image)
    values = np.tile(np.arange(per_image, dtype=np.float32), n)[:, None]
    every = np.argwhere(np.ones((height, width))).tolist()
    attributes = {
        "feature": feature,
        "latent": latent,
        "test_positions": every,
        "train_positions": [list(position) for position in training_positions(height, width)],
    }
    ids = tuple(f"i{index}" for index in range(n))
    return Matrix(np.asfortranarray(values), groups, groups % 2 == 1, ids, attributes)


class Oracle:
    """Calls a row fake with a probability that grows with its place; remembers what was asked."""

    classes_ = ("fake", "real")

    def __init__(self):
        self.asked = []

    def predict_proba(self, values):
        self.asked.append(values[:, 0])
        share = values[:, 0].astype(float) / 256
        return np.column_stack([share, 1 - share])


@pytest.mark.parametrize("latent", ["y", "y_hat"])
@pytest.mark.parametrize("grid", [(16, 16), (4, 4)])
def test_faithful_boosting_votes_with_255_draws_of_its_latent(latent, grid):
    data, oracle = patches_matrix(latent=latent, height=grid[0], width=grid[1]), Oracle()
    voters = voting_rows(data, "GB", protocol="faithful")
    drawn = voting_positions(*grid, latent=latent)
    assert len(drawn) == 256
    places = np.array([row * grid[1] + col for row, col in drawn[:255]])
    np.testing.assert_array_equal(voters, places)
    predictions = predict_images(oracle, data, threads=1, voters=voters)
    assert set(predictions.n_patches) == {255}
    assert set(predictions.votes) == {np.count_nonzero(places >= 128)}
    np.testing.assert_allclose(predictions.score, places.mean() / 256, rtol=1e-14)
    asked = np.concatenate(oracle.asked)
    assert len(asked) == 12 * len(set(places.tolist()))  # each position once an image


def test_faithful_forest_asks_the_training_positions_alone():
    data = patches_matrix()
    voters = voting_rows(data, "RF", protocol="faithful")
    expected = [row * 16 + col for row, col in training_positions(16, 16)]
    assert voters.tolist() == expected and len(set(expected)) == 14
    predictions = predict_images(Oracle(), data, threads=1, voters=voters)
    assert set(predictions.n_patches) == {15}
    assert set(predictions.votes) == {np.count_nonzero(np.array(expected) >= 128)}


@pytest.mark.parametrize(
    ("protocol", "feature"), [("corrected", "multiple"), ("faithful", "single")]
)
@BOTH
def test_elsewhere_all_rows_are_asked(classifier, protocol, feature):
    data = patches_matrix(feature=feature)
    assert voting_rows(data, classifier, protocol=protocol) is None
    predictions = predict_images(Oracle(), data, threads=1)
    assert set(predictions.n_patches) == {256 if feature == "multiple" else 1}


def test_asking_chosen_rows_is_asking_all_and_choosing():
    data, test = matrix(n=40, rows=4), matrix(n=15, rows=4, seed=1)
    model, voters = fitted("RF", data), np.array([3, 0, 3])
    probabilities = predict_fake(model, test.values, threads=1).reshape(-1, 4)[:, voters]
    score, votes, predicted = vote(probabilities)
    found = predict_images(model, test, threads=1, voters=voters)
    np.testing.assert_array_equal(found.votes, votes)
    np.testing.assert_array_equal(found.predicted, predicted)
    np.testing.assert_allclose(found.score, score, rtol=1e-14)


# Out-of-bag accuracy


def test_oob_accuracy_is_that_of_scikit_learn_and_leaves_no_trace(tmp_path):
    data = matrix(n=80, shift=0.6)
    labels = np.where(data.fake, "fake", "real")
    parameters = SMALL["RF"] | {"n_estimators": 60}
    plain, with_oob = (
        RandomForestClassifier(**parameters, oob_score=oob, random_state=3).fit(data.values, labels)
        for oob in (False, True)
    )
    np.testing.assert_array_equal(
        plain.predict_proba(data.values), with_oob.predict_proba(data.values)
    )
    save_model(tmp_path / "before.skops", plain)
    found = oob_accuracy(plain, data.values, fake=data.fake)
    assert 0.5 < found < np.mean(plain.predict(data.values) == labels)  # not that of seen rows
    assert found == with_oob.oob_score_
    save_model(tmp_path / "after.skops", plain)
    assert (tmp_path / "before.skops").read_bytes() == (tmp_path / "after.skops").read_bytes()


def test_oob_accuracy_with_few_trees_counts_the_rows_that_have_one(recwarn):
    data = matrix(n=40)
    model = RandomForestClassifier(2, random_state=0).fit(
        data.values, np.where(data.fake, "fake", "real")
    )
    known, right = set(), 0
    drawn = [set(rows.tolist()) for rows in model.estimators_samples_]
    for row in range(40):
        trees = [
            tree for tree, rows in zip(model.estimators_, drawn, strict=True) if row not in rows
        ]
        if trees:
            known.add(row)
            total = sum(tree.predict_proba(data.values[row : row + 1])[0] for tree in trees)
            right += (total[0] >= total[1]) == data.fake[row]
    assert 0 < len(known) < 40
    assert oob_accuracy(model, data.values, fake=data.fake) == right / len(known)
    every = RandomForestClassifier(2, bootstrap=False).fit(data.values, data.fake)
    assert oob_accuracy(every, data.values, fake=data.fake) is None
    assert not recwarn.list


@pytest.mark.parametrize(
    ("classifier", "rows", "protocol", "known"),
    [
        ("RF", 1, "corrected", True),
        ("RF", 1, "faithful", False),
        ("RF", 2, "corrected", False),
        ("GB", 1, "corrected", False),
    ],
)
def test_oob_accuracy_is_reported_for_forests_of_images_alone(classifier, rows, protocol, known):
    best = Best(classifier, SMALL[classifier], None, "published", None)
    _, description = fit_cell(
        matrix(rows=rows), best, engine=ENGINE[classifier], seed=7, cell="a", threads=1,
        protocol=protocol,
    )  # fmt: skip
    assert (description["oob_accuracy"] is not None) == known
    assert "oob_score" not in description["parameters"]


def test_unknown_engines_and_double_settings_are_refused():
    with pytest.raises(UserError, match=r"engine\.RF\.name: cuda, expected sklearn or histogram"):
        effective_parameters("RF", {}, {"name": "cuda"})
    with pytest.raises(UserError, match=r"engine\.GB: max_iter"):
        effective_parameters("GB", SMALL["GB"], {"name": "sklearn", "max_iter": 7})
    joined = effective_parameters("GB", {"max_iter": 3}, ENGINE["GB"])
    assert joined == {"early_stopping": False, "max_bins": 15, "max_iter": 3}
    assert list(joined) == sorted(joined)


def test_memory_is_foreseen_and_too_much_is_refused(caplog):
    # scale-and-speed: 30,000 x 65,536, 117 leaves: float32 and float64 copies, bins, histograms
    parameters = {"max_leaf_nodes": 117, "max_bins": 63, "early_stopping": False}
    need = fit_bytes("GB", ENGINE["GB"], 30_000, 65_536, parameters)
    assert need == pytest.approx(13 * 30_000 * 65_536 + 20 * 64 * 65_536 * 117)
    with caplog.at_level("INFO"):
        check_memory("RF", ENGINE["RF"], 1000, 1000, {"n_estimators": 10})
    assert "RF on 1000 rows of 1000 values needs 0.00 GB" in caplog.text
    with pytest.raises(UserError, match=r"has .* or take engine\.GB\.name: histogram"):
        check_memory("GB", ENGINE["GB"], 10_000_000, 65_536, parameters)


@BOTH
def test_published_parameters_are_those_of_the_thesis(classifier, shared):
    text = (shared / "docs" / "thesis-facts.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| Published best"))
    cell = row.split("|")[2 if classifier == "RF" else 3]
    for name, value in CLASSIFIERS[classifier].published.items():
        assert f"{name}={value!r}" in cell


# Bins


@pytest.mark.parametrize(("n", "bins"), [(50, 31), (180, 31), (300, 255), (40, 5)])
def test_bin_edges_are_those_of_scikit_learn(n, bins):
    from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

    random = np.random.default_rng(n)
    values = random.laplace(size=(n, 60))
    values[:, :20] = np.round(3 * values[:, :20])  # few distinct values
    values[:, 20:30] = np.round(20 * values[:, 20:30])  # equal quantiles
    values[0, 30], values[1, 31], values[:, 32] = np.nan, np.inf, 4.0
    expected = _BinMapper(n_bins=bins + 1).fit(values).bin_thresholds_
    for column, edges in enumerate(bin_edges(values, bins)):
        np.testing.assert_array_equal(edges, expected[column], err_msg=f"column {column}")


def test_block_binning_leaves_the_model_as_it_is():
    data = matrix(n=90, values=40)
    labels = data.fake.astype(int)

    def fit():
        return HistGradientBoostingClassifier(max_iter=6, max_bins=20, min_samples_leaf=5).fit(
            data.values, labels
        )

    plain = fit()
    with block_binning():
        blocked = fit()
    np.testing.assert_array_equal(
        plain.predict_proba(data.values), blocked.predict_proba(data.values)
    )
    again = fit()
    assert len(again._bin_mapper.bin_thresholds_) == 40


# Search


def test_folds_cover_every_image_once_and_are_balanced():
    fake = np.arange(60) % 2 == 1
    folds = image_folds(fake, n_folds=3, seed=7)
    assert np.sum(folds, axis=0).tolist() == [1] * 60
    for fold in folds:
        assert np.count_nonzero(fold & fake) == np.count_nonzero(fold & ~fake) == 10
    again = image_folds(fake, n_folds=3, seed=7)
    other = image_folds(fake, n_folds=3, seed=8)
    np.testing.assert_array_equal(folds, again)
    assert not np.array_equal(folds, other)
    with pytest.raises(UserError, match="folds: 31"):
        image_folds(fake, n_folds=31, seed=7)


def test_no_image_stands_on_both_sides_of_a_fold(monkeypatch):
    data = matrix(n=24, rows=4)
    seen = []

    def record(
        classifier, parameters, *, values, groups, fake, random_state, threads, engine, **also
    ):
        seen.append(set(groups.tolist()))
        assert len(values) == len(groups) == len(fake)
        return fit_model(
            classifier,
            parameters,
            values=values,
            groups=groups,
            fake=fake,
            random_state=random_state,
            threads=threads,
            engine=engine,
            **also,
        )

    monkeypatch.setattr("latentprint.search.fit_model", record)
    folds = image_folds(data.fake_images, n_folds=3, seed=7)
    validated = cross_validate(data, "RF", SMALL["RF"], folds=folds, random_state=1, threads=1)
    assert validated.full_fits == pytest.approx(2.0)  # three folds, two thirds of the images each
    for fold, trained in zip(folds, seen, strict=True):
        assert trained == set(np.flatnonzero(~fold).tolist())


def test_folds_score_images_not_rows():
    # Ten images of three rows in each fold: scores are tenths, not thirtieths.
    data = matrix(n=30, rows=3, shift=0.5)
    folds = image_folds(data.fake_images, n_folds=3, seed=7)
    scores, _ = cross_validate(data, "RF", SMALL["RF"], folds=folds, random_state=1, threads=1)
    for score in scores:
        assert score * 10 == pytest.approx(round(score * 10), abs=1e-12)


def test_take_rows_keeps_columns_contiguous():
    data = matrix()
    rows = data.groups < 7
    taken = take_rows(data.values, rows)
    np.testing.assert_array_equal(taken, data.values[rows])
    assert taken.flags.f_contiguous


def test_draws_are_distinct_in_range_and_named():
    space = {
        "a": {"integers": [2, 5]},
        "b": {"uniform": [0.1, 0.2]},
        "c": {"loguniform": [1e-6, 1.0]},
        "d": {"choice": ["x", None]},
        "e": 60,
    }
    drawn = draw(space, count=200, generator=rng(7, "tune", "cell"))
    assert len(drawn) == 200
    assert {point["a"] for point in drawn} == {2, 3, 4}
    assert all(0.1 <= point["b"] < 0.2 for point in drawn)
    assert 0.35 < np.mean([point["c"] < 1e-3 for point in drawn]) < 0.65
    assert {point["d"] for point in drawn} == {"x", None}
    assert {point["e"] for point in drawn} == {60}
    assert json.loads(json.dumps(drawn)) == drawn
    assert drawn == draw(space, count=200, generator=rng(7, "tune", "cell"))
    small = {"a": {"choice": [1, 2]}}
    drawn = draw(small, count=6, generator=rng(7, "tune", "cell"))
    assert sorted(point["a"] for point in drawn) == [1, 2]


def trial(mean, **parameters):
    return Trial("random", parameters, (mean,), 1.0)


def test_the_grid_takes_the_three_best_distinct_values():
    trials = [
        trial(0.5, a=1, b=10, c=0),
        trial(0.9, a=2, b=20, c=1),
        trial(0.8, a=2, b=30, c=2),
        trial(0.7, a=3, b=20, c=3),
        trial(0.6, a=4, b=40, c=4),
    ]
    points = grid(trials, ["a", "b"])
    every = {(a, b) for a in (2, 3, 4) for b in (20, 30, 40)}
    assert {(point["a"], point["b"]) for point in points} == every - {(2, 20)}
    assert {point["c"] for point in points} == {1}  # the best trial's
    # (3, 20) was tried with another c, so it is a new point; (2, 20) with c = 1 is not.
    assert {"a": 3, "b": 20, "c": 1} in points
    assert grid(trials, []) == []


def test_equal_trials_are_settled_by_their_order():
    trials = [trial(0.5, a=1), trial(0.7, a=2), trial(0.7, a=3)]
    assert best_trial(trials).parameters == {"a": 2}
    assert [point["a"] for point in grid(trials, ["a"])] == []


@BOTH
def test_a_search_is_the_same_again_and_tries_what_it_says(classifier):
    data = matrix(n=30, rows=2)
    searched = [name for name, entry in SPACE[classifier].items() if isinstance(entry, dict)]
    settings = {"draws": 4, "folds": 3, "grid": searched, "space": SPACE[classifier]}
    runs = [
        search(
            data,
            classifier,
            settings=settings,
            engine=ENGINE[classifier],
            seed=7,
            cell="cell",
            threads=1,
        )
        for _ in range(2)
    ]
    for one, other in zip(*runs, strict=True):
        assert (one.stage, one.parameters, one.scores) == (
            other.stage,
            other.parameters,
            other.scores,
        )
    stages = [trial.stage for trial in runs[0]]
    assert stages[:4] == ["random"] * 4
    assert set(stages[4:]) <= {"grid"}
    parameters = [trial.parameters for trial in runs[0]]
    assert all(parameters.count(point) == 1 for point in parameters)
    assert all(len(trial.scores) == 3 and trial.seconds > 0 for trial in runs[0])


# A search that was killed


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Search a cell of RF in tmp_path; count the trials that are fitted, stop after some."""

    names = ("max_depth", "min_samples_leaf")
    space = SPACE["RF"] | {"min_samples_leaf": {"integers": [1, 9]}}

    def run(*, stop_after=None, data=None, draws=4, grid=names, folds=3, **changes):
        fitted_trials = []

        def counted(*arguments, **options):
            if len(fitted_trials) == stop_after:
                raise KeyboardInterrupt
            fitted_trials.append(arguments[2])
            return cross_validate(*arguments, **options)

        monkeypatch.setattr("latentprint.search.cross_validate", counted)
        settings = {"draws": draws, "folds": folds, "grid": list(grid), "space": space}
        options = {"engine": ENGINE["RF"], "seed": 7, "cell": "a/RF", "code": "c1", "threads": 1}
        with contextlib.suppress(KeyboardInterrupt):
            search_cell(
                data or matrix(n=30, shift=0.3),
                "RF",
                settings=settings,
                trials=tmp_path / "trials.tsv",
                best=tmp_path / "best.yaml",
                **options | changes,
            )
        return len(fitted_trials)

    return run


def left_behind(folder):
    """Names of all files, the choice's bytes, the trials without their seconds."""
    names = sorted(path.name for path in folder.iterdir())
    lines = (folder / "trials.tsv").read_text().splitlines()
    return names, (folder / "best.yaml").read_bytes(), [line.rpartition("\t")[0] for line in lines]


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_a_killed_search_goes_on_where_it_was(searched, tmp_path, stop_after, caplog):
    total = searched()
    expected = left_behind(tmp_path)
    assert total == len(expected[2]) - 1 > 5  # so that the last stop is in the grid
    assert expected[0] == ["best.yaml", "trials.tsv"]
    (tmp_path / "trials.tsv").unlink()
    (tmp_path / "best.yaml").unlink()
    assert searched(stop_after=stop_after) == stop_after
    journal = tmp_path / "trials.partial.jsonl"
    assert [path.name for path in tmp_path.iterdir()] == [journal.name]
    kept = [json.loads(line)["seconds"] for line in journal.read_text().splitlines()]
    assert searched(stop_after=0) == 0  # killed again, before anything was added
    with journal.open("a") as file:
        file.write(journal.read_text().splitlines()[0][:-9])  # a line that was cut off
    with caplog.at_level("INFO"):
        assert searched() == total - stop_after
    assert f"taken over {min(stop_after, 4)} of 4 random trials" in caplog.text
    assert left_behind(tmp_path) == expected
    seconds = (tmp_path / "trials.tsv").read_text().splitlines()[1 : 1 + stop_after]
    assert [line.rpartition("\t")[2] for line in seconds] == [f"{value:.3f}" for value in kept]


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "c2"},
        {"libraries": {"scikit-learn": "0.0"}},
        {"seed": 8},
        {"cell": "b/RF"},
        {"folds": 2},
        {"engine": {"name": "sklearn", "criterion": "entropy"}},
        {"data": matrix(n=32, shift=0.3)},
        {"data": replace(matrix(n=30, shift=0.3), attributes={"train_digests": {"luma/y": "e"}})},
        {"data": replace(matrix(n=30, shift=0.3), fake=~matrix(n=30).fake)},
        {"data": replace(matrix(n=30, shift=0.3), ids=tuple(f"j{n}" for n in range(30)))},
    ],
)
def test_trials_of_anything_else_are_not_taken_over(searched, tmp_path, changes, monkeypatch):
    journal = tmp_path / "trials.partial.jsonl"
    assert searched(stop_after=3) == 3
    before = journal.read_text().splitlines()
    if libraries := changes.get("libraries"):
        monkeypatch.setattr("latentprint.study.versions", lambda engine: libraries)
        changes = {}
    assert searched(stop_after=2, **changes) == 2
    after = journal.read_text().splitlines()
    assert (len(before), len(after)) == (3, 2)
    assert not set(before) & set(after)


def test_a_search_made_smaller_or_given_more_cores_keeps_its_trials(searched, tmp_path):
    assert searched(stop_after=3) == 3
    assert searched(draws=2, grid=(), threads=2) == 0
    assert len((tmp_path / "trials.tsv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("space", "names", "text"),
    [
        ({"a": {"integers": [5, 5]}}, [], r"search\.RF\.space\.a"),
        ({"a": {"between": [1, 5]}}, [], r"search\.RF\.space\.a"),
        ({"a": {"loguniform": [0, 1]}}, [], r"search\.RF\.space\.a"),
        ({"a": {"integers": [1.5, 3]}}, [], r"search\.RF\.space\.a"),
        ({"a": {"choice": []}}, [], r"search\.RF\.space\.a"),
        ({"a": {}}, [], r"search\.RF\.space\.a"),
        ({"a": 5, "b": {"uniform": [0, 1]}}, ["a"], r"search\.RF\.grid: a is not"),
        ({"b": {"uniform": [0, 1]}}, ["c"], r"search\.RF\.grid: c is not"),
    ],
)
def test_unusable_spaces_are_named(space, names, text):
    with pytest.raises(UserError, match=text):
        check_space("RF", space, names)


@BOTH
def test_the_thesis_space_can_be_searched(classifier):
    space = CLASSIFIERS[classifier].space
    check_space(classifier, space, [name for name in space if isinstance(space[name], dict)])
    assert len(draw(space, count=5, generator=rng(7))) == 5


# What a search leaves behind


def test_trials_and_choice_round_trip(tmp_path):
    trials = [
        Trial("random", {"b": 0.1, "a": 2}, (0.5, 0.75), 1.25, 1.5),
        Trial("grid", {"b": 0.2, "a": None}, (0.25, 0.75), 0.5),
        Trial("rung 1", {"a": 1}, (0.6,), 0.25, 0.125, images=12, grown=40),
    ]
    write_trials(tmp_path / "trials.tsv", trials, n_folds=2)
    lines = (tmp_path / "trials.tsv").read_text().splitlines()
    head = "trial stage parameters grown images full_fits fold_1 fold_2 mean sd seconds"
    assert lines[0].split("\t") == head.split()
    cells = ["0", "random", '{"a": 2, "b": 0.1}', "", "", "1.5", "0.5", "0.75", "0.625", "0.125"]
    assert lines[1].split("\t") == [*cells, "1.250"]
    assert lines[3].split("\t")[3:10] == ["40", "12", "0.125", "", "", "0.6", "0.0"]
    assert cost_of(trials) is None and cost_of([trials[0], trials[2]]) == 1.625
    assert search_seconds(tmp_path / "trials.tsv") == 2.0
    best = Best(
        "GB", {"learning_rate": 0.12965912630431367, "max_depth": None}, 0.5, "searched", "c"
    )
    write_best(tmp_path / "best.yaml", best)
    assert read_best(tmp_path / "best.yaml", classifier="GB") == best
    with pytest.raises(UserError, match="hyperparameters of GB, expected RF"):
        read_best(tmp_path / "best.yaml", classifier="RF")
    (tmp_path / "best.yaml").write_text("parameters: {}\n")
    with pytest.raises(UserError, match=r"best\.yaml"):
        read_best(tmp_path / "best.yaml")


def test_a_study_is_reused_with_its_name_and_trials(tmp_path):
    study, first, second = (tmp_path / name for name in ("study", "first", "second"))
    write_trials(study / "trials.tsv", [Trial("random", {"a": 1}, (0.5, 0.7), 2.0)], n_folds=2)
    write_best(study / "best.yaml", Best("RF", {"a": 1}, 0.6, "searched", "model-3/y/Y/single/RF"))
    for source, target in ((study, first), (first, second)):
        best = reuse_study(
            source, classifier="RF", trials=target / "trials.tsv", best=target / "best.yaml"
        )
        assert best == Best("RF", {"a": 1}, None, "reused", "model-3/y/Y/single/RF")
        assert read_best(target / "best.yaml") == best
    assert (second / "trials.tsv").read_text() == (study / "trials.tsv").read_text()


def test_published_parameters_need_no_trials(tmp_path):
    outputs = {"trials": tmp_path / "trials.tsv", "best": tmp_path / "best.yaml"}
    best = keep_published("RF", CLASSIFIERS["RF"].published, **outputs)
    assert read_best(outputs["best"], classifier="RF") == best
    assert best.cv_accuracy is None and best.study is None
    assert search_seconds(outputs["trials"]) == 0


# What a process imports


def loaded_modules(code: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    return set(found.stdout.split())


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("steps.tune_classifier", {"sklearn", "h5py", "numpy"}),
        ("steps.evaluate_classifier", {"sklearn", "scipy", "h5py", "torch"}),
        ("steps.collect_scores", {"sklearn", "scipy", "h5py", "torch"}),
        ("steps.build_features", {"sklearn", "scipy", "torch"}),
        ("steps.fit_classifier", {"sklearn", "numba", "torch"}),
    ],
)
def test_steps_import_only_what_they_need(module, unwanted):
    assert not unwanted.intersection(loaded_modules(f"import latentprint.{module}"))


def test_models_are_loaded_without_torch(tmp_path):
    save_model(tmp_path / "model.skops", fitted("RF", matrix()))
    found = loaded_modules(
        "from pathlib import Path; from latentprint.model_files import load_model;"
        f"load_model(Path({str(tmp_path / 'model.skops')!r}))"
    )
    assert "skops" in found and not {"torch", "numba"} & found
