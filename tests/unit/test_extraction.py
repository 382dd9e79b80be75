"""Extraction from files: what is stored is what the codec gives, and changed images are noticed."""

import hashlib
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint import extraction, store
from latentprint.codec import JpegAI, State
from latentprint.codec.layouts import CHANNELS
from latentprint.errors import UserError
from latentprint.image_tables import Chosen
from latentprint.level_stores import gather, join_level
from latentprint.rate_matching import match_rates
from latentprint.training import export
from latentprint.training.start import start
from tests.weights import write_four_models

COUNT = 9  # more than one block
SYMBOLS = ("q", "z_hat", "flags")
MIXED = np.array([3, 1, 1, 3, 0, 0, 3, 1, 0])
BETAS = np.column_stack([np.arange(-100, 800, 100), np.arange(800, -100, -100)])


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    torch.set_num_threads(1)
    return JpegAI.load(write_four_models(tmp_path_factory.mktemp("weights")), "BOP")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def chosen(folder):
    rows = []
    for number in range(COUNT):
        random = np.random.default_rng(number)
        detail = 2 ** random.integers(1, 7)  # from smooth to noise, so that images differ in rate
        small = random.integers(0, 256, (detail, detail, 3), dtype=np.uint8)
        name = f"image_{number}.png"
        Image.fromarray(small).resize((64, 64), Image.Resampling.BICUBIC).save(folder / name)
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        rows.append(Chosen(id=f"i{number}", label="real", split="train", path=name, sha256=digest))
    return rows


@pytest.fixture(scope="module")
def rgb(folder, chosen):
    pixels = [np.array(Image.open(folder / image.path)) for image in chosen]
    return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)


@pytest.fixture(scope="module")
def analysed(codec, folder, chosen):
    """Stores of y, model ids 0 to 3."""
    paths = [folder / f"model-{model}.h5" for model in range(4)]
    for model, path in enumerate(paths):
        extraction.analyse(codec, chosen, root=folder, size=64, model=model, output=path)
    return paths


def table(model, beta):
    return {"models": np.full(COUNT, model), "betas": np.full((COUNT, 2), beta)}


@pytest.mark.parametrize("tools", [True, False])
def test_the_store_holds_what_the_codec_gives(codec, analysed, rgb, chosen, tmp_path, tools):
    extraction.quantise(
        codec, [analysed[3]], **table(3, -400), output=tmp_path / "y_hat.h5", tools=tools
    )
    join_level(
        tmp_path / "all.h5", y=analysed[3], y_hat=tmp_path / "y_hat.h5", found=None, level="0.5",
        rate="table", same_as=["0.25"],
    )  # fmt: skip
    coded = codec.encode(rgb, beta=(-400, -400), tools=tools)
    with store.open_store(tmp_path / "all.h5") as kept:
        assert kept.ids == tuple(image.id for image in chosen)
        for component in CHANNELS:
            for latent in ("y", "y_hat"):
                expected = getattr(getattr(coded, component), latent).numpy()
                assert np.array_equal(kept.read(f"{component}/{latent}"), expected)
        assert np.array_equal(kept.read("bits"), coded.bits.numpy())
        assert np.allclose(kept.read("bpp"), coded.bits.sum(dim=1).numpy() / 4096)
        assert (kept.read("beta") == -400).all()
        assert (kept.read("model") == 3).all()
        stated = {
            "weights": "other", "level": "0.5", "target_bpp": 0.5, "rate": "table",
            "same_as": ["0.25"], "tools": tools, "state": "fresh", "y_hat": "after_lsbs",
            "extras": [], "models": [3],
        }  # fmt: skip
        assert {key: kept.attributes[key] for key in stated} == stated
        assert "image_order" not in kept.attributes
        files = kept.attributes["weight_files"]
        assert set(files) == {
            f"{name}_0.5.pth"
            for name in (
                "VM_bop/encoder_Y", "VM_bop/encoder_UV", "VM_common_int/Y", "VM_common_int/UV",
            )
        }  # fmt: skip
        for name, digest in files.items():
            assert hashlib.sha256((codec.folder / name).read_bytes()).hexdigest() == digest


