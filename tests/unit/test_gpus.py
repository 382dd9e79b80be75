"""One GPU a job: jobs side by side take different ones, and give them back by ending."""

import subprocess
import sys

from latentprint import extraction, gpus

TAKER = """
import sys
from pathlib import Path
from latentprint import gpus
print(gpus.take(["a", "b"], Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def taker(folder):
    return subprocess.Popen(
        [sys.executable, "-c", TAKER, str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip


def test_jobs_side_by_side_take_different_gpus(tmp_path):
    jobs = []
    try:
        for expected in ("0", "1", "0"):  # the third shares, and says so
            jobs.append(taker(tmp_path))
            assert jobs[-1].stdout.readline().strip() == expected
        jobs[0].kill()
        jobs[0].wait()
        jobs.append(taker(tmp_path))
        assert jobs[-1].stdout.readline().strip() == "0"
        assert "all 2 GPUs are taken" in jobs[2].communicate("")[1]
    finally:
        for job in jobs:
            job.kill()


def test_the_codec_is_opened_on_the_gpu_that_was_taken(monkeypatch, tmp_path):
    class Properties:
        def __init__(self, uuid):
            self.uuid = uuid

    opened = []
    monkeypatch.setattr(extraction.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(extraction.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(extraction.torch.cuda, "get_device_properties", lambda gpu: Properties(gpu))
    monkeypatch.setattr(gpus, "take", lambda names: names.index("1"))
    monkeypatch.setattr(extraction.JpegAI, "load", lambda *arguments: opened.append(arguments[-1]))
    extraction.open_codec(tmp_path, operating_point="BOP", device="auto")
    extraction.open_codec(tmp_path, operating_point="BOP", device="cpu")
    assert opened == ["cuda:1", "cpu"]
