"""The plan of a run: trials as the search makes them, times as measured, a page that fits."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from snakemake.utils import update_config

from latentprint import plan, plan_page
from latentprint.errors import UserError, run
from latentprint.fit_times import FIT_SECONDS, binning_seconds
from latentprint.plan_page import Machine, check_disk, check_given, page
from latentprint.search import grid
from latentprint.spaces import draw
from latentprint.steps import print_plan
from latentprint.tuning import Trial

MACHINE = Machine(cores=16, memory_mb=57_600)


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def thesis(root, config):
    update_config(config, yaml.safe_load((root / "config/thesis.yaml").read_text()))
    return config


@pytest.fixture
def tabled(thesis):
    """The thesis' configuration with the operating points of its table."""
    thesis["rate"] = "table"
    return thesis


def counted(found):
    # 100 draws, then 3^3 and 3^5 points of which one is the best draw.
    for cell, n in found.items():
        assert n == {"RF": 126, "GB": 342}[cell.rpartition("/")[2]]
        assert "/flatten/" not in cell
    return len(found)


def test_trials_of_the_thesis_at_most(thesis):
    """y and y_hat, two levels that differ, components, single and multiple, classifiers."""
    assert counted(plan.trials(thesis)) == 2 * 2 * 2 * 2 * 2
    assert sum(plan.trials(thesis).values()) == 7_488
    assert sum(study.fits for study in plan.studies(thesis)) == 22_464
    fewest = plan.studies(thesis, plan.fewest_points(thesis))
    assert len(fewest) == 16 and sum(study.trials for study in fewest) == 3_744


def test_equal_lines_of_the_table_are_searched_once(tabled):
    assert counted(plan.trials(tabled)) == 2 * 2 * 2 * 2
    assert {cell.split("/")[0] for cell in plan.trials(tabled)} == {
        "model-3", "model-3_beta-702",
    }  # fmt: skip
    assert sum(study.fits for study in plan.studies(tabled)) == 11_232
    tabled["operating_points"]["6"] = [3, 0]
    assert counted(plan.trials(tabled)) == 3 * 2 * 2 * 2


def test_y_counts_once_per_model_id(tabled):
    tabled["operating_points"]["6"] = [1, 0]
    assert counted(plan.trials(tabled)) == 4 * 2 * 2 * 2