def test_every_image_can_have_its_own_operating_point(codec, analysed, rgb, tmp_path):
    extraction.quantise(
        codec, [analysed[3], analysed[0], analysed[1]], models=MIXED, betas=BETAS,
        output=tmp_path / "y_hat.h5",
    )  # fmt: skip
    with store.open_store(tmp_path / "y_hat.h5") as kept:
        assert kept.attributes["models"] == [0, 1, 3]
        assert np.array_equal(kept.read("model"), MIXED)
        assert np.array_equal(kept.read("beta"), np.clip(BETAS, -1069, 702))
        for row in range(COUNT):
            coded = codec.encode(rgb[row : row + 1], int(MIXED[row]), BETAS[row].tolist())
            for component in CHANNELS:
                expected = getattr(coded, component).y_hat.numpy()
                assert np.array_equal(kept.read(f"{component}/y_hat", row, row + 1), expected)
            assert np.array_equal(kept.read("bits", row, row + 1), coded.bits.numpy())


@pytest.mark.parametrize(
    ("tools", "y_hat"), [(True, "after_lsbs"), (True, "before_lsbs"), (False, "after_lsbs")]
)
def test_y_hat_is_rebuilt_from_its_symbols_to_the_byte(codec, analysed, tmp_path, tools, y_hat):
    path = tmp_path / "archive.h5"
    extraction.quantise(
        codec, analysed, models=MIXED, betas=BETAS, output=path, tools=tools, y_hat=y_hat,
        extras=SYMBOLS,
    )  # fmt: skip
    rows = [7, 0, 3, 8, 4]
    luma, chroma = extraction.rebuild(codec, path, rows)
    with store.open_store(path) as kept:
        stored = {part: kept.read(f"{part}/y_hat")[rows] for part in CHANNELS}
    assert luma.tobytes() == stored["luma"].tobytes()
    assert chroma.tobytes() == stored["chroma"].tobytes()
    assert np.abs(luma).max() > 0


def test_before_and_after_lsbs_differ_where_tools_are_on(codec, analysed, tmp_path):
    kinds = {}
    for y_hat in extraction.Y_HAT:
        for tools in (True, False):
            path = tmp_path / f"{y_hat}-{tools}.h5"
            extraction.quantise(
                codec, analysed[3:], **table(3, 0), output=path, tools=tools, y_hat=y_hat
            )
            with store.open_store(path) as kept:
                assert kept.attributes["y_hat"] == y_hat
                kinds[y_hat, tools] = kept.read("luma/y_hat")
    assert not np.array_equal(kinds["after_lsbs", True], kinds["before_lsbs", True])
    assert np.array_equal(kinds["after_lsbs", False], kinds["before_lsbs", False])


def test_all_extras_are_what_the_codec_gives(codec, analysed, rgb, tmp_path):
    path = tmp_path / "extras.h5"
    extraction.quantise(
        codec, analysed[3:], **table(3, 100), output=path, extras=list(extraction.EXTRAS)
    )
    names = [name for each in extraction.EXTRAS.values() for name in each]
    coded = codec.encode(rgb, beta=(100, 100), latents=names)
    dtypes = {"q": "int16", "z_hat": "int8", "grfs": "int8", "cube": "int8"}
    with store.open_store(path) as kept:
        for part in CHANNELS:
            for name in names:
                expected = getattr(getattr(coded, part), name).numpy()
                found = kept.read(f"{part}/{name}")
                assert found.dtype == dtypes.get(name, "float32"), name
                assert np.array_equal(found, expected), name
            assert kept._file[f"{part}/q"].compression == "gzip"
            assert kept._file[f"{part}/q"].chunks == (1, *kept.shape(f"{part}/q")[1:])
    join_level(
        tmp_path / "level.h5", y=analysed[3], y_hat=path, found=None, level="1", rate="table"
    )
    with store.open_store(tmp_path / "level.h5") as level, store.open_store(path) as kept:
        assert np.array_equal(level.read("chroma/q"), kept.read("chroma/q"))
    luma, _ = extraction.rebuild(codec, tmp_path / "level.h5", [2])
    with store.open_store(path) as kept:
        assert np.array_equal(luma, kept.read("luma/y_hat", 2, 3))


