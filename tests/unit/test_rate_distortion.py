"""Points, Bjontegaard's difference, the coders and what the report shows of them."""

import hashlib
import io
import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint.codec import JpegAI, weights
from latentprint.errors import UserError
from latentprint.glossary import words
from latentprint.rate_distortion import coders, curve
from latentprint.rate_distortion.bjontegaard import compare, rate_difference
from latentprint.rate_distortion.curve import JPEG, OWN, TRANSFORMS, WEBP, Point
from latentprint.rate_distortion.tables import differences, points_of_codec
from latentprint.training.pictures import drawn
from latentprint.training.record import TRAINING, check_apart

RATES = np.array([0.1, 0.2, 0.4, 0.8, 1.6])


def curve_of(offset=0.0):
    return np.stack([RATES, 30 + 6 * np.log2(RATES) + offset], axis=1)


def points_of(codec, *, factor, names=("a", "b", "c")):
    return [
        Point(codec, f"q{level}", name, rate * factor * (1 + 0.1 * number), psnr)
        for number, name in enumerate(names)
        for level, (rate, psnr) in enumerate(curve_of())
    ]


@pytest.fixture(scope="module")
def picture():
    return drawn(np.random.default_rng(5), 128)


def test_a_fifth_less_rate_is_a_fifth_less():
    cheaper = curve_of() * [0.8, 1]
    difference, low, high = rate_difference(cheaper, curve_of())
    assert difference == pytest.approx(-20)
    assert (low, high) == (pytest.approx(curve_of()[0, 1]), pytest.approx(curve_of()[-1, 1]))
    assert rate_difference(curve_of(), cheaper)[0] == pytest.approx(25)


def test_better_quality_is_less_rate():
    """6 dB for a doubling: 3 dB more at equal rate are a factor of the square root of two."""
    difference, _, _ = rate_difference(curve_of(offset=3), curve_of())
    assert difference == pytest.approx((1 / math.sqrt(2) - 1) * 100)


def test_curves_without_a_common_quality_or_too_short_give_no_number():
    assert math.isnan(rate_difference(curve_of(offset=100), curve_of())[0])
    assert math.isnan(rate_difference(curve_of()[:3], curve_of())[0])


def test_points_whose_quality_does_not_rise_are_left_out():
    worse = np.insert(curve_of(), 2, [0.3, 1.0], axis=0)
    assert rate_difference(worse, curve_of())[0] == pytest.approx(0)


def test_the_interval_rests_on_photographs():
    points = [*points_of(JPEG, factor=1), *points_of(OWN, factor=0.7)]
    found = compare(points, OWN, JPEG, seed=1)
    assert found.of_means == pytest.approx(-30)
    assert found.typical == pytest.approx(-30)
    assert found.photographs == 3
    of_one = compare([*points, *points_of(WEBP, factor=0.5, names="a")], WEBP, JPEG, seed=1)
    assert of_one.photographs == 1
    assert math.isnan(of_one.low)


def test_intervals_span_photographs_that_differ():
    points = points_of(JPEG, factor=1)
    for name, factor in (("a", 0.5), ("b", 0.8), ("c", 1.1)):
        scaled = points_of(OWN, factor=factor)
        points += [point for point in scaled if point.photograph == name]
    found = compare(points, OWN, JPEG, seed=1)
    assert found.low < found.typical < found.high
    assert found.typical == pytest.approx(-20)


def test_of_several_model_ids_the_best_are_the_curve():
    points = [
        Point(OWN, "model 0, 0", "a", 0.1, 20),
        Point(OWN, "model 1, 0", "a", 0.5, 30),
        Point(OWN, "model 0, 9", "a", 0.6, 29),  # worse at more bits
        Point(OWN, "model 1, 9", "a", 1.0, 34),
    ]
    settings, values = curve.mean(points, OWN)
    assert settings == ["model 0, 0", "model 1, 0", "model 1, 9"]
    assert values.tolist() == [[0.1, 20], [0.5, 30], [1.0, 34]]


def test_points_survive_their_file(tmp_path):
    points = points_of(OWN, factor=1)
    curve.write(points, tmp_path / "points.tsv")
    again = curve.read(tmp_path / "points.tsv")
    assert [p.setting for p in again] == [p.setting for p in points]
    assert [p.bpp for p in again] == pytest.approx([p.bpp for p in points], abs=1e-6)
    (tmp_path / "points.tsv").write_text("codec\tsetting\nx\ty\n")
    with pytest.raises(UserError, match=r"points\.tsv: is not a table of rate-distortion points"):
        curve.read(tmp_path / "points.tsv")