def test_halving_is_planned_by_its_rungs(thesis):
    """81 on 1/27 of the images, 27 on 1/9, 9 on 1/3, 3 on all: 12 full fits a fold."""
    plain = {study.cell: study for study in plan.studies(thesis)}
    thesis["tuning"] = "halving"
    halved = {study.cell: study for study in plan.studies(thesis)}
    assert halved.keys() == plain.keys()
    for cell, study in halved.items():
        assert (study.trials, study.fits) == (120, 36)
        assert study.fits < plain[cell].fits / 9
    search = [work for work in plan.work(thesis) if work.rule == "tune_classifier"]
    assert {work.trials // work.jobs for work in search} == {120}
    thesis["search"]["RF"]["halving"] = {"candidates": 2, "factor": 3, "least": 60}
    found = next(study for study in plan.studies(thesis) if study.cell.endswith("RF"))
    assert (found.trials, found.fits) == (2, 6)


def test_nothing_is_searched_with_published_parameters(thesis):
    thesis["tuning"] = "published"
    assert plan.trials(thesis) == {}
    assert plan.jobs(thesis)["tune_classifier"] == 48


def test_jobs_of_matched_levels(thesis):
    most, fewest = plan.jobs(thesis), plan.jobs(thesis, plan.fewest_points(thesis))
    known = plan.jobs_before_matching(thesis)
    assert known == {
        "analyse_images": 33 * 4, "match_rates": 33 * 2, "join_matched": 4, "join_level": 4,
        "share_cell": 48, "evaluate_classifier": 48,
    }  # fmt: skip
    for counts in (most, fewest):
        assert {rule: counts[rule] for rule in known} == known
    assert (most["gather_latents"], most["extract_latents"], most["join_shards"]) == (66, 66, 8)
    assert (fewest["extract_latents"], fewest["join_shards"]) == (33, 4)
    assert (most["fit_classifier"], fewest["fit_classifier"]) == (48, 24)
    assert "gather_latents" not in fewest


def test_state_that_is_carried_goes_through_one_shard_of_all_images(thesis):
    thesis["state"] = "carried"
    most = plan.jobs(thesis)
    assert (most["analyse_images"], most["match_rates"], most["extract_latents"]) == (132, 4, 4)
    assert most["join_shards"] == 2 * (4 + 2 + 2)  # y of all model ids, for the matching


def test_shards_change_the_longest_job_and_not_the_sum(thesis):
    def of(shard_images, rule):
        thesis["store"]["shard_images"] = shard_images
        (found,) = [one for one in plan.work(thesis) if one.rule == rule]
        return found

    start = plan.RATES["start"].value
    for rule in ("analyse_images", "match_rates"):
        whole, cut = of(30_000, rule), of(500, rule)
        assert whole.jobs * 33 == cut.jobs
        assert cut.core_s - cut.jobs * start == pytest.approx(whole.core_s - whole.jobs * start)
        assert (cut.longest_s - start) * 60 == pytest.approx(whole.longest_s - start)


def test_a_search_reused_from_outside_the_run_has_its_job(config):
    config["features"] = ["flatten"]
    assert len(plan.fitted_cells(config)) == 12
    assert plan.jobs(config)["tune_classifier"] == 12 + 4
    assert plan.jobs(config)["build_features"] == 6 + 2


@pytest.mark.parametrize("classifier", ["RF", "GB"])
@pytest.mark.parametrize("seed", range(4))
def test_the_grid_has_the_points_that_the_plan_counts(thesis, classifier, seed):
    settings = thesis["search"][classifier]
    generator = np.random.default_rng(seed)
    tried = [
        Trial("random", parameters, (float(generator.random()),), 0.0)
        for parameters in draw(settings["space"], count=settings["draws"], generator=generator)
    ]
    study = next(found for found in plan.studies(thesis) if found.cell.endswith(classifier))
    assert len(tried) == study.draws
    points = len(grid(tried, settings["grid"]))
    # A point may have been drawn already, and is not tried twice.
    assert study.points - 2 <= points <= study.points


def test_a_choice_of_two_has_two_points(config):
    config["search"]["RF"]["space"]["max_depth"] = {"choice": [10, 20]}
    study = next(study for study in plan.studies(config) if study.cell.endswith("RF"))
    assert study.points == 2 * 3 - 1


# CPU seconds of one thread: forests of 40 and of 20 trees, boosting without early stopping.
@pytest.mark.parametrize(
    ("classifier", "rows", "values", "parameters", "seconds"),
    [
        ("RF", 4_000, 65_536, {"n_estimators": 40}, 36.4),
        ("RF", 4_000, 4_096, {"n_estimators": 40}, 8.1),
        ("RF", 2_000, 16_384, {"n_estimators": 20}, 3.54),
        ("RF", 30_000, 65_536, {"n_estimators": 1}, 9.3),
        ("RF", 20_000, 256, {"n_estimators": 8}, 3.03),
        ("RF", 300_000, 256, {"n_estimators": 1}, 11.5),
        ("GB", 4_000, 4_096, {"max_iter": 20, "max_leaf_nodes": 31, "max_bins": 255}, 20.4),
        ("GB", 4_000, 4_096, {"max_iter": 20, "max_leaf_nodes": 31, "max_bins": 63}, 11.8),
        ("GB", 4_000, 4_096, {"max_iter": 20, "max_leaf_nodes": 31, "max_bins": 15}, 8.3),
        ("GB", 4_000, 65_536, {"max_iter": 3, "max_leaf_nodes": 31, "max_bins": 63}, 103.4),
        ("GB", 20_000, 256, {"max_iter": 11, "max_leaf_nodes": 72, "max_bins": 63}, 1.51),
        ("GB", 300_000, 256, {"max_iter": 11, "max_leaf_nodes": 72, "max_bins": 63}, 23.5),
    ],
)
def test_rates_give_the_measured_times_within_a_factor_of_two(
    classifier, rows, values, parameters, seconds
):
    estimate = FIT_SECONDS[classifier, "sklearn"]
    estimated = estimate(rows, values, {"min_samples_leaf": 18} | parameters)
    assert seconds / 2 < estimated < 2 * seconds


# CPU seconds of one thread, without binning: docs/training.md, docs/scale.md and docs/tuning.md.
@pytest.mark.parametrize(
    ("classifier", "rows", "values", "parameters", "seconds"),
    [
        ("RF", 2_000, 65_536, {"n_estimators": 463}, 10.5),
        ("RF", 4_000, 65_536, {"n_estimators": 463}, 27.6),
        ("RF", 8_000, 65_536, {"n_estimators": 463}, 63.5),
        ("RF", 4_000, 65_536, {"n_estimators": 60, "max_bins": 255}, 4.24),
        ("RF", 1_200, 256, {"n_estimators": 499}, 0.45),
        ("GB", 2_000, 65_536, {"max_iter": 20, "max_leaf_nodes": 117}, 40.6),
        ("GB", 4_000, 65_536, {"max_iter": 20, "max_leaf_nodes": 117}, 68.9),
        ("GB", 8_000, 65_536, {"max_iter": 20, "max_leaf_nodes": 117}, 118),
        ("GB", 4_000, 65_536, {"max_iter": 20, "max_leaf_nodes": 31}, 32.8),
        ("GBS", 4_000, 65_536, {"max_iter": 25, "max_leaf_nodes": 31, "max_features": 0.05}, 2.42),
    ],
)
def test_rates_of_the_engine_on_bins_do_too(classifier, rows, values, parameters, seconds):
    given = {"min_samples_leaf": 18, "max_bins": 63} | parameters
    estimated = FIT_SECONDS[classifier, "histogram"](rows, values, given)
    assert seconds / 2 < estimated < 2 * seconds


def test_bins_are_made_once_for_all_fits_of_a_job():
    assert 6.69 / 2 < binning_seconds("histogram", 4_000, 65_536) < 2 * 6.69
    assert binning_seconds("sklearn", 4_000, 65_536) == 0


def test_the_engine_on_bins_is_planned_with_its_own_rates(thesis):
    def searches():
        return {one.kind: one for one in plan.work(thesis) if one.rule == "tune_classifier"}

    with_sklearn = searches()
    thesis["engine"] = {
        name: {"name": "histogram", "max_bins": 63} for name in thesis["classifiers"]
    }
    on_bins = searches()
    for classifier in ("RF", "GB"):
        kind = f"search {classifier} single"
        assert on_bins[kind].core_s < with_sklearn[kind].core_s / 3


def test_the_demo_takes_what_it_took(config):
    """3 min 39 s on two cores (README), within a factor of two."""
    seconds = plan.wall_seconds(plan.work(config), cores=2, memory_mb=20_000)
    assert 219 / 2 < seconds < 2 * 219


def test_time_shrinks_with_cores_and_grows_with_data(thesis):
    found = plan.work(thesis)
    times = [plan.wall_seconds(found, cores=n, memory_mb=200_000) for n in (1, 8, 16, 64, 1000)]
    assert times == sorted(times, reverse=True)
    # A shard of 1,000 images is one job of one thread.
    (analysed,) = (one for one in found if one.rule == "analyse_images")
    assert analysed.longest_s == pytest.approx(3 + 1_000 * plan.RATES["HOP"].value)
    thesis["n_train"] = 3_000
    assert sum(one.core_s for one in plan.work(thesis)) < sum(one.core_s for one in found) / 8


def test_memory_keeps_jobs_apart(thesis):
    found = plan.work(thesis)
    large = plan.wall_seconds(found, cores=64, memory_mb=500_000)
    assert plan.wall_seconds(found, cores=64, memory_mb=50_000) > large


def test_disk_is_that_of_the_stores(thesis):
    store = 33_000 * (160 + 96) * 16 * 16 * 4
    rows = 33_000 + 30_000 * 15  # single; multiple, whose test is in the store as flatten is
    most = plan.disk_bytes(thesis)
    assert most["latents y"] == (4 + 2) * store  # four model ids; gathered for each level
    assert most["latents y_hat"] == 2 * store
    assert most["features"] == 4 * 4 * (160 + 256) * rows
    fewest = plan.disk_bytes(thesis, plan.fewest_points(thesis))
    assert (fewest["latents y"], fewest["latents y_hat"]) == (4 * store, store)
    assert fewest["features"] == 2 * 4 * (160 + 256) * rows
    # A model at each point and at each of its levels.
    assert most["models"] * 3 == fewest["models"] * 4
    thesis["store"]["extras"] = ["q", "mu", "flags"]
    assert plan.disk_bytes(thesis)["extras"] == 2 * store * 6 // 4
    thesis |= {"latents": ["y"], "store": {"extras": [], "shard_images": 1000}, "rate": "table"}
    assert "latents y_hat" not in plan.disk_bytes(thesis)
    assert plan.disk_bytes(thesis)["latents y"] == store  # one model id


def dataset(folder, train, test):
    for split, per_class in (("train", train), ("test", test)):
        rows = [
            f"{i},x,{split}{label}{i},{label},{word},{split}/{word}/{i}.jpg"
            for label, word in ((1, "real"), (0, "fake"))
            for i in range(per_class)
        ]
        text = "\n".join([",original_path,id,label,label_str,path", *rows]) + "\n"
        (folder / f"{split}.csv").write_text(text)
    return str(folder)


def printed(config, tmp_path, machine=MACHINE):
    text = page(config, machine, files=["config/config.yaml"], results=tmp_path / "results")
    lines = text.splitlines()
    assert all(len(line) <= 96 for line in lines if str(tmp_path) not in line)
    assert not any(line != line.rstrip() for line in lines)
    return text


def test_the_page_says_what_the_run_costs(thesis, tmp_path):
    text = printed(thesis, tmp_path)
    for words in (
        "30,000 training and 3,000 test images",
        "images_root is not given",
        "weights is not given",
        "HOP, model 0, 1, 2, 3",
        "6 and 12 bpp: model and displacement are matched for every image",
        "48, from at most 48 fits; 24 if all levels are one point",
        "32, at most 7,488 trials and 22,464 fits",
        "Until rates are matched, snakemake -n shows 302 of these 562 jobs",
        "If all levels are one point: ",
        "45.2 GB for the largest job, fit_classifier GB flatten; 1 of them at a time",
        "latents y 51.9 GB, latents y_hat 17.3 GB",
    ):
        assert words in " ".join(text.split()), words


def test_too_little_memory_is_said(thesis, tmp_path):
    text = " ".join(printed(thesis, tmp_path, Machine(2, 20_000)).split())
    assert "more than --cores 2 --resources mem_mb=20000 allows" in text


def test_all_images_are_counted(config, tmp_path):
    config |= {"images_root": dataset(tmp_path, 60, 20), "n_train": "all", "n_test": "all"}
    check_given(config)
    text = printed(config, tmp_path)
    assert "120 training and 40 test images" in text
    assert "train: 60 real, 60 fake" in text


def test_all_images_of_a_set_that_is_not_given_are_not_made_up(config, tmp_path):
    config |= {"images_root": "", "n_train": "all", "n_test": "all"}
    check_given(config)
    assert "`all` cannot be counted before it is given" in printed(config, tmp_path)


def test_another_classifier_is_not_estimated_in_silence(config, tmp_path):
    config["classifiers"] = ["RF", "KNN"]
    config["search"]["KNN"] = config["search"]["RF"]
    config["engine"]["KNN"] = {"name": "sklearn"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(plan.grid.CLASSIFIERS, "KNN", plan.grid.CLASSIFIERS["RF"])
        assert "KNN: time and models are not estimated" in printed(config, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_train": 200}, "n_train is 200, expected at most 120"),
        ({"n_train": 33}, "n_train is 33, expected an even number"),
        ({"weights": "nowhere"}, "VM_bop/encoder_Y_0.5.pth is missing"),
    ],
)
def test_what_is_given_is_checked(config, tmp_path, changes, message):
    config |= {"images_root": dataset(tmp_path, 60, 100), "n_train": 100, "n_test": 200}
    config["weights"] = ""
    check_given(config)
    with pytest.raises(UserError, match=message) as caught:
        check_given(config | changes)
    assert "\n" not in str(caught.value)


def test_a_missing_list_is_named(config, tmp_path):
    config["images_root"] = dataset(tmp_path, 60, 100)
    (tmp_path / "test.csv").unlink()
    with pytest.raises(UserError, match=r"test\.csv: missing, although train\.csv is there"):
        check_given(config)


def disk_of(monkeypatch, free):
    monkeypatch.setattr(plan_page.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))


