"""Extraction in shards: equal values whatever their size, and only new shards when images come."""

import json
import re
import shutil
from pathlib import Path

import pytest

from latentprint import store
from latentprint.errors import UserError
from tests.checkout import copy_project

LATENTS = "results/tiny/latents"
LEVEL = f"{LATENTS}/bpp-1/train.h5"
SHARDED = "tests/data/tiny.yaml"


def configured(copy, shard_images):
    """Take all images of a folder, in the order of its list."""
    path = copy.folder / SHARDED
    text = re.sub("n_train: .*", "n_train: all", path.read_text())
    added = (
        f"run: tiny\nimages_root: faces\nsampling: listed\nstore: {{shard_images: {shard_images}}}"
    )
    path.write_text(text.replace("run: tiny", added))


def listed(copy, *parts):
    """Write a list of the folder: of each part, so many real and then so many fake ones."""
    head, *rows = (copy.folder / "all.csv").read_text().splitlines(keepends=True)
    half = len(rows) // 2
    lines = [rows[first + k] for part in parts for first in (0, half) for k in part]
    (copy.folder / "faces/train.csv").write_text("".join([head, *lines]))


def described(copy):
    return json.loads((copy.folder / LEVEL).with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def sharded(root, tmp_path_factory):
    """A copy with a folder whose list names 24 and 20 images, extracted in shards of 16."""
    copy = copy_project(root, tmp_path_factory.mktemp("sharded"))
    drawn = [f"results/tiny/drawn/{split}.csv" for split in ("train", "test")]
    copy.snakemake("--config", "n_train=38", "--", *drawn)
    (copy.folder / "results/tiny/drawn").rename(copy.folder / "faces")
    shutil.copy(copy.folder / "faces/train.csv", copy.folder / "all.csv")
    listed(copy, range(12))
    configured(copy, 16)
    copy.snakemake("--", LEVEL)
    return copy


@pytest.mark.slow
def test_order_and_values_do_not_depend_on_shards(sharded, root, tmp_path):
    whole = copy_project(root, tmp_path)
    (tmp_path / "faces").symlink_to(sharded.folder / "faces")
    configured(whole, 1000)
    whole.snakemake("--", LEVEL)
    assert len(list((sharded.folder / LATENTS).glob("model-3/shards/train-*.h5"))) == 2
    assert len(list((tmp_path / LATENTS).glob("model-3/shards/train-*.h5"))) == 1
    assert described(sharded) == described(whole)
    store.verify(sharded.folder / LEVEL)
    with (
        store.open_store(sharded.folder / LEVEL) as ours,
        store.open_store(tmp_path / LEVEL) as theirs,
    ):
        assert ours.ids == theirs.ids and len(ours) == 24
        for dataset in theirs.names:
            assert ours.read(dataset).tobytes() == theirs.read(dataset).tobytes(), dataset


@pytest.mark.slow
def test_images_that_are_added_make_new_shards_alone(sharded):
    latents = sharded.folder / LATENTS
    before = {path: path.stat() for path in latents.glob("model-3*/shards/*.h5")}
    listed(sharded, range(12), range(12, 19))
    sharded.snakemake("--", LEVEL)
    after = {path: path.stat() for path in latents.glob("model-3*/shards/*.h5")}
    assert described(sharded)["n_images"] == 38
    # Of 24 images the last shard held eight: it is made again, full, and another follows it.
    names = {path.name for path in after if path.parts[-3] == "model-3"}
    assert names == {f"train-{k}.h5" for k in range(3)}
    assert len(before) == 2 * 2
    for path, old in before.items():
        kept = after[path].st_ino == old.st_ino
        assert kept == (path.name != "train-1.h5"), path
    log = (sharded.folder / "results/tiny/logs/analyse_images/model-3/train-0.log").read_text()
    assert "all 16 images are there already, nothing to do" in log
    assert sharded.planned("--", LEVEL) == {}
    store.verify(sharded.folder / LEVEL)


@pytest.mark.slow
def test_a_shard_that_is_damaged_is_named_and_made_again(sharded):
    shard = sharded.folder / LATENTS / "model-3/shards/train-0.h5"
    expected = described(sharded)["digest"]
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(UserError) as caught, store.open_store(sharded.folder / LEVEL):
        pass
    shard.unlink()
    shard.with_suffix(".json").unlink()
    target = re.search(r"-- (\S+train-0\.h5) at the end$", str(caught.value))[1]
    sharded.snakemake("--", str(Path(target).relative_to(sharded.folder)))
    assert sharded.planned("--", LEVEL) == {}
    assert described(sharded)["digest"] == expected
    store.verify(sharded.folder / LEVEL)
