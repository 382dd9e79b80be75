"""The demo's images: layout, determinism, equal files of both classes, a trace in one of them."""

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentprint.demo import camera, generator, images
from latentprint.demo.canvas import noise
from latentprint.demo.images import draw, encoded, image_id, write_images
from latentprint.demo.scenes import draw_scene
from latentprint.errors import UserError
from latentprint.steps import make_demo_images

SIZE = 64
KAGGLE_HEADER = ["", "original_path", "id", "label", "label_str", "path"]


def many(
    label: str, n: int, *, size: int = SIZE, seed: int = 11, split: str = "train"
) -> list[np.ndarray]:
    return [draw(i, label, split=split, seed=seed, size=size) for i in range(n)]


@pytest.fixture(scope="module")
def files() -> dict[str, list[bytes]]:
    """200 coded images of each class."""
    return {label: [encoded(x) for x in many(label, 200)] for label in images.LABELS}


@pytest.fixture(scope="module")
def data_set(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for split, count in (("train", "6"), ("test", "4")):
        arguments = ["--output", str(folder), "--split", split, "--n-images", count]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.argv", ["", *arguments, "--seed", "5", "--image-size", str(SIZE)])
            make_demo_images.main()
    return folder


def table(folder: Path, split: str) -> list[list[str]]:
    with (folder / f"{split}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def tree(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


# --- layout


def test_the_layout_is_that_of_the_kaggle_set(data_set):
    for split, n in (("train", 6), ("test", 4)):
        header, *rows = table(data_set, split)
        assert header == KAGGLE_HEADER
        assert [row[0] for row in rows] == [str(k) for k in range(n)]
        half = n // 2
        assert [row[3:5] for row in rows] == [["1", "real"]] * half + [["0", "fake"]] * half
        for _, _, name, _, label, path in rows:
            assert path == f"{split}/{label}/{name}.jpg"
            with Image.open(data_set / "real_vs_fake" / "real-vs-fake" / path) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIZE, SIZE))
    in_tables = 6 + 4
    assert len(list(data_set.rglob("*.jpg"))) == in_tables


def test_the_csv_header_and_types_match_the_faces_folder(data_set, shared):
    theirs, first, *_, last = table(shared / "data" / "faces", "train")
    header, our_first, *_, our_last = table(data_set, "train")
    assert header == theirs
    for ours, reference in ((our_first, first), (our_last, last)):
        assert ours[3:5] == reference[3:5]
        assert len(ours[2]) == len(reference[2])
        assert ours[5].split("/")[:2] == reference[5].split("/")[:2]


def test_ids_are_unique_over_splits_and_classes():
    names = [
        image_id(i, label, split=split, seed=1)
        for split in images.SPLITS
        for label in images.LABELS
        for i in range(3000)
    ]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\d{5}|[A-Z]{10}", name) for name in names)


def test_a_failed_run_leaves_the_former_split_and_nothing_else(tmp_path, monkeypatch):
    write_images(tmp_path, "test", n_images=2, seed=1, size=SIZE)
    before = tree(tmp_path)
    calls = []

    def failing(*args, **kwargs):
        calls.append(args)
        if len(calls) == 3:
            raise OSError("disk full")
        return draw(*args, **kwargs)

    monkeypatch.setattr(images, "draw", failing)
    with pytest.raises(OSError, match="disk full"):
        write_images(tmp_path, "test", n_images=4, seed=2, size=SIZE)
    assert len(calls) == 3
    assert tree(tmp_path) == before
    folders = {path.name for path in tmp_path.rglob("*") if path.is_dir()}
    assert folders == {"real_vs_fake", "real-vs-fake", "test", "real", "fake"}


def test_a_second_run_replaces_the_images_of_its_split_only(tmp_path):
    write_images(tmp_path, "train", n_images=4, seed=1, size=SIZE)
    write_images(tmp_path, "test", n_images=4, seed=1, size=SIZE)
    train = {k: v for k, v in tree(tmp_path).items() if "train" in k}
    write_images(tmp_path, "test", n_images=2, seed=2, size=SIZE)
    after = tree(tmp_path)
    assert {k: v for k, v in after.items() if "train" in k} == train
    assert len([k for k in after if "/test/" in k]) == 2
    assert len(table(tmp_path, "test")) == 1 + 2


# --- determinism


def test_equal_seeds_give_equal_bytes_whatever_the_number_of_images(data_set, tmp_path):
    write_images(tmp_path, "train", n_images=2, seed=5, size=SIZE)
    few = {k: v for k, v in tree(tmp_path).items() if k.endswith(".jpg")}
    drawn = tree(data_set)
    assert len(few) == 2
    assert all(drawn[name] == content for name, content in few.items())