def test_a_disk_too_small_is_refused_and_what_is_there_counts(thesis, tmp_path, monkeypatch):
    needed = sum(plan.disk_bytes(thesis, plan.fewest_points(thesis)).values())
    disk_of(monkeypatch, needed + 1)
    check_disk(thesis, tmp_path)
    disk_of(monkeypatch, needed - 1)
    with pytest.raises(UserError, match=r"writes at least \d+\.\d GB more, the disk has") as caught:
        check_disk(thesis, tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "thesis/latents").mkdir(parents=True)
    (tmp_path / "thesis/latents/train.h5").write_bytes(b"12")
    check_disk(thesis, tmp_path)


def call(monkeypatch, root, *options):
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["print_plan", *map(str, options)])
    run(print_plan.main)


def test_the_step_prints_the_page_then_refuses(root, tmp_path, monkeypatch, capsys):
    disk_of(monkeypatch, 10**9)
    options = ["--config", "config/thesis.yaml", "--results", tmp_path, "--cores", "8"]
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, root, *options)
    captured = capsys.readouterr()
    assert stopped.value.code == 2
    assert captured.out.startswith("Plan of the run thesis")
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1


@pytest.mark.parametrize("name", ["config", "faces", "thesis"])
def test_the_step_plans_every_configuration(root, tmp_path, monkeypatch, capsys, name):
    disk_of(monkeypatch, 10**12)
    call(monkeypatch, root, "--config", f"config/{name}.yaml", "--results", tmp_path)
    run_name = "demo" if name == "config" else name
    assert f"Plan of the run {run_name} (" in capsys.readouterr().out


