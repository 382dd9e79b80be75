"""Fixtures that several tests use, and the order of the tests."""

import signal
from pathlib import Path

import pytest

from tests.checkout import Checkout, copy_project

ROOT = Path(__file__).resolve().parents[1]
LONGEST_FIRST = ("workflow", "rules", "parity", "unit")


def pytest_configure() -> None:
    # What is started in the background of a shell ignores Ctrl-C, and so would all that tests stop.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long ones, so that of several processes none is left with them at the end."""
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.relative_to(ROOT / "tests").parts[0]))


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