def test_without_symbols_or_with_other_weights_nothing_is_rebuilt(codec, analysed, tmp_path):
    path = tmp_path / "a.h5"
    extraction.quantise(codec, analysed[3:], **table(3, 0), output=path, extras=["q", "z_hat"])
    with pytest.raises(UserError, match=r"a\.h5: no dataset luma/grfs, chroma/grfs.*store\.extras"):
        extraction.rebuild(codec, path, [0])
    extraction.quantise(codec, analysed[3:], **table(3, 0), output=path, extras=SYMBOLS)
    export.write(start(9), tmp_path / "other")
    with pytest.raises(UserError, match=r"UV_0\.5\.pth: is not the file that .*a\.h5 was made"):
        extraction.rebuild(JpegAI.load(tmp_path / "other", "BOP"), path, [0])


@pytest.fixture(scope="module")
def matched(codec, analysed, folder):
    """What is found at 7 bits per pixel, by state: upwards for some images, down for others."""
    paths = {state: folder / f"{state}.h5" for state in ("fresh", "carried")}
    for state, path in paths.items():
        match_rates(codec, analysed, bpp=7, output=path, state=state)
    return paths


def choices(path):
    """Models, displacements, and the places of the models that occur."""
    with store.open_store(path) as kept:
        models, betas = kept.read("model"), kept.read("beta")
    return models, betas, sorted(set(models.tolist()))


@pytest.mark.parametrize("state", ["fresh", "carried"])
def test_rates_are_matched_as_the_codec_matches_them(
    codec, analysed, matched, rgb, tmp_path, state
):
    few = 4  # what follows them changes nothing
    carried = State() if state == "carried" else None
    coded = codec.encode(rgb[:few], target_bpp=7, latents=("y_hat",), state=carried)
    models, betas, used = choices(matched[state])
    assert len(used) > 1 and len(set(betas[:, 0].tolist())) > 2
    assert np.array_equal(models[:few], coded.model.numpy())
    assert np.array_equal(betas[:few], coded.beta.numpy())
    with store.open_store(matched[state]) as kept:
        rates = coded.bits.sum(dim=1).numpy() / 4096
        assert np.allclose(kept.read("bpp")[:few], rates, rtol=1e-6)
        assert set(kept.read("found")) <= {0, 1} and (kept.read("trials") >= 5).all()
        assert kept.attributes["models"] == [0, 1, 2, 3]
        assert kept.attributes["target_bpp"] == 7
        assert kept.attributes.get("image_order") == ("that of the dataset id" if carried else None)
    path = tmp_path / "y_hat.h5"
    extraction.quantise(
        codec, [analysed[model] for model in used], models=models, betas=betas, output=path,
        state=state,
    )  # fmt: skip
    with store.open_store(path) as kept:
        assert np.array_equal(kept.read("luma/y_hat")[:few], coded.luma.y_hat.numpy())
        assert np.array_equal(kept.read("chroma/y_hat")[:few], coded.chroma.y_hat.numpy())
        assert kept.attributes["state"] == state


def test_the_order_matters_only_where_state_is_carried(matched):
    """The tolerances that searches narrow: fewer rates are accepted after others."""
    accepted = {}
    for state, path in matched.items():
        with store.open_store(path) as kept:
            accepted[state] = int(kept.read("found").sum())
        assert store.read_sidecar(path.with_suffix(".json"))["summary"]["found"] == accepted[state]
    assert accepted["carried"] < accepted["fresh"]


