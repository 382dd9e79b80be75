"""The JPEG AI codec (ISO/IEC 6048-1) on batches of images, written from its specification.

Data path of one component; luma has 160 latent channels, chroma 96. The module of each stage stands
in brackets; sections are those of the specification::

    rgb --[colour, 3]--> x --[tiles, 9]--[analysis, 4]--> y
                                                          |
             z_hat <--[hyper, 5.1]-- |y| -----------------+
               |                                          |
               +--[hyper, 5.3: integers]--> sigma index   |
               |                                |         |
               |            gain, displacement [gains, 5.5]
               |                                |         |
               |             RVS and GRFS factors [tools, 6.1, 6.2]
               |                                |         |
               +--[hyper, 5.4]--> psi --[context, 5.6]--> mu
                                                |         |
                          q = round((y - mu) S) [residual, 5.7, 5.8]
                                                |
                          mu + r_hat --[tools: LSBS, 6.3]--> y_hat
                                                               |
    rgb <--[colour, 8]-- Y, U, V <--[tiles, 9]--[synthesis, 8]--+

`entropy` runs the middle part for one component and `coder` for both, `rate` estimates bits (7.1),
`matcher` finds model id and displacement for a target rate (7.3) by numbers alone, `state` is what
the reference software carries from image to image, `codec` alone knows the order from pixels to
pixels. `weights`, `layouts`, `torch_files` and `official` read the trained files (2), `blocks`
holds what networks are made of, `coded` what comes out, `checks` what callers may give, `archive`
one coded image in one file, `heap` keeps freed memory for the next tensors.

Three operating points: BOP (base, convolutions with gates), HOP (high, with a transformer and
masked residual blocks beside them) and SOP (simple: BOP's analysis, a smaller synthesis); the
entropy side is common. The standard's post filters are left out: they act on the decoded picture
and change neither y nor y_hat, but with tools on the reference decodes another picture.

Glossary: x network input; y latents before quantisation; z hyper latents; z_hat rounded z;
psi explicit prediction of the hyper decoder; mu mean prediction of y; S gain (multiplier before
rounding, quantisation step 1/S); q quantised residual; r_hat dequantised residual; y_hat latents
after quantisation; RVS residual variance scaling; GRFS gain flags per channel; LSBS latent scaling
before synthesis; beta displacement of the quality in 1/128 of a sigma level, the same scale as the
gain.

On the command line: `python -m latentprint.codec encode|decode|info FILE`.
"""

from latentprint.codec.codec import JpegAI
from latentprint.codec.coded import Coded, Latents
from latentprint.codec.matcher import Decision, Trial
from latentprint.codec.state import State

__all__ = ["Coded", "Decision", "JpegAI", "Latents", "State", "Trial"]
