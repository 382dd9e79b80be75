"""Features: which values stand in which row."""

import shutil
import tracemalloc

import h5py
import numpy as np
import pytest

from latentprint import provenance, store
from latentprint.errors import UserError
from latentprint.feature_files import build_features
from latentprint.feature_kinds import FEATURES, drawn
from latentprint.features import load_binned, load_matrix, matrix_blocks
from latentprint.histograms import bins
from latentprint.histograms.bins import bin_matrix
from latentprint.protocol import training_positions
from latentprint.seeds import rng
from tests.unit import latent_stores

N_TRAIN, N_TEST, N_PATCHES = 9, 7, 5
LUMA, ALL = latent_stores.LUMA, latent_stores.LUMA + latent_stores.CHROMA


@pytest.fixture
def run(tmp_path):
    """Stores of both splits (train of three shards), the selection, and the arrays."""
    train, test = latent_stores.content(N_TRAIN), latent_stores.content(N_TEST, seed=1)
    splits = {
        "train": latent_stores.names(N_TRAIN, "train"),
        "test": latent_stores.names(N_TEST, "test"),
    }
    shards = [
        latent_stores.write(
            tmp_path / f"latents/train-{start}.h5",
            train,
            splits["train"],
            start=start,
            stop=start + 4,
        )
        for start in range(0, N_TRAIN, 4)
    ]
    stores = {"train": tmp_path / "latents/train.h5"}
    store.join(stores["train"], shards, attributes={})
    stores["test"] = latent_stores.write(tmp_path / "latents/test.h5", test, splits["test"])
    return {
        "stores": stores,
        "selection": latent_stores.write_selection(tmp_path / "selection.tsv", splits),
        "ids": splits,
        "train": train,
        "test": test,
    }


def build(run, path, feature, component, *, seed=7, protocol="corrected"):
    return build_features(
        path,
        stores=run["stores"],
        selection=run["selection"],
        feature=feature,
        component=component,
        latent="y",
        n_patches=N_PATCHES,
        seed=seed,
        protocol=protocol,
    )


def stacked(arrays, component):
    parts = [arrays["luma/y"]] + ([arrays["chroma/y"]] if component == "YUV" else [])
    return np.concatenate(parts, axis=1)


@pytest.mark.parametrize("component", ["Y", "YUV"])
def test_flatten_is_luma_then_chroma_reshaped(run, tmp_path, component):
    path = tmp_path / "features" / "flatten.h5"
    shapes = build(run, path, "flatten", component)
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        matrix = load_matrix(path, split)
        arrays = run[split]
        expected = arrays["luma/y"].reshape(n, -1)
        if component == "YUV":
            expected = np.hstack([expected, arrays["chroma/y"].reshape(n, -1)])
        np.testing.assert_array_equal(matrix.values, expected)
        assert shapes[split] == expected.shape
        assert matrix.values.flags.f_contiguous
        assert matrix.values.dtype == np.float32
        assert matrix.ids == tuple(run["ids"][split])
        assert matrix.groups.tolist() == list(range(n))


def test_flatten_is_no_copy(run, tmp_path):
    path = tmp_path / "flatten.h5"
    build(run, path, "flatten", "YUV")
    with h5py.File(path) as file:
        assert "values" not in file["train"]
    assert path.stat().st_size < run["train"]["luma/y"].nbytes / 2


def test_the_test_of_multiple_is_no_copy_either(run, tmp_path):
    path = tmp_path / "multiple.h5"
    build(run, path, "multiple", "YUV")
    with h5py.File(path) as file:
        assert file["train/values"].shape == (N_TRAIN * N_PATCHES, ALL)
        assert "values" not in file["test"]
    written = N_TRAIN * N_PATCHES * ALL * 4
    assert path.stat().st_size < written + 2**16


@pytest.mark.parametrize("feature", ["single", "multiple"])
def test_positions_are_written_without_reading_whole_images(run, tmp_path, feature, monkeypatch):
    def forbidden(*_):
        raise AssertionError("a whole image was read")

    monkeypatch.setattr(store.Store, "read", forbidden)
    build(run, tmp_path / "a.h5", feature, "YUV")