def test_carried_flags_are_those_of_the_first_image_of_the_store(root, folder, chosen, tmp_path):
    """With trained weights: the flags of untrained ones are the same for all images."""
    codec = JpegAI.load(root / "resources/codec", "BOP")
    y = tmp_path / "y.h5"
    extraction.analyse(codec, chosen, root=folder, size=64, model=3, output=y)
    found = {}
    for state in ("fresh", "carried"):
        path = tmp_path / f"{state}.h5"
        extraction.quantise(
            codec, [y], **table(3, 0), output=path, state=state, extras=["q", "z_hat", "flags"]
        )
        with store.open_store(path) as kept:
            found[state] = [kept.read("luma/grfs"), kept.read("luma/y_hat")]
            assert kept.attributes.get("image_order") == (
                "that of the dataset id" if state == "carried" else None
            )
        assert np.array_equal(extraction.rebuild(codec, path, range(COUNT))[0], found[state][1])
    (fresh, y_hat), (carried, carried_y_hat) = found.values()
    assert (carried == fresh[0]).all() and not (fresh == fresh[0]).all()
    differing = (carried != fresh).any(axis=1)
    changed = (y_hat != carried_y_hat).any(axis=(1, 2, 3))
    assert changed.any() and not (changed & ~differing).any()


def test_carried_flags_of_a_model_are_those_of_the_first_image_though_it_has_another(
    codec, analysed, tmp_path, monkeypatch
):
    """The matcher tried every model on the first image."""
    met = []
    quantise = codec.quantise

    def seen(luma, chroma, model, *others, state, **named):
        met.append((model, luma[0].clone()))
        return quantise(luma, chroma, model, *others, state=state, **named)

    monkeypatch.setattr(codec, "quantise", seen)
    path = tmp_path / "carried.h5"
    extraction.quantise(codec, analysed, models=MIXED, betas=BETAS, output=path, state="carried")
    assert [model for model, _ in met[:3]] == [0, 1, 3]
    for model, luma in met[:3]:
        with store.open_store(analysed[model]) as source:
            assert np.array_equal(luma, source.read("luma/y", 0, 1)[0])


def test_a_matched_level_shows_what_was_found(codec, analysed, matched, tmp_path):
    found, y, y_hat = matched["fresh"], tmp_path / "y.h5", tmp_path / "y_hat.h5"
    models, betas, occurring = choices(found)
    used = [analysed[model] for model in occurring]
    gather(used, found, y)
    with store.open_store(y) as gathered:
        assert np.array_equal(gathered.read("model"), models)
        for row, model in enumerate(models.tolist()):
            with store.open_store(analysed[model]) as source:
                for name in ("luma/y", "chroma/y"):
                    assert np.array_equal(
                        gathered.read(name, row, row + 1), source.read(name, row, row + 1)
                    )
        parts = [p for model in occurring for p in codec.used_parts(("encoder",), model)]
        assert gathered.attributes["weights_digest"] == extraction.weight_parts.digest(
            codec.folder, parts
        )
        assert len(gathered.attributes["weight_files"]) == len(parts)
    extraction.quantise(codec, used, models=models, betas=betas, output=y_hat)
    level = {"found": found, "level": "7", "rate": "match"}
    join_level(tmp_path / "both.h5", y=y, y_hat=y_hat, **level)
    join_level(tmp_path / "y_alone.h5", y=y, y_hat=None, **level)
    for name in ("both.h5", "y_alone.h5"):
        store.verify(tmp_path / name)
        with store.open_store(tmp_path / name) as kept, store.open_store(found) as matched:
            for number in ("model", "beta", "found", "trials"):
                assert np.array_equal(kept.read(number), matched.read(number)), number
            assert np.allclose(kept.read("bpp"), matched.read("bpp"), rtol=1e-6)
            assert np.isnan(kept.read("bits")).all() == (name == "y_alone.h5")
            assert kept.attributes["target_bpp"] == 7 and kept.attributes["rate"] == "match"


