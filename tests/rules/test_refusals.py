"""What fits the schema and cannot be run stops before the first job.

Wrong values, one by one: test_bad_input.py.
"""


def test_too_little_memory_stops_a_run_before_its_first_job(checkout):
    result = checkout.snakemake("--resources", "mem_mb=500", check=False)
    assert result.returncode != 0
    assert "the jobs may use 0.5 GB" in result.stderr
    assert not (checkout.folder / "results/tiny/images.tsv").exists()
    assert checkout.planned("--resources", "mem_mb=500")[
        "fit_classifier"
    ]  # a plan is made all the same


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
