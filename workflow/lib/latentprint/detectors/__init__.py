"""What is looked into of the best cells of a run: calibration, learning, limits.

Which cells those are is decided by cross-validation on training images (`choice`), never by the
test.
"""
