"""The encoding benchmark: what it counts is right, and every part runs on small pictures."""

import importlib
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from latentprint.codec import analysis, matcher
from latentprint.codec.weights import parts
from latentprint.errors import UserError

SECONDS = ("CPU s an image", "analyses, s", "hyper, s", "rates and y_hat, s")
CHANNELS_IN, CHANNELS_OUT, SIDE = 8, 12, 10
MODULES = (
    "batches",
    "extractions",
    "matrix_rates",
    "measuring",
    "meter",
    "one_by_one",
    "products",
    "setting",
    "stages",
)


@pytest.fixture(scope="module")
def bench(root):
    """The modules of the benchmark, and the script itself as `encode`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root / "benchmarks"))
        found = {name: importlib.import_module(f"encoding_cost.{name}") for name in MODULES}
        page = importlib.import_module("benchtools.page")
        yield SimpleNamespace(encode=importlib.import_module("encode"), page=page, **found)


@pytest.fixture(autouse=True, scope="module")
def threads():
    """The script sets the number of threads; what other tests find stays."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pictures(folder, *, size, count):
    for number in range(count):
        noise = np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def setting(bench, root, tmp_path_factory):
    """The product's own weights and three pictures of 64 x 64."""
    folder = pictures(tmp_path_factory.mktemp("pictures"), size=64, count=3)
    return bench.setting.Setting(
        root / "resources" / "codec", "cpu", bench.setting.chosen_files(folder, 3), ("BOP",)
    )


@pytest.fixture
def small_square(bench, monkeypatch):
    """A quick product in place of the large one."""
    for module in (bench.matrix_rates, bench.stages):
        monkeypatch.setattr(module, "SQUARE", bench.products.Product(1, 64, 64, 64))


def column(table, name):
    place = table.columns.index(name)
    return {row[0]: row[place] for row in table.rows}


