"""Sources: regions on the latent grid, refusals with reasons, images that belong together."""

import io

import numpy as np
import pytest
from PIL import Image

from latentprint.cues import sources
from latentprint.cues.forest import folds_of
from latentprint.errors import UserError


@pytest.fixture
def folder(tmp_path):
    random = np.random.default_rng(1)
    for name, size in (("a/one.png", (96, 80)), ("a/two.png", (64, 64)), ("b/small.png", (60, 90))):
        path = tmp_path / "generated" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    (tmp_path / "generated/b/broken.png").write_bytes(b"\x89PNG no picture")
    (tmp_path / "generated/b/note.txt").write_text("no picture")
    return tmp_path / "generated"


def test_regions_start_at_multiples_of_the_latent_grid():
    assert sources.region(256, 256, 256) == (0, 0)
    assert sources.region(512, 384, 256) == (128, 64)
    assert sources.region(300, 271, 256) == (16, 0)


def test_folders_become_sources_and_what_cannot_be_used_is_listed(folder, tmp_path):
    found = sources.find({"synthetic": {"six": str(folder)}})
    assert {one.source for one in found} == {"six/a", "six/b"}
    rows, refused = sources.write_sources(found, size=64, pictures=tmp_path / "out")
    assert [row.source for row in rows] == ["six/a", "six/a"]
    reasons = {path.rpartition("/")[2]: reason for path, reason in refused}
    assert "60x90, expected at least 64x64" in reasons["small.png"]
    assert "broken.png" in reasons and len(reasons) == 2
    with Image.open(tmp_path / "out" / f"{rows[0].id}.png") as written:
        pixels = np.array(written)
    with Image.open(folder / "a/one.png") as original:
        assert (pixels == np.array(original)[0:64, 16:80]).all()
    assert (rows[0].left, rows[0].top) == (16, 0)
    sources.write_list(tmp_path / "sources.tsv", rows)
    assert sources.read_list(tmp_path / "sources.tsv") == rows


def test_jpeg_with_halved_chroma_is_marked(tmp_path):
    from latentprint.demo.images import draw

    pixels = draw(1, "real", split="train", seed=3, size=64)
    for name, sampling in (("half", "4:2:0"), ("full", "4:4:4")):
        (tmp_path / "photos").mkdir(exist_ok=True)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=97, subsampling=sampling)
        (tmp_path / "photos" / f"{name}.jpg").write_bytes(file.getvalue())
    found = sources.find({"uncompressed": {"photos": str(tmp_path / "photos")}})
    rows, _ = sources.write_sources(found, size=64, pictures=tmp_path / "out")
    said = {row.path.rpartition("/")[2]: row.confounded for row in rows}
    assert said["half.jpg"] == "stored as JPEG with chroma 4:2:0"
    assert "4:2" not in said["full.jpg"]


def test_an_empty_folder_and_a_wrong_list_are_one_line(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"cues.synthetic.six: .* holds no picture"):
        sources.find({"synthetic": {"six": str(tmp_path / "empty")}})
    with pytest.raises(UserError, match="is no folder"):
        sources.find({"synthetic": {"six": str(tmp_path / "none")}})
    manifest = tmp_path / "list.tsv"
    head = "path\timage_id\tclass\tsource\tgenerator\n"
    for text, said in (
        ("", "is empty"),
        ("path\timage_id\n1\t2\n", "column class is missing"),
        (f"{head}a.png\t1\tpainted\tx\t\n", "line 2: .*'painted'"),
    ):
        manifest.write_text(text)
        with pytest.raises(UserError, match=said):
            sources.read_manifest(manifest)
    manifest.write_text(f"{head}a.png\t7\tsynthetic\tsite\tdiffusion\n")
    (one,) = sources.read_manifest(manifest)
    assert one == (tmp_path / "a.png", "7", "synthetic", "diffusion")


def test_a_limited_number_is_spread_over_each_source():
    found = [sources.Found(f"{s}{k}", f"{k}", "synthetic", s) for s in "ab" for k in range(9)]
    kept = sources.first_of(found, 3)
    assert [one.path for one in kept] == ["a0", "a4", "a8", "b0", "b4", "b8"]
    assert sources.first_of(found, 0) == found


def test_pictures_of_one_image_share_a_fold_and_sources_are_spread(tmp_path):
    rows = sources.drawn_sources(10, seed=1, size=64, pictures=tmp_path)
    rows = [row._replace(image_id=f"{int(row.id) % 10}") for row in rows]  # real k with fake k
    folds = folds_of(rows, 5, seed=2)
    assert sorted(folds.values()) == sorted([0, 1, 2, 3, 4] * 2)
    assert folds == folds_of(rows, 5, seed=2) != folds_of(rows, 5, seed=3)
