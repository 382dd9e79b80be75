"""Successive halving: who is promoted, which images are seen, what is read off, what it costs."""

import contextlib
import json

import numpy as np
import pytest

from latentprint import learn
from latentprint.classifiers import CLASSIFIERS, effective_parameters
from latentprint.features import Matrix
from latentprint.halving import chosen_parameters, halve
from latentprint.judging import Growth, Judge, growth_of, nested_order, subset
from latentprint.ladder import Rung, rungs
from latentprint.learn import fit_model, load_engine
from latentprint.predicting import predict_fake
from latentprint.search import cross_validate, image_folds
from latentprint.seeds import integer, rng
from latentprint.spaces import limits
from latentprint.stages import staged_accuracy, staged_fake
from latentprint.study import search_cell
from latentprint.tuning import read_best

ENGINES = {
    "sklearn": {"RF": {"name": "sklearn"}, "GB": {"name": "sklearn", "max_bins": 15}},
    "histogram": {name: {"name": "histogram", "max_bins": 15} for name in ("RF", "GB", "GBS")},
}
SPACES = {
    "RF": {
        "n_estimators": {"integers": [3, 13]},
        "max_depth": {"integers": [1, 9]},
        "min_samples_leaf": {"integers": [1, 20]},
        "max_features": "sqrt",
    },
    "GB": {
        "max_iter": {"integers": [5, 21]},
        "max_leaf_nodes": {"integers": [2, 9]},
        "learning_rate": {"loguniform": [0.001, 0.5]},
        "min_samples_leaf": {"integers": [2, 10]},
    },
}
SPACES["GBS"] = SPACES["GB"] | {"max_features": 0.2}
KINDS = [
    pytest.param("sklearn", "RF", 1, id="sklearn RF images"),
    pytest.param("sklearn", "RF", 3, id="sklearn RF patches"),
    pytest.param("sklearn", "GB", 2, id="sklearn GB"),
    pytest.param("histogram", "RF", 1, id="histogram RF"),
    pytest.param("histogram", "GB", 2, id="histogram GB"),
    pytest.param("histogram", "GBS", 2, id="histogram GBS"),
]


