"""The latent store: the only package that knows the layout of the HDF5 files of latents.

A store holds, for N images, one dataset per kind of latent and some small ones per image:

=====================  ==============  =======  ==============================================
``id``                 (N,)            utf-8    order of ``selection.tsv``
``luma/y``, ``y_hat``  (N, 160, h, w)  float32  one image a chunk, uncompressed
``chroma/y``, ...      (N, 96, h, w)   float32  the same
``model``              (N,)            int8     model id
``bpp``                (N,)            float64  estimated bits per pixel, NaN if unknown
``beta``               (N, 2)          int16    displacement of luma, chroma
``bits``               (N, 4)          float64  bits of luma z, luma y, chroma z, chroma y, or NaN
``found``, ``trials``  (N,)            int8, 16 rate matching: was a rate accepted, rates tried
=====================  ==============  =======  ==============================================

Optional, of luma and of chroma alike:

=============  ==============  =======  ========================================================
``luma/q``     (N, 160, h, w)  int16    quantised residual, compressed
``luma/z_hat`` (N, 160, ...)   int8     hyper latents, compressed
``luma/mu``    (N, 160, h, w)  float32  mean prediction
``luma/gain``  (N, 160)        float32  multiplier of the residual before rounding
``luma/grfs``  (N, 160)        int8     channels raised by GRFS
``luma/cube``  (N, 4, ...)     int8     cube flags
=============  ==============  =======  ========================================================

For each of them ``row_sha256/<name>`` (N, 32) uint8 keeps the digest of every image's bytes, so
that joining shards needs no second look at 30 GB. The digest of a dataset is taken over these row
digests and the digest of a store over the ids and the datasets in alphabetical order; hence neither
depends on how the images were divided into shards. Beside each store ``<stem>.json`` repeats the
digests, counts and attributes: the rules watch this small file instead of the large one.

A store that is being made can be gone on with after its job was stopped. Its large datasets have
their place in the file from the beginning and are written past HDF5's caches, so that even after
``kill -9`` or on a full disk the file is in order; which images are there, the row digests say.
A store may be empty (N = 0).

=============  ===================================================================================
`layout`       names, attributes, how a dataset lies in the file
`digests`      of rows, datasets, stores
`description`  what is said about a complete store, in it and beside it
`checks`       is a file a complete store, and are the files that it is a view of
`writing`      `create`
`resuming`     what a stopped job left; `is_current`
`reading`      `open_store`, `verify`
`sources`      from a view to the files that hold its values
`positions`    single values of every image, straight from their places in the files
`joining`      `join`
=============  ===================================================================================
"""

from latentprint.sidecar import read_sidecar, sidecar_path
from latentprint.store.joining import join
from latentprint.store.layout import SCHEMA
from latentprint.store.reading import Store, open_store, verify
from latentprint.store.resuming import is_current
from latentprint.store.writing import StoreWriter, create

__all__ = [
    "SCHEMA",
    "Store",
    "StoreWriter",
    "create",
    "is_current",
    "join",
    "open_store",
    "read_sidecar",
    "sidecar_path",
    "verify",
]