def test_without_quantisation_the_rate_is_unknown_not_zero(analysed, tmp_path):
    join_level(
        tmp_path / "level.h5", y=analysed[1], y_hat=None, found=None, level="0.25", rate="table",
        beta=-12,
    )  # fmt: skip
    with store.open_store(tmp_path / "level.h5") as kept:
        assert np.isnan(kept.read("bpp")).all()
        assert np.isnan(kept.read("bits")).all()
        assert (kept.read("beta") == -12).all() and (kept.read("model") == 1).all()
        assert kept.names == ("beta", "bits", "bpp", "chroma/y", "luma/y", "model")


def test_stores_of_other_images_are_not_joined(codec, analysed, folder, chosen, tmp_path):
    other = tmp_path / "other.h5"
    relabelled = [image._replace(label="fake") for image in chosen]
    extraction.analyse(codec, relabelled, root=folder, size=64, model=3, output=other)
    extraction.quantise(codec, [other], **table(3, 0), output=tmp_path / "y_hat.h5")
    with pytest.raises(UserError, match=r"model-3\.h5: images_digest is"):
        join_level(
            tmp_path / "level.h5", y=analysed[3], y_hat=tmp_path / "y_hat.h5", found=None,
            level="1", rate="table",
        )  # fmt: skip
    with pytest.raises(UserError, match=r"images_digest is"):
        match_rates(codec, [*analysed[:3], other], bpp=1, output=tmp_path / "matched.h5")
    assert not (tmp_path / "level.h5").exists() and not (tmp_path / "matched.h5").exists()


@pytest.fixture
def own_folder(folder, chosen, tmp_path):
    """A folder of the same images, to be changed."""
    own = tmp_path / "images"
    own.mkdir()
    for image in chosen:
        (own / image.path).write_bytes((folder / image.path).read_bytes())
    return own


def test_a_changed_image_stops_the_extraction_and_leaves_nothing(
    codec, own_folder, chosen, tmp_path
):
    Image.new("RGB", (64, 64)).save(own_folder / chosen[8].path)
    with pytest.raises(
        UserError, match=r"image_8\.png: has changed since it was indexed\. Restore"
    ):
        extraction.analyse(
            codec, chosen, root=own_folder, size=64, model=3, output=tmp_path / "y.h5"
        )
    assert not list(tmp_path.glob("*.h5")) and not list(tmp_path.glob(".*.h5"))


def test_all_unusable_images_of_a_block_are_named_and_the_rest_is_kept(
    codec, analysed, own_folder, chosen, tmp_path, monkeypatch
):
    monkeypatch.setattr(extraction, "BLOCK", 3)
    broken = own_folder / chosen[6].path
    broken.write_bytes(broken.read_bytes()[:-20])
    (own_folder / chosen[7].path).unlink()
    (own_folder / chosen[8].path).unlink()
    (own_folder / chosen[8].path).mkdir()
    expected = (
        rf"{broken}: has changed since it was indexed; .*image_7\.png: cannot be read \(No such "
        r"file or directory\); .*image_8\.png: cannot be read \(Is a directory\)\. Restore these"
    )
    output = tmp_path / "y.h5"
    options = {"root": own_folder, "size": 64, "model": 3, "output": output, "code": "c"}
    with pytest.raises(UserError, match=expected) as caught:
        extraction.analyse(codec, chosen, **options)
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(extraction, "NAMED", 1)
    with pytest.raises(UserError, match=rf"{broken}: has changed[^;]*; and 2 more\. Restore these"):
        extraction.analyse(codec, chosen, **options)
    options["root"] = analysed[3].parent  # all is well there
    passed = seen_by(codec, "encode", monkeypatch)
    extraction.analyse(codec, chosen, **options)
    assert passed in ([3, 3, 3], [3, 3], [3])  # what was worked on before the error is not again
    assert same(output, analysed[3])


