"""How many minutes a job may take on a cluster.

A scheduler kills a job that outlasts its limit, so limits are generous: `SAFETY` times what the
plan of the run estimates, and more with each attempt.
"""

import math
from collections.abc import Mapping
from typing import Any

from latentprint.grid import n_images
from latentprint.plan import work

LEAST_MINUTES = 15
# The plan holds within a factor of two, and a node may be half as fast or shared.
SAFETY = 4
# CPU seconds an image of what the plan leaves out (docs/scale.md).
INDEX_SECONDS = 0.0014
AUDIT_SECONDS = 0.012


def seconds(config: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Estimate how long the longest job of each kind takes on one thread.

    Parameters
    ----------
    config : dict
        A whole configuration.

    Returns
    -------
    dict
        CPU seconds by (rule, kind), the kind as in `plan.Work`: "" or "search RF single".
    """
    images = n_images(config, "train") + n_images(config, "test")
    found = {
        ("index_images", ""): INDEX_SECONDS * images,
        ("audit_images", ""): AUDIT_SECONDS * images,
    }
    return found | {(one.rule, one.kind): one.longest_s for one in work(config)}


def minutes(estimated: float) -> int:
    """Give the minutes after which a job may be killed that is estimated to take so many seconds.

    On one thread, whatever the rule may use: nodes give what they have.
    """
    return LEAST_MINUTES + math.ceil(SAFETY * estimated / 60)
