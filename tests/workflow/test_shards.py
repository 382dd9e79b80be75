"""Extraction in shards: equal values whatever their size, and only new shards when images come."""

import json
import re
from pathlib import Path

import pytest

from latentprint import store
from latentprint.errors import UserError
from tests.checkout import copy_project

LATENTS = "results/tiny/latents"
LEVEL = f"{LATENTS}/bpp-1/train.h5"
SHARDED = "tests/data/tiny.yaml"


def configured(copy, shard_images, n_train=24):
    """Other shards, and images of a folder from which more can be chosen."""
    path = copy.folder / SHARDED
    text = re.sub(r"\nimages_root: .*|\nstore: .*", "", path.read_text())
    text = re.sub("n_train: .*", f"n_train: {n_train}", text)
    added = f"run: tiny\nimages_root: faces\nstore: {{shard_images: {shard_images}}}"
    path.write_text(text.replace("run: tiny", added))


def described(copy):
    return json.loads((copy.folder / LEVEL).with_suffix(".json").read_text())


@pytest.fixture(scope="module")
def sharded(root, tmp_path_factory):
    """A copy with a folder of 60 and 20 images, 24 extracted in shards of 9."""
    copy = copy_project(root, tmp_path_factory.mktemp("sharded"))
    drawn = [f"results/tiny/drawn/{split}.csv" for split in ("train", "test")]
    copy.snakemake("--config", "n_train=60", "--", *drawn)
    (copy.folder / "results/tiny/drawn").rename(copy.folder / "faces")
    configured(copy, 9)
    copy.snakemake("--", LEVEL)
    return copy


@pytest.mark.slow
def test_order_and_values_do_not_depend_on_shards(sharded, root, tmp_path):
    whole = copy_project(root, tmp_path)
    (tmp_path / "faces").symlink_to(sharded.folder / "faces")
    configured(whole, 1000)
    whole.snakemake("--", LEVEL)
    assert len(list((sharded.folder / LATENTS).glob("model-3/shards/train-*.h5"))) == 3
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
    configured(sharded, 9, n_train=38)
    sharded.snakemake("--", LEVEL)
    after = {path: path.stat() for path in latents.glob("model-3*/shards/*.h5")}
    assert described(sharded)["n_images"] == 38
    # Of 24 images the last shard held six: it is made again, full, and two follow it.
    names = {path.name for path in after if path.parts[-3] == "model-3"}
    assert names == {f"train-{k}.h5" for k in range(5)}
    assert len(before) == 2 * 3
    for path, old in before.items():
        kept = after[path].st_ino == old.st_ino
        assert kept == (path.name != "train-2.h5"), path
    log = (sharded.folder / "results/tiny/logs/analyse_images/model-3/train-0.log").read_text()
    assert "all 9 images are there already, nothing to do" in log
    assert sharded.planned("--", LEVEL) == {}
    store.verify(sharded.folder / LEVEL)


@pytest.mark.slow
def test_a_shard_that_is_damaged_is_named_and_made_again(sharded):
    shard = sharded.folder / LATENTS / "model-3/shards/train-1.h5"
    expected = described(sharded)["digest"]
    shard.write_bytes(shard.read_bytes()[:-1000])
    with pytest.raises(UserError) as caught, store.open_store(sharded.folder / LEVEL):
        pass
    shard.unlink()
    shard.with_suffix(".json").unlink()
    target = re.search(r"-- (\S+train-1\.h5) at the end$", str(caught.value))[1]
    sharded.snakemake("--", str(Path(target).relative_to(sharded.folder)))
    assert sharded.planned("--", LEVEL) == {}
    assert described(sharded)["digest"] == expected
    store.verify(sharded.folder / LEVEL)
