"""Classifiers beside the trees: what they compute, and that a fit sees its own rows alone."""

import numpy as np
import pytest
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from latentprint.cell_fits import fit_cell
from latentprint.classifiers import CLASSIFIERS, fit_bytes
from latentprint.estimators.convolutional import ConvolutionalHead
from latentprint.estimators.kernel_machine import SCALES, KernelMachine
from latentprint.estimators.linear import RidgeScores
from latentprint.estimators.pixels import ask_networks, fit_networks
from latentprint.estimators.screening import Screened, anova_f, best_columns
from latentprint.features import Matrix
from latentprint.histograms.bins import bin_matrix
from latentprint.learn import fit_model, iterations, take_rows
from latentprint.model_files import load_model, save_model
from latentprint.predicting import predict_fake
from latentprint.search import cross_validate, image_folds
from latentprint.tuning import Best

N = 60
SHAPE = (4, 6, 5)  # channels, height, width
P = 120
PARAMETERS = {
    "LR": {"C": 0.1},
    "ridge": {"alpha": 10.0},
    "SVM": {"C": 10.0, "gamma": 0.7, "scale": "signed_log"},
    "CNN": {"width": 4, "epochs": 3, "members": 2},
}
FAKE = np.arange(N) % 2 == 1
LABELS = np.where(FAKE, "fake", "real")


@pytest.fixture
def values():
    """Rows with scales of their own, one column constant, and a few that tell the classes apart."""
    generator = np.random.default_rng(1)
    found = generator.normal(size=(N, P)) * generator.uniform(0.1, 30, P) + 5
    found[:, :8] += np.where(FAKE, 1, -1)[:, None] * found[:, :8].std(axis=0)
    found[:, 50] = 3
    return np.asfortranarray(found, dtype=np.float32)


def fitted(name, values, fake=FAKE, **also):
    """A model of a few parameters on rows that are images."""
    engine = next(iter(CLASSIFIERS[name].engines))
    given = {
        "groups": np.arange(len(values), dtype=np.int32), "random_state": 3, "threads": 1,
        "grid": SHAPE[1:], "engine": engine,
    }  # fmt: skip
    parameters = PARAMETERS.get(name, {}) | also.pop("parameters", {})
    return fit_model(name, parameters, values=values, fake=fake, **(given | also))


# Linear classifiers


def test_linear_classifiers_are_those_of_scikit_learn_on_standardised_values(values):
    scaled = StandardScaler().fit_transform(values)
    expected = LogisticRegression(C=0.1, max_iter=1000).fit(scaled, LABELS)
    found = predict_fake(fitted("LR", values), values, threads=1)
    assert np.allclose(found, expected.predict_proba(scaled)[:, 0], atol=1e-5)

    expected = RidgeClassifier(alpha=10.0).fit(scaled, LABELS)
    found = predict_fake(fitted("ridge", values), values, threads=1)
    margin = expected.decision_function(scaled)  # positive for "real"
    assert np.allclose(found, 1 / (1 + np.exp(2 * margin)), atol=1e-5)


def test_ridge_estimates_a_probability_near_the_border(values):
    """The regression on -1 and +1 estimates 2 P(real) - 1, so that P(real) = (1 + d) / 2."""
    scaled = StandardScaler().fit_transform(values).astype(np.float64)
    model = RidgeScores(alpha=10.0).fit(scaled, LABELS)
    weights, (intercept,) = np.ravel(model.coef_), np.ravel(model.intercept_)
    direction = weights / np.sum(weights**2)
    for d in (-0.1, 0.0, 0.1):
        row = (direction * (d - intercept))[None]
        assert model.decision_function(row)[0] == pytest.approx(d, abs=1e-9)
        assert model.predict_proba(row)[0, 1] == pytest.approx((1 + d) / 2, abs=1e-3)


# Support vector machine


@pytest.mark.parametrize("scale", sorted(SCALES))
def test_the_kernel_machine_is_scikit_learns_with_pairs_computed_one_by_one(values, scale):
    scaled = StandardScaler().fit_transform(SCALES[scale](values).astype(np.float64))
    squared = np.array([[np.sum((a - b) ** 2) for b in scaled] for a in scaled])
    median = np.median(squared[np.triu_indices(N, 1)])
    expected = SVC(C=10.0, kernel="rbf", gamma=0.7 / median).fit(scaled, LABELS)
    machine = KernelMachine(C=10.0, gamma=0.7, scale=scale).fit(values, LABELS)
    assert np.allclose(
        machine.decision_function(values), expected.decision_function(scaled), atol=2e-3
    )
    assert machine.median_ == pytest.approx(median, rel=1e-5)


