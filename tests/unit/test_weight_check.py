"""Weight files: which are there, which are official, and what is said of those that are not."""

import shutil
import subprocess
import sys

import pytest

from latentprint.codec.official import MD5
from latentprint.errors import UserError, run
from latentprint.steps import fetch_codec
from latentprint.weight_check import Found, able, can_match_rates, inspect
from latentprint.weight_files import entropy_files, relative_path, transform_files
from latentprint.weight_page import HOW_TO_GET


def touched(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_missing_encoder_file_is_named_with_its_use_and_the_guide(tmp_path):
    touched(tmp_path, ["VM_hop/encoder_Y_0.5.pth"])
    with pytest.raises(UserError) as caught:
        transform_files(tmp_path, "HOP", 3)
    message = str(caught.value)
    assert f"{tmp_path}/VM_hop/encoder_UV_0.5.pth is missing" in message
    assert "operating point HOP, model id 3" in message and "docs/data.md" in message
    assert "\n" not in message
    touched(tmp_path, ["VM_hop/encoder_UV_0.5.pth"])
    assert len(transform_files(tmp_path, "HOP", 3)) == 2


def test_a_missing_entropy_file_is_named_with_the_way_around(tmp_path):
    with pytest.raises(
        UserError, match=r'VM_common_int/Y_0\.012\.pth is missing.*latents: \["y"\]'
    ):
        entropy_files(tmp_path, 1)


def test_states_of_a_folder(tmp_path, root):
    touched(tmp_path, ["VM_bop/encoder_Y_0.5.pth"])
    (tmp_path / "VM_bop/encoder_UV_0.5.pth").write_text(
        "version https://git-lfs.github.com/spec/v1"
    )
    shutil.copy(root / "resources/codec/VM_bop/decoder_Y_0.5.pth", tmp_path / "VM_bop")
    found = inspect(tmp_path)
    assert list(found) == list(MD5)
    assert found["VM_bop/encoder_Y_0.5.pth"] == Found("broken", "is empty. Fetch it again")
    assert found["VM_bop/encoder_UV_0.5.pth"] == Found("pointer")
    assert found["VM_bop/decoder_Y_0.5.pth"] == Found("other")
    assert found["VM_hop/encoder_Y_0.5.pth"] == Found("missing")
    assert not any(ids for points in able(found).values() for ids in points.values())


def test_what_can_be_run_needs_both_components():
    found = dict.fromkeys(MD5, Found("official"))
    every = [0, 1, 2, 3]
    models = able(found)
    assert list(models) == ["y", "y_hat", "pictures"]
    assert all(points == {"BOP": every, "HOP": every, "SOP": every} for points in models.values())
    assert all(can_match_rates(models, point) for point in ("BOP", "HOP", "SOP"))
    found[relative_path("entropy", "", "chroma", 1)] = Found("missing")
    found[relative_path("encoder", "HOP", "luma", 3)] = Found("pointer")
    found[relative_path("encoder", "BOP", "chroma", 0)] = Found("broken", "is empty")
    found[relative_path("decoder", "SOP", "luma", 2)] = Found("missing")
    found[relative_path("decoder", "BOP", "luma", 2)] = Found("other")
    models = able(found)
    assert models == {
        "y": {"BOP": [1, 2, 3], "HOP": [0, 1, 2], "SOP": [1, 2, 3]},
        "y_hat": {"BOP": [2, 3], "HOP": [0, 2], "SOP": [2, 3]},
        "pictures": {"BOP": every, "HOP": every, "SOP": [0, 1, 3]},
    }
    assert not any(can_match_rates(models, point) for point in ("BOP", "HOP", "SOP"))


def test_official_files_are_known_and_those_under_another_name(shared, tmp_path):
    name, taken = "VM_bop/encoder_UV_0.5.pth", "VM_bop/encoder_UV_0.002.pth"
    touched(tmp_path, [name])
    shutil.copyfile(shared / "data/weights" / name, tmp_path / name)
    shutil.copyfile(shared / "data/weights" / name, tmp_path / taken)
    found = inspect(tmp_path)
    assert found[name].state == "official"
    assert found[taken].state == "broken" and f"is {name} of the release" in found[taken].reason


def checked(folder, monkeypatch, capsys):
    """Run the step; give the exit status and what it printed."""
    arguments = [] if folder is None else ["--weights", str(folder)]
    monkeypatch.setattr(sys, "argv", ["fetch_codec", *arguments])
    try:
        run(fetch_codec.main)
        status = 0
    except SystemExit as stopped:
        status = stopped.code
    printed = capsys.readouterr()
    return status, printed.out + printed.err


def row(text, start):
    """Give the words of the line that begins so, without its beginning."""
    (line,) = [line for line in text.splitlines() if line.strip().startswith(start)]
    return line.strip().removeprefix(start).split()


def test_an_empty_folder(tmp_path, monkeypatch, capsys):
    status, text = checked(tmp_path, monkeypatch, capsys)
    assert status == 1
    assert text.count("0 of 8  all missing") == 6
    assert "Nothing can be run with this folder" in text and HOW_TO_GET in text


def test_no_folder_asks_how_to_get_one(tmp_path, monkeypatch, capsys):
    assert checked(None, monkeypatch, capsys) == (1, f"{HOW_TO_GET}\n")
    status, text = checked(tmp_path / "no", monkeypatch, capsys)
    assert status == 2 and text.startswith("error: ") and text.count("\n") == 1


def test_a_folder_of_pointers(tmp_path, monkeypatch, capsys):
    names = [name for name in MD5 if name.startswith(("VM_bop", "VM_hop/decoder_UV"))]
    touched(tmp_path, names)
    for name in names:
        (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\n")
    status, text = checked(tmp_path, monkeypatch, capsys)
    assert status == 1 and text.count("git lfs pull") == 1
    assert text.count("all Git LFS pointers") == 2
    assert "missing: Y 0 1 2 3; Git LFS pointers: UV 0 1 2 3" in text


def test_embedded_weights(root, monkeypatch, capsys):
    status, text = checked(root / "resources" / "codec", monkeypatch, capsys)
    assert status == 0
    assert "weights that this product trained" in text
    assert row(text, "y  ") == ["3", "none", "3"]
    assert row(text, "y_hat, its rate") == ["3", "none", "3"]
    assert row(text, "pictures of y_hat") == ["3", "none", "none"]
    assert row(text, "rate matching (all four)") == ["no", "no", "no"]


def test_official_files_and_a_damaged_one(shared, tmp_path, monkeypatch, capsys):
    for name in ("VM_bop", "VM_hop", "VM_sop"):
        shutil.copytree(shared / "data/weights" / name, tmp_path / name)
    touched(tmp_path, ["VM_common/Y_0.5.pth"])
    damaged = tmp_path / "VM_bop/encoder_UV_0.075.pth"
    damaged.chmod(0o644)
    damaged.write_bytes(damaged.read_bytes()[:1000])
    status, text = checked(tmp_path, monkeypatch, capsys)
    assert status == 0
    assert row(text, "VM_bop/encoder_*") == "7 of 8 wrong: UV 2".split()
    assert row(text, "VM_bop/decoder_*") == "8 of 8 official".split()
    assert row(text, "VM_sop/decoder_*") == "2 of 8 missing: Y 0 1 2, UV 0 1 2".split()
    assert row(text, "VM_common/*") == "1 of 8 not used: for training alone".split()
    assert "VM_bop/encoder_UV_0.075.pth: is cut off" in text
    assert row(text, "y  ") == "0 1 3 none 0 1 3".split()
    assert row(text, "pictures of y_hat") == "0 1 2 3 none 3".split()
    assert max(map(len, text.splitlines()[1:])) <= 100


def test_many_damaged_files_are_not_a_wall_of_lines(tmp_path, monkeypatch, capsys):
    _, text = checked(touched(tmp_path, MD5), monkeypatch, capsys)
    assert text.count("is empty") == 6 and "and 42 more" in text
    assert len(text.splitlines()) < 40


def test_the_folder_that_was_meant_is_named(root, tmp_path, monkeypatch, capsys):
    models = tmp_path / "clone" / "models"
    shutil.copytree(root / "resources/codec/VM_bop", models / "VM_bop")
    for folder in (tmp_path / "clone", models / "VM_bop"):
        status, text = checked(folder, monkeypatch, capsys)
        assert status == 1 and f"There are weights in {models}" in " ".join(text.split())


def test_the_make_target_takes_the_folder(root, tmp_path):
    command = ["make", "--dry-run", "fetch-codec", f"WEIGHTS={tmp_path}/a b"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert f'latentprint.steps.fetch_codec --weights "{tmp_path}/a b"' in result.stdout
    listed = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True).stdout
    assert "make fetch-codec " in listed


def test_the_check_of_the_order_of_the_list_runs_as_the_guide_gives_it(root, tmp_path):
    guide = (root / "docs/data.md").read_text().splitlines()
    command = next(line.strip() for line in guide if line.strip().startswith("python3 -c"))
    printed = next(line.strip() for line in guide if line.strip().startswith("18233"))
    ids = printed.split()
    real, fake = ids[:5], [*(f"FAKE{i:06d}" for i in range(145)), *ids[5:]]
    rows = [f"{i},x,{name},0,fake,x.jpg" for i, name in enumerate(fake)]
    rows += [f"{i},x,{name},1,real,x.jpg" for i, name in enumerate([*real, "00001"])]
    (tmp_path / "faces").mkdir()
    text = "\n".join([",original_path,id,label,label_str,path", *rows])
    (tmp_path / "faces/test.csv").write_text(text)
    result = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert result.stdout.strip() == printed, result.stderr


def test_numbers_of_the_guide_are_those_of_the_list(root):
    text = (root / "docs/data.md").read_text()
    for start in ("VM_bop/encoder", "VM_bop/decoder", "VM_hop/encoder", "VM_hop/decoder",
                  "VM_sop/decoder", "VM_common_int/"):  # fmt: skip
        number = sum(name.startswith(start) for name in MD5)
        stem = f"{start}_*" if start[-1] != "/" else f"{start}*"
        assert f"| `{stem}` | {number} |" in text
