"""What the reference software carries from image to image within one process (6.2 and 7.3).

By default nothing is carried here. With a `State`, images are coded in order, as one process of the
reference would: its latents then depend on that order.
"""

from dataclasses import dataclass, field

from torch import Tensor

from latentprint.codec.matcher import Tolerances


@dataclass
class State:
    """Carried from image to image; begins as a new process does.

    Attributes
    ----------
    raised : dict of (int, str) to Tensor, bool, (1, channel)
        GRFS flags of the first image that a model id and component met.
    tolerances : Tolerances
        Of the rate matcher.
    size : (int, int) or None
        Height and width of the last images, pixels.
    """

    raised: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    tolerances: Tolerances = field(default_factory=Tolerances)
    size: tuple[int, int] | None = None
