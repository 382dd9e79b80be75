"""Where the time went: what is read from the measured files, the table, the figure, the step."""

import csv
import subprocess
import sys

import pytest

from latentprint.errors import UserError
from latentprint.figure_style import style
from latentprint.glossary import words
from latentprint.job_times import Job, read_jobs, read_times
from latentprint.score_table import read_scores
from latentprint.steps import render_times
from latentprint.times import draw_times, times_table
from tests.unit.synthetic_run import write_run
from tests.unit.test_figures import check_texts

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
# Name below benchmarks/, seconds, memory, CPU seconds, as Snakemake writes them.
JOBS = (
    ("index_images", "0.83", "44.98", "0.50"),
    ("fit_classifier/model-3/y/YUV/flatten/RF", "30.00", "300.00", "55.00"),
    ("fit_classifier/model-3_beta-240/y_hat/YUV/flatten/GB", "50.00", "250.00", "80.00"),
    # Shorter than the time until the first look, and before a look at anything.
    ("fit_classifier/model-3/y/YUV/single/RF", "0.17", "NA", "NA"),
    ("analyse_images/model-3/train-0", "19.00", "5.71", "0.00"),
)


def write(folder, jobs=JOBS):
    for name, seconds, memory, cpu in jobs:
        path = folder / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        row = [seconds, "0:00:00", memory, "1.0", "1.0", "1.0", "0.0", "0.0", "1.0", cpu]
        path.write_text(HEAD + "\t".join(row) + "\n")
    return folder


@pytest.fixture
def benchmarks(tmp_path):
    return write(tmp_path / "benchmarks")


@pytest.fixture
def scores(tmp_path):
    return read_scores(write_run(tmp_path) / "scores.tsv")


def test_jobs_are_those_of_the_files(benchmarks):
    jobs = list(read_jobs(benchmarks))
    assert len(jobs) == len(JOBS)
    assert Job("index_images", "", 0.83, 0.5, 44.98) in jobs
    assert Job("fit_classifier", "model-3/y/YUV/single/RF", 0.17, 0.0, 0.0) in jobs


def test_rules_are_added_up_the_longest_first(benchmarks):
    times = {time.rule: time for time in read_times(benchmarks)}
    assert list(times) == ["fit_classifier", "analyse_images", "index_images"]
    fits = times["fit_classifier"]
    assert (fits.jobs, fits.cpu_s, fits.peak_mb) == (3, 135.0, 300.0)
    assert fits.wall_s == pytest.approx(80.17)
    assert (fits.longest_s, fits.longest) == (50.0, "model-3_beta-240/y_hat/YUV/flatten/GB")


def test_a_rule_that_was_one_job_before_is_one_row(benchmarks):
    """A file of an earlier version beside the folder of this one."""
    write(benchmarks, [("analyse_images", "1.00", "9.00", "1.00")])
    (time,) = [time for time in read_times(benchmarks) if time.rule == "analyse_images"]
    assert (time.jobs, time.wall_s) == (2, 20.0)


@pytest.mark.parametrize("made", [True, False])
def test_no_times_are_an_error_that_says_what_to_do(tmp_path, made):
    if made:
        (tmp_path / "benchmarks").mkdir()
    with pytest.raises(UserError, match=r"expected times of jobs.*--forcerun index_images"):
        read_times(tmp_path / "benchmarks")


def test_the_last_row_is_the_sum(benchmarks, scores):
    table = times_table(read_times(benchmarks), scores, text=words("en"))
    assert table.rows[0] == [
        "fit_classifier", "3", "80.2", "80.2%", "135.0", "300", "50.0",
        "model-3_beta-240/y_hat/YUV/flatten/GB",
    ]  # fmt: skip
    assert table.rows[-1] == [
        "all", "5", "100.0", "100.0%", "135.5", "300", "50.0", "fit_classifier",
    ]  # fmt: skip
    assert table.rules == {3}
    assert sum(record["share"] for record in table.data) == pytest.approx(1)
    assert "all" not in {record["rule"] for record in table.data}
    assert "embedded weights, images drawn by the product" in table.notes[-1]


def test_jobs_without_any_time_have_no_share(tmp_path, scores):
    rules = read_times(write(tmp_path / "b", [("index_images", "0.00", "NA", "NA")]))
    table = times_table(rules, scores, text=words("en"))
    assert table.rows[0] == ["index_images", "1", "0.0", "0.0%", "0.0", "0", "0.0", ""]


@pytest.mark.parametrize("language", ["en", "it"])
@pytest.mark.parametrize("few", [True, False])
def test_bars_are_the_seconds_and_nothing_is_clipped(benchmarks, scores, language, few):
    rules = read_times(benchmarks)[: 1 if few else None]
    with style():
        picture, data = draw_times(rules, scores, text=words(language))
        check_texts(picture, "times")
    bars = picture.axes[0].patches
    assert [bar.get_width() for bar in bars] == [rule.wall_s for rule in rules]
    heights = [bar.get_window_extent().y0 for bar in bars]
    assert heights == sorted(heights, reverse=True)  # the longest on top
    assert [row["rule"] for row in data] == [rule.rule for rule in rules]


@pytest.mark.usefixtures("scores")
def test_the_step_writes_table_and_figure(benchmarks, tmp_path, monkeypatch):
    output = tmp_path / "times"
    arguments = ["--benchmarks", benchmarks, "--scores", tmp_path / "scores.tsv", "--run", "tiny",
                 "--config-digest", "0123456789", "--output", output]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["render_times", *map(str, arguments)])
    render_times.main()
    kinds = ("csv", "html", "md", "png", "svg", "tex", "tsv")
    assert sorted(path.name for path in output.iterdir()) == [f"times.{kind}" for kind in kinds]
    with (output / "times.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["jobs"] for row in rows] == ["3", "1", "1"]
    assert {row["run"] for row in rows} == {"tiny"}
    assert "Run tiny, configuration 0123456789" in (output / "times.md").read_text()


def test_the_benchmark_of_scale_reads_the_same_times(benchmarks, root):
    """Whose own columns are bytes on disk and what the whole set would take."""
    program = (
        "import sys; from pathlib import Path; from scale_cost import stages;"
        "found = stages.stages(Path(sys.argv[1])); print(stages.table(found, 100).markdown())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(benchmarks.parent)],
        env={"PYTHONPATH": f"{root / 'benchmarks'}:{root / 'workflow/lib'}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split(" | ")[:4] for line in done.stdout.splitlines() if "_images" in line]
    # By CPU seconds, which the shortest jobs lack.
    assert rows == [
        ["| index_images", "1", "0.830", "0.500"], ["| analyse_images", "1", "19.0", "0"],
    ]  # fmt: skip