@pytest.mark.parametrize("feature", FEATURES)
def test_positions_are_written_in_blocks_of_images(run, tmp_path, feature, monkeypatch):
    build(run, tmp_path / "whole.h5", feature, "YUV")
    monkeypatch.setattr("latentprint.feature_files.BLOCK_VALUES", 3 * N_PATCHES * ALL)
    monkeypatch.setattr("latentprint.features.BLOCK_VALUES", 2 * 256 * ALL)
    build(run, tmp_path / "blocks.h5", feature, "YUV")
    for split in ("train", "test"):
        first, second = (load_matrix(tmp_path / f"{n}.h5", split) for n in ("whole", "blocks"))
        np.testing.assert_array_equal(first.values, second.values)
        assert second.values.flags.f_contiguous


@pytest.mark.parametrize("component", ["Y", "YUV"])
def test_single_is_the_lower_right_of_the_centre(run, tmp_path, component):
    path = tmp_path / "single.h5"
    build(run, path, "single", component)
    matrix = load_matrix(path, "train")
    np.testing.assert_array_equal(matrix.values, stacked(run["train"], component)[:, :, 8, 8])
    assert matrix.attributes["train_positions"] == [[8, 8]]
    assert matrix.rows_per_image == 1


@pytest.mark.parametrize("component", ["Y", "YUV"])
def test_multiple_trains_on_patches_and_tests_on_all_positions(run, tmp_path, component):
    path = tmp_path / "multiple.h5"
    build(run, path, "multiple", component)
    train, test = load_matrix(path, "train"), load_matrix(path, "test")
    positions = train.attributes["train_positions"]
    assert len({tuple(position) for position in positions}) == N_PATCHES
    block = stacked(run["train"], component)
    for image in range(N_TRAIN):
        for patch, (row, col) in enumerate(positions):
            np.testing.assert_array_equal(
                train.values[image * N_PATCHES + patch], block[image, :, row, col]
            )
    block = stacked(run["test"], component)
    np.testing.assert_array_equal(
        test.values.reshape(N_TEST, 16, 16, -1), block.transpose(0, 2, 3, 1)
    )
    assert train.groups.tolist() == np.repeat(np.arange(N_TRAIN), N_PATCHES).tolist()
    assert test.rows_per_image == 256


@pytest.mark.parametrize("component", ["Y", "YUV"])
def test_gap_is_mean_spread_and_magnitude_of_every_channel(run, tmp_path, component):
    path = tmp_path / "features.h5"
    build(run, path, "gap", component)
    for split in ("train", "test"):
        parts = ["luma", "chroma"] if component == "YUV" else ["luma"]
        planes = [run[split][f"{part}/y"].astype(np.float64) for part in parts]
        expected = [
            statistic
            for values in planes
            for statistic in (
                values.mean(axis=(2, 3)),
                np.sqrt(
                    ((values - values.mean(axis=(2, 3), keepdims=True)) ** 2).mean(axis=(2, 3))
                ),
                np.abs(values).mean(axis=(2, 3)),
            )
        ]
        found = load_matrix(path, split)
        assert found.rows_per_image == 1
        assert np.allclose(found.values, np.concatenate(expected, axis=1), rtol=1e-6, atol=1e-6)


def test_screened_sees_what_flatten_sees_and_is_no_copy(run, tmp_path):
    paths = {name: tmp_path / f"{name}.h5" for name in ("flatten", "screened")}
    for name, path in paths.items():
        build(run, path, name, "YUV")
    found = {name: load_matrix(path, "train") for name, path in paths.items()}
    assert np.array_equal(found["screened"].values, found["flatten"].values)
    assert found["screened"].screens and not found["flatten"].screens
    assert paths["screened"].stat().st_size < found["flatten"].values.nbytes / 5


def test_the_grid_of_the_latents_is_known(run, tmp_path):
    build(run, tmp_path / "features.h5", "flatten", "Y")
    assert load_matrix(tmp_path / "features.h5", "train").grid == (16, 16)


def test_labels_follow_their_images(run, tmp_path):
    path = tmp_path / "multiple.h5"
    build(run, path, "multiple", "Y")
    matrix = load_matrix(path, "train")
    assert matrix.fake_images.tolist() == [bool(index % 2) for index in range(N_TRAIN)]
    np.testing.assert_array_equal(matrix.fake, matrix.groups % 2 == 1)


