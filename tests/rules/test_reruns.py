"""One thing changed: exactly these jobs, and never the extraction without need."""

LIBRARY = "workflow/lib/latentprint"
EXTRACTION = {
    "make_demo_images",
    "index_images",
    "select_images",
    "analyse_images",
    "extract_latents",
}
# Cells of one classifier: features x points, one of y and two of y_hat.
FITS = 3 * 3
# Every cell of every level is a copy: features x latents x levels x classifiers.
CELLS = 3 * 2 * 2 * 2
AFTER = {
    "collect_scores": 1, "render_tables": 1, "plot_figures": 1, "describe_run": 1,
    "render_times": 1,
}  # fmt: skip
# The digest of the configuration stands on every table.
AFTER_CONFIG = AFTER | {"render_audit": 1, "render_rd_curve": 1}


def test_a_changed_search_space_reruns_that_classifier_alone(finished):
    with finished.edited("tests/data/tiny.yaml", "max_iter: 3", "max_iter: 4"):
        planned = finished.planned()
    assert planned == {
        "tune_classifier": FITS, "fit_classifier": FITS, "share_cell": CELLS // 2,
        "evaluate_classifier": CELLS // 2, **AFTER_CONFIG,
    }  # fmt: skip


def test_an_edit_of_features_reruns_no_extraction(finished):
    with finished.edited(
        f"{LIBRARY}/feature_files.py", "from latentprint", "MARK = 1\nfrom latentprint"
    ):
        planned = finished.planned()
    assert planned["build_features"] == 9
    assert not EXTRACTION & set(planned)


def test_an_edit_of_the_codec_reruns_extraction_but_not_the_images(finished):
    with finished.edited(f"{LIBRARY}/codec/context.py", "CONTEXT_GROUPS = 5", "CONTEXT_GROUPS = 4"):
        planned = finished.planned()
    assert planned == {
        "analyse_images": 2, "extract_latents": 4, "join_shards": 6, "join_level": 4,
        "build_features": 9,
        "tune_classifier": 18, "fit_classifier": 18, "share_cell": CELLS,
        "evaluate_classifier": CELLS, **AFTER,
    }  # fmt: skip


def test_a_changed_colour_redraws_figures_alone(finished):
    with finished.edited(f"{LIBRARY}/figure_style.py", "#2E86AB", "#2E86AC"):
        assert finished.planned() == {
            "plot_figures": 1, "render_audit": 1, "render_rd_curve": 1, "render_times": 1,
        }  # fmt: skip


def test_a_comment_reruns_nothing(finished):
    with finished.edited(
        f"{LIBRARY}/store/digests.py", "import hashlib\n", "# note\nimport hashlib\n"
    ):
        assert finished.planned() == {}


def test_touching_everything_reruns_nothing(finished):
    for part in ("workflow", "config", "envs", "resources"):
        for path in (finished.folder / part).rglob("*"):
            path.touch()
    for path in (finished.folder / "results/tiny/latents").rglob("*.h5"):
        path.touch()
    assert finished.planned() == {}


def test_a_new_level_runs_its_extraction_and_cells_alone(finished):
    with finished.edited(
        "tests/data/tiny.yaml", "run: tiny",
        'run: tiny\nbpp: [0.12, 0.25, 1.0]\noperating_points: {"0.12": [3, -1069]}',
    ):  # fmt: skip
        planned = finished.planned()
    assert planned == {
        "extract_latents": 2, "join_shards": 2, "join_level": 2, "build_features": 3,
        "tune_classifier": 6,
        "fit_classifier": 6, "share_cell": 12, "evaluate_classifier": 12, **AFTER_CONFIG,
    }  # fmt: skip


def test_a_new_level_of_a_known_point_fits_nothing(finished):
    """Put before the level whose point it has: neither is made again."""
    with finished.edited(
        "tests/data/tiny.yaml", "run: tiny",
        'run: tiny\nbpp: [0.24, 0.25, 1.0]\noperating_points: {"0.24": [3, -350]}',
    ):  # fmt: skip
        planned = finished.planned()
    # The level behind it says that it is the same; its cells are scored with its description.
    assert planned == {
        "join_level": 4, "share_cell": 12, "evaluate_classifier": 24, **AFTER_CONFIG,
    }  # fmt: skip


def test_tools_change_y_hat_but_not_y(finished):
    with finished.edited("tests/data/tiny.yaml", "run: tiny", "run: tiny\ntools: false"):
        planned = finished.planned()
    assert "analyse_images" not in planned
    assert (planned["extract_latents"], planned["join_level"]) == (4, 4)
    assert planned["build_features"] == 6


def test_extras_make_y_hat_and_what_follows_again(finished):
    """Never y; but the extras are part of the store from which features are taken."""
    with finished.edited("tests/data/tiny.yaml", "run: tiny", "run: tiny\nstore: {extras: [q]}"):
        planned = finished.planned()
    assert "analyse_images" not in planned and planned["extract_latents"] == 4
    assert planned["build_features"] == 6


def test_a_level_removed_runs_the_gather_alone(finished):
    with finished.edited("tests/data/tiny.yaml", "run: tiny", "run: tiny\nbpp: [0.25]"):
        planned = finished.planned()
    assert planned == AFTER_CONFIG


def test_n_patches_reruns_features_and_what_follows(finished):
    with finished.edited("tests/data/tiny.yaml", "n_patches: 3", "n_patches: 4"):
        planned = finished.planned()
    assert planned["build_features"] == 9
    assert not EXTRACTION & set(planned)
