"""What tables say of their origin."""

import subprocess

import yaml

from latentprint import trace


def test_the_digest_follows_settings_not_places(root):
    config = yaml.safe_load((root / "config" / "config.yaml").read_text())
    digest = trace.config_digest(config)
    assert len(digest) == 10
    assert trace.config_digest(config | {"run": "other", "device": "cpu"}) == digest
    folder = trace.config_digest(config | {"images_root": "here"})
    assert folder == trace.config_digest(config | {"images_root": "there"}) != digest
    assert trace.config_digest(config | {"weights": "here"}) not in (digest, folder)
    assert trace.config_digest(dict(reversed(config.items()))) == digest
    assert trace.config_digest(config | {"seed": 2}) != digest


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