def test_scales():
    values = np.array([-3.0, 0.0, 3.0], dtype=np.float32)
    assert SCALES["linear"](values).tolist() == [-3, 0, 3]
    assert SCALES["signed_log"](values) == pytest.approx([-np.log(4), 0, np.log(4)])
    assert SCALES["log_magnitude"](values) == pytest.approx([np.log(4), 0, np.log(4)])


def test_equal_rows_have_no_distance_to_divide_by():
    values = np.ones((6, 3), dtype=np.float32)
    machine = KernelMachine().fit(values, np.array(["fake", "real"] * 3))
    assert np.isfinite(machine.predict_proba(values)).all()


# Convolutional head


def test_members_differ_and_are_averaged(values):
    model = fitted("CNN", values)
    assert len(model.networks_) == 2
    alone = []
    for member in model.networks_:
        one = ConvolutionalHead(**PARAMETERS["CNN"])
        one.__dict__ |= {**model.__dict__, "networks_": [member]}
        alone.append(one.predict_proba(values))
    assert not np.allclose(*alone)
    assert np.allclose(model.predict_proba(values), np.mean(alone, axis=0), atol=1e-6)


def test_a_network_learns_what_stands_at_a_position():
    """The last layer keeps positions apart: the sum of a channel alone tells nothing here."""
    generator = np.random.default_rng(0)
    planes = generator.normal(size=(200, 2, 8, 8)).astype(np.float32)
    fake = np.arange(200) % 2 == 1
    planes[:, 0, :4] += np.where(fake, 1, -1)[:, None, None]
    planes[:, 0, 4:] -= np.where(fake, 1, -1)[:, None, None]
    values = np.asfortranarray(planes.reshape(200, -1))
    parameters = {"width": 8, "epochs": 12, "members": 1}
    model = fitted("CNN", values[:150], fake[:150], parameters=parameters, grid=(8, 8))
    called = predict_fake(model, values[150:], threads=1) >= 0.5
    assert np.mean(called == fake[150:]) > 0.9


def test_images_for_early_stopping_are_not_trained_on(values, monkeypatch):
    seen = {}

    def fit(self, values, labels, *, validation, grid):
        seen["fitted"] = {row.tobytes() for row in np.ascontiguousarray(values)}
        seen["kept"] = {row.tobytes() for row in np.ascontiguousarray(validation[0])}
        return self

    monkeypatch.setattr(ConvolutionalHead, "fit", fit)
    fitted("CNN", values)
    assert len(seen["kept"]) == 6 and not seen["kept"] & seen["fitted"]
    assert len(seen["fitted"]) == N - 6


def test_training_stops_after_epochs_without_progress(values):
    noise = np.random.default_rng(5).permutation(FAKE)
    model = fitted("CNN", values, noise, parameters={"epochs": 40, "members": 1, "patience": 1})
    assert iterations(model) == max(model.epochs_) < 40


# Screening


def test_columns_are_those_of_largest_f(values):
    expected, _ = f_classif(np.delete(values, 50, axis=1).astype(np.float64), LABELS)
    found = anova_f(values, LABELS)
    assert np.allclose(np.delete(found, 50), expected)
    assert found[50] == 0  # constant
    assert best_columns(values, LABELS, 8).tolist() == list(range(8))
    assert best_columns(values, LABELS, 10**6).tolist() == list(range(P))


def test_a_fold_screens_its_own_rows_alone(values):
    """On noise, columns chosen with all labels would tell the left-out rows apart."""
    generator = np.random.default_rng(2)
    noise = np.asfortranarray(generator.normal(size=(80, 3000)).astype(np.float32))
    fake = generator.permutation(np.arange(80) % 2 == 1)
    data = Matrix(noise, np.arange(80, dtype=np.int32), fake, tuple(map(str, range(80))), {})
    folds = image_folds(fake, n_folds=4, seed=1)
    given = {"folds": folds, "random_state": 1, "threads": 1}
    honest = cross_validate(data, "LR", {"C": 1.0, "k": 20}, **given)
    assert np.mean(honest.scores) < 0.7

    labels = np.where(fake, "fake", "real")
    chosen = best_columns(noise, labels, 20)
    leaking = Matrix(noise.T[chosen].T, data.groups, fake, data.ids, {})
    assert np.mean(cross_validate(leaking, "LR", {"C": 1.0}, **given).scores) > 0.85


def test_images_for_early_stopping_have_no_part_in_the_choice(values):
    kept = (values[40:], FAKE[40:])
    other = values.copy()
    other[40:, 100:110] += 1000 * FAKE[40:, None]
    stopping = {"early_stopping": True, "max_iter": 2, "k": 5}
    chosen = [
        fitted("GB", values[:40], FAKE[:40], parameters=stopping, validation=validation).columns
        for validation in (kept, (other[40:], FAKE[40:]))
    ]
    assert chosen[0].tolist() == chosen[1].tolist()


