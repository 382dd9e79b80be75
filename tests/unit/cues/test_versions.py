"""Names of versions: their last step, what came before, levels; what no version can be."""

import re

import pytest

from latentprint.cues import versions
from latentprint.cues.registry import CUES, versions_of
from latentprint.errors import UserError


def test_a_version_is_a_row_of_steps():
    twice = versions.ai("0.25", "1.0")
    assert twice == "ai-0.25+ai-1.0"
    assert versions.last(twice) == ("ai", "1.0") and versions.before(twice) == "ai-0.25"
    assert versions.before("ai-0.25") == "source" and versions.last("source") is None
    assert versions.levels("ai-0.25+jpeg-90+ai-1.0") == ["0.25", "1.0"]
    assert versions.then("source", "jpeg-90") == "jpeg-90"
    assert versions.then(twice, "jpeg-90") == f"{twice}+jpeg-90"


@pytest.mark.parametrize("name", ["jpeg-0", "jpeg-101", "scale-100", "blur-3", "ai-x", "shift-16"])
def test_what_cannot_be_done_is_said_with_what_can(name):
    with pytest.raises(UserError, match=r"expected ai-<level>, jpeg-1\.\.100") as caught:
        versions.last(name)
    assert "\n" not in str(caught.value)


def test_patterns_of_the_rules_divide_all_versions(config):
    for name in versions_of(config["cues"], tuple(CUES)):
        coded = re.fullmatch(versions.ENDS_CODED, name) is not None
        plain = re.fullmatch(versions.ENDS_PLAIN, name) is not None
        assert re.fullmatch(versions.PATTERN, name)
        assert coded + plain == (name != "source")


@pytest.fixture
def config(root):
    import yaml

    return yaml.safe_load((root / "config/config.yaml").read_text())
