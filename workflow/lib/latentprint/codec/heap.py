"""Let the C library keep freed memory for the next tensors instead of giving it back."""

import ctypes
import sys
from functools import cache

# Numbers of mallopt(3) in glibc.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
# Larger tensors (pictures above some 700 x 700 pixels) are mapped one by one as before: the largest
# limit that glibc takes.
LARGEST_BYTES = 32 << 20
KEPT_BYTES = 256 << 20
GROWTH_BYTES = 64 << 20


@cache
def keep() -> bool:
    """Keep up to 256 MiB that tensors have freed, once for the process.

    By default tensors of megabytes are mapped anew each time, and the system fills every page with
    zeros: 70,000 page faults, a third of the time of one HOP analysis of 256 x 256 pixels. The peak
    of the memory stays the same. Elsewhere than on Linux with glibc nothing happens.

    Returns
    -------
    bool
        Whether the C library agreed.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = (
        (MMAP_THRESHOLD, LARGEST_BYTES),
        (TRIM_THRESHOLD, KEPT_BYTES),
        (TOP_PAD, GROWTH_BYTES),
    )
    return all([bool(mallopt(name, value)) for name, value in settings])