@pytest.mark.parametrize("name", ["RF", "GB", "LR", "ridge", "SVM"])
def test_a_screened_model_sees_its_columns_alone(values, name):
    model = fitted(name, values, parameters={"k": 8})
    assert isinstance(model, Screened)
    changed = values.copy()
    changed[:, 8:] = -7
    before, after = (predict_fake(model, rows, threads=1) for rows in (values, changed))
    assert before.tolist() == after.tolist()
    assert np.mean((before >= 0.5) == FAKE) > 0.9


def test_bins_are_screened_like_values(values):
    binned = bin_matrix(values, max_bins=16, seed=1)
    parameters = {"k": 8, "n_estimators": 5, "max_features": "sqrt"}
    model = fitted("RF", binned, parameters=parameters, engine="histogram")
    assert model.columns.tolist() == list(range(8))
    by_bins, by_values = (predict_fake(model, rows, threads=1) for rows in (binned, values))
    assert by_bins.tolist() == by_values.tolist()
    half = take_rows(binned, np.arange(N) < 30)
    assert anova_f(half, LABELS[:30]).shape == (P,)


@pytest.mark.parametrize("feature", ["flatten", "screened"])
def test_a_screened_forest_has_no_accuracy_out_of_bag(values, feature):
    """All rows had a part in the choice of its columns, those out of a tree's bag too."""
    attributes = {"feature": feature, "train_digests": {}}
    data = Matrix(values, np.arange(N, dtype=np.int32), FAKE, tuple(map(str, range(N))), attributes)
    parameters = {"n_estimators": 20} | ({"k": 8} if feature == "screened" else {})
    best = Best("RF", parameters, None, "searched", None)
    _, said = fit_cell(data, best, engine={"name": "sklearn"}, seed=1, cell="a", threads=1)
    assert (said["oob_accuracy"] is None) == (feature == "screened")


# Files and memory


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_equal_fits_give_equal_files_and_answers(tmp_path, values, name):
    files = [tmp_path / f"{number}.skops" for number in range(2)]
    models = [fitted(name, values) for _ in files]
    for path, model in zip(files, models, strict=True):
        save_model(path, model)
    assert files[0].read_bytes() == files[1].read_bytes()
    expected = predict_fake(models[0], values, threads=1)
    assert predict_fake(load_model(files[0]), values, threads=1).tolist() == expected.tolist()
    assert 0 <= expected.min() < expected.max() <= 1


def test_threads_are_not_kept_in_a_file(tmp_path, values):
    for threads in (1, 2):
        save_model(tmp_path / f"{threads}.skops", fitted("CNN", values, threads=threads))
    assert load_model(tmp_path / "2.skops").threads == 1


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_memory_grows_with_rows_and_values(name):
    engine = {"name": next(iter(CLASSIFIERS[name].engines))}
    small, more, wide = (
        fit_bytes(name, engine, rows, columns, {})
        for rows, columns in ((1000, 4096), (2000, 4096), (1000, 8192))
    )
    assert small < more and small < wide
    assert fit_bytes(name, engine, 30_000, 65_536, {}) >= 30_000 * 65_536 * 4


# Pixels


@pytest.fixture
def pictures():
    """Images of which fakes are brighter on average, and the labels."""
    generator = np.random.default_rng(4)
    fake = np.arange(260) % 2 == 1
    pixels = generator.integers(0, 120, (260, 3, 32, 32))
    return (pixels + 90 * fake[:, None, None, None]).astype(np.uint8), fake


def test_a_network_on_pixels_learns_and_its_members_are_averaged(pictures):
    pixels, fake = pictures
    network = {"width": 2, "threads": 1}
    given = network | {"epochs": 12, "members": 2, "random_state": 1}
    found = fit_networks(pixels[:200], fake[:200], np.arange(200) >= 180, **given)
    asked = ask_networks(found, pixels[200:], **network)
    assert np.mean((asked >= 0.5) == fake[200:]) >= 0.9
    each = [ask_networks([member], pixels[200:], **network) for member in found]
    assert np.allclose(asked, np.mean(each, axis=0)) and not np.allclose(*each)


def test_equal_seeds_give_equal_networks(pictures):
    pixels, fake = pictures
    kept = np.arange(260) >= 220
    given = {"width": 2, "threads": 1, "epochs": 2, "members": 1}
    first, again, other = (
        fit_networks(pixels, fake, kept, random_state=state, **given)[0] for state in (1, 1, 2)
    )
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)