def test_an_image_that_the_index_would_refuse_is_named(codec, folder, chosen, tmp_path):
    with pytest.raises(
        UserError, match=r"image_0\.png: is 64x64, expected 80x80; .*; and 3 more\."
    ):
        extraction.analyse(codec, chosen, root=folder, size=80, model=3, output=tmp_path / "y.h5")


def seen_by(codec, name, monkeypatch, *, stop=None):
    """Note how many images every call of the codec gets; Ctrl-C in the call number `stop`."""
    met = []
    function = getattr(codec, name)

    def noting(first, *others, **named):
        if len(met) == stop:
            raise KeyboardInterrupt
        met.append(len(first[0] if name == "match" else first))
        return function(first, *others, **named)

    monkeypatch.setattr(codec, name, noting)
    return met


def same(path, other):
    """Tell whether two stores hold the same, and their descriptions are equal to the byte."""
    store.verify(path)
    assert not list(path.parent.glob(f".{path.stem}.*"))
    texts = [each.with_suffix(".json").read_bytes() for each in (path, other)]
    with store.open_store(path) as first, store.open_store(other) as second:
        names = first.names == second.names and first.attributes == second.attributes
        values = all(first.read(n).tobytes() == second.read(n).tobytes() for n in first.names)
    return texts[0] == texts[1] and names and values


def parts_of_extraction(codec, analysed, folder, chosen):
    """The three kinds of extraction as functions of output and digest of the code."""
    return {
        "encode": lambda output, code: extraction.analyse(
            codec, chosen, root=folder, size=64, model=3, output=output, code=code
        ),
        "quantise": lambda output, code: extraction.quantise(
            codec, analysed, models=MIXED, betas=BETAS, output=output, extras=SYMBOLS, code=code
        ),
        "match": lambda output, code: match_rates(codec, analysed, bpp=7, output=output, code=code),
    }


@pytest.mark.parametrize("part", ["encode", "quantise", "match"])
def test_interrupted_extraction_goes_on_and_ends_in_the_same_bytes(
    codec, analysed, folder, chosen, tmp_path, monkeypatch, caplog, part
):
    caplog.set_level("INFO")
    extract = parts_of_extraction(codec, analysed, folder, chosen)[part]
    extract(tmp_path / "whole.h5", None)
    monkeypatch.setattr(extraction, "BLOCK", 2)
    calls = []
    with monkeypatch.context() as patch:
        calls.append(seen_by(codec, part, patch))
        extract(tmp_path / "blocks.h5", None)
    assert same(tmp_path / "blocks.h5", tmp_path / "whole.h5")
    for stop in (2, 1, 0):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            calls.append(seen_by(codec, part, patch, stop=stop))
            extract(tmp_path / "stopped.h5", "c")
        assert len(calls[-1]) == stop and not (tmp_path / "stopped.h5").exists()
    with monkeypatch.context() as patch:
        calls.append(seen_by(codec, part, patch))
        extract(tmp_path / "stopped.h5", "c")
    assert same(tmp_path / "stopped.h5", tmp_path / "whole.h5")
    undisturbed, *stopped = calls
    assert sum(undisturbed) == COUNT
    if part == "quantise":  # a block is several calls, by model, and only whole ones are kept
        assert sum(map(sum, stopped)) < 2 * COUNT
    else:
        assert [count for each in stopped for count in each] == undisturbed
        assert caplog.text.count("resuming after image") == 3
    assert "resuming after image" in caplog.text


