"""The vectors of the reference software, and weights made by their recipe."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from latentprint.codec import JpegAI
from latentprint.codec.weights import Part, read

# What the tests compared: stage -> [vectors, elements, elements that differ, largest difference].
COMPARED: dict[str, list] = {}
# Lines that are shown below that table.
NOTES: list[str] = []


def record(
    stage: str, elements: int, *, differing: int = 0, worst: float = 0.0, vectors: int = 1
) -> None:
    """Count comparisons for the table at the end of the run."""
    row = COMPARED.setdefault(stage, [0, 0, 0, 0.0])
    row[0] += vectors
    row[1] += elements
    row[2] += differing
    row[3] = max(row[3], worst)


def pytest_sessionfinish(session) -> None:
    if hasattr(session.config, "workeroutput"):  # one of several processes: the first one prints
        session.config.workeroutput["parity"] = (COMPARED, NOTES)


class FromWorkers:
    """Takes over what a process has compared."""

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node) -> None:
        compared, notes = getattr(node, "workeroutput", {}).get("parity", ({}, []))
        for stage, (vectors, elements, differing, worst) in compared.items():
            record(stage, elements, differing=differing, worst=worst, vectors=vectors)
        NOTES.extend(note for note in notes if note not in NOTES)


def pytest_configure(config) -> None:
    config.pluginmanager.register(FromWorkers())


def pytest_terminal_summary(terminalreporter) -> None:
    if COMPARED:
        terminalreporter.section("parity with the reference software")
        heading = ("stage", "vectors", "elements", "differ", "largest difference")
        terminalreporter.write_line("{:<28} {:>8} {:>10} {:>8}   {}".format(*heading))
        for stage, (vectors, elements, differing, worst) in COMPARED.items():
            line = f"{stage:<28} {vectors:>8} {elements:>10,} {differing:>8}   {worst:.1e}"
            terminalreporter.write_line(line)
    if NOTES:
        terminalreporter.section("notes on parity and quality")
        for line in NOTES:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The vectors were made with one thread; more move the last bits (specification, 10)."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def vectors(shared: Path) -> Path:
    return shared / "data" / "parity"


@pytest.fixture(scope="session")
def weights(shared: Path, vectors: Path, tmp_path_factory) -> Path:
    """Official files where there are some, beside synthetic ones, in the official layout.

    Official: every BOP transform; of model 3 both SOP decoders and the HOP chroma decoder. The
    recipe makes no SOP and no HOP chroma decoder, so that none is there for the other models:
    nothing to compare was kept either.
    """
    folder = tmp_path_factory.mktemp("weights")
    subprocess.run(
        [sys.executable, str(vectors / "make_weights.py"), str(folder)],
        check=True,
        capture_output=True,
    )
    official = shared / "data" / "weights"
    for name in ("VM_bop", "VM_sop"):
        (folder / name).symlink_to(official / name)
    for file in (official / "VM_hop").glob("*.pth"):
        (folder / "VM_hop" / file.name).symlink_to(file)
    return folder


@dataclass(frozen=True)
class Limits:
    """How near the stored values this processor can come.

    Convolutions sum in an order that depends on the processor; on the kind that the vectors were
    made on every float is equal. On another one last bits differ, and where an unrounded value
    lies next to a tie a symbol flips. A flipped symbol moves the means of its neighbours, the more
    so the larger the displacement, and may flip some of these: flips then come in groups.

    Attributes
    ----------
    flips : int or float
        Symbols of an image that may differ: a number, or a share.
    rates : float
        Relative difference of bits.
    levels : float
        Share of a picture's samples that may differ by one level.
    digests : bool
        Whether digests of floats can be compared.
    """

    flips: float
    rates: float
    levels: float
    digests: bool

    def symbols(self, compared: int) -> float:
        """Give how many of so many symbols may differ."""
        return self.flips if self.flips >= 1 else self.flips * compared


SAME_PROCESSOR = Limits(flips=2, rates=1e-5, levels=1e-3, digests=True)
OTHER_PROCESSOR = Limits(flips=5e-3, rates=1e-4, levels=3e-3, digests=False)
PROBES = ("f06_bop_on_small_64x64_m0_b-700", "f11_hop_on_small_64x64_m1_b100")


@pytest.fixture(scope="session")
def limits(load_case, weights) -> Limits:
    """The limits of this processor, by the latents of two small pictures."""
    for name in PROBES:
        case = load_case(name)
        codec = JpegAI.load(weights, case.operating_point)
        coded = codec.encode(case.rgb, model=case.model, latents=("y",))
        for ours, key in ((coded.luma.y, "model_y.y"), (coded.chroma.y, "model_uv.y")):
            if not torch.equal(ours, case[key]):
                note = (
                    "This processor's convolutions differ from those of the vectors in last bits: "
                    "digests of floats are not compared, and limits are wider (tests/parity)."
                )
                if note not in NOTES:
                    NOTES.append(note)
                return OTHER_PROCESSOR
    return SAME_PROCESSOR


@dataclass(frozen=True)
class Case:
    """One case with fixed model and displacement, every stage of it."""

    name: str
    operating_point: str
    model: int
    beta: int
    tools: bool
    rgb: torch.Tensor
    arrays: dict[str, torch.Tensor]

    def __getitem__(self, key: str) -> torch.Tensor:
        return self.arrays[key]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays


def read_rgb(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).permute(2, 0, 1)[None]


@pytest.fixture(scope="session")
def load_case(vectors: Path):
    """Read one case by name, once."""
    manifest = json.loads((vectors / "manifest.json").read_text())
    described = {entry["name"]: entry for entry in manifest["cases"]}
    cache = {}

    def load(name: str) -> Case:
        if name not in cache:
            entry = described[name]
            with np.load(vectors / entry["file"]) as arrays:
                tensors = {key: torch.from_numpy(arrays[key]) for key in arrays.files}
            cache[name] = Case(
                name=name,
                operating_point=entry["operating_point"].upper(),
                model=entry["model_id"],
                beta=entry["beta_displacement_log"],
                tools=entry["tools"] == "on",
                rgb=read_rgb(vectors / entry["image"]),
                arrays=tensors,
            )
        return cache[name]

    return load


@pytest.fixture(scope="session")
def tensors(weights: Path):
    """Read one file of the weights, once."""
    cache = {}

    def get(kind: str, component: str, model: int, operating_point: str = ""):
        part = Part(kind, operating_point, component, model)
        if part not in cache:
            cache[part] = read(weights, part)
        return cache[part]

    return get