@pytest.mark.parametrize("other", [{"index": 1}, {"label": "fake"}, {"split": "test"}, {"seed": 4}])
def test_every_part_of_the_key_changes_the_scene(other):
    arguments = {"index": 0, "label": "real", "split": "train", "seed": 3} | other
    index, label = arguments.pop("index"), arguments.pop("label")
    one = draw(0, "real", split="train", seed=3, size=SIZE).astype(float)
    two = draw(index, label, **arguments, size=SIZE).astype(float)
    # The same scene with other noise would differ by a few grey levels.
    assert np.abs(one - two).mean() > 12


@pytest.mark.parametrize("size", [64, 80, 112])
def test_any_multiple_of_sixteen_is_drawn(size):
    for label in images.LABELS:
        picture = draw(0, label, split="test", seed=1, size=size)
        assert picture.shape == (size, size, 3)
        assert picture.dtype == np.uint8
        assert 20 < picture.mean() < 235
        assert picture.std() > 15


def test_impossible_numbers_are_refused(tmp_path):
    with pytest.raises(UserError, match="multiple of 16"):
        draw(0, "real", split="train", seed=1, size=72)
    with pytest.raises(UserError, match="n_train: expected an even number"):
        write_images(tmp_path, "train", n_images=5, seed=1, size=SIZE)
    with pytest.raises(UserError, match="seed"):
        write_images(tmp_path, "train", n_images=4, seed=-1, size=SIZE)
    assert list(tmp_path.iterdir()) == []


# --- the files do not tell the class


def test_both_classes_share_tables_and_sampling(files):
    settings = set()
    for contents in files.values():
        for content in contents[:20]:
            image = Image.open(io.BytesIO(content))
            tables = tuple(tuple(values) for values in image.quantization.values())
            settings.add((tables, tuple(image.layer), image.size, tuple(sorted(image.info))))
    assert len(settings) == 1


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a share."""
    z = 1.96
    middle = (successes + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * np.sqrt(successes * (n - successes) / n + z * z / 4)
    return middle - half, middle + half


def test_file_traits_do_not_tell_the_class():
    """Fitted on one split, asked on the other: the 95 % interval holds 0.5.

    Cross-validation would lean below 0.5 where there is nothing to learn, and leave it too often.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    traits = {}
    for split in images.SPLITS:
        rows = []
        for label in images.LABELS:
            for picture in many(label, 150, seed=12, split=split):
                content = encoded(picture)
                image = Image.open(io.BytesIO(content))
                steps = [step for values in image.quantization.values() for step in values]
                rows.append([np.log(len(content)), *image.size, *steps])
        traits[split] = np.array(rows)
    fake = np.repeat([False, True], 150)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(traits["train"], fake)
    right = int((model.predict(traits["test"]) == fake).sum())
    low, high = wilson(right, len(fake))
    assert low < 0.5 < high


def test_file_sizes_agree_in_mean_and_spread(files):
    real, fake = (np.log([len(c) for c in files[name]]) for name in images.LABELS)
    error = np.sqrt(real.var() / len(real) + fake.var() / len(fake))
    assert abs(real.mean() - fake.mean()) < 3 * error
    assert 0.75 < real.std() / fake.std() < 1.33


