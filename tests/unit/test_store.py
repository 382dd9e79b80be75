"""The latent store: round trips, independence of shards, and refusals that name the file."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from latentprint import store
from latentprint.errors import UserError
from tests.unit import latent_stores

N = 11


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    return latent_stores.content(N)


@pytest.fixture
def ids() -> list[str]:
    return latent_stores.names(N)


@pytest.fixture
def single(tmp_path, arrays, ids) -> Path:
    attributes = {
        "images_digest": "a",
        "weights_digest": "w",
        "tools": False,
        "table": {"0.25": [3, 0]},
        "note": "[not json",
        "rate": 0.5,
        "nothing": None,
    }
    return latent_stores.write(tmp_path / "one.h5", arrays, ids, attributes=attributes)


def shards(folder: Path, arrays, ids, *, size: int) -> list[Path]:
    return [
        latent_stores.write(
            folder / f"shards/train-{start}.h5", arrays, ids, start=start, stop=start + size
        )
        for start in range(0, len(ids), size)
    ]


def test_what_is_written_is_read(single, arrays, ids):
    with store.open_store(single, images_digest="a", weights_digest="w") as opened:
        assert opened.ids == tuple(ids)
        assert len(opened) == N
        assert opened.names == tuple(sorted(arrays))
        for name, array in arrays.items():
            assert opened.shape(name) == array.shape
            found = opened.read(name)
            assert found.dtype == array.dtype
            np.testing.assert_array_equal(found, array)
            np.testing.assert_array_equal(opened.read(name, 2, 5), array[2:5])


def test_attributes_keep_their_values_and_types(single):
    with store.open_store(single) as opened:
        assert opened.attributes == {
            "images_digest": "a",
            "weights_digest": "w",
            "tools": False,
            "table": {"0.25": [3, 0]},
            "note": "[not json",
            "rate": 0.5,
            "nothing": None,
        }
        assert opened.attributes["tools"] is False
    assert store.read_sidecar(single.with_suffix(".json"))["attributes"]["nothing"] is None


def test_one_uncompressed_image_a_chunk(single, arrays):
    with h5py.File(single) as file:
        assert file["luma/y"].chunks == (1, *arrays["luma/y"].shape[1:])
        assert file["luma/y"].compression is None


def test_one_position_and_blocks(single, arrays):
    with store.open_store(single) as opened:
        np.testing.assert_array_equal(
            opened.read_position("luma/y", 8, 3), arrays["luma/y"][:, :, 8, 3]
        )
        stops = []
        for start, stop, block in opened.blocks(["chroma/y", "bpp"], rows=4):
            stops.append(stop)
            np.testing.assert_array_equal(block["chroma/y"], arrays["chroma/y"][start:stop])
            np.testing.assert_array_equal(block["bpp"], arrays["bpp"][start:stop])
        assert stops == [4, 8, 11]


@pytest.mark.parametrize("size", [1, 4, 11])
def test_shards_change_neither_values_nor_digest(tmp_path, arrays, ids, single, size):
    joined = tmp_path / "joined" / "train.h5"
    parts = shards(tmp_path / "joined", arrays, ids, size=size)
    store.join(joined, parts, attributes={"images_digest": "a"})
    with store.open_store(joined, images_digest="a") as opened:
        assert opened.ids == tuple(ids)
        for name, array in arrays.items():
            np.testing.assert_array_equal(opened.read(name, 1, 10), array[1:10])
    first, second = (store.read_sidecar(path.with_suffix(".json")) for path in (single, joined))
    assert first["digest"] == second["digest"]
    for key in ("n_images", "datasets", "summary"):
        assert first[key] == second[key]
    store.verify(joined)


def test_pieces_may_come_in_any_order(tmp_path, arrays, ids, single):
    path = tmp_path / "backwards.h5"
    with store.create(path, ids=ids, datasets=latent_stores.KINDS, attributes={}) as writer:
        for row in reversed(range(N)):
            for name, array in arrays.items():
                writer.write(row, {name: array[row : row + 1]})
    digests = {store.read_sidecar(p.with_suffix(".json"))["digest"] for p in (path, single)}
    assert len(digests) == 1


@pytest.mark.parametrize("change", ["value", "id", "order", "dtype"])
def test_the_digest_depends_on_everything(tmp_path, arrays, ids, single, change):
    kinds = dict(latent_stores.KINDS)
    if change == "value":
        arrays["beta"][7, 1] += 1
    if change == "id":
        ids[3] += "x"
    if change == "order":
        arrays = {name: array[::-1] for name, array in arrays.items()}
    if change == "dtype":
        kinds["bpp"] = ((), "float32")
    path = tmp_path / "other.h5"
    with store.create(path, ids=ids, datasets=kinds, attributes={}) as writer:
        writer.write(0, arrays)
    digests = {store.read_sidecar(p.with_suffix(".json"))["digest"] for p in (path, single)}
    assert len(digests) == 2


def test_datasets_taken_from_other_stores(tmp_path, arrays, ids):
    model = tmp_path / "latents" / "model-3"
    level = tmp_path / "latents" / "bpp-0.25"
    y = {name: arrays[name] for name in ("luma/y", "chroma/y")}
    rest = {name: arrays[name] for name in ("model", "bpp", "beta", "bits")}
    y_shards = shards(model, y, ids, size=4)
    store.join(model / "train.h5", y_shards, attributes={})
    rest_shards = shards(level, rest, ids, size=5)
    views = {"luma/y": y_shards, "chroma/y": [model / "train.h5"]}
    store.join(level / "train.h5", rest_shards, attributes={}, views=views)
    # The whole folder moves; nothing may point to where it was.
    moved = (tmp_path / "latents").rename(tmp_path / "moved") / "bpp-0.25" / "train.h5"
    store.verify(moved)
    with store.open_store(moved) as opened:
        for name, array in arrays.items():
            np.testing.assert_array_equal(opened.read(name), array)


def test_views_of_other_images_are_refused(tmp_path, arrays, ids):
    y = {"luma/y": arrays["luma/y"]}
    rest = {"bpp": arrays["bpp"]}
    other = latent_stores.write(tmp_path / "y.h5", y, ids[::-1])
    shard = latent_stores.write(tmp_path / "rest.h5", rest, ids)
    with pytest.raises(UserError, match=r"y\.h5, which holds other images"):
        store.join(tmp_path / "train.h5", [shard], attributes={}, views={"luma/y": [other]})
    assert not (tmp_path / "train.h5").exists()


def test_shards_of_other_kinds_are_refused(tmp_path, arrays, ids):
    first = latent_stores.write(tmp_path / "a.h5", arrays, ids, stop=4)
    fewer = {name: arrays[name] for name in ("luma/y", "bpp")}
    second = latent_stores.write(tmp_path / "b.h5", fewer, ids, start=4)
    with pytest.raises(UserError, match=r"b\.h5: holds bpp, luma/y, expected"):
        store.join(tmp_path / "train.h5", [first, second], attributes={})
    with pytest.raises(UserError, match="two shards"):
        store.join(tmp_path / "train.h5", [first, first], attributes={})


def test_nothing_remains_of_a_failed_writer(tmp_path, arrays, ids):
    path = tmp_path / "half.h5"
    with (
        pytest.raises(RuntimeError),
        store.create(path, ids=ids, datasets=latent_stores.KINDS, attributes={}) as writer,
    ):
        writer.write(0, {name: array[:3] for name, array in arrays.items()})
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_missing_rows_are_an_error(tmp_path, arrays, ids):
    path = tmp_path / "half.h5"
    with (
        pytest.raises(ValueError, match="3 of 11 images were not written, the first is image-é8"),
        store.create(path, ids=ids, datasets=latent_stores.KINDS, attributes={}) as writer,
    ):
        writer.write(0, {name: array[:8] for name, array in arrays.items()})
    assert list(tmp_path.iterdir()) == []


def test_wrong_rows_are_refused(tmp_path, arrays, ids):
    with (
        pytest.raises(ValueError, match="do not fit"),
        store.create(
            tmp_path / "a.h5", ids=ids, datasets=latent_stores.KINDS, attributes={}
        ) as writer,
    ):
        writer.write(8, {"bpp": arrays["bpp"][:4]})
    with pytest.raises(ValueError, match="distinct"):
        latent_stores.write(tmp_path / "a.h5", arrays, ["same"] * N)


def damage(path: Path, kind: str) -> None:
    if kind == "cut":
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size // 2)
    elif kind == "text":
        path.write_text("id\tlabel\n")
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["id"] = [1]
    elif kind == "unfinished":
        with h5py.File(path, "r+") as file:
            del file.attrs["complete"]
    elif kind == "schema":
        with h5py.File(path, "r+") as file:
            file.attrs["schema"] = 99
    elif kind == "missing":
        path.unlink()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("cut", "cannot be read as HDF5"),
        ("text", "cannot be read as HDF5"),
        ("foreign", "not a latent store"),
        ("unfinished", "was not finished"),
        ("schema", "schema 99, expected 1"),
        ("missing", "no such file"),
    ],
)
def test_unusable_stores_are_named(single, kind, text):
    damage(single, kind)
    with pytest.raises(UserError, match=text) as caught, store.open_store(single):
        pass
    assert str(single) in str(caught.value)
    assert "run snakemake again" in str(caught.value).lower()


def test_stores_of_other_images_or_weights_are_named(single):
    for expected in ({"images_digest": "b"}, {"weights_digest": "v"}):
        with pytest.raises(UserError, match=r"one\.h5: .*_digest is"):
            with store.open_store(single, **expected):
                pass


def test_store_and_description_must_belong_together(single, tmp_path, arrays, ids):
    arrays["bpp"][0] = 9
    other = latent_stores.write(tmp_path / "other.h5", arrays, ids)
    shutil.copy(other.with_suffix(".json"), single.with_suffix(".json"))
    with pytest.raises(UserError, match=r"one\.json"), store.open_store(single):
        pass


@pytest.mark.parametrize("kind", ["missing", "cut", "unfinished", "replaced"])
def test_a_view_of_a_changed_shard_is_refused(tmp_path, arrays, ids, kind):
    parts = shards(tmp_path, arrays, ids, size=4)
    store.join(tmp_path / "train.h5", parts, attributes={})
    if kind == "replaced":
        arrays["luma/y"][5] = 0
        latent_stores.write(parts[1], arrays, ids, start=4, stop=8)
    else:
        damage(parts[1], kind)
    with pytest.raises(UserError, match=r"train-4\.h5"), store.open_store(tmp_path / "train.h5"):
        pass


def test_a_changed_value_is_found(single):
    store.verify(single)
    with h5py.File(single, "r+") as file:
        file["luma/y"][6, 2, 3, 4] += 1
    with pytest.raises(UserError, match="'luma/y' of image image-é6"):
        store.verify(single)


def test_the_description_sums_up_the_operating_points(single):
    sidecar = store.read_sidecar(single.with_suffix(".json"))
    assert sidecar["n_images"] == N
    assert sidecar["summary"]["model"] == {"3": N}
    assert sidecar["summary"]["beta"] == {"luma": [0, 10], "chroma": [-10, 0]}
    assert sidecar["summary"]["bpp"]["mean"] == pytest.approx(0.30, abs=1e-12)


def test_unknown_rates_stay_unknown(tmp_path, arrays, ids):
    arrays["bpp"][2] = np.nan
    path = latent_stores.write(tmp_path / "a.h5", arrays, ids)
    sidecar = store.read_sidecar(path.with_suffix(".json"))
    assert sidecar["summary"]["bpp"] == {"mean": None, "min": None, "max": None}


def test_equal_content_gives_an_equal_description(tmp_path, arrays, ids):
    texts = [
        latent_stores.write(tmp_path / name / "a.h5", arrays, ids).with_suffix(".json").read_bytes()
        for name in ("first", "second")
    ]
    assert texts[0] == texts[1]


def test_compressed_integers_are_read_and_viewed_as_they_were(tmp_path, ids):
    random = np.random.default_rng(0)
    q = random.integers(-3, 4, (N, 6, 16, 16)).astype(np.int16)
    small = random.integers(-3, 4, (N, 2, 1, 1)).astype(np.int8)
    paths = {packed: tmp_path / f"{packed}.h5" for packed in (True, False)}
    for packed, path in paths.items():
        with store.create(
            path,
            ids=ids,
            datasets={"luma/q": (q.shape[1:], np.int16), "luma/z_hat": (small.shape[1:], np.int8)},
            attributes={},
            compressed=["luma/q", "luma/z_hat", "luma/absent"] if packed else [],
        ) as writer:
            writer.write(0, {"luma/q": q, "luma/z_hat": small})
    with h5py.File(paths[True]) as file:
        for name in ("luma/q", "luma/z_hat"):
            assert (file[name].compression, file[name].shuffle) == ("gzip", True)
            assert file[name].chunks == (1, *file[name].shape[1:])
    first, second = (store.read_sidecar(path.with_suffix(".json")) for path in paths.values())
    assert first["digest"] == second["digest"]
    assert paths[True].stat().st_size < paths[False].stat().st_size
    view = tmp_path / "views" / "view.h5"
    store.join(view, [paths[True]], attributes={})
    store.verify(view)
    with store.open_store(view) as opened:
        np.testing.assert_array_equal(opened.read("luma/q", 3, 7), q[3:7])
        np.testing.assert_array_equal(opened.read("luma/z_hat"), small)


def test_a_joined_store_can_hold_numbers_of_its_own(tmp_path, arrays, ids, single):
    own = {"bpp": np.full(N, np.nan), "note": np.arange(N, dtype=np.int16)}
    joined = tmp_path / "joined.h5"
    store.join(joined, [single], attributes={}, arrays=own)
    store.verify(joined)
    with store.open_store(joined) as opened:
        assert opened.names == tuple(sorted([*arrays, "note"]))
        for name, array in own.items():
            np.testing.assert_array_equal(opened.read(name), array)
        np.testing.assert_array_equal(opened.read("beta"), arrays["beta"])
