"""Pictures for the tests of the audit: made here, so that their history is known."""

import hashlib
import io

import numpy as np
from PIL import Image

from latentprint.image_tables import Chosen, write_table


def picture(seed=0, *, size=256):
    """A picture like a photograph: coarse and fine structure and noise, never resized."""
    rng = np.random.default_rng(seed)
    shape = (size, size)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.fftfreq(size)[None])
    slopes = 1 / (frequency + 2 / size)
    channels = []
    for _ in range(3):
        waves = np.fft.fft2(rng.standard_normal(shape)) * slopes
        coarse = np.fft.ifft2(waves).real
        channels.append(128 + 45 * coarse / coarse.std() + rng.normal(0, 4, shape))
    return Image.fromarray(np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8))


def encoded(image, kind="JPEG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def recompressed(image, quality):
    return Image.open(io.BytesIO(encoded(image, quality=quality))).convert("RGB")


def luma(image):
    return np.asarray(image.convert("RGB")).astype(np.float32) @ np.array(
        [0.299, 0.587, 0.114], np.float32
    )


def write_set(root, *, n=6, size=64, options=None):
    """Write n images per split and class and the selection; options: label -> save options."""
    chosen = []
    for k in range(4 * n):
        split, label = ("train", "test")[k // (2 * n)], ("real", "fake")[k % 2]
        saved = {"kind": "JPEG", "quality": 90} | (options or {}).get(label, {})
        data = encoded(picture(k, size=size), **saved)
        path = f"{split}/{label}/{k:05d}.{saved['kind'].lower()}"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        chosen.append(Chosen(f"{k:05d}", label, split, path, hashlib.sha256(data).hexdigest()))
    write_table(root / "selection.tsv", Chosen._fields, rows=chosen)
    return chosen
