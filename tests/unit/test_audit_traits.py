"""Traits of one file: what the header tells, traces of resizing, traces of another block grid."""

import io

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from latentprint.audit.block_grid import OFF_GRID, block_grid
from latentprint.audit.file_traits import file_traits
from latentprint.audit.resampling import PEAK, resampling
from tests.unit.audit_pictures import encoded, luma, picture, recompressed

SMALL = picture(size=64)


# --- file -----------------------------------------------------------------------------------


def test_jpeg_header_is_read():
    data = encoded(SMALL, quality=80, subsampling="4:2:0")
    traits = file_traits(data)
    assert traits[:5] == ("JPEG", "RGB", 64, 64, len(data))
    assert traits.bytes_per_pixel == pytest.approx(len(data) / 64**2, abs=1e-6)
    assert (traits.jpeg_quality, traits.jpeg_sampling) == (80, "4:2:0")
    assert (traits.jpeg_progressive, traits.exif, traits.icc, traits.comment) == (0, 0, 0, 0)
    assert traits.segments == "E0 DB DB C0 C4 C4 C4 C4 DA"
    assert data[traits.header_bytes : traits.header_bytes + 2] == b"\xff\xda"


def test_each_setting_shows_in_its_trait():
    plain = file_traits(encoded(SMALL, quality=80))
    progressive = file_traits(encoded(SMALL, quality=80, progressive=True))
    assert progressive.jpeg_progressive == 1 and "C2" in progressive.segments
    optimised = file_traits(encoded(SMALL, quality=80, optimize=True))
    assert optimised.header_bytes < plain.header_bytes
    assert optimised.jpeg_tables == plain.jpeg_tables
    assert file_traits(encoded(SMALL, quality=81)).jpeg_tables != plain.jpeg_tables
    exif = Image.Exif()
    exif[271] = "maker"
    assert file_traits(encoded(SMALL, exif=exif)).exif == 1
    assert file_traits(encoded(SMALL, icc_profile=b"profile")).icc == 1
    assert file_traits(encoded(SMALL, comment=b"words")).comment == 1
    assert file_traits(encoded(SMALL.convert("L"))).jpeg_sampling == ""


def test_tables_of_another_program_give_the_nearest_quality():
    tables = Image.open(io.BytesIO(encoded(SMALL, quality=70))).quantization
    other = [[value + (k == 5) for k, value in enumerate(tables[n])] for n in (0, 1)]
    traits = file_traits(encoded(SMALL, qtables=other))
    assert traits.jpeg_quality == 70
    assert traits.jpeg_tables != file_traits(encoded(SMALL, quality=70)).jpeg_tables


def test_fill_bytes_before_a_marker_are_allowed():
    data = encoded(SMALL, quality=80)
    filled = data[:2] + b"\xff\xff" + data[2:]
    assert file_traits(filled).segments == file_traits(data).segments


def test_png_has_no_jpeg_traits():
    info = PngInfo()
    info.add_text("Software", "a program")
    plain, text = (file_traits(encoded(SMALL, "PNG", **o)) for o in ({}, {"pnginfo": info}))
    for traits in (plain, text):
        assert traits.format == "PNG"
        assert (traits.jpeg_quality, traits.jpeg_progressive) == (None, None)
        assert (traits.jpeg_tables, traits.jpeg_sampling) == ("", "")
    assert (plain.segments, plain.comment) == ("IHDR IDAT IEND", 0)
    assert (text.segments, text.comment) == ("IHDR tEXt IDAT IEND", 1)


@pytest.mark.parametrize("kind", ["WEBP", "BMP", "TIFF"])
def test_other_formats(kind):
    traits = file_traits(encoded(SMALL, kind))
    assert (traits.format, traits.segments, traits.header_bytes) == (kind, "", None)


# --- resizing -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_unresized_pictures_show_no_peak(seed):
    for image in (picture(seed), recompressed(picture(seed), 75)):
        assert resampling(luma(image)).resize_both < PEAK


def test_block_edges_are_no_trace_of_resizing():
    image = recompressed(picture(3), 20)
    assert block_grid(luma(image)).grid_own > 0.15
    assert resampling(luma(image)).resize_both < PEAK


@pytest.mark.parametrize("method", [Image.Resampling.BICUBIC, Image.Resampling.BILINEAR])
@pytest.mark.parametrize(("edge", "frequency"), [(384, 1 / 3), (307, 1 / 6)])
def test_enlarged_pictures_show_a_peak_at_the_period_of_the_factor(method, edge, frequency):
    """256 to 384: every third value is alike; 256 to 307: every sixth."""
    found = resampling(luma(picture(1).resize((edge, edge), method).crop((0, 0, 256, 256))))
    assert found.resize_both > PEAK
    folded = [n * frequency % 1 for n in range(1, 4)]
    folded = [min(value, 1 - value) for value in folded]
    assert min(abs(found.resize_frequency - value) for value in folded) < 0.01


def test_rows_and_columns_are_told_apart():
    stretched = resampling(luma(picture(2).resize((384, 256)).crop((0, 0, 256, 256))))
    assert stretched.resize_rows > PEAK > stretched.resize_columns
    turned = resampling(luma(picture(2).resize((256, 384)).crop((0, 0, 256, 256))))
    assert turned.resize_columns > PEAK > turned.resize_rows


def test_flat_pictures_have_no_traces():
    flat = np.full((64, 64), 100, np.float32)
    assert resampling(flat) == (0, 0, 0, 0)
    assert block_grid(flat)[:2] == (0, 0)


# --- block grid -----------------------------------------------------------------------------


def test_only_compression_leaves_the_own_grid():
    found = [block_grid(luma(image)) for image in (picture(3), recompressed(picture(3), 30))]
    assert abs(found[0].grid_own) < 0.03 and found[1].grid_own > 0.1
    assert all(grid.grid_other < OFF_GRID for grid in found)


@pytest.mark.parametrize(("left", "top"), [(3, 5), (7, 1), (4, 4)])
@pytest.mark.parametrize("again", [None, 92])
def test_a_cropped_and_recompressed_picture_shows_where_its_first_grid_was(left, top, again):
    image = recompressed(picture(4, size=272), 50).crop((left, top, left + 256, top + 256))
    found = block_grid(luma(recompressed(image, again) if again else image))
    assert found.grid_other > OFF_GRID
    assert (found.grid_other_row, found.grid_other_column) == (8 - top, 8 - left)


def test_a_png_file_that_was_a_jpeg_file_shows_its_grid():
    assert block_grid(luma(recompressed(picture(5), 30))).grid_own > 0.1
