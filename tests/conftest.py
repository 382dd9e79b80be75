"""Fixtures that several tests use."""

from pathlib import Path

import pytest

from tests.checkout import Checkout, copy_project

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference material that lies beside the checkout and is never part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("needs the reference material in ../shared/data, which is not here")
    return folder.parent


@pytest.fixture(scope="session")
def checkout(root: Path, tmp_path_factory) -> Checkout:
    """The project without any results."""
    return copy_project(root, tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory) -> Checkout:
    """The project with a finished tiny run."""
    copy = copy_project(root, tmp_path_factory.mktemp("finished"))
    copy.snakemake()
    return copy
