"""The steps from stores to tables, by their command lines, and the same bytes when made again."""

import importlib
import json
import sys

import pytest
import yaml

from tests.unit import latent_stores

SEARCH = {
    "RF": {
        "draws": 2,
        "folds": 2,
        "grid": ["max_depth"],
        "space": {"n_estimators": 5, "max_depth": {"integers": [2, 9]}},
    },
    "GB": {
        "draws": 2,
        "folds": 2,
        "grid": [],
        "space": {"max_iter": 3, "learning_rate": {"uniform": [0.1, 0.3]}},
    },
}
ENGINE = {
    "RF": {"name": "sklearn"},
    "GB": {"name": "sklearn", "max_bins": 15, "early_stopping": False},
}
REPEATED = ("model.skops", "fit.yaml", "predictions.tsv", "best.yaml", "scores.json")


@pytest.fixture
def step(monkeypatch):
    """Run a step in this process, options as keywords."""

    def call(name, **options):
        words = []
        for option, value in options.items():
            values = value if isinstance(value, list) else [value]
            words += [f"--{option.replace('_', '-')}", *map(str, values)]
        monkeypatch.setattr(sys, "argv", [name, *words])
        importlib.import_module(f"latentprint.steps.{name}").main()

    return call


def make_run(folder, step, *, threads, protocol="corrected"):
    """Make three cells: RF single (searched), RF flatten (reused), GB multiple (searched)."""
    ids = {"train": latent_stores.names(16, "train"), "test": latent_stores.names(12, "test")}
    for seed, split in enumerate(ids):
        latent_stores.write(
            folder / f"latents/model-3/{split}.h5",
            latent_stores.content(len(ids[split]), seed=seed, shift=2.0),
            ids[split],
            attributes={"operating_point": "BOP", "tools": False},
        )
    selection = latent_stores.write_selection(folder / "selection.tsv", ids)
    cells = []
    for feature, classifier in (("single", "RF"), ("flatten", "RF"), ("multiple", "GB")):
        tail = f"y/YUV/{feature}/{classifier}"
        features = folder / f"features/model-3/y/YUV/{feature}.h5"
        fitted = folder / "cells/model-3" / tail
        step(
            "build_features",
            train_store=folder / "latents/model-3/train.h5",
            test_store=folder / "latents/model-3/test.h5",
            selection=selection,
            latent="y",
            component="YUV",
            feature=feature,
            n_patches=3,
            seed=7,
            protocol=protocol,
            output=features,
        )
        tuned = {
            "classifier": classifier,
            "trials": fitted / "trials.tsv",
            "best": fitted / "best.yaml",
        }
        cell = {
            "engine": json.dumps(ENGINE[classifier]),
            "seed": 7,
            "cell": f"model-3/{tail}",
            "threads": threads,
        }
        if feature == "flatten":
            step("tune_classifier", study=folder / "cells/model-3/y/YUV/single/RF", **tuned)
        else:
            step(
                "tune_classifier",
                features=features,
                tuning="search",
                search=json.dumps(SEARCH[classifier]),
                code="digest",
                **tuned,
                **cell,
            )
        step(
            "fit_classifier",
            features=features,
            model=fitted / "model.skops",
            fit=fitted / "fit.yaml",
            predictions=fitted / "predictions.tsv",
            costs=fitted / "costs.json",
            protocol=protocol,
            **tuned,
            **cell,
        )
        step(
            "evaluate_classifier",
            predictions=fitted / "predictions.tsv",
            best=fitted / "best.yaml",
            fit=fitted / "fit.yaml",
            store_json=folder / "latents/model-3/test.json",
            cell=f"bpp-0.25/{tail}",
            run="demo",
            images_text="drawn by the product",
            weights_text="embedded",
            output=fitted / "scores.json",
        )
        cells.append(fitted)
    step(
        "collect_scores",
        cells=cells,
        scores=folder / "scores.tsv",
        costs=folder / "costs.tsv",
        selected=folder / "selected.yaml",
        contrasts=folder / "contrasts.tsv",
    )


def test_steps_make_a_run_and_make_it_again(tmp_path, step):
    first, second = tmp_path / "first", tmp_path / "second"
    make_run(first, step, threads=1)
    make_run(second, step, threads=2)
    files = [path for path in first.rglob("*") if path.name in REPEATED]
    assert len(files) == 3 * len(REPEATED)
    tables = [first / name for name in ("scores.tsv", "selected.yaml", "contrasts.tsv")]
    for path in [*files, *tables]:
        assert path.read_bytes() == (second / path.relative_to(first)).read_bytes(), path

    lines = [line.split("\t") for line in (first / "scores.tsv").read_text().splitlines()]
    rows = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    assert [row["feature"] for row in rows] == ["single", "flatten", "multiple"]
    assert [row["tuning"] for row in rows] == ["searched", "reused", "searched"]
    assert rows[1]["study"] == "model-3/y/YUV/single/RF"
    assert [row["n_values"] for row in rows] == ["16", "4096", "16"]
    assert [row["n_rows"] for row in rows] == ["16", "16", "48"]
    assert float(rows[1]["accuracy"]) > 0.8
    costs = (first / "costs.tsv").read_text().splitlines()
    searched = [float(line.split("\t")[5]) for line in costs[1:]]
    assert searched[0] > 0 and searched[1] == 0 and searched[2] > 0
    selected = yaml.safe_load((first / "selected.yaml").read_text())
    assert selected["feature"] in ("single", "multiple")


def test_published_parameters_need_no_features(tmp_path, step):
    for classifier in ("RF", "GB"):
        step(
            "tune_classifier",
            classifier=classifier,
            tuning="published",
            trials=tmp_path / "trials.tsv",
            best=tmp_path / "best.yaml",
        )
        assert yaml.safe_load((tmp_path / "best.yaml").read_text())["source"] == "published"


def test_a_search_without_features_is_a_mistake_of_use(tmp_path, step, capsys):
    with pytest.raises(SystemExit) as caught:
        step(
            "tune_classifier",
            classifier="RF",
            trials=tmp_path / "trials.tsv",
            best=tmp_path / "best.yaml",
        )
    assert caught.value.code == 2
    assert "a search needs --features" in capsys.readouterr().err