def test_positions_are_distinct_seeded_and_within_the_grid():
    for n_patches in (1, 15, 256):
        train, test = drawn(16, 16, n_patches, rng(7, "patches"))
        assert train.shape == (n_patches, 2)
        assert len(np.unique(train, axis=0)) == n_patches
        assert train.min() >= 0 and train.max() <= 15
        np.testing.assert_array_equal(test, np.argwhere(np.ones((16, 16))))
    first, second = (drawn(16, 16, 15, rng(seed, "patches"))[0] for seed in (7, 8))
    assert not np.array_equal(first, second)
    for n_patches in (0, 257):
        with pytest.raises(UserError, match="n_patches"):
            drawn(16, 16, n_patches, rng(7, "patches"))


def test_faithful_trains_on_the_positions_of_the_thesis_and_keeps_all_for_the_test(run, tmp_path):
    path = tmp_path / "multiple.h5"
    build(run, path, "multiple", "YUV", protocol="faithful")
    train, test = load_matrix(path, "train"), load_matrix(path, "test")
    positions = training_positions(16, 16)
    assert train.attributes["train_positions"] == [list(position) for position in positions]
    block = stacked(run["train"], "YUV")
    for image in range(N_TRAIN):
        for patch, (row, col) in enumerate(positions):
            np.testing.assert_array_equal(
                train.values[image * 15 + patch], block[image, :, row, col]
            )
    assert (train.rows_per_image, test.rows_per_image) == (15, 256)
    other = tmp_path / "other.h5"
    build(run, other, "multiple", "YUV")
    np.testing.assert_array_equal(test.values, load_matrix(other, "test").values)


@pytest.mark.parametrize("feature", ["flatten", "single"])
def test_faithful_changes_nothing_else(run, tmp_path, feature):
    values = []
    for protocol in ("corrected", "faithful"):
        path = tmp_path / f"{protocol}.h5"
        build(run, path, feature, "Y", protocol=protocol)
        values.append([load_matrix(path, split).values for split in ("train", "test")])
    for one, other in zip(*values, strict=True):
        np.testing.assert_array_equal(one, other)


def test_all_cells_see_the_same_positions(run, tmp_path):
    positions = []
    for component in ("Y", "YUV"):
        path = tmp_path / f"{component}.h5"
        build(run, path, "multiple", component)
        positions.append(load_matrix(path, "train").attributes["train_positions"])
    assert positions[0] == positions[1]


def test_every_feature_announces_the_shape_that_it_makes(run, tmp_path):
    for name in FEATURES:
        path = tmp_path / f"{name}.h5"
        shapes = build(run, path, name, "YUV")
        for split in ("train", "test"):
            assert load_matrix(path, split).values.shape == shapes[split]


def test_other_images_than_the_selection_are_refused(run, tmp_path):
    text = run["selection"].read_text(encoding="utf-8").splitlines()
    text[1:3] = text[2:0:-1]
    run["selection"].write_text("\n".join(text), encoding="utf-8")
    with pytest.raises(UserError, match=r"train\.h5: holds 9 images, expected the 9 of"):
        build(run, tmp_path / "single.h5", "single", "Y")
    assert not (tmp_path / "single.h5").exists()


def test_a_flatten_file_notices_another_store(run, tmp_path):
    path = tmp_path / "flatten.h5"
    build(run, path, "flatten", "Y")
    run["test"]["luma/y"][0, 0, 0, 0] += 1
    latent_stores.write(run["stores"]["test"], run["test"], run["ids"]["test"])
    load_matrix(path, "train")
    with pytest.raises(UserError, match=r"flatten\.h5: was made from 'luma/y'"):
        load_matrix(path, "test")


def test_results_can_be_moved(run, tmp_path):
    path = tmp_path / "features" / "flatten.h5"
    build(run, path, "flatten", "YUV")
    before = load_matrix(path, "train").values
    (tmp_path / "moved").mkdir()
    for folder in ("latents", "features"):
        shutil.move(tmp_path / folder, tmp_path / "moved" / folder)
    after = load_matrix(tmp_path / "moved" / "features" / "flatten.h5", "train").values
    np.testing.assert_array_equal(before, after)


