"""The example of docs/codec.md does what it says."""

import re

import numpy as np
import torch
from PIL import Image

from tests.weights import write_four_models


def test_the_example_encodes_a_folder(root, tmp_path, monkeypatch, capsys):
    page = (root / "docs" / "codec.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    assert len([line for line in example.splitlines() if "import" not in line and line]) <= 10
    write_four_models(tmp_path / "models")
    (tmp_path / "pictures").mkdir()
    generator = np.random.default_rng(2)
    for name in ("a", "b"):
        pixels = generator.integers(0, 255, (64, 80, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(example.replace('"HOP"', '"BOP"'), "docs/codec.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["a.png", "b.png"]
    kept = torch.load(tmp_path / "pictures" / "a.pt", weights_only=True)
    for component, channels in (("luma", 160), ("chroma", 96)):
        for name in ("y", "y_hat"):
            assert kept[component][name].shape == (1, channels, 4, 5)
    assert float(kept["bits"].sum()) == float(lines[0].split()[-1])