def matrix(n=60, rows=1, values=30, *, engine="sklearn", shift=0.7, seed=0) -> Matrix:
    """n images, every second one fake; fakes are shifted in a third of the values."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n, dtype=np.int32), rows)
    fake = groups % 2 == 1
    array = random.normal(size=(n * rows, values)).astype(np.float32)
    array[fake, : values // 3] += shift
    array = np.asfortranarray(array)
    if engine == "histogram":
        from latentprint.histograms.bins import bin_matrix

        array = bin_matrix(array, max_bins=15)
    ids = tuple(f"i{index}" for index in range(n))
    return Matrix(array, groups, fake, ids, {"train_digests": {"luma/y": "d"}})


def settings(classifier, **halving):
    halving = {"candidates": 9, "factor": 3, "least": 8} | halving
    return {"folds": 3, "space": SPACES[classifier], "halving": halving}


def halved(engine, classifier, data, *, threads=1, **halving):
    return halve(
        data,
        classifier,
        settings=settings(classifier, **halving),
        engine=ENGINES[engine][classifier],
        seed=7,
        cell="a/cell",
        threads=threads,
    )


@pytest.mark.parametrize(
    ("n_images", "asked", "expected"),
    [
        (8000, (81, 3, 60), [(81, 1 / 27), (27, 1 / 9), (9, 1 / 3), (3, 1)]),
        (900, (81, 3, 60), [(81, 60 / 900), (27, 1 / 9), (9, 1 / 3), (3, 1)]),
        (200, (81, 3, 60), [(81, 0.3), (9, 1 / 3), (3, 1)]),
        (150, (81, 3, 60), [(81, 0.4), (3, 1)]),
        (40, (81, 3, 60), [(81, 1)]),
        (8000, (16, 2, 60), [(16, 1 / 8), (8, 1 / 4), (4, 1 / 2), (2, 1)]),
        (8000, (10, 3, 60), [(10, 1 / 9), (4, 1 / 3), (2, 1)]),
        (8000, (3, 3, 60), [(3, 1)]),
    ],
)
def test_rungs(n_images, asked, expected):
    planned = rungs(n_images, dict(zip(("candidates", "factor", "least"), asked, strict=True)))
    assert [rung.candidates for rung in planned] == [count for count, _ in expected]
    assert [rung.share for rung in planned] == pytest.approx([share for _, share in expected])
    assert all(isinstance(rung, Rung) for rung in planned)


def test_subsets_are_nested_balanced_and_inside():
    fake = np.arange(90) % 2 == 1
    inside = np.arange(90) < 60
    orders = nested_order(fake, inside, rng(7, "halving", "fold 0"))
    before = np.zeros(90, dtype=bool)
    for share in (1 / 27, 1 / 9, 1 / 3, 1.0):
        chosen = subset(orders, share, 90)
        assert (chosen >= before).all() and chosen.sum() > before.sum()
        assert not (chosen & ~inside).any()
        assert np.count_nonzero(chosen & fake) == np.count_nonzero(chosen & ~fake)
        before = chosen
    assert (before == inside).all()
    other = nested_order(fake, inside, rng(8, "halving", "fold 0"))
    assert not np.array_equal(subset(orders, 1 / 3, 90), subset(other, 1 / 3, 90))


@pytest.mark.parametrize(("engine", "classifier", "rows"), KINDS)
def test_no_image_stands_on_both_sides(engine, classifier, rows, monkeypatch):
    """What is fitted on every rung lies in the fold's training part and holds whole images."""
    data = matrix(rows=rows, engine=engine)
    folds = image_folds(data.fake_images, n_folds=3, seed=7)
    seen = []

    def record(name, parameters, *, values, groups, fake, validation=None, **options):
        assert len(values) == len(groups) == len(fake)
        images, counts = np.unique(groups, return_counts=True)
        assert set(counts) == {rows}
        assert np.count_nonzero(images % 2) * 2 == len(images)
        seen.append(set(images.tolist()))
        if validation is not None:
            assert len(validation[0]) == len(validation[1])
        return fit_model(
            name, parameters, values=values, groups=groups, fake=fake, validation=validation,
            **options,
        )  # fmt: skip

    monkeypatch.setattr(learn, "fit_model", record)
    halved(engine, classifier, data)
    by_bag = classifier == "RF" and rows == 1
    assert len(seen) == (9 if by_bag else 27) + 9
    smallest = seen[:1] if by_bag else seen[:3]
    for fold, images in zip(folds, seen[-3:], strict=True):
        assert images == set(np.flatnonzero(~fold).tolist())
    if not by_bag:
        for before, after in zip(smallest, seen[-3:], strict=True):
            assert before < after and len(before) * 3 == pytest.approx(len(after), abs=4)
        assert all(seen[0] == images for images in seen[:27:3])


@pytest.mark.parametrize(("engine", "classifier", "rows"), KINDS)
def test_the_better_ones_are_promoted(engine, classifier, rows):
    trials = halved(engine, classifier, matrix(rows=rows, engine=engine))
    first = [trial for trial in trials if trial.stage == "rung 1"]
    last = [trial for trial in trials if trial.stage == "rung 2"]
    assert (len(first), len(last)) == (9, 3)
    ranked = sorted(first, key=lambda trial: -trial.mean)
    assert [trial.parameters for trial in last] == [trial.parameters for trial in ranked[:3]]
    assert ranked[0].mean > ranked[-1].mean
    assert last[0].images > first[0].images
    assert len({json.dumps(trial.parameters) for trial in first}) == 9
    name = CLASSIFIERS[classifier].grown
    low, high = limits(SPACES[classifier][name])
    for trial in last:
        assert name not in trial.parameters
        assert (1 if classifier != "RF" else low) <= trial.grown <= high
        assert chosen_parameters(classifier, trial) == trial.parameters | {name: trial.grown}


@pytest.mark.parametrize(("engine", "classifier", "rows"), KINDS)
def test_the_score_is_that_of_a_plain_cross_validation_with_what_was_read_off(
    engine, classifier, rows
):
    """Same folds, same random state: to the last bit, though no fit had that number of trees."""
    data = matrix(rows=rows, engine=engine)
    trials = [t for t in halved(engine, classifier, data) if t.stage == "rung 2"]
    own = ENGINES[engine][classifier]
    assert any(
        t.grown != limits(SPACES[classifier][CLASSIFIERS[classifier].grown])[1] for t in trials
    )
    for trial in trials:
        parameters = effective_parameters(classifier, chosen_parameters(classifier, trial), own)
        scores, full_fits = cross_validate(
            data,
            classifier,
            parameters,
            folds=image_folds(data.fake_images, n_folds=3, seed=7),
            random_state=integer(7, "tune", "a/cell"),
            threads=1,
            engine=engine,
        )
        assert scores == trial.scores
        assert full_fits == pytest.approx(2.0)


