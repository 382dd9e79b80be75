"""One thing changed: exactly these jobs, and never the extraction without need."""

import os

import pytest

from tests.checkout import _environment
from tests.rules.rerun_cases import CASES, EXTRACTION, PAGE, table

# What may change latents: codec, weights, images, operating point.
EXTRACTED = ("add a level", "tools", "extras", "codec")


@pytest.mark.parametrize("name", CASES)
def test_what_changes_decides_what_is_made_again(finished, name, request):
    case = CASES[name]
    if "--use-conda" in case.options:
        with_conda = request.getfixturevalue("shared") / "bin"
        environment = _environment()
        environment["PATH"] = f"{with_conda}{os.pathsep}{environment['PATH']}"
    else:
        environment = None
    with case.change(finished) as changed:
        assert changed.planned(*case.options, environment=environment) == case.planned


def test_latents_are_not_extracted_without_need():
    extracted = {name for name, case in CASES.items() if EXTRACTION & case.planned.keys()}
    assert extracted == set(EXTRACTED)


def test_the_page_holds_the_table(root):
    page = (root / PAGE).read_text(encoding="utf-8")
    assert table() in page, f"python -m {table.__module__} renews {PAGE}"
