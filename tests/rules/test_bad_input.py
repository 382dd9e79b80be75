"""Bad pictures, lists, configurations and weights: for each the whole message that a user sees."""

import pytest

from tests.bad_input.configurations import CONFIGURATIONS
from tests.bad_input.desk import Desk
from tests.bad_input.lists import LISTS
from tests.bad_input.pictures import PICTURES, index_all
from tests.bad_input.weights import WEIGHTS
from tests.front_door import opened

IMPORTED = (
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "smart_open",
    "jsonschema",
    "PIL.Image",
    "torch",
    "h5py",
)
TABLES = {"picture": PICTURES, "list": LISTS, "config": CONFIGURATIONS, "weights": WEIGHTS}
CASES = {f"{kind}: {name}": case for kind, table in TABLES.items() for name, case in table.items()}


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("door"), *IMPORTED) as door:
        yield door


@pytest.fixture(scope="module")
def reasons(checkout, door, tmp_path_factory) -> dict[str, dict[str, str]]:
    return index_all(door, tmp_path_factory.mktemp("pictures"), checkout.folder / "workflow/lib")


@pytest.mark.parametrize(("see", "message"), CASES.values(), ids=CASES)
def test_a_user_sees_what_is_wrong(see, message, door, reasons, checkout, tmp_path):
    """FOLDER in a message is the user's folder, CHECKOUT that of the product."""
    seen = see(Desk(tmp_path, checkout.folder, door, reasons))
    assert (
        seen.replace(str(tmp_path), "FOLDER").replace(str(checkout.folder), "CHECKOUT") == message
    )
