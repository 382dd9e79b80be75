"""Scores of a user's images: a table and a page from a folder, by the detector of a run."""
