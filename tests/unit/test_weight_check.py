"""Weight files: which are there, which are official, and what is said of those that are not."""

import shutil
import subprocess
import sys

import pytest

from latentprint.codec.official import MD5
from latentprint.errors import UserError, run
from latentprint.steps import check_weights
from latentprint.weight_check import states, usable
from latentprint.weight_files import entropy_files, relative_path, transform_files


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


def test_states_of_a_folder(tmp_path):
    touched(tmp_path, ["VM_bop/encoder_Y_0.5.pth"])
    (tmp_path / "VM_bop/encoder_UV_0.5.pth").write_text(
        "version https://git-lfs.github.com/spec/v1"
    )
    found = states(tmp_path)
    assert list(found) == list(MD5)
    assert found["VM_bop/encoder_Y_0.5.pth"] == "other"
    assert found["VM_bop/encoder_UV_0.5.pth"] == "pointer"
    assert found["VM_hop/encoder_Y_0.5.pth"] == "missing"
    assert not any(usable(found).values())


def test_what_can_be_run_needs_both_components():
    found = dict.fromkeys(MD5, "ok")
    every = [0, 1, 2, 3]
    assert usable(found) == {"y BOP": every, "y_hat BOP": every, "y HOP": every, "y_hat HOP": every}
    found[relative_path("entropy", "", "chroma", 1)] = "missing"
    found[relative_path("encoder", "HOP", "luma", 3)] = "other"
    able = usable(found)
    assert able["y BOP"] == [0, 1, 2, 3] and able["y_hat BOP"] == [0, 2, 3]
    assert able["y HOP"] == [0, 1, 2] and able["y_hat HOP"] == [0, 2]


def test_official_files_are_known(shared, tmp_path):
    name = "VM_bop/encoder_UV_0.5.pth"
    touched(tmp_path, [name])
    shutil.copyfile(shared / "data/weights" / name, tmp_path / name)
    assert states(tmp_path)[name] == "ok"


def test_the_step_prints_a_line_per_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["check_weights", "--weights", str(tmp_path)])
    run(check_weights.main)
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(MD5)] == [f"missing  {name}" for name in MD5]
    assert "48 official files: 48 missing" in lines
    monkeypatch.setattr(sys, "argv", ["check_weights", "--weights", str(tmp_path / "no")])
    with pytest.raises(SystemExit) as stopped:
        run(check_weights.main)
    assert stopped.value.code == 2


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
