"""Layouts of the same latents: writing, all values, one position, single images."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from benchtools.page import Table, number
from numpy.typing import NDArray

from latentprint import store
from latentprint.seeds import rng
from store_cost.measuring import Cost, cold_and_warm, cost, in_child
from store_cost.setting import ALL_IMAGES, Setting, Y

ROWS_ASKED = 200
BLOCK = 64  # images written and read at a time, a multiple of every chunk's
CENTRE = (8, 8)


class Layout(NamedTuple):
    """How a dataset (N, channels, h, w) lies in a file.

    `chunk` says its chunk; `by_position` that it is put down as (h * w, N, channels) instead.
    """

    chunk: Callable[[int, int, int], tuple[int, ...]]
    dtype: str = "float32"
    by_position: bool = False


LAYOUTS = {
    "one image a chunk (the store's)": Layout(lambda c, h, w: (1, c, h, w)),
    "8 images a chunk": Layout(lambda c, h, w: (8, c, h, w)),
    "64 images x 4 channels a chunk": Layout(lambda c, h, w: (64, 4, h, w)),
    "position by position, 64 images a chunk": Layout(lambda c, h, w: (1, 64, c), by_position=True),
    "one image a chunk, float16": Layout(lambda c, h, w: (1, c, h, w), dtype="float16"),
}


class Found(NamedTuple):
    """What a layout cost: bytes of the file, and seconds cold and warm."""

    file_bytes: int
    written: Cost
    everything: tuple[Cost, Cost]
    centre: tuple[Cost, Cost]
    images: tuple[Cost, Cost]


def described(setting: Setting) -> str:
    """Say on what it is measured."""
    return setting.described()


def tables(setting: Setting) -> list[Table]:
    """Measure every layout, each in a process of its own."""
    source = setting.latents()
    path = setting.work / "layout.h5"
    found = {}
    for name in LAYOUTS:
        found[name] = in_child(measure, name, source, path)
        path.unlink()
    mapped = in_child(mapped_centre, source)
    first = next(iter(found))
    seconds = [
        [
            name,
            number(each.written.cpu_s),
            *(_pair(pair) for pair in (each.everything, each.centre, each.images)),
        ]
        for name, each in found.items()
    ]
    seconds.append([f"{first}, `read_positions`", "", "", _pair(mapped), ""])
    sizes = [
        [name, f"{each.file_bytes / setting.n:,.0f}", _gigabytes(each.file_bytes / setting.n)]
        for name, each in found.items()
    ]
    note = (
        "CPU s / wall s from memory / wall s after the files were forgotten; of writing CPU s. "
        "All values are put into one float32 array, (P, N), block by block."
    )
    asked = f"{min(ROWS_ASKED, setting.n)} random images"
    return [
        Table(
            f"Seconds for {setting.n:,} images",
            ("layout", "write", "all values, for flatten", "one position, for single", asked),
            seconds,
            note,
        ),
        Table("Size", ("layout", "bytes an image", f"{ALL_IMAGES:,} images, GB"), sizes),
    ]


def _pair(costs: tuple[Cost, Cost]) -> str:
    cold, warm = costs
    return f"{number(warm.cpu_s)} / {number(warm.wall_s)} / {number(cold.wall_s)}"


def _gigabytes(per_image: float) -> str:
    return number(per_image * ALL_IMAGES / 1e9)


def measure(name: str, source: Path, path: Path) -> Found:
    """Write the latents of a store in a layout, and read them back."""
    layout = LAYOUTS[name]
    with store.open_store(source) as latents:
        shapes = {each: latents.shape(each) for each in Y}
        spent = [0.0, 0.0]
        with h5py.File(path, "w", rdcc_nbytes=0) as file:
            for each, shape in shapes.items():
                _create(file, each, shape, layout)
            for start, stop, arrays in latents.blocks(Y, rows=BLOCK):
                step = cost(lambda: _write(file, start, stop, arrays, layout))  # noqa: B023
                spent = [spent[0] + step.wall_s, spent[1] + step.cpu_s]
            closing = cost(file.flush)
        count = len(latents)
    written = Cost(spent[0] + closing.wall_s, spent[1] + closing.cpu_s)
    rows = np.sort(rng(0, "rows").choice(count, size=min(ROWS_ASKED, count), replace=False))
    works: list[Callable[[], Any]] = [
        lambda: read_everything(path, shapes, layout),
        lambda: read_centre(path, shapes, layout),
        lambda: read_images(path, shapes, layout, rows),
    ]
    check(source, path, shapes, layout)
    return Found(path.stat().st_size, written, *(cold_and_warm(work, [path]) for work in works))


def mapped_centre(source: Path) -> tuple[Cost, Cost]:
    """Read one position as the store does."""
    with store.open_store(source) as latents:
        paths = [source]
        return cold_and_warm(lambda: [latents.read_positions(name, [CENTRE]) for name in Y], paths)


def _create(file: h5py.File, name: str, shape: tuple[int, ...], layout: Layout) -> None:
    count, channels, height, width = shape
    chunk = layout.chunk(channels, height, width)
    whole = (height * width, count, channels) if layout.by_position else shape
    chunk = tuple(min(pair) for pair in zip(chunk, whole, strict=True))
    # As the store does it: every chunk has its place from the beginning, and is written once.
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    file.create_dataset(name, shape=whole, dtype=layout.dtype, chunks=chunk, dcpl=plan)


def _write(
    file: h5py.File, start: int, stop: int, arrays: dict[str, NDArray[Any]], layout: Layout
) -> None:
    for name, array in arrays.items():
        if layout.by_position:
            flat = array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)
            file[name][:, start:stop] = np.ascontiguousarray(flat, dtype=layout.dtype)
        else:
            file[name][start:stop] = array.astype(layout.dtype, copy=False)


def blocks(file: h5py.File, name: str, layout: Layout) -> Iterator[tuple[int, NDArray[Any]]]:
    """Read a dataset in blocks of images, (P, images), as the file's dtype."""
    dataset = file[name]
    count = dataset.shape[1 if layout.by_position else 0]
    for start in range(0, count, BLOCK):
        if layout.by_position:
            block = dataset[:, start : start + BLOCK]  # (h * w, images, channels)
            yield start, block.transpose(2, 0, 1).reshape(-1, block.shape[1])
        else:
            block = dataset[start : start + BLOCK]
            yield start, block.reshape(len(block), -1).T