@pytest.mark.parametrize("changed", ["code", "points", "device", "images"])
def test_interrupted_extraction_of_something_else_is_not_gone_on_with(
    codec, analysed, folder, chosen, tmp_path, monkeypatch, caplog, changed
):
    caplog.set_level("INFO")
    monkeypatch.setattr(extraction, "BLOCK", 2)
    options = {"models": MIXED, "betas": BETAS, "output": tmp_path / "y_hat.h5", "code": "c"}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        seen_by(codec, "quantise", patch, stop=5)
        extraction.quantise(codec, analysed, **options)
    sources = analysed
    if changed == "code":
        options["code"] = "other"
    elif changed == "points":
        options["betas"] = BETAS + np.eye(COUNT, 2, dtype=int)
    elif changed == "device":
        monkeypatch.setattr(extraction, "machine", lambda codec: "another")
    else:
        sources = [tmp_path / f"other-{model}.h5" for model in range(4)]
        for model, path in enumerate(sources):
            others = [image._replace(label="fake") for image in chosen]
            extraction.analyse(codec, others, root=folder, size=64, model=model, output=path)
    caplog.clear()
    extraction.quantise(codec, sources, **options)
    key = {"code": "code", "points": "points", "device": "machine", "images": "images_digest"}
    assert f"it was begun with another {key[changed]}" in caplog.text
    assert "resuming after" not in caplog.text
    fresh = tmp_path / "fresh.h5"
    extraction.quantise(codec, sources, **options | {"output": fresh, "code": None})
    assert same(tmp_path / "y_hat.h5", fresh)


@pytest.mark.parametrize("part", ["quantise", "match"])
def test_with_carried_state_an_interrupted_job_starts_over_and_says_so(
    codec, analysed, matched, tmp_path, monkeypatch, caplog, part
):
    caplog.set_level("INFO")
    monkeypatch.setattr(extraction, "BLOCK", 2)
    models, betas, _ = choices(matched["carried"])
    output = tmp_path / "carried.h5"

    def extract():
        options = {"output": output, "state": "carried", "code": "c"}
        if part == "match":
            match_rates(codec, analysed, bpp=7, **options)
        else:
            extraction.quantise(codec, analysed, models=models, betas=betas, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        seen_by(codec, part, patch, stop=6 if part == "quantise" else 2)
        extract()
    assert "state: carried" in caplog.text and "it starts over" in caplog.text
    assert not list(tmp_path.iterdir())
    with monkeypatch.context() as patch:
        calls = seen_by(codec, part, patch)
        extract()
    if part == "match":
        assert sum(calls) == COUNT
        with store.open_store(output) as again, store.open_store(matched["carried"]) as before:
            assert again.digest == before.digest


def test_the_codec_and_the_files_each_have_their_thread(
    codec, analysed, folder, chosen, tmp_path, monkeypatch
):
    monkeypatch.setattr(extraction, "BLOCK", 2)
    threads = {}

    def note(owner, name):
        function = getattr(owner, name)

        def noting(*arguments, **named):
            threads.setdefault(name, set()).add(threading.get_ident())
            return function(*arguments, **named)

        monkeypatch.setattr(owner, name, noting)

    note(codec, "encode"), note(codec, "quantise"), note(codec, "match")
    note(store.Store, "read"), note(store.StoreWriter, "write")
    main = threading.get_ident()
    for part, extract in parts_of_extraction(codec, analysed, folder, chosen).items():
        threads.clear()
        extract(tmp_path / f"{part}.h5", None)
        assert threads[part] == {main}
        assert len(threads["write"]) == 1 and main not in threads["write"]
        if part == "quantise":
            assert len(threads["read"]) == 1 and not threads["read"] & (threads["write"] | {main})


def test_y_of_other_weights_is_not_quantised(analysed, tmp_path):
    export.write(start(99), tmp_path / "other")
    other = JpegAI.load(tmp_path / "other", "BOP")
    with pytest.raises(UserError, match=r"model-3\.h5: weights_digest is"):
        extraction.quantise(other, [analysed[3]], **table(3, 0), output=tmp_path / "y_hat.h5")
