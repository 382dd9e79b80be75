"""The JPEG AI codec (ISO/IEC 6048-1) on batches of images, written from its specification.

Data path of one component; luma has 160 latent channels, chroma 96::

    rgb -> colour -> x -> analysis (g_a) -> y -> |y| -> hyper encoder (h_a) -> z -> z_hat
                                            |                                      |
                                            |         +----------------------------+
                                            |         |                            |
                                            |   hyper scale decoder         hyper decoder
                                            |      (h_s, integer)               (h_d)
                                            |         |                            |
                                            |   sigma index + gain                psi
                                            |         |                            |
                                            |     skip mask                  context model
                                            v         v                            v
                                         residual: q = round((y - mu) S)  <------- mu
                                                      |
                                          y_hat = mu + q / S -> synthesis (g_s) -> colour -> rgb

Analysis and synthesis exist at two operating points: BOP (base, convolutions with gates) and HOP
(high, with a transformer and masked residual blocks beside them); the entropy side is common.

Modules, in the order of the data path: `weights` (files), `colour`, `blocks`, `analysis`,
`hyper`, `gains`, `residual`, `context`, `rate`, `synthesis`; `codec` alone knows their order.

Glossary: x network input; y latents before quantisation; z hyper latents; z_hat rounded z;
psi explicit prediction of the hyper decoder; mu mean prediction of y; S gain (multiplier before
rounding, quantisation step 1/S); q quantised residual; y_hat latents after quantisation; beta
displacement of the quality in 1/128 of a sigma level, the same scale as the gain.
"""

from latentprint.codec.codec import Coded, JpegAI, Latents

__all__ = ["Coded", "JpegAI", "Latents"]
