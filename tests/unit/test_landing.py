"""The first page of the report."""

import dataclasses
from dataclasses import replace

import pytest
from docutils.core import publish_parts

from latentprint.landing import landing
from latentprint.score_table import read_scores
from latentprint.trace import Trace
from tests.unit.synthetic_run import write_run

AUDIT = {
    "sentences": [
        "File traits alone reach 0.520 (0.470-0.569).",
        "Near duplicates: 1 pair across training and test images.",
        "File settings differ by class.",
    ],
    "baselines": {"file": {"accuracy": 0.52, "low": 0.47, "high": 0.569, "n": 400}},
    "near_duplicates": {"across_splits": 0, "across_classes": 0, "within_class": 5},
    **{name: {"share_alone": 0.0} for name in ("tables", "samplings", "formats")},
}
SETTINGS = {
    "image_size": 256,
    "operating_point": "BOP",
    "tools": False,
    "state": "fresh",
    "rate": "table",
    "y_hat": "after_lsbs",
    "protocol": "corrected",
    "tuning": "search",
    "tuning_from": {"flatten": "single", "latents": True},
    "engine": {"RF": {"name": "sklearn"}, "GB": {"name": "sklearn", "early_stopping": True}},
}
NOTHING = {"cell": None, "note": "no cell was searched"}


@pytest.fixture
def scores(tmp_path):
    return read_scores(write_run(tmp_path) / "scores.tsv")


def page(scores, *, selected=NOTHING, audit=AUDIT, **changed):
    return landing(
        scores,
        audit=audit,
        selected=selected,
        settings=SETTINGS | changed,
        trace=Trace("demo", "0123456789", "abcdef0123"),
    )


def test_the_page_is_valid_and_short(scores):
    parts = publish_parts(page(scores), writer="html", settings_overrides={"halt_level": 2})
    assert "<table" in parts["html_body"]
    assert len(page(scores).split()) < 330  # one screen


def test_detector_and_file_traits_stand_beside_each_other(scores):
    text = page(scores)
    best = max(scores, key=lambda score: score.accuracy)
    rows = [line for line in text.splitlines() if line.startswith("   ")]
    assert any(f"{best.accuracy:.3f} (" in row for row in rows)
    assert any("0.520 (0.470-0.569)" in row for row in rows)
    assert AUDIT["sentences"][0] in text


def test_what_gives_the_label_away_is_said(scores):
    _, duplicates, settings = AUDIT["sentences"]
    assert duplicates not in page(scores) and settings not in page(scores)
    found = AUDIT | {"near_duplicates": {"across_splits": 1, "across_classes": 0}}
    assert duplicates in page(scores, audit=found)
    assert settings in page(scores, audit=AUDIT | {"tables": {"share_alone": 0.5}})


def test_the_cell_chosen_by_cross_validation_leads(scores):
    chosen = min(scores, key=lambda score: score.accuracy)
    factors = {name: getattr(chosen, name) for name in ("bpp", "latent", "component")}
    factors |= {"feature": chosen.feature, "classifier": chosen.classifier, "cv_accuracy": 0.6}
    text = page(scores, selected=factors | {"searches": len(scores)})
    assert text.index("Chosen by cross-validation") < text.index("looks better than it is")
    assert f"{chosen.accuracy:.3f} (" in text
    assert "Chosen by cross-validation" not in page(scores)
    some = page(scores, selected=factors | {"searches": 4})
    assert "of the 4 fits whose hyperparameters were searched for themselves, is" in some
    assert "Detector, best of the searches" in some and "hosen by cross" not in some


def test_what_limits_the_numbers_is_said(scores):
    assert "say nothing about photographs" in page(scores)
    real = [dataclasses.replace(score, images="folder faces") for score in scores]
    assert "weights are not the official ones" in page(real)
    official = [dataclasses.replace(score, weights="official") for score in real]
    assert "not the official" not in page(official)
    assert "depends on the order" in page(official, state="carried", tools=True)
    assert "depends on the order" not in page(official, state="carried", tools=False)
    assert "nothing was searched; boosting stops early." in page(official, tuning="published")
    by_patch = [dataclasses.replace(score, scored_by="patch") for score in official]
    assert "test images' patches right" in page(by_patch, protocol="faithful")
    assert "lie above chance" not in page(by_patch, protocol="faithful")


def test_the_origin_ends_the_page(scores):
    assert (
        page(scores)
        .rstrip()
        .endswith("Run ``demo``, configuration ``0123456789``, code ``abcdef0123``.")
    )


def test_matched_rates_are_told_level_by_level(scores):
    models = {"0.25": ("0,1", "-139..84,-139..84"), "1.0": ("3", "702,702")}
    ended = [
        replace(score, model=models[score.bpp][0], beta=models[score.bpp][1]) for score in scores
    ]
    text = " ".join(page(ended, rate="match", y_hat="before_lsbs").split())
    assert "0.25 bpp: model ids 0,1, displacement -139 to 84" in text
    assert "1.0 bpp: model id 3, displacement 702." in text
    assert "before LSBS" in text
    assert "was matched" not in page(ended) and "LSBS" not in page(ended)


@pytest.mark.parametrize(
    ("detector", "verdict"),
    [("ensemble", "therefore the detector of the run"), ("cell", "stays the detector of the run")],
)
def test_an_average_of_cells_is_told_with_what_was_decided(scores, detector, verdict):
    decided = {
        "detector": detector,
        "members": {"a": 0.8, "b": 0.7},
        "held_out": {"accuracy": 0.81},
    }
    average = {"accuracy": 0.79, "accuracy_low": 0.75, "accuracy_high": 0.83}
    given = {"audit": AUDIT, "selected": NOTHING, "settings": SETTINGS}
    trace = Trace("run", "1234567890", "abc")
    plain = landing(scores, trace=trace, **given)
    told = landing(scores, trace=trace, decided=decided, average=average, **given)
    assert "average" not in plain
    assert "average of 2 cells is right about 0.810" in told and verdict in told
    assert "0.790 (0.750-0.830) of the test images" in told.replace("\n", " ")
