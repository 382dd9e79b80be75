"""What the digest of a rule's code notices, and what it does not."""

import pytest

from latentprint import provenance


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package of the same name; digests are read from it."""
    files = {
        "latentprint/__init__.py": "",
        "latentprint/steps/__init__.py": "",
        "latentprint/steps/one.py": "from latentprint import far\nfrom latentprint.near import f\n",
        "latentprint/steps/two.py": "import json\n",
        "latentprint/near.py": "def f():\n    from latentprint.inner import x\n    return x\n",
        "latentprint/inner.py": "x = 1\n",
        "latentprint/far.py": "y = 2\n",
        "env.yaml": "dependencies:\n  - python=3.11\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(provenance, "LIBRARY", tmp_path)
    return tmp_path


def digest(package, step="one"):
    provenance._source.cache_clear()
    return provenance.code_digest(step, environment=package / "env.yaml")


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    provenance._source.cache_clear()


def test_imports_are_followed(package):
    digest(package)
    assert [
        name.removeprefix("latentprint.") for name in provenance.reached("latentprint.steps.one")
    ] == [
        "latentprint",
        "far",
        "inner",
        "near",
        "steps",
        "steps.one",
    ]


@pytest.mark.parametrize("name", ["far", "inner", "near"])
def test_an_edit_reaches_the_steps_that_import_it(package, name):
    one, two = digest(package), digest(package, "two")
    path = package / "latentprint" / f"{name}.py"
    path.write_text(path.read_text() + "z = 3\n")
    assert digest(package) != one
    assert digest(package, "two") == two


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # why\n",
        '"""What."""\n\n\nx = 1\n',
        "# first\nx = 1\n",
    ],
)
def test_comments_docstrings_and_blank_lines_do_not_count(package, text):
    before = digest(package)
    (package / "latentprint" / "inner.py").write_text(text)
    assert digest(package) == before


def test_a_string_that_is_no_docstring_counts(package):
    before = digest(package)
    (package / "latentprint" / "inner.py").write_text('x = 1\ny = "# no comment"\n')
    after = digest(package)
    (package / "latentprint" / "inner.py").write_text('x = 1\ny = "# other"\n')
    assert len({before, after, digest(package)}) == 3


def test_the_environment_counts_without_its_comments(package):
    before = digest(package)
    (package / "env.yaml").write_text("# note\ndependencies:\n  - python=3.11 # why\n")
    assert digest(package) == before
    (package / "env.yaml").write_text("dependencies:\n  - python=3.12\n")
    assert digest(package) != before


def test_what_the_rules_reach(root):
    """Imports are architecture: the design's promises about reruns hold for the real modules."""
    reached = {
        step: set(provenance.reached(f"latentprint.steps.{step}"))
        for step in ("analyse_images", "extract_latents", "build_features", "fit_classifier",
                     "tune_classifier", "plot_figures", "evaluate_classifier")
    }  # fmt: skip
    for step in ("analyse_images", "extract_latents"):
        assert "latentprint.features" not in reached[step]
        assert "latentprint.learn" not in reached[step]
    for step in ("build_features", "fit_classifier", "tune_classifier", "evaluate_classifier"):
        assert not any(name.startswith("latentprint.codec") for name in reached[step])
    for step, modules in reached.items():
        if step != "plot_figures":
            assert "latentprint.figures" not in modules
