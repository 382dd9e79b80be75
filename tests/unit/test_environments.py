"""Environment files name what their rules import, and no more; pins agree everywhere."""

import ast
import re
import sys
from functools import cache

import pytest
import yaml

from latentprint import provenance

RULES = re.compile(r"^(?:rule|checkpoint) (\w+):$(.*?)(?=^(?:rule|checkpoint) |\Z)", re.M | re.S)
# What is imported under another name than it is installed.
PACKAGES = {
    "PIL": "pillow", "matplotlib": "matplotlib-base", "sklearn": "scikit-learn",
    "torch": "pytorch", "yaml": "pyyaml",
}  # fmt: skip


@cache
def rules(root):
    """Environment and step of every rule that runs code of ours."""
    found = {}
    for path in sorted((root / "workflow/rules").glob("*.smk")):
        for name, text in RULES.findall(path.read_text()):
            step = re.search(r"latentprint\.steps\.(\w+)", text)
            environment = re.search(r"envs/(\w+)\.yaml", text)
            if step:
                found[name] = (environment and environment[1], step[1])
    return found


def packages(root, environment):
    lines = yaml.safe_load((root / f"envs/{environment}.yaml").read_text())["dependencies"]
    return dict(line.split("=") for line in lines)


def imported(step):
    """Packages that a step reaches, by the names under which they are installed."""
    names = set()
    for module in provenance.reached(f"latentprint.steps.{step}"):
        for node in ast.walk(ast.parse(provenance.module_path(module).read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.split(".")[0])
    names -= {*sys.stdlib_module_names, "latentprint"}
    return {PACKAGES.get(name, name) for name in names}


def test_every_computing_rule_names_an_environment(root):
    assert len(rules(root)) > 20
    assert {name for name, (environment, _) in rules(root).items() if not environment} == set()


def test_every_rule_states_memory_and_minutes(root):
    for path in (root / "workflow/rules").glob("*.smk"):
        for name, text in RULES.findall(path.read_text()):
            if "localrule: True" not in text:
                assert "mem_mb=" in text and "runtime=" in text, f"{path.name}: {name}"


def test_an_environment_names_what_its_rules_import(root):
    for name, (environment, step) in rules(root).items():
        missing = imported(step) - set(packages(root, environment))
        assert not missing, f"{name}: envs/{environment}.yaml lacks {missing}"


@pytest.mark.parametrize("environment", ["codec", "learn", "report"])
def test_an_environment_names_nothing_else(root, environment):
    used = {"python"}
    for where, step in rules(root).values():
        used |= imported(step) if where == environment else set()
    assert set(packages(root, environment)) <= used


def test_imports_are_found(root):
    assert imported("analyse_images") >= {"pytorch", "h5py", "pillow"}
    assert imported("plot_figures") >= {"matplotlib-base"}


@pytest.mark.parametrize("environment", ["codec", "learn", "report"])
def test_environments_are_of_conda_forge_alone_and_pinned_to_the_minor(root, environment):
    whole = yaml.safe_load((root / f"envs/{environment}.yaml").read_text())
    assert whole["channels"] == ["conda-forge", "nodefaults"]
    for package, version in packages(root, environment).items():
        assert re.fullmatch(r"\d+\.\d+", version), f"{package}: {version}"


def test_one_version_of_python(root):
    readme = (root / "README.md").read_text()
    project = (root / "pyproject.toml").read_text()
    for environment in ("codec", "learn", "report"):
        version = packages(root, environment)["python"]
        assert f"Python {version}" in readme
        assert f'target-version = "py{version.replace(".", "")}"' in project


def test_environments_pin_the_versions_of_the_virtual_environment(root):
    pins = dict(re.findall(r"^([a-z0-9_-]+)==([\d.]+)", (root / "envs/venv.txt").read_text(), re.M))
    pins["pytorch"] = re.search(r"torch==([\d.]+)", (root / "Makefile").read_text())[1]
    pins["matplotlib-base"] = pins["matplotlib"]
    for environment in ("codec", "learn", "report"):
        for package, version in packages(root, environment).items():
            if package != "python":
                assert pins[package].startswith(f"{version}."), f"{environment}: {package}"
