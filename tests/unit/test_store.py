"""The latent store: round trips, independence of shards, and refusals that name the file."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from latentprint import store
from latentprint.errors import UserError
from latentprint.store import layout, positions, resuming
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


POSITIONS = [[8, 8], [0, 0], [15, 15], [3, 11], [8, 8]]


def assert_positions(path, arrays, names=("luma/y", "chroma/y")):
    rows, cols = np.transpose(POSITIONS)
    with store.open_store(path) as opened:
        for name in names:
            expected = arrays[name][:, :, rows, cols].transpose(0, 2, 1)
            found = opened.read_positions(name, POSITIONS)
            assert found.dtype == arrays[name].dtype
            np.testing.assert_array_equal(found, expected)
            for start, stop in ((0, 1), (3, 9), (5, 5), (10, None), (-2, None)):
                np.testing.assert_array_equal(
                    opened.read_positions(name, POSITIONS, start, stop), expected[start:stop]
                )


@pytest.fixture
def no_whole_reads(monkeypatch):
    """Reading a dataset of images through HDF5 fails."""
    read = h5py.Dataset.__getitem__

    def forbidden(dataset, key):
        assert dataset.ndim != 4, "whole images were read"
        return read(dataset, key)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", forbidden)
    monkeypatch.delattr(h5py.Dataset, "read_direct")


@pytest.mark.parametrize("window", [16 * 2**20, 40_000, 1])
def test_positions_are_those_of_whole_images(single, arrays, no_whole_reads, monkeypatch, window):
    monkeypatch.setattr(positions, "WINDOW_BYTES", window)
    assert_positions(single, arrays)


@pytest.mark.parametrize("size", [1, 4, 11])
def test_positions_through_views_of_views(tmp_path, arrays, ids, no_whole_reads, size):
    y = {name: arrays[name] for name in ("luma/y", "chroma/y")}
    parts = shards(tmp_path / "deep", y, ids, size=size)
    empty = latent_stores.write(tmp_path / "deep/shards/train-e.h5", y, ids, start=N)
    paths = [tmp_path / "deep/train.h5", tmp_path / "train.h5", tmp_path / "x/y/train.h5"]
    store.join(paths[0], [*parts, empty], attributes={})
    for source, path in itertools.pairwise(paths):
        store.join(path, [source], attributes={})
    for path in paths:
        assert_positions(path, arrays)
        with h5py.File(path) as file:
            assert file["luma/y"].is_virtual


def test_positions_of_other_layouts_are_read_in_blocks(tmp_path, ids, monkeypatch):
    random = np.random.default_rng(0)
    q = random.integers(-3, 4, (N, 6, 16, 16)).astype(np.int16)
    small = random.integers(-3, 4, (N, 2, 16, 16)).astype(np.int8)
    path = tmp_path / "a.h5"
    kinds = {"q": (q.shape[1:], np.int16), "small": (small.shape[1:], np.int8)}
    with store.create(
        path, ids=ids, datasets=kinds, attributes={}, compressed=["q"]
    ) as writer:  # `small` is too small for chunks
        writer.write(0, {"q": q, "small": small})
    monkeypatch.setattr(layout, "BLOCK_BYTES", 4 * q[0].nbytes)
    with h5py.File(path) as file:
        assert file["q"].compression == "gzip" and file["small"].chunks is None
    assert_positions(path, {"q": q, "small": small}, names=("q", "small"))


def test_positions_outside_the_grid_are_refused(single):
    with store.open_store(single) as opened:
        for wrong in ([[16, 0]], [[0, 16]], [[-1, 0]]):
            with pytest.raises(ValueError, match="16 x 16 positions"):
                opened.read_positions("luma/y", wrong)
        for name, wrong in (("bpp", [[0, 0]]), ("luma/y", [8, 8])):
            with pytest.raises(ValueError, match="expected"):
                opened.read_positions(name, wrong)


def test_a_store_may_be_empty(tmp_path, arrays, ids):
    kinds = latent_stores.KINDS | {"luma/q": ((6, 16, 16), "int16"), "found": ((), "int8")}
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path in paths:
        with store.create(
            path, ids=[], datasets=kinds, attributes={"images_digest": "a"},
            compressed=["luma/q"], resume=RESUME,
        ) as writer:  # fmt: skip
            assert writer.done == 0
    joined, again = tmp_path / "joined.h5", tmp_path / "again.h5"
    store.join(joined, paths, attributes={})
    store.join(again, [joined], attributes={}, views={"luma/y": [paths[0]]})
    for path in (*paths, joined, again):
        store.verify(path)
        with store.open_store(path) as opened:
            assert (len(opened), opened.ids) == (0, ())
            assert opened.shape("luma/q") == (0, 6, 16, 16)
            assert opened.read("luma/y").shape == (0, *arrays["luma/y"].shape[1:])
            assert opened.read_positions("luma/y", POSITIONS).shape == (0, 5, latent_stores.LUMA)
            assert list(opened.blocks(["luma/y"])) == []
        summary = store.read_sidecar(path.with_suffix(".json"))["summary"]
        assert summary["bpp"] == {"mean": None, "min": None, "max": None}


MANY = """
import resource, sys
from pathlib import Path
import numpy as np
from latentprint import store

resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))
folder = Path(sys.argv[1])
y = np.arange(60 * 1024, dtype=np.float32).reshape(60, 4, 16, 16) + 1
parts = [folder / f"{row}.h5" for row in range(60)]
for row, part in enumerate(parts):
    kinds = {"y": (y.shape[1:], "float32")}
    with store.create(part, ids=[str(row)], datasets=kinds, attributes={}) as writer:
        writer.write(0, {"y": y[row : row + 1]})
store.join(folder / "joined.h5", parts, attributes={})
store.join(folder / "again.h5", [folder / "joined.h5"], attributes={})
for name in ("joined", "again"):
    store.verify(folder / f"{name}.h5")
    with store.open_store(folder / f"{name}.h5") as opened:
        assert np.array_equal(opened.read("y"), y)
        assert np.array_equal(opened.read_position("y", 3, 4), y[:, :, 3, 4])
"""


def test_more_shards_than_a_process_may_open(tmp_path):
    """HDF5 itself reads those beyond as zeros."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", MANY, tmp_path], env=environment, check=True)


@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_empty_shard_changes_nothing(tmp_path, arrays, ids, single, place):
    parts = shards(tmp_path, arrays, ids, size=4)
    parts.insert(place, latent_stores.write(tmp_path / "shards/empty.h5", arrays, ids, start=N))
    joined = tmp_path / "joined.h5"
    store.join(joined, parts, attributes={})
    store.verify(joined)
    with store.open_store(joined) as opened, h5py.File(joined) as file:
        assert opened.ids == tuple(ids) and file["luma/y"].is_virtual
        for name, array in arrays.items():
            np.testing.assert_array_equal(opened.read(name), array)
    digests = {store.read_sidecar(p.with_suffix(".json"))["digest"] for p in (joined, single)}
    assert len(digests) == 1


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
    store.join(tmp_path / "view.h5", [tmp_path / "train.h5"], attributes={})
    if kind == "replaced":
        arrays["luma/y"][5] = 0
        latent_stores.write(parts[1], arrays, ids, start=4, stop=8)
    else:
        damage(parts[1], kind)
    for name in ("train.h5", "view.h5"):
        with pytest.raises(UserError, match=r"train-4\.h5"), store.open_store(tmp_path / name):
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


class Stopped(BaseException):
    """Like KeyboardInterrupt."""


PACKED = ["beta"]
RESUME = {"code": "c", "y": ["d"]}


