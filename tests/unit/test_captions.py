"""Captions of the report: they render for any configuration and say only what is true of it."""

import re
from pathlib import Path

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

ROOT = Path(__file__).resolve().parents[2]
DEMO = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
FACES = DEMO | {
    "run": "faces",
    "images_root": "/data/faces",
    "weights": "/data/weights",
    "n_test": "all",
    "bpp": [6],
    "latents": ["y"],
    "components": ["Y"],
    "features": ["single"],
    "classifiers": ["GB"],
    "state": "carried",
}
NAMES = (
    "figure_bars figure_models figure_matrix figure_cells figure_cost figure_audit "
    "table_audit table_audit_baselines "
    "table_dimensions table_factors table_accuracy table_times table_contrasts times "
    "detectors_ranking detectors_calibration detectors_cross detectors_costs "
    "detectors_learning_curves detectors_reliability detectors_importance detectors_cross_tests"
).split()
OF_NO_DATA = ("decisions", "cues")
OF_CUES = ("cues_table", "cues_figure")
OF_PHOTOGRAPHS = ("figure_rd_curve", "table_rd_differences", "table_rd_points")


@pytest.fixture
def rendered(root):
    """Plain text of a caption, made the way Snakemake makes it."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)

    def render(name, config):
        class Snakemake:
            pass

        Snakemake.config = config
        source = (root / f"workflow/report/{name}.rst").read_text(encoding="utf-8")
        text = environment.from_string(source).render(snakemake=Snakemake)
        settings = {"halt_level": 2, "report_level": 2}  # a warning fails the test
        html = publish_parts(text, writer="html", settings_overrides=settings)["body"]
        return " ".join(re.sub(r"<[^>]+>", " ", html).split())

    return render


def test_every_caption_is_listed_here(root):
    found = sorted(path.stem for path in (root / "workflow/report").glob("*.rst"))
    assert found == sorted([*NAMES, *OF_NO_DATA, *OF_CUES, *OF_PHOTOGRAPHS])


@pytest.mark.parametrize("name", OF_NO_DATA)
def test_captions_of_pages_without_data_render(rendered, name):
    assert "How to read it" in rendered(name, DEMO)


@pytest.mark.parametrize("name", NAMES)
def test_caption_names_data_and_weights_of_the_configuration(rendered, name):
    demo, faces = rendered(name, DEMO), rendered(name, FACES)
    for text in (demo, faces):
        assert "How to read it" in text
        assert "{" not in text and "``" not in text
    assert re.search("drawn by the product", demo, re.I) and "embedded" in demo
    assert str(DEMO["n_train"]) in demo and str(DEMO["n_test"]) in demo
    assert "faces" in faces and "weights" in faces and "/data" not in faces
    assert not re.search("drawn by the product|embedded", faces, re.I)


@pytest.mark.parametrize("name", OF_CUES)
def test_caption_of_the_cues_names_their_own_pictures_and_weights(rendered, name):
    own = {"uncompressed": {"mine": "/data/a"}, "synthetic": {"six": "/data/b"}}
    given = DEMO | {"cues": DEMO["cues"] | own | {"weights": "/data/official"}}
    demo, folders = rendered(name, DEMO), rendered(name, given)
    for text in (demo, folders):
        assert "How to read it" in text and "{" not in text and "``" not in text
    assert "drawn by the product" in demo and "embedded codec weights" in demo
    assert "mine" in folders and "six" in folders and "official" in folders
    assert "/data" not in folders and "drawn" not in folders and "embedded" not in folders


@pytest.mark.parametrize("name", OF_PHOTOGRAPHS)
def test_caption_of_the_curve_names_weights_and_leaves_out_the_images(rendered, name):
    demo, faces = rendered(name, DEMO), rendered(name, FACES)
    for text in (demo, faces):
        assert "How to read it" in text
        assert "{" not in text and "``" not in text
        assert "the images that the run classifies have no part in it" in text
    assert "embedded codec weights" in demo
    assert "codec weights in weights" in faces and "/data" not in faces
    assert "embedded" not in faces