# Not scikit-learn's boosting, whose two threads wait for each other on a busy machine: its fits are
# compared elsewhere.
@pytest.mark.parametrize(("engine", "classifier", "rows"), [*KINDS[:2], *KINDS[3:]])
def test_threads_change_nothing(engine, classifier, rows):
    data = matrix(rows=rows, engine=engine)
    once, twice = (
        [
            (trial.stage, trial.parameters, trial.scores, trial.grown, trial.full_fits)
            for trial in halved(engine, classifier, data, threads=threads)
        ]
        for threads in (1, 2)
    )
    assert once == twice


@pytest.mark.parametrize(("engine", "classifier", "rows"), KINDS)
def test_stages_are_those_of_smaller_fits(engine, classifier, rows):
    data, asked = matrix(rows=rows, engine=engine), matrix(n=20, rows=rows, seed=1)
    name = CLASSIFIERS[classifier].grown
    rest = {"min_samples_leaf": 3} | ({"max_features": 0.2} if classifier == "GBS" else {})
    own = ENGINES[engine][classifier]

    def fitted(number):
        parameters = effective_parameters(classifier, rest | {name: number}, own)
        return fit_model(
            classifier, parameters, values=data.values, groups=data.groups, fake=data.fake,
            random_state=3, threads=1, engine=engine,
        )  # fmt: skip

    model = fitted(9)
    stages = list(staged_fake(model, asked.values))
    assert len(stages) == 9
    accuracy = staged_accuracy(
        model, asked.values, asked.fake_images, stages=[1, 4, 9, 12], threads=2
    )
    for place, number in enumerate((1, 4, 9)):
        smaller = fitted(number)
        expected = predict_fake(smaller, asked.values, threads=1)
        np.testing.assert_array_equal(stages[number - 1], expected)
        plain = staged_accuracy(
            smaller, asked.values, asked.fake_images, stages=[number], threads=1
        )
        assert accuracy[place] == plain[0]
    assert accuracy[3] == accuracy[2]  # there are no more than nine


def test_out_of_bag_asks_no_tree_that_saw_the_image():
    """Against a count tree by tree, of the images inside and outside the subset."""
    data = matrix(shift=0.3)
    folds = image_folds(data.fake_images, n_folds=3, seed=7)
    growth = growth_of("RF", SPACES["RF"] | {"n_estimators": {"integers": [12, 20]}})
    assert (growth.before, growth.most) == (12, 19)
    engine = ENGINES["sklearn"]["RF"]
    judge = Judge(data, "RF", engine, folds, growth, seed=7, cell="a/cell", threads=1)
    parameters = {"max_depth": 3, "min_samples_leaf": 1, "max_features": "sqrt"}
    trial = judge.by_bag(parameters, 1 / 3, last=False)
    inside = np.flatnonzero(subset(judge.order, 1 / 3, 60))
    assert len(inside) == 20 == judge.images(1 / 3, by_folds=False)
    model = fit_model(
        "RF", parameters | {"n_estimators": 12}, values=learn.take_rows(data.values, inside),
        groups=data.groups[inside], fake=data.fake[inside],
        random_state=integer(7, "tune", "a/cell"), threads=1,
    )  # fmt: skip
    right = judged = 0
    for image in range(60):
        trees = [
            tree
            for tree, drawn in zip(model.estimators_, model.estimators_samples_, strict=True)
            if image not in inside[drawn]
        ]
        if trees:
            judged += 1
            row = data.values[image : image + 1]
            share = np.mean([tree.predict_proba(row)[0, 0] for tree in trees])
            right += (share >= 0.5) == data.fake[image]
    assert judged > 45
    assert trial.scores == (pytest.approx(right / judged, abs=0.03),)  # unjudged ones are few
    assert trial.full_fits == pytest.approx(1 / 3 * 12 / 19)


def test_fixed_numbers_of_trees_stay():
    assert growth_of("RF", SPACES["RF"] | {"n_estimators": 60}) == Growth(None, 60, (), None)
    space = SPACES["RF"] | {"n_estimators": 6}
    trials = halve(
        matrix(), "RF", settings=settings("RF") | {"space": space},
        engine=ENGINES["sklearn"]["RF"], seed=7, cell="a", threads=1,
    )  # fmt: skip
    assert {trial.parameters["n_estimators"] for trial in trials} == {6}
    assert {trial.grown for trial in trials} == {None}


