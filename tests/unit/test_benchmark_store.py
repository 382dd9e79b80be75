"""The benchmark of the store: every layout gives the same values, every part writes its tables."""

import importlib
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from latentprint import store
from latentprint.cell_fits import fit_cell, predict_test
from latentprint.errors import UserError
from latentprint.feature_files import build_features
from latentprint.features import load_matrix
from latentprint.predictions import read_predictions, write_predictions
from latentprint.tuning import Best, write_best
from tests.unit import latent_stores

N = 70  # more than a block of images, and no multiple of a chunk's
MODULES = ("layouts", "feature_sets", "rounding", "setting")


@pytest.fixture(scope="module")
def bench(root):
    """The modules of the benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "benchmarks"))
        yield SimpleNamespace(
            **{name: importlib.import_module(f"store_cost.{name}") for name in MODULES}
        )


@pytest.fixture
def setting(bench, tmp_path):
    """Latents that are there already."""
    content = latent_stores.content(N)
    arrays = {name: content[name] for name in ("luma/y", "chroma/y")}
    ids = [str(row) for row in range(N)]
    made = {"pictures": N - 3, "size": 256}
    latent_stores.write(tmp_path / f"y-{N}.h5", arrays, ids, attributes=made)
    return bench.setting.Setting(weights=None, images=None, n=N, work=tmp_path)


def test_what_is_measured_is_said(setting):
    assert "70 pictures of 256 x 256" in setting.described()
    assert "3 of them are others again" in setting.described()


def test_every_layout_holds_the_same_values(bench, setting, tmp_path):
    path = tmp_path / "layout.h5"
    sizes = {}
    for name in bench.layouts.LAYOUTS:
        found = bench.layouts.measure(name, setting.latents(), path)  # compares all values
        sizes[name] = found.file_bytes
        assert found.written.cpu_s > 0 and found.everything[1].cpu_s > 0
    values = N * 256 * (latent_stores.LUMA + latent_stores.CHROMA)
    first, *_, half = sizes.values()
    assert 4 * values < first < 4.1 * values and 2 * values < half < 2.1 * values


def test_a_layout_that_changes_values_is_noticed(bench, setting, tmp_path):
    name, *_ = bench.layouts.LAYOUTS
    path = tmp_path / "layout.h5"
    bench.layouts.measure(name, setting.latents(), path)
    with store.open_store(setting.latents()) as latents:
        shapes = {each: latents.shape(each) for each in bench.setting.Y}
    with bench.layouts.h5py.File(path, "r+") as file:
        file["luma/y"][66, 1, 2, 3] += 1
    with pytest.raises(AssertionError, match="image 66 is not"):
        bench.layouts.check(setting.latents(), path, shapes, bench.layouts.LAYOUTS[name])


def test_features_are_measured_beside_one_pass(bench, setting):
    found = bench.feature_sets.measure(setting, (30, 40))
    assert set(found.each) == set(bench.feature_sets.STEPS) and len(found.each) == 6
    written = {step: size for step, (_, size) in found.each.items()}
    assert written["YUV", "multiple"] > written["Y", "multiple"] > written["YUV", "flatten"]
    assert sum(written.values()) < found.store_bytes
    assert found.job_cpu_s > found.each["YUV", "single"][0].cpu_s


@pytest.fixture
def finished(tmp_path):
    """The folder of a run with one fitted cell."""
    run = tmp_path / "run"
    ids = {"train": latent_stores.names(16, "train"), "test": latent_stores.names(12, "test")}
    stores = {
        split: latent_stores.write(
            run / f"latents/model-3/{split}.h5",
            latent_stores.content(len(ids[split]), seed=seed, shift=1.0),
            ids[split],
        )
        for seed, split in enumerate(ids)
    }
    selection = latent_stores.write_selection(run / "selection.tsv", ids)
    features = run / "features/model-3/y/YUV/single.h5"
    build_features(
        features, stores=stores, selection=selection, feature="single", component="YUV",
        latent="y", n_patches=3, seed=7,
    )  # fmt: skip
    cell = "model-3/y/YUV/single/RF"
    folder = run / "cells" / cell
    folder.mkdir(parents=True)
    best = Best("RF", {"n_estimators": 9}, None, "published", None)
    write_best(folder / "best.yaml", best)
    model, fit = fit_cell(
        load_matrix(features, "train"), best, engine={"name": "sklearn"}, seed=7, cell=cell,
        threads=1,
    )  # fmt: skip
    (folder / "fit.yaml").write_text(yaml.safe_dump(fit))
    predictions, _ = predict_test(model, features, classifier="RF", protocol="corrected", threads=1)
    write_predictions(folder / "predictions.tsv", predictions)
    return run


def test_every_cell_of_a_run_is_fitted_with_rounded_values(bench, finished):
    setting = bench.setting.Setting(None, None, N, finished, runs=(finished,))
    assert "16 training images of run run" in bench.rounding.described(setting)
    (table,) = bench.rounding.tables(setting)
    (row,) = table.rows
    assert row[0] == "model-3/y/YUV/single/RF"
    before = read_predictions(finished / "cells" / row[0] / "predictions.tsv")
    assert float(row[1]) == pytest.approx(100 * np.mean(before.predicted == before.fake), abs=0.05)
    assert "1 cells: differences" in table.note


def test_values_are_rounded_and_keep_their_order_in_memory(bench):
    values = np.asfortranarray(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))
    rounded = bench.rounding.to_float16(values)
    assert rounded.dtype == np.float32 and rounded.flags.f_contiguous
    np.testing.assert_array_equal(rounded, values.astype(np.float16))
    assert (rounded != values).any()


def test_a_run_of_other_code_is_refused(bench, finished):
    path = finished / "cells/model-3/y/YUV/single/RF/predictions.tsv"
    before = read_predictions(path)
    write_predictions(path, type(before)(**(asdict(before) | {"score": 1 - before.score})))
    setting = bench.setting.Setting(None, None, N, finished, runs=(finished,))
    with pytest.raises(UserError, match="a second fit gives other scores"):
        bench.rounding.tables(setting)
    with pytest.raises(UserError, match="no fitted cell"):
        list(bench.rounding.fitted_cells(finished / "cells"))
