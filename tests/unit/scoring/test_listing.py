"""Which files of a folder are scored, and what makes it another request."""

import os
import re

import pytest

from latentprint.errors import UserError
from latentprint.scoring.listing import folder_state, list_folder, scores_name, shown_path


def put(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_subfolders_are_walked_in_the_order_of_paths(tmp_path):
    put(tmp_path, "b.png", "a/z.JPG", "a/b/c.webp", "B.tiff", "a.jpg")
    assert list_folder(tmp_path).paths == ("B.tiff", "a.jpg", "a/b/c.webp", "a/z.JPG", "b.png")


def test_what_is_no_picture_by_its_suffix_is_counted(tmp_path):
    put(tmp_path, "a.png", "notes.txt", "sub/.DS_Store", "sub/._a.jpg", "none", "b.heic", "c.gif")
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    found = list_folder(tmp_path)
    assert found.paths == ("a.png", "b.heic", "c.gif")
    assert found.others == 5  # the link to a folder is not followed


def test_links_in_circles_end(tmp_path):
    put(tmp_path, "sub/a.png")
    (tmp_path / "sub/again").symlink_to(tmp_path)
    assert list_folder(tmp_path).paths == ("sub/a.png",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_folders_that_cannot_be_listed_are_named(tmp_path):
    put(tmp_path, "a.png", "shut/b.png")
    (tmp_path / "shut").chmod(0)
    try:
        assert list_folder(tmp_path).closed == ("shut",)
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_a_folder_without_pictures_is_one_line(tmp_path):
    with pytest.raises(UserError, match="which is no folder") as caught:
        list_folder(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)
    put(tmp_path, "notes.txt")
    with pytest.raises(UserError, match=r"no images to score \(1 other files\).*subfolders"):
        list_folder(tmp_path)


def test_another_name_size_or_time_is_another_state(tmp_path):
    put(tmp_path, "a.png", "sub/b.png")
    (tmp_path / "c.png").symlink_to("nowhere")
    before = folder_state(tmp_path)
    assert folder_state(tmp_path) == before
    put(tmp_path, "notes.txt")  # is not scored
    assert folder_state(tmp_path) == before
    states = {before}
    os.utime(tmp_path / "sub/b.png", ns=(1, 1))
    states.add(folder_state(tmp_path))
    (tmp_path / "sub/b.png").write_bytes(b"xy")
    os.utime(tmp_path / "sub/b.png", ns=(1, 1))
    states.add(folder_state(tmp_path))
    (tmp_path / "a.png").rename(tmp_path / "aa.png")
    states.add(folder_state(tmp_path))
    assert len(states) == 4


def test_scores_lie_in_a_folder_that_any_path_may_hold(tmp_path, monkeypatch):
    assert scores_name(tmp_path / "My pictures {x}") == "My_pictures_x"
    assert scores_name(tmp_path / "...") == scores_name("/") == "folder"
    assert len(scores_name(tmp_path / ("a" * 200))) == 80
    monkeypatch.chdir(tmp_path)
    assert scores_name(".") == scores_name(tmp_path)
    assert re.fullmatch("[A-Za-z0-9._-]+", scores_name(tmp_path / "ünï/cödé"))


def test_names_are_shown_on_one_line_of_utf_8():
    name = "a\tb\nc\x00d\\e\u2028f\udcff\u00fc<g>"
    shown = shown_path(name)
    assert shown == "a\\x09b\\x0ac\\x00d\\\\e\\u2028f\\udcff\u00fc<g>"
    shown.encode("utf-8")
    assert shown.splitlines() == [shown]