def test_the_numbers_of_trees_that_are_compared():
    growth = growth_of("RF", {"n_estimators": {"integers": [100, 500]}})
    assert growth.stages[0] == 100 and growth.stages[-1] == growth.most == 499
    assert len(growth.stages) == 50 and sorted(set(growth.stages)) == list(growth.stages)
    rounds = growth_of("GB", {"max_iter": {"choice": [300, 50]}})
    assert rounds.stages == tuple(range(1, 301))
    assert (growth.before, rounds.before) == (100, 300)


@pytest.fixture
def searched(tmp_path, monkeypatch):
    """Halve a cell in tmp_path; stop after some fits of candidates."""

    def run(classifier, rows, *, stop_after=None, **halving):
        judged = []
        for way in ("by_folds", "by_bag"):
            original = getattr(Judge, way)

            def counted(judge, *arguments, original=original, **options):
                if len(judged) == stop_after:
                    raise KeyboardInterrupt
                judged.append(arguments)
                return original(judge, *arguments, **options)

            monkeypatch.setattr(Judge, way, counted)
        with contextlib.suppress(KeyboardInterrupt):
            search_cell(
                matrix(rows=rows), classifier, tuning="halving",
                settings=settings(classifier, **halving), engine=ENGINES["sklearn"][classifier],
                seed=7, cell="a/cell", code="c1", threads=1,
                trials=tmp_path / "trials.tsv", best=tmp_path / "best.yaml",
            )  # fmt: skip
        monkeypatch.undo()
        return len(judged)

    return run


def left_behind(folder):
    """Names of all files, the choice's bytes, the trials without their seconds."""
    names = sorted(path.name for path in folder.iterdir())
    lines = (folder / "trials.tsv").read_text().splitlines()
    return names, (folder / "best.yaml").read_bytes(), [line.rpartition("\t")[0] for line in lines]


@pytest.mark.parametrize(("classifier", "rows"), [("RF", 1), ("RF", 2), ("GB", 1)])
@pytest.mark.parametrize("stop_after", [4, 10])
def test_a_killed_halving_goes_on_where_it_was(searched, tmp_path, classifier, rows, stop_after):
    assert searched(classifier, rows) == 12
    expected = left_behind(tmp_path)
    assert expected[0] == ["best.yaml", "trials.tsv"]
    (tmp_path / "trials.tsv").unlink()
    (tmp_path / "best.yaml").unlink()
    assert searched(classifier, rows, stop_after=stop_after) == stop_after
    assert searched(classifier, rows) == 12 - stop_after
    assert left_behind(tmp_path) == expected


def test_the_choice_is_of_the_last_rung_and_says_what_the_search_cost(searched, tmp_path):
    searched("RF", 1)
    best = read_best(tmp_path / "best.yaml", classifier="RF")
    lines = [line.split("\t") for line in (tmp_path / "trials.tsv").read_text().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [row["stage"] for row in rows] == ["rung 1"] * 9 + ["rung 2"] * 3
    assert {row["images"] for row in rows} == {"20", "40"}
    assert [row["fold_1"] == "" for row in rows] == [True] * 9 + [False] * 3
    chosen = max(rows[9:], key=lambda row: float(row["mean"]))
    assert best.cv_accuracy == float(chosen["mean"])
    assert best.parameters == json.loads(chosen["parameters"]) | {
        "n_estimators": int(chosen["grown"])
    }
    assert best.source == "searched"
    # 9 forests of 3 trees on a third of the images; 3 candidates, 3 folds, two thirds, 12 trees.
    assert best.full_fits == pytest.approx(9 / 3 * 3 / 12 + 3 * 2, abs=0.01)
    assert best.full_fits == pytest.approx(sum(float(row["full_fits"]) for row in rows), abs=0.01)


def test_rounds_that_were_not_grown_cost_nothing():
    data = matrix(shift=3.0)
    load_engine("GB", ENGINES["sklearn"]["GB"])
    space = SPACES["GB"] | {"max_iter": {"integers": [5, 400]}, "learning_rate": 0.5}
    trials = halve(
        data, "GB", settings=settings("GB") | {"space": space},
        engine=ENGINES["sklearn"]["GB"], seed=7, cell="a", threads=1,
    )  # fmt: skip
    for trial in trials[-3:]:
        assert trial.full_fits < 2.0 * 200 / 399  # stopped before 200 of 399 rounds
        assert trial.grown < 200