def test_unusable_features_files_are_named(run, tmp_path):
    path = tmp_path / "single.h5"
    with pytest.raises(UserError, match=r"single\.h5: cannot be read"):
        load_matrix(path, "train")
    build(run, path, "single", "Y")
    with h5py.File(path, "r+") as file:
        del file.attrs["complete"]
    with pytest.raises(UserError, match=r"single\.h5: not a finished features file"):
        load_matrix(path, "train")


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("images", [None, 1, 4])
def test_blocks_of_images_are_the_matrix_in_pieces(run, tmp_path, feature, images):
    path = tmp_path / "a.h5"
    build(run, path, feature, "YUV")
    whole = load_matrix(path, "test")
    blocks = list(matrix_blocks(path, "test", images=images))
    assert [len(block.ids) for block in blocks] == {None: [7], 1: [1] * 7, 4: [4, 3]}[images]
    np.testing.assert_array_equal(np.concatenate([block.values for block in blocks]), whole.values)
    np.testing.assert_array_equal(np.concatenate([block.fake for block in blocks]), whole.fake)
    assert sum((block.ids for block in blocks), ()) == whole.ids
    for block in blocks:
        assert block.rows_per_image == whole.rows_per_image
        assert block.values.flags.f_contiguous


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("block", [2**23, 2 * 256 * ALL])
def test_bins_are_those_of_the_matrix(run, tmp_path, feature, block, monkeypatch):
    path = tmp_path / "a.h5"
    build(run, path, feature, "YUV")
    monkeypatch.setattr("latentprint.features.BLOCK_VALUES", block)
    expected = bin_matrix(load_matrix(path, "train").values, max_bins=7)
    train = load_binned(path, "train", max_bins=7, seed=1)
    np.testing.assert_array_equal(train.values.bins, expected.bins)
    np.testing.assert_array_equal(train.values.edges, expected.edges)
    assert train.values.bins.flags.c_contiguous
    assert train.groups.tolist() == load_matrix(path, "train").groups.tolist()
    test = load_binned(path, "test", max_bins=7, seed=1)
    for edges in (None, train.values.edges):
        test = load_binned(path, "test", max_bins=7, seed=1, edges=edges)
        np.testing.assert_array_equal(test.values.edges, expected.edges)
        by_hand = np.stack(
            [
                np.searchsorted(expected.edges[column], values)
                for column, values in enumerate(load_matrix(path, "test").values.T)
            ]
        )
        np.testing.assert_array_equal(test.values.bins, by_hand)
        assert test.values.shape == load_matrix(path, "test").values.shape


@pytest.mark.parametrize("feature", FEATURES)
def test_edges_are_those_of_a_sample_of_training_rows(run, tmp_path, feature, monkeypatch):
    path = tmp_path / "a.h5"
    build(run, path, feature, "YUV")
    monkeypatch.setattr(bins, "SAMPLE_ROWS", 5)
    edges = {}
    for seed in (1, 2):
        expected = bin_matrix(load_matrix(path, "train").values, max_bins=4, seed=seed)
        for split in ("train", "test"):
            edges[seed] = load_binned(path, split, max_bins=4, seed=seed).values.edges
            np.testing.assert_array_equal(edges[seed], expected.edges)
    assert not np.array_equal(edges[1], edges[2])


def test_bins_are_made_without_a_matrix(tmp_path, monkeypatch):
    """The bins, one block and what binning it needs; the matrix would be four times the bins."""
    count = 240
    splits = {"train": latent_stores.names(count, "train"), "test": latent_stores.names(4, "test")}
    stores = {
        split: latent_stores.write(
            tmp_path / f"{split}.h5", latent_stores.content(len(ids)), ids, step=40
        )
        for split, ids in splits.items()
    }
    selection = latent_stores.write_selection(tmp_path / "selection.tsv", splits)
    run = {"stores": stores, "selection": selection}
    path = tmp_path / "flatten.h5"
    build(run, path, "flatten", "YUV")
    monkeypatch.setattr(bins, "SAMPLE_ROWS", 20)
    monkeypatch.setattr(bins, "BLOCK_VALUES", 2**15)
    block = 10 * 256 * ALL
    monkeypatch.setattr("latentprint.features.BLOCK_VALUES", block)
    load_binned(path, "test", max_bins=7, seed=1)  # what is made once
    tracemalloc.start()
    matrix = load_binned(path, "train", max_bins=7, seed=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matrix.values.bins.nbytes == count * 256 * ALL
    assert peak < matrix.values.bins.nbytes + matrix.values.edges.nbytes + 3 * 4 * block


def test_an_edit_of_the_engines_makes_no_features_again():
    reached = provenance.reached("latentprint.steps.build_features")
    assert "latentprint.store.reading" in reached
    assert not [name for name in reached if "histograms" in name or name.endswith(".features")]
