"""Classifiers that grow their trees on binned values: one byte a value, binned once for all fits.

`bins` makes the bins and is shared by both; `forest` and `boosting` hold the classifiers, their
`_kernels` the compiled loops. Only fits and predictions with ``engine: histogram`` import these
modules: numba costs a second a process.
"""