def begin(path, arrays, ids, *, upto=N, step=2, change=None, resume=RESUME, compressed=()):
    """Write a store in steps, and stop before row `upto`; give the rows that were there."""
    asked = {
        "ids": ids,
        "datasets": {name: latent_stores.KINDS[name] for name in arrays},
        "attributes": {"weights_digest": "w", "batch": 2, "torch": "1.0"},
        "compressed": compressed,
    } | (change or {})
    with store.create(path, **asked, resume=resume) as writer:
        done = writer.done
        for start in range(done // step * step, len(ids), step):
            if start >= upto:
                raise Stopped
            rows = slice(start, min(start + step, len(ids)))
            writer.write(start, {name: array[rows] for name, array in arrays.items()})
    return done


def leftover(path):
    (found,) = path.parent.glob(f".{path.stem}.*.partial.h5")
    return found


@pytest.fixture
def stopped(tmp_path, arrays, ids):
    """A store that was stopped after four images."""
    path = tmp_path / "stopped" / "train.h5"
    with pytest.raises(Stopped):
        begin(path, arrays, ids, upto=4)
    return path


def assert_same_files(path, other, *, datasets):
    """What one and the other hold is equal to the byte, and nothing else lies beside them."""
    assert sorted(each.name for each in path.parent.iterdir()) == ["train.h5", "train.json"]
    assert path.with_suffix(".json").read_bytes() == other.with_suffix(".json").read_bytes()
    store.verify(path)
    with h5py.File(path) as first, h5py.File(other) as second:
        assert dict(first.attrs) == dict(second.attrs)
        assert sorted(first) == sorted(second)
        for name in datasets:
            for each in (name, f"row_sha256/{name}"):
                assert first[each][:].tobytes() == second[each][:].tobytes(), each


@pytest.mark.parametrize("compressed", [[], PACKED])
@pytest.mark.parametrize("stops", [[2], [4], [10], [2, 4, 8], [6, 6]])
def test_a_stopped_store_is_gone_on_with(tmp_path, arrays, ids, caplog, stops, compressed):
    caplog.set_level("INFO")
    whole = tmp_path / "whole" / "train.h5"
    assert begin(whole, arrays, ids, compressed=compressed) == 0
    path = tmp_path / "stopped" / "train.h5"
    for stop in stops:
        with pytest.raises(Stopped):
            begin(path, arrays, ids, upto=stop, compressed=compressed)
        assert not path.exists()
        assert f"{stop} of 11 images are kept in {leftover(path)}" in caplog.text
    assert begin(path, arrays, ids, compressed=compressed) == stops[-1]
    assert f"resuming after image {stops[-1]} of 11" in caplog.text
    assert "starting over" not in caplog.text
    assert_same_files(path, whole, datasets=arrays)


def test_a_store_stopped_after_its_last_image_is_only_finished(tmp_path, arrays, ids):
    path, whole = tmp_path / "stopped" / "train.h5", tmp_path / "whole" / "train.h5"
    begin(whole, arrays, ids)
    with (
        pytest.raises(Stopped),
        store.create(
            path,
            ids=ids,
            datasets=latent_stores.KINDS,
            attributes={"weights_digest": "w", "batch": 2, "torch": "1.0"},
            resume=RESUME,
        ) as writer,
    ):
        writer.write(0, arrays)
        raise Stopped
    assert begin(path, arrays, ids) == N
    assert_same_files(path, whole, datasets=arrays)


def test_a_job_that_is_stopped_while_it_closes_its_store_loses_nothing(
    tmp_path, arrays, ids, monkeypatch, caplog
):
    caplog.set_level("INFO")
    path, whole = tmp_path / "stopped" / "train.h5", tmp_path / "whole" / "train.h5"
    begin(whole, arrays, ids, compressed=PACKED)
    for place in ("fsync", "replace"):
        with monkeypatch.context() as patch, pytest.raises(Stopped):
            patch.setattr(os, place, lambda *_: (_ for _ in ()).throw(Stopped))
            begin(path, arrays, ids, compressed=PACKED)
    monkeypatch.undo()
    assert begin(path, arrays, ids, compressed=PACKED) == N
    assert "starting over" not in caplog.text
    assert_same_files(path, whole, datasets=arrays)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"ids": latent_stores.names(N, "photo")}, "ids"),
        ({"attributes": {"weights_digest": "v", "batch": 2, "torch": "1.0"}}, "weights_digest"),
        ({"attributes": {"weights_digest": "w", "batch": 4, "torch": "1.1"}}, "batch, torch"),
        ({"attributes": {"weights_digest": "w", "batch": 2}}, "torch"),
        ({"compressed": PACKED}, "datasets"),
        ({"datasets": latent_stores.KINDS | {"bpp": ((), "float32")}}, "datasets"),
        ({"resume": RESUME | {"code": "other"}}, "code"),
        ({"resume": {"code": "c", "y": ["other"]}}, "y"),
    ],
)
def test_what_was_begun_otherwise_is_thrown_away(stopped, arrays, ids, caplog, change, key):
    caplog.set_level("INFO")
    asked = dict(change)
    resume = asked.pop("resume", RESUME)
    old = leftover(stopped)
    began = begin(stopped, arrays, asked.get("ids", ids), change=asked, resume=resume)
    assert began == 0
    assert f"in {old} is removed, it was begun with another {key}\n" in caplog.text
    assert "resuming after" not in caplog.text
    store.verify(stopped)