@pytest.mark.parametrize("groups", [1, 4, CHANNELS_IN])
def test_convolutions_are_counted_as_they_are_defined(bench, groups):
    x = torch.rand(2, CHANNELS_IN, SIDE, SIDE)
    kernel = torch.rand(2 * CHANNELS_IN, CHANNELS_IN // groups, 3, 3)
    found = []
    with bench.products.Counter(found):
        result = F.conv2d(x, kernel, stride=2, padding=1, groups=groups)
    assert [product.macs for product in found] == [result.numel() * kernel[0].numel()]
    assert found[0].groups == groups


@pytest.mark.parametrize("groups", [1, 4])
def test_transposed_convolutions_are_counted_by_their_input(bench, groups):
    x = torch.rand(2, CHANNELS_IN, SIDE, SIDE)
    kernel = torch.rand(CHANNELS_IN, CHANNELS_OUT // groups, 4, 4)
    found = []
    with bench.products.Counter(found):
        F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=groups)
    assert [product.macs for product in found] == [x.numel() * kernel[0].numel()]


def test_matrix_products_are_counted(bench):
    found = []
    with bench.products.Counter(found):
        torch.rand(3, 5) @ torch.rand(5, 7)
        torch.rand(2, 4, 3, 5) @ torch.rand(2, 4, 5, 7)
        F.linear(torch.rand(3, 5), torch.rand(7, 5), torch.rand(7))
    assert [product.macs for product in found] == [3 * 5 * 7, 2 * 4 * 3 * 5 * 7, 3 * 5 * 7]


def test_a_picture_has_the_multiply_accumulates_of_the_specification(bench, setting, tmp_path):
    """Section 11 of the specification: counted on the layers, 256 x 256."""
    folder = pictures(tmp_path, size=256, count=1)
    found = bench.meter.stage_products(
        setting._replace(files=bench.setting.chosen_files(folder, 1)), "BOP"
    )
    assert bench.products.gmac(found["analysis luma"]) == pytest.approx(1.973, rel=0.002)
    assert bench.products.gmac(found["analysis chroma"]) == pytest.approx(0.535, rel=0.002)
    assert bench.products.gmac(found["hyper"]) == pytest.approx(0.330, rel=0.01)
    assert bench.products.gmac(found["quantise"]) == pytest.approx(0.043, rel=0.02)


def test_small_products_are_charged_the_mean_rate(bench, monkeypatch):
    monkeypatch.setattr(bench.products, "product_seconds", lambda product, threads, device: 2.0)
    large, small = bench.products.Product(1, 32, 32, 100), bench.products.Product(64, 1, 9, 100)
    expected = 2.0 * (large.macs + small.macs) / large.macs
    assert bench.products.bound_seconds([large, small], 1, "cpu") == pytest.approx(expected)
    assert np.isnan(bench.products.bound_seconds([small], 1, "cpu"))


def test_watching_leaves_the_codec_as_it_was(bench):
    before, decision = analysis.analyse, matcher.Decision
    with pytest.raises(RuntimeError), bench.meter.Meter("cpu").watching():
        assert analysis.analyse is not before
        raise RuntimeError
    assert analysis.analyse is before
    assert matcher.Decision is decision


def test_a_stage_within_a_stage_is_counted_once(bench, monkeypatch):
    codec = SimpleNamespace(inner=lambda: 1, outer=lambda: codec.inner())
    stages = (("outer", codec, "outer"), ("inner", codec, "inner"))
    monkeypatch.setattr(bench.meter, "STAGES", stages)
    with bench.meter.Meter("cpu").watching() as meter:
        assert codec.outer() == 1
    assert list(meter.seconds) == ["outer"]


def test_a_search_is_seen_with_the_rates_that_it_needed(bench):
    asked = []

    def rate(model, beta):
        asked.append((model, beta))
        return 0.1 * (model + 1)

    with bench.meter.Meter("cpu").watching() as meter:
        decision = matcher.match(rate, 6.0)
    assert meter.decisions == [decision]
    assert bench.meter.distinct_trials(decision) == len(asked)


def test_the_rates_and_the_stages_have_tables(bench, setting, small_square):
    (rates,) = bench.matrix_rates.tables(setting)
    counted = {name: float(text) for name, text in column(rates, "GMAC").items() if text}
    parts = counted["BOP analysis, luma"] + counted["BOP analysis, chroma"]
    assert counted["BOP analysis"] == pytest.approx(parts, rel=0.01)
    assert all(float(text) > 0 for text in column(rates, "GMAC/s, 1 thread").values())

    (stages,) = bench.stages.tables(setting)
    shares = [float(text.rstrip(" %")) for text in column(stages, "share").values() if text]
    assert sum(shares) == pytest.approx(200, abs=1)  # the stages, and all of them together
    assert all(float(text) > 0 for text in column(stages, "CPU ms an image").values())
    assert "synthesis (not needed for latents)" in column(stages, "share")
    assert "one rate trial" not in column(stages, "share")  # needs the files of all model ids


def test_batches_count_pictures(bench, setting, monkeypatch):
    coded = []

    def cost(work, **options):
        coded.append(len(work().model))
        return bench.measuring.Cost(wall_s=2.0, cpu_s=4.0)

    monkeypatch.setattr(bench.batches, "cost", cost)
    sweep = bench.batches.Sweep("BOP", ("y",), 1)
    found = bench.batches.sweep(setting._replace(batches=(1, 4)), sweep)  # of three pictures
    assert coded == [1, 4]
    assert [one.images_a_second for one in found] == [0.5, 2.0]
    assert [one.cpu_s for one in found] == [4.0, 1.0]


def test_every_configuration_has_a_process_and_a_row(bench, setting):
    through, alone = bench.batches.tables(setting._replace(batches=(1, 2)))
    assert [row[0] for row in through.rows] == ["BOP, y", "BOP, y and y_hat"]
    assert [row[0] for row in alone.rows] == ["BOP, analysis alone"]
    for row in (*through.rows, *alone.rows):
        assert len(row) == len(through.columns)
        assert all(float(text) > 0 for text in row[1:6])  # but memory, which nothing need add


def test_the_analysis_alone_computes_what_the_codec_does(bench, setting, monkeypatch):
    rgb = setting.pictures(2)
    codec = setting.codec("BOP")
    work = bench.batches.work_of(setting, codec, bench.batches.Sweep("BOP", None, 1), rgb)
    seen = []
    function = analysis.analyse
    monkeypatch.setattr(
        analysis, "analyse", lambda x, **options: seen.append(function(x, **options))
    )
    work()
    monkeypatch.undo()
    alone = codec.encode(rgb[:1], latents=("y",))
    for y, component in zip(seen, (alone.luma, alone.chroma), strict=True):
        assert len(y) == 2
        torch.testing.assert_close(y[:1], component.y)


def test_the_thesis_way_leaves_out_what_needs_other_files(bench, setting):
    (table,) = bench.one_by_one.tables(setting)
    assert list(column(table, "saturated")) == ["BOP, point (3, 702)", "BOP, model 3"]
    assert column(table, "reference, CPU s (elsewhere)") == {
        "BOP, point (3, 702)": "4.60",  # of the search that ends there
        "BOP, model 3": "1.00 to 1.40",
    }


def test_searches_are_measured_where_all_models_are_there(bench, setting, small_square, tmp_path):
    weights = tmp_path / "weights"
    for part in parts("BOP"):
        (weights / part.relative_path).parent.mkdir(parents=True, exist_ok=True)
        of_model_3 = setting.weights / replace(part, model=3).relative_path
        (weights / part.relative_path).symlink_to(of_model_3)
    searching = setting._replace(weights=weights, files=setting.files[:1])
    (table,) = bench.one_by_one.tables(searching)
    ways = ["BOP, 6 bpp", "BOP, point (3, 702)", "BOP, 0.5 bpp", "BOP, model 3"]
    assert list(column(table, "saturated")) == ways
    tried = column(table, "rates tried")
    assert tried.pop("BOP, model 3") == tried.pop("BOP, point (3, 702)") == ""
    assert all(float(text) >= 4 for text in tried.values())  # of each model one
    for row in table.rows:
        whole, *stages = (float(row[table.columns.index(name)]) for name in SECONDS)
        assert whole == pytest.approx(sum(stages), rel=0.02)

    (table,) = bench.stages.tables(searching)
    trial = column(table, "GMAC")["one rate trial"]
    assert trial == column(table, "GMAC")["gain, tools, context, bits, y_hat"]


def test_extraction_is_run_from_files_to_stores(bench, setting):
    found = bench.extractions.extract(setting, "BOP", 5)  # more than there are pictures
    assert list(found) == ["analyse: y", "quantise: y_hat"]
    for step in found.values():
        assert 0 < step.in_codec_s <= step.wall_s


def test_the_table_of_extraction_is_per_image(bench, setting, monkeypatch):
    def child(function, _, point, count):
        assert function is bench.extractions.extract
        return {"analyse: y": bench.extractions.Extracted(count / 2.0, 3.0 * count, 0.4 * count, 7)}

    monkeypatch.setattr(bench.extractions, "in_child", child)
    (table,) = bench.extractions.tables(setting)
    hours = f"{140_000 / 2 / 3600:.1f}"
    assert [row[1:] for row in table.rows] == [
        [count, "2.00", "3.00", "80 %", "7.00", hours] for count in ("3", "12")
    ]


def test_operating_points_without_weights_are_left_out(bench, root):
    assert bench.setting.able_points(root / "resources" / "codec", "cpu") == ("BOP",)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_an_absent_device_is_named(bench, root):
    with pytest.raises(UserError, match="cuda"):
        bench.setting.able_points(root / "resources" / "codec", "cuda")


def test_a_page_keeps_the_text_around_its_tables(bench):
    page = bench.page.replaced("before\n", "encode.py", "A", "old\n") + "after\n"
    page = bench.page.replaced(page, "encode.py", "B", "other\n")
    page = bench.page.replaced(page, "encode.py", "A", "new\n")
    assert "old" not in page
    places = [page.index(text) for text in ("before", "new", "after", "other")]
    assert places == sorted(places)


def test_the_script_writes_its_page(bench, setting, tmp_path, monkeypatch, capsys):
    """Conditions are those of a whole run: a part alone leaves them as they are."""
    page = tmp_path / "speed.md"
    folder = setting.files[0].parent
    arguments = ["--weights", str(setting.weights), "--images", str(folder), "--n", "1"]
    arguments += ["--markdown", str(page)]
    monkeypatch.setattr(bench.encode, "PARTS", {"D": bench.encode.PARTS["D"]})
    monkeypatch.setattr(sys, "argv", ["encode.py", *arguments, "--parts", "D"])
    bench.encode.main()
    text = page.read_text()
    assert "BOP, model 3" in text
    assert "the product's own" in text
    assert str(folder) not in text
    assert str(setting.weights) not in text
    assert "BOP, model 3" in capsys.readouterr().out
    page.write_text(text.replace("the product's own", "of another run"))
    others = bench.encode.PARTS | {"A": bench.encode.PARTS["D"]}
    monkeypatch.setattr(bench.encode, "PARTS", others)
    bench.encode.main()
    assert "of another run" in page.read_text()


@pytest.mark.parametrize("text", ["", "0", "1,", "1;2", "two"])
def test_counts_that_are_none_are_refused(bench, text):
    with pytest.raises(UserError, match=r"^--batches .*expected numbers"):
        bench.encode.counts("--batches", text)
    assert bench.encode.counts("--batches", "64,1,4,1") == (1, 4, 64)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (0, "0"),
        (12.345, "12.3"),
        (0.01234, "0.0123"),
        (9876, "9,876"),
    ],
)
def test_numbers_have_three_digits(bench, value, text):
    assert bench.page.number(value) == text
