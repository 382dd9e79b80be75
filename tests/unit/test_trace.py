"""What tables say of their origin."""

import subprocess

import yaml

from latentprint import trace


def test_the_digest_follows_settings_not_places(root):
    config = yaml.safe_load((root / "config" / "config.yaml").read_text())
    digest = trace.config_digest(config)
    assert len(digest) == 10
    assert trace.config_digest(config | {"run": "other", "device": "cpu"}) == digest
    assert trace.config_digest(config | {"images": "here"}) == digest
    folder = trace.config_digest(config | {"images_root": "here"})
    assert folder == trace.config_digest(config | {"images_root": "there"}) != digest
    assert trace.config_digest(config | {"weights": "here"}) not in (digest, folder)
    assert trace.config_digest(dict(reversed(config.items()))) == digest
    assert trace.config_digest(config | {"seed": 2}) != digest


def test_what_a_run_does_not_read_is_not_in_its_digest(root):
    """So that a new version with more keys leaves the digests of older runs as they are."""
    config = yaml.safe_load((root / "config" / "config.yaml").read_text())
    digest = trace.config_digest(config)

    def with_detectors(**changes):
        return trace.config_digest(config | {"detectors": config["detectors"] | changes})

    unread = {"search": config["search"] | {"LR": {}}, "screening": {"k": 3}}
    assert trace.config_digest(config | unread) == digest == with_detectors(folds=9)
    screened = config | {"features": ["screened"]}
    assert trace.config_digest(screened | unread) != trace.config_digest(screened)
    for read in ({"seeds": 2}, {"n_valid": 20}, {"search": config["search"] | {"RF": {}}}):
        assert trace.config_digest(config | read) != digest
    here, there = (with_detectors(examined=1, folders={"a": place}) for place in ("here", "there"))
    assert here == there != with_detectors(examined=1)


def test_the_commit_is_named_and_changes_are_marked(tmp_path):
    assert trace.commit(tmp_path) == trace.NO_COMMIT

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", *identity, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    head = git("rev-parse", "HEAD")
    assert trace.commit(tmp_path) == head[:10]
    (tmp_path / "file").write_text("two")
    assert trace.commit(tmp_path) == head[:10] + "+"