@pytest.mark.parametrize(("codec", "kind"), [(JPEG, "JPEG"), (WEBP, "WEBP")])
def test_bits_are_those_of_the_file_and_quality_that_of_its_pixels(picture, codec, kind):
    points = list(coders.file_codec(codec, picture, "p"))
    quality = int(points[3].setting[1:])
    options = {"method": 6} if codec == WEBP else {"subsampling": "4:2:0", "optimize": True}
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=quality, **options)
    decoded = np.asarray(Image.open(file).convert("RGB")).astype(float)
    error = np.square(decoded - picture).mean()
    assert points[3].bpp == len(file.getvalue()) * 8 / 128**2
    assert points[3].psnr == pytest.approx(10 * math.log10(255**2 / error))
    assert points[-1].bpp > points[0].bpp
    assert points[-1].psnr > points[0].psnr


def test_the_codec_costs_what_it_estimates(root, picture, monkeypatch):
    monkeypatch.setattr(coders, "DISPLACEMENTS", (-500, 300))
    codec = JpegAI.load(root / "resources/codec", "BOP")
    low, high = coders.jpeg_ai(codec, 3, picture, "p")
    rgb = torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()
    coded = codec.encode(rgb, beta=(300, 300))
    assert high.bpp == pytest.approx(float(coded.bits.sum()) / 128**2)
    decoded = codec.decode(coded)[0].permute(1, 2, 0).numpy()
    assert high.psnr == coders.quality(decoded, picture)
    assert (low.bpp, low.psnr) < (high.bpp, high.psnr)


def test_symbols_cost_the_entropy_of_all_photographs_together():
    rows = [np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])]
    bits = coders.pooled_bits([np.unique(row, return_counts=True) for row in rows])
    entropy = -(6 * math.log2(6 / 8) + 2 * math.log2(2 / 8))
    assert bits.sum() == pytest.approx(entropy)
    assert bits[1] == pytest.approx(-4 * math.log2(6 / 8))


def test_transforms_alone_give_a_curve(root, picture, monkeypatch):
    monkeypatch.setattr(coders, "TRANSFORM_LEVELS", (-3, 3))
    coder = coders.TransformCoder(JpegAI.load(root / "resources/codec", "BOP"), 3)
    coder.add(picture, "p")
    coarse, fine = coder.points()
    assert coarse.bpp < fine.bpp
    assert coarse.psnr < fine.psnr


def test_photographs_trained_on_are_refused(tmp_path):
    photograph = tmp_path / "again.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(photograph)
    digest = hashlib.sha256(photograph.read_bytes()).hexdigest()
    (tmp_path / TRAINING).write_text(json.dumps({"photographs": {"first.png": digest}}))
    with pytest.raises(UserError, match=r"again\.png: is the same file as first\.png"):
        check_apart(tmp_path, [photograph])
    (tmp_path / TRAINING).write_text(json.dumps({"photographs": {"first.png": "0"}}))
    check_apart(tmp_path, [photograph])


@pytest.mark.parametrize("language", ["en", "it"])
def test_tables_name_codecs_photographs_and_weights(language):
    points = [
        *points_of(OWN, factor=0.7),
        *points_of(JPEG, factor=1),
        *points_of(WEBP, factor=0.6),
    ]
    facts = {"photographs": "kodak", "n": 3, "operating_point": "BOP", "weights": "embedded"}
    facts |= {"pillow": "1", "jpeg": "libjpeg 2", "webp": "libwebp 3"}
    text = words(language)
    table = differences(points, facts, text=text)
    assert [[*row[:3], row[-1]] for row in table.rows] == [
        ["JPEG AI BOP", "JPEG 4:2:0", "-30.0", "3"],
        ["JPEG AI BOP", "WebP", "+16.7", "3"],
    ]
    notes = " ".join(table.notes)
    assert "kodak" in notes
    assert text["weights_embedded"] in notes
    assert "libwebp 3" in notes
    assert len(points_of_codec(points, facts, text=text).rows) == 5


def test_the_embedded_curve_belongs_to_the_embedded_weights(root):
    """Weights trained anew must be measured anew: `make codec` does both."""
    folder = root / "resources/codec"
    facts = json.loads((folder / "rd_curve.json").read_text())
    codec = JpegAI.load(folder, "BOP")
    used = codec.used_parts(("encoder", "entropy", "decoder"), 3)
    assert facts["weights_digest"] == weights.digest(folder, used)
    assert facts["weights"] == "embedded"
    names = curve.photographs(curve.read(folder / "rd_curve.tsv"))
    assert len(names) == facts["n"]
    trained = json.loads((folder / TRAINING).read_text())["photographs"]
    assert not set(names) & set(trained)


@pytest.mark.parametrize(("source", "name"), [("official", "Official"), ("other", "Other")])
def test_transforms_are_called_official_only_if_they_are(source, name):
    points = [*points_of(OWN, factor=0.7), *points_of(TRANSFORMS, factor=1)]
    facts = {"photographs": "kodak", "n": 3, "operating_point": "BOP", "weights": "embedded"}
    facts |= {"transforms": {"source": source, "digest": "0"}}
    table = differences(points, facts, text=words("en"))
    assert table.rows[0][1] == f"{name} BOP transforms"
    assert any(note.startswith(f"{name} BOP transforms") for note in table.notes)