@pytest.mark.parametrize(("row", "left"), [(3, 3), (2, 2), (1, 1)])
def test_only_images_with_the_right_digests_are_taken_over(stopped, arrays, ids, row, left):
    with h5py.File(leftover(stopped), "r+") as file:
        file["luma/y"][row, 1, 2, 3] += 1
    assert begin(stopped, arrays, ids) == left
    store.verify(stopped)
    with store.open_store(stopped) as opened:
        np.testing.assert_array_equal(opened.read("luma/y"), arrays["luma/y"])


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("cut", "it cannot be used"),
        ("text", "it cannot be used"),
        ("foreign", "it cannot be used"),
        ("first row", "it holds no whole image"),
        ("finished elsewhere", "it was begun with another"),
    ],
)
def test_what_cannot_be_used_is_thrown_away(stopped, arrays, ids, caplog, kind, reason):
    caplog.set_level("INFO")
    old = leftover(stopped)
    if kind == "first row":
        with h5py.File(old, "r+") as file:
            file["beta"][0] += 1
    elif kind == "finished elsewhere":
        shutil.copy(latent_stores.write(stopped.parent / "x" / "x.h5", arrays, ids), old)
        shutil.rmtree(stopped.parent / "x")
    else:
        damage(old, kind)
    assert begin(stopped, arrays, ids) == 0
    assert reason in caplog.text
    store.verify(stopped)


def test_without_resumption_nothing_stays_or_is_taken_over(stopped, arrays, ids, tmp_path):
    assert begin(stopped, arrays, ids, resume=None) == 0
    assert not list(stopped.parent.glob(".*"))
    with pytest.raises(Stopped):
        begin(tmp_path / "other" / "b.h5", arrays, ids, upto=4, resume=None)
    with pytest.raises(Stopped):  # nor where no image was written
        begin(tmp_path / "other" / "b.h5", arrays, ids, upto=0)
    assert not list((tmp_path / "other").iterdir())


KILLED = """
import os, signal, sys
from pathlib import Path
from latentprint import store
from tests.unit import latent_stores
from tests.unit.test_store import N, begin

arrays, ids = latent_stores.content(N), latent_stores.names(N)
write = store.StoreWriter.write

def killing(writer, start, rows):
    write(writer, start, rows)
    if start == 6:
        os.kill(os.getpid(), signal.SIGKILL)

store.StoreWriter.write = killing
begin(Path(sys.argv[1]), arrays, ids, compressed=sys.argv[2:])
"""


@pytest.mark.parametrize(("compressed", "done"), [([], 8), (PACKED, 0)])
def test_a_killed_job_leaves_what_it_had_written_or_nothing(
    root, tmp_path, arrays, ids, caplog, compressed, done
):
    caplog.set_level("INFO")
    path, whole = tmp_path / "killed" / "train.h5", tmp_path / "whole" / "train.h5"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(root)])}
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, path, *compressed], env=environment,
        check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    assert begin(path, arrays, ids, compressed=compressed) == done
    if compressed:
        assert "its job was killed, and it holds compressed values" in caplog.text
    begin(whole, arrays, ids, compressed=compressed)
    assert_same_files(path, whole, datasets=arrays)


LIVING = """
import sys
from pathlib import Path
from tests.unit import latent_stores
from tests.unit.test_store import N, begin

class Slow(dict):
    def items(self):
        print("writing", flush=True)
        sys.stdin.readline()
        return super().items()

arrays, ids = latent_stores.content(N), latent_stores.names(N)
begin(Path(sys.argv[1]), Slow(arrays), ids, upto=int(sys.argv[2]))
"""


def begin_elsewhere(root, path, *, upto):
    """Write two images in another process, which waits for a line before it goes on."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(root)])}
    process = subprocess.Popen(
        [sys.executable, "-c", LIVING, path, str(upto)], env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(2):
        assert process.stdout.readline() == "writing\n"
        process.stdin.write("\n")
        process.stdin.flush()
    return process


def test_the_store_of_a_job_that_lives_is_not_touched(
    root, tmp_path, arrays, ids, caplog, monkeypatch
):
    caplog.set_level("INFO")
    path = tmp_path / "train.h5"
    older = begin_elsewhere(root, path, upto=N)
    monkeypatch.setattr(resuming, "STOPPING_S", 0.2)
    assert begin(path, arrays, ids) == 0
    assert "starting over" in caplog.text and "lock" in caplog.text
    before = path.read_bytes()
    _, error = older.communicate("\n" * N, timeout=60)  # the older one fails at its end
    assert older.returncode == 1 and "FileNotFoundError" in error
    assert path.read_bytes() == before
    store.verify(path)


def test_a_job_that_is_just_stopping_is_waited_for(root, tmp_path, arrays, ids, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "train.h5"
    older = begin_elsewhere(root, path, upto=4)
    ending = threading.Timer(0.5, lambda: older.communicate("\n" * N, timeout=60))
    ending.start()
    began = time.monotonic()
    assert begin(path, arrays, ids) == 4
    ending.join()
    assert time.monotonic() - began >= 0.4 and "starting over" not in caplog.text
    store.verify(path)