def test_what_faithful_overrides_is_planned(root, tmp_path, monkeypatch, capsys):
    disk_of(monkeypatch, 10**12)
    own = tmp_path / "own.yaml"
    own.write_text("protocol: faithful\nrun: own\n")
    call(monkeypatch, root, "--config", own, "--results", tmp_path)
    text = capsys.readouterr().out
    assert "none: the published hyperparameters" in text
    assert "protocol: faithful sets sampling first" in text


@pytest.mark.parametrize("text", [None, "bpp: [0.25\n", "n_trian: 3\n", "parts: [cues]\n"])
def test_a_wrong_file_is_one_line(root, tmp_path, monkeypatch, capsys, text):
    own = tmp_path / "own.yaml"
    if text is not None:
        own.write_text(text)
    with pytest.raises(SystemExit) as stopped:
        call(monkeypatch, root, "--config", own)
    captured = capsys.readouterr()
    assert stopped.value.code == 2 and captured.out == ""
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1


def test_early_stopping_is_counted_apart(thesis):
    full, stopped = plan.work(thesis), plan.work(plan.stopping_early(thesis))
    for one, other in zip(full, stopped, strict=True):
        assert (other.core_s < one.core_s) == ("GB" in one.kind)
        assert other.memory_mb == one.memory_mb
    thesis["engine"]["GB"]["early_stopping"] = False
    assert plan.stopping_early(thesis) is None


