"""Shards: the images of a split in the order of the selection, so many to a file.

Extraction makes one file a shard, so that jobs run side by side and a job that is killed loses no
more than its shard. What follows sees one store of all images (`store.join`); neither its order nor
a value depends on the number of images in a shard.
"""

from collections.abc import Sequence
from typing import TypeVar

Image = TypeVar("Image")


def count(images: int, shard_images: int) -> int:
    """Count the shards of a split; at least one, which may be empty."""
    return max(1, -(-images // shard_images))


def rows_of(shard: int, shard_images: int) -> slice:
    """Give the rows of a shard, as places in the split."""
    return slice(shard * shard_images, (shard + 1) * shard_images)


def part(images: Sequence[Image], shard: int, shard_images: int) -> Sequence[Image]:
    """Give the images of a shard: none where there are fewer than were counted beforehand."""
    return images[rows_of(shard, shard_images)]
