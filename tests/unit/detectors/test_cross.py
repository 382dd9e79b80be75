"""Altered images, folders of other generators, and detectors asked about any store."""

import io

import numpy as np
import pytest
from PIL import Image

from latentprint.detectors.alterations import each, folder_images, jpeg, resize, write_altered
from latentprint.detectors.cross import predict_store, store_blocks
from latentprint.detectors.found import asked_about, some_of
from latentprint.errors import UserError
from latentprint.feature_files import build_features
from latentprint.features import load_matrix
from latentprint.image_files import decode
from latentprint.image_tables import Chosen
from latentprint.predictions import Predictions
from latentprint.store import open_store
from tests.unit import latent_stores

ALL = latent_stores.LUMA + latent_stores.CHROMA


@pytest.fixture
def picture():
    rows, columns = np.mgrid[:64, :64]
    noise = np.random.default_rng(1).integers(0, 40, (64, 64, 3))
    return (np.stack([rows * 3, columns * 3, rows + columns], axis=2) + noise).astype(np.uint8)


def test_jpeg_is_what_pillow_writes_and_reads(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=60, subsampling="4:2:0")
    expected = np.array(Image.open(file))
    found = jpeg(60)(picture)
    assert np.array_equal(found, expected) and not np.array_equal(found, picture)
    losses = [np.abs(jpeg(q)(picture).astype(int) - picture).mean() for q in (95, 75, 30)]
    assert losses == sorted(losses)


def test_resizing_keeps_the_size_and_loses_detail(picture):
    found = resize(50)(picture)
    assert found.shape == picture.shape
    spread = [np.abs(np.diff(image.astype(int), axis=0)).mean() for image in (found, picture)]
    assert spread[0] < 0.7 * spread[1]


def test_copies_keep_ids_and_labels_and_are_lossless(tmp_path, picture):
    chosen = []
    for number in range(10):  # more than one batch
        Image.fromarray(np.roll(picture, number, axis=0)).save(tmp_path / f"{number}.png")
        label = ("real", "fake")[number % 2]
        chosen.append(Chosen(f"id-{number}", label, "test", f"{number}.png", "0" * 64))
    given = {"root": tmp_path, "size": 64, "output": tmp_path / "copies"}
    found = write_altered(chosen, each(jpeg(50)), **given)
    assert [(one.id, one.label) for one in found] == [(one.id, one.label) for one in chosen]
    for number in (0, 9):
        expected = jpeg(50)(np.roll(picture, number, axis=0))
        assert np.array_equal(decode(tmp_path / "copies" / found[number].path, 64), expected)
    assert len({one.sha256 for one in found}) == 10


def test_images_of_a_folder_are_fakes_by_subfolder_and_others_are_refused(tmp_path, picture):
    for name in ("b/two.png", "a/one.webp", "a/small.png", "a/readme.txt", "broken.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"no picture")
    Image.fromarray(picture).save(tmp_path / "b/two.png")
    Image.fromarray(picture).save(tmp_path / "a/one.webp", lossless=True)
    Image.fromarray(picture[:32]).save(tmp_path / "a/small.png")
    chosen, refused = folder_images(tmp_path, 64)
    assert [(one.id, one.label) for one in chosen] == [("a/one", "fake"), ("b/two", "fake")]
    assert [path for path, _ in refused] == ["a/small.png", "broken.png"]
    assert all(reason for _, reason in refused)


@pytest.fixture
def stored(tmp_path):
    """Stores and features files of both splits."""
    ids = {"train": latent_stores.names(6, "train"), "test": latent_stores.names(5, "test")}
    stores = {
        split: latent_stores.write(
            tmp_path / f"latents/{split}.h5", latent_stores.content(len(names), seed=seed), names
        )
        for seed, (split, names) in enumerate(ids.items())
    }
    selection = latent_stores.write_selection(tmp_path / "selection.tsv", ids)

    def build(feature):
        path = tmp_path / f"{feature}.h5"
        build_features(
            path, stores=stores, selection=selection, feature=feature, component="YUV",
            latent="y", n_patches=3, seed=1,
        )  # fmt: skip
        return path

    return stores["test"], ids["test"], build


@pytest.mark.parametrize("feature", ["flatten", "single", "multiple", "gap", "screened"])
def test_rows_from_a_store_are_those_of_the_features_file(stored, feature, monkeypatch):
    store_path, ids, build = stored
    expected = load_matrix(build(feature), "test")
    labels = {
        name: "fake" if fake else "real"
        for name, fake in zip(ids, expected.fake_images, strict=True)
    }
    monkeypatch.setattr("latentprint.detectors.cross.BLOCK_VALUES", 2 * 256 * ALL)
    with open_store(store_path) as store:
        blocks = list(
            store_blocks(
                store, labels, feature=feature, component="YUV", latent="y",
                positions=expected.attributes["test_positions"],
            )
        )  # fmt: skip
    assert len(blocks) > 1
    assert np.array_equal(np.concatenate([block.values for block in blocks]), expected.values)
    assert np.array_equal(np.concatenate([block.fake for block in blocks]), expected.fake)
    assert sum((block.ids for block in blocks), ()) == expected.ids


def test_an_image_without_a_label_is_named(stored):
    store_path, ids, _ = stored
    with open_store(store_path) as store, pytest.raises(UserError, match=f"holds {ids[1]}, which"):
        given = {"feature": "gap", "component": "Y", "latent": "y", "positions": []}
        predict_store(None, store, {ids[0]: "real"}, threads=1, **given)


def predictions(fake, predicted, ids=None):
    n = len(fake)
    ids = ids or tuple(map(str, range(n)))
    score = np.where(predicted, 0.9, 0.1)
    one = np.ones(n, dtype=np.int64)
    return Predictions(ids, np.array(fake), score, one, one, np.array(predicted))


def test_what_is_counted_and_compared():
    own = predictions([False, False, True, True], [False, False, True, True])
    found = asked_about("altered", predictions([False, False, True, True], [True, False] * 2), own)
    assert (found.n, found.right, found.difference) == (4, 0.5, -0.5)
    assert found.difference_low < -0.5 < found.difference_high
    assert (found.real_called_fake, found.fake_called_fake) == (0.5, 0.5)


def test_other_images_are_not_compared_and_one_class_has_one_share():
    own = predictions([False, True], [False, True])
    other = predictions([True, True, True], [True, True, False], ("a/1", "a/2", "b/1"))
    found = asked_about("folders-x", other, own)
    assert found.difference is None and found.real_called_fake is None
    assert found.fake_called_fake == found.right == pytest.approx(2 / 3)
    half = some_of(other, np.array([True, False, True]))
    assert half.ids == ("a/1", "b/1") and half.predicted.tolist() == [True, False]