def read_everything(
    path: Path, shapes: dict[str, tuple[int, ...]], layout: Layout
) -> NDArray[np.float32]:
    """Put all values into one array, (P, N)."""
    count = shapes[Y[0]][0]
    values = np.empty(
        (sum(int(np.prod(shape[1:])) for shape in shapes.values()), count), dtype=np.float32
    )
    first = 0
    with h5py.File(path) as file:
        for name, shape in shapes.items():
            last = first + int(np.prod(shape[1:]))
            for start, block in blocks(file, name, layout):
                values[first:last, start : start + block.shape[1]] = block
            first = last
    return values


def read_centre(
    path: Path, shapes: dict[str, tuple[int, ...]], layout: Layout
) -> list[NDArray[np.float32]]:
    """Read the channels at one position of every image, (N, channels) of each component."""
    row, col = CENTRE
    with h5py.File(path) as file:
        if layout.by_position:
            found = [file[name][row * shape[3] + col] for name, shape in shapes.items()]
        else:
            found = [file[name][:, :, row, col] for name in shapes]
    return [each.astype(np.float32, copy=False) for each in found]


def read_images(
    path: Path, shapes: dict[str, tuple[int, ...]], layout: Layout, rows: NDArray[np.integer]
) -> list[NDArray[np.float32]]:
    """Read images one by one."""
    found = []
    with h5py.File(path) as file:
        for row in rows:
            for name in shapes:
                one = file[name][:, row] if layout.by_position else file[name][row]
                found.append(one.astype(np.float32, copy=False))
    return found


def check(source: Path, path: Path, shapes: dict[str, tuple[int, ...]], layout: Layout) -> None:
    """Compare what a layout gives with the store, once."""
    values = read_everything(path, shapes, layout)
    centre = np.concatenate(read_centre(path, shapes, layout), axis=1)
    with store.open_store(source) as latents:
        last = latents.blocks(Y, rows=1)
        for row, _, arrays in last:
            expected = np.concatenate([arrays[name].ravel() for name in Y]).astype(layout.dtype)
            if not np.array_equal(values[:, row], expected.astype(np.float32)):
                raise AssertionError(f"{path}: image {row} is not what was written")
        expected = np.concatenate([latents.read_positions(name, [CENTRE]) for name in Y], axis=2)
    if not np.array_equal(centre, expected[:, 0].astype(layout.dtype).astype(np.float32)):
        raise AssertionError(f"{path}: one position is not what was written")