def test_one_scene_keeps_brightness_contrast_and_size_in_both_pipelines():
    differences = []
    for k in range(30):
        scene = draw_scene(np.random.default_rng((7, k)), SIZE * 3 // 2)
        row = []
        for pipeline in (camera.photograph, generator.generate):
            picture = np.clip(pipeline(scene, np.random.default_rng(k), SIZE), 0, 1)
            pixels = (picture * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
            row.append([picture.mean(), picture.std(), np.log(len(encoded(pixels)))])
        differences.append(np.subtract(*row))
    brightness, contrast, log_size = np.mean(differences, axis=0)
    assert abs(brightness) < 0.005
    assert abs(contrast) < 0.005
    assert abs(log_size) < 0.03


# --- the content does


def highest_peak(pictures: list[np.ndarray]) -> float:
    """Give the highest log ratio of the mean spectrum at periods 2, 4, 8 to what is around."""
    side = pictures[0].shape[0]
    window = np.hanning(side)[:, None] * np.hanning(side)
    spectrum = np.zeros((side, side))
    for picture in pictures:
        luma = picture @ np.array([0.299, 0.587, 0.114])
        padded = np.pad(luma, 1, mode="edge")
        mean = sum(padded[i : i + side, j : j + side] for i in range(3) for j in range(3)) / 9
        # Clipped, so that contours do not drown what is everywhere.
        residual = np.clip(luma - mean, -4, 4)
        spectrum += np.abs(np.fft.fft2(residual * window)) ** 2
    harmonics = range(side // 8, side // 2 + 1, side // 8)
    away = (-4, -3, 3, 4)
    ratios = []
    for row in harmonics:
        for column in harmonics:
            around = [spectrum[(row + i) % side, (column + j) % side] for i in away for j in away]
            ratios.append(np.log(spectrum[row, column] / np.median(around)))
    return max(ratios)


def test_the_fake_class_shows_an_up_sampling_peak_and_the_real_class_does_not():
    real, fake = (highest_peak(many(label, 24, size=128)) for label in images.LABELS)
    # A mean of 24 exponential variables has a standard deviation of 0.2; the highest of 16 log
    # ratios without a peak lies near 0.4.
    assert real < 0.9
    assert fake > 1.4


def test_without_trace_there_is_no_peak(monkeypatch):
    monkeypatch.setattr(generator, "TRACE", 0.0)
    assert highest_peak(many("fake", 24, size=128)) < 0.9


@pytest.fixture
def noiseless(monkeypatch):
    monkeypatch.setattr(generator, "NOISE", 0.0)
    monkeypatch.setattr(camera, "SHOT", 0.0)
    monkeypatch.setattr(camera, "READ", 0.0)


def test_the_trace_is_periodic_and_as_strong_as_the_signal(noiseless):
    flats = {}
    for level in (0.05, 0.4):
        scene = np.full((3, 192, 192), level, np.float32)
        # Away from the edges, where the padding shows.
        flats[level] = generator.generate(scene, np.random.default_rng(2), 128)[:, 32:96, 32:96]
    for flat in flats.values():
        np.testing.assert_allclose(flat[:, 8:, 8:], flat[:, :-8, :-8], atol=1e-6)
    contrast = {level: flat.std(axis=(1, 2)) / flat.mean() for level, flat in flats.items()}
    assert (contrast[0.4] > 0.001).all()
    np.testing.assert_allclose(contrast[0.05], contrast[0.4], rtol=1e-3)
    expected = camera.developed(np.full((3, 1, 1), 0.4, np.float32))
    # The four gains of a kernel have mean 1, so the brightness stays.
    np.testing.assert_allclose(flats[0.4].mean(), expected.mean(), rtol=1e-3)


def test_the_knob_scales_the_trace(noiseless, monkeypatch):
    scene = draw_scene(np.random.default_rng(4), 96)
    pictures = {}
    for strength in (0.0, 1.0, 2.0):
        monkeypatch.setattr(generator, "TRACE", strength)
        pictures[strength] = generator.generate(scene, np.random.default_rng(1), 64)
    one = (pictures[1.0] - pictures[0.0]).std()
    two = (pictures[2.0] - pictures[0.0]).std()
    assert one > 0.001
    assert two / one == pytest.approx(2, abs=0.05)


# --- parts


def test_the_transposed_convolution_is_the_adjoint_of_a_strided_one():
    rng = np.random.default_rng(0)
    small = rng.standard_normal((5, 6)).astype(np.float32)
    kernel = rng.standard_normal((4, 4)).astype(np.float32)
    # Definition: every input value stamps the kernel, two pixels apart, one pixel cut off.
    stamped = np.zeros((5 * 2 + 2, 6 * 2 + 2))
    for i in range(5):
        for j in range(6):
            stamped[2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += small[i, j] * kernel
    ours = generator._transposed(small, kernel)
    assert ours.shape == (10, 12)
    # The edges differ on purpose: ours continues the picture, the definition has zeros there.
    np.testing.assert_allclose(ours[1:-1, 1:-1], stamped[2:-2, 2:-2], atol=1e-5)


def test_demosaicing_is_exact_for_flat_colours_and_grey_slopes(noiseless):
    flat = np.array([0.2, 0.5, 0.1], np.float32).reshape(3, 1, 1) * np.ones((3, 24, 24), np.float32)
    np.testing.assert_allclose(camera._demosaiced(camera._mosaic(flat)), flat, atol=1e-6)
    slope = np.linspace(0, 1, 24, dtype=np.float32) + np.linspace(0, 1, 24)[:, None]
    grey = np.stack([slope] * 3).astype(np.float32)
    ours = camera._demosaiced(camera._mosaic(grey))[:, 2:-2, 2:-2]
    np.testing.assert_allclose(ours, grey[:, 2:-2, 2:-2], atol=1e-5)


def test_noise_has_mean_zero_and_unit_spread():
    rng = np.random.default_rng(0)
    for pitch, octaves in ((2, 1), (8, 1), (8, 3)):
        values = noise(rng, (240, 200), pitch, octaves=octaves)
        assert values.shape == (240, 200)
        assert abs(values.mean()) < 0.1
        assert values.std() == pytest.approx(1, abs=0.2)
