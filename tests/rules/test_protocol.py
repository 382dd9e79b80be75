"""`protocol: faithful` reaches the steps, and says once what it overrides."""

import pytest

SAYS = (
    "protocol: faithful sets sampling first (was stratified), tuning published (was search), "
    "state carried (was fresh), n_patches 15 (was 3), engine.GB.early_stopping true (was false)"
)


@pytest.fixture(scope="module")
def faithful(checkout):
    result = checkout.snakemake(
        "--dry-run", "--printshellcmds", "--config", "protocol=faithful", "run=faithful"
    )
    return result.stdout + result.stderr


def commands(output, step):
    """Command lines of one step, each on one line."""
    return [line for line in output.splitlines() if f"latentprint.steps.{step} " in line]


def test_what_is_overridden_is_said_once(faithful, checkout):
    assert faithful.count("protocol: faithful") == 1
    assert SAYS in faithful
    corrected = checkout.snakemake("--dry-run", "--quiet", "rules")
    assert "protocol: " not in corrected.stdout + corrected.stderr


@pytest.mark.parametrize(
    ("step", "count", "words"),
    [
        ("select_images", 1, "--sampling first"),
        ("analyse_images", 2, "--model 3"),
        ("extract_latents", 4, "--state carried"),
        ("build_features", 3, "--feature multiple --seed 1 --n-patches 15 --protocol faithful"),
        ("tune_classifier", 18, "--tuning published"),
        ("fit_classifier", 18, "--protocol faithful"),
    ],
)
def test_overridden_keys_reach_the_steps(faithful, step, count, words):
    found = [line for line in commands(faithful, step) if words in line]
    assert len(found) == count


def test_boosting_stops_early(faithful):
    found = [line for line in commands(faithful, "fit_classifier") if "--classifier GB" in line]
    assert len(found) == 9
    assert all('"early_stopping": true' in line for line in found)
