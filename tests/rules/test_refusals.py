"""A wrong configuration stops before the first job, with one line that says where."""

import pytest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "n_trian=10"], "n_trian is not a key (did you mean n_train?)"),
        (["--config", "n_train=11"], "n_train is 11, expected an even number"),
        (["--config", "image_size=32"], "32 is less than the minimum of 64"),
        (["--config", "images_root=nowhere"], "nowhere: no image set found"),
        (["--config", "weights=nowhere"], "encoder_Y_0.5.pth is missing"),
        (["--config", "sampling=last"], "'last' is not one of ['stratified', 'listed', 'first']"),
        (["--config", "run=a/b"], "does not match"),
        (["--config", "rate=match"], "VM_bop/encoder_Y_0.002.pth is missing"),
    ],
)
def test_a_wrong_value_is_named(checkout, options, message):
    result = checkout.snakemake("--dry-run", *options, check=False)
    assert result.returncode != 0
    assert message in result.stdout + result.stderr


def test_too_little_memory_stops_a_run_before_its_first_job(checkout):
    result = checkout.snakemake("--resources", "mem_mb=500", check=False)
    assert result.returncode != 0
    assert "the jobs may use 0.5 GB" in result.stderr
    assert not (checkout.folder / "results/tiny/images.tsv").exists()
    assert checkout.planned("--resources", "mem_mb=500")[
        "fit_classifier"
    ]  # a plan is made all the same


def test_a_misspelt_key_below_the_top_is_named(checkout):
    with checkout.edited("tests/data/tiny.yaml", "draws: 2", "drwas: 2"):
        result = checkout.snakemake("--dry-run", check=False)
    assert result.returncode != 0
    message = "search.RF.drwas is not a key (did you mean draws?)"
    assert message in (result.stdout + result.stderr).replace("search.GB", "search.RF")


def test_a_kaggle_folder_with_official_transforms_allows_y_and_refuses_y_hat(checkout, shared):
    folder = [
        "images_root=" + str(shared / "data/faces"),
        "weights=" + str(shared / "data/weights"),
    ]
    planned = checkout.planned("--config", *folder, 'latents=["y"]')
    assert planned["analyse_images"] == 2
    assert "make_demo_images" not in planned
    refused = checkout.snakemake("--dry-run", "--config", *folder, check=False)
    assert refused.returncode != 0
    assert "VM_common_int/Y_0.5.pth is missing" in refused.stdout + refused.stderr