def test_what_is_looked_into_is_planned_apart(config, tmp_path):
    assert "Detectors" not in printed(config, tmp_path)
    config["detectors"] |= {"examined": 2, "folds": 5, "repetitions": 3, "shares": [0.5, 1.0]}
    fits = 4 + 3 * 1.5 + 3 * 0.75  # calibration, learning curve, importance
    each = [
        max(
            plan.fit_seconds(config, f"//{c}/{f}/{name}")
            for c in ("Y", "YUV")
            for f in config["features"]
        )
        for name in ("RF", "GB")
    ]
    given = [
        plan.fit_seconds(config, cell) * (config["search"][cell.rpartition("/")[2]]["folds"] - 1)
        for cell in plan.fitted_cells(config)
        if not cell.startswith("model-3/y/") or "single" not in cell
    ]
    assert len(given) == 36 - 4  # all but the searched ones are cross-validated
    found = plan.detector_seconds(config)
    assert found["fits"] == pytest.approx(sum(given) + fits * sum(each))
    assert found["images"] == pytest.approx(0.13 * 7 * config["n_test"])
    assert found["pixels"] == 0
    config["detectors"]["ensemble"] = 4
    assert plan.detector_seconds(config)["fits"] == pytest.approx(
        sum(given) + fits * sum(each) + 2 * 4 * max(each)
    )
    config["tuning_from"] = {}
    config["detectors"]["ensemble"] = 0
    assert plan.detector_seconds(config)["fits"] == pytest.approx(fits * sum(each))
    assert "the 2 best by cross-validation are looked into" in " ".join(
        printed(config, tmp_path).split()
    )


def test_a_second_test_and_seeds_are_planned(config):
    before = plan.jobs(config)
    after = plan.jobs(config | {"n_valid": 100, "seeds": 3, "images_root": "faces"})
    fits = before["fit_classifier"]
    assert (after["refit_classifier"], after["predict_valid"]) == (2 * fits, fits)
    assert after["join_shards"] == before["join_shards"] * 3 / 2
    assert "refit_classifier" not in before and "predict_valid" not in before
