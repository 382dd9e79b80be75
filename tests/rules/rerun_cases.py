"""What changes, and what is then made again: cases for the tests and rows of docs/reruns.md.

Written to the page by `python -m tests.rules.rerun_cases`.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import Checkout, copy_without_times

PAGE = Path("docs/reruns.md")
START, END = "<!-- rerun_cases.py -->", "<!-- end of rerun_cases.py -->"
LIBRARY = "workflow/lib/latentprint"
TINY = "tests/data/tiny.yaml"

# Jobs of the tiny run: one point of y and two of y_hat, three features, two classifiers, one
# component; every cell of both levels is a copy. Searched are single patches of y alone; other
# cells take their outcome.
POINTS, FEATURES, CLASSIFIERS, LEVELS = 3, 3, 2, 2
FITS = POINTS * FEATURES  # of one classifier
CELLS = FEATURES * CLASSIFIERS * 2 * LEVELS
PAGES = {"render_tables": 1, "plot_figures": 1, "describe_run": 1, "render_times": 1}
GATHER = {"collect_scores": 1, **PAGES}
# The digest of the configuration stands on every table.
CONFIGURED = GATHER | {"render_audit": 1, "render_rd_curve": 1}
LEARNING = {"tune_classifier": 2 * FITS, "fit_classifier": 2 * FITS}
SHARED = {"share_cell": CELLS, "evaluate_classifier": CELLS}
IMAGES = {"make_demo_images": 2, "index_images": 1, "select_images": 1}
LATENTS = {"analyse_images": 2, "extract_latents": 4, "join_shards": 6, "join_level": 4}
EXTRACTION = {*IMAGES, "analyse_images", "match_rates", "gather_latents", "extract_latents"}

Change = Callable[[Checkout], AbstractContextManager[Checkout]]


@dataclass(frozen=True)
class Case:
    """Something that changes after a finished run.

    Attributes
    ----------
    what : str
        For the page.
    change : callable
        Does it for the duration of a block, and gives the checkout to ask.
    planned : dict
        Jobs by rule that are then made again.
    options : tuple of str
        Of the command that is asked.
    """

    what: str
    change: Change
    planned: dict[str, int]
    options: tuple[str, ...] = ()


def edit(name: str, old: str, new: str) -> Change:
    """Change one file."""

    @contextmanager
    def change(checkout: Checkout) -> Iterator[Checkout]:
        with checkout.edited(name, old, new):
            yield checkout

    return change


def configure(text: str) -> Change:
    """Put keys into the configuration."""
    return edit(TINY, "run: tiny", f"run: tiny\n{text}")


@contextmanager
def nothing(checkout: Checkout) -> Iterator[Checkout]:
    yield checkout


@contextmanager
def touch(checkout: Checkout) -> Iterator[Checkout]:
    for part in ("workflow", "config", "envs", "resources", "results/tiny/latents"):
        for path in (checkout.folder / part).rglob("*"):
            path.touch()
    yield checkout


@contextmanager
def other_branch_and_back(checkout: Checkout) -> Iterator[Checkout]:
    """Git writes the files that differ anew, with new times."""

    def git(*arguments: str) -> None:
        user = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *user, *arguments], cwd=checkout.folder, check=True,
                       capture_output=True)  # fmt: skip

    git("init", "--initial-branch=main")
    git("add", "Snakefile", "workflow", "config", "envs", "profiles", "resources")
    git("commit", "--message", "as it is")
    git("switch", "--create", "other")
    with ExitStack() as edits:
        for name, old, new in (
            (f"{LIBRARY}/features.py", "import json\n", "import json\n\nMARK = 1\n"),
            (f"{LIBRARY}/codec/context.py", "CONTEXT_GROUPS = 5", "CONTEXT_GROUPS = 4"),
            ("envs/learn.yaml", "  - numba", "  - joblib=1.5\n  - numba"),
        ):
            edits.enter_context(checkout.edited(name, old, new))
        git("commit", "--all", "--message", "something else")
    git("restore", ".")
    git("switch", "main")
    try:
        yield checkout
    finally:
        shutil.rmtree(checkout.folder / ".git")


@contextmanager
def move(checkout: Checkout) -> Iterator[Checkout]:
    place = checkout.folder.with_name("another place")
    checkout.folder.rename(place)
    try:
        yield Checkout(place)
    finally:
        place.rename(checkout.folder)


@contextmanager
def clone(checkout: Checkout, then: Change = nothing) -> Iterator[Checkout]:
    """All files, none of their times, and nothing of what Snakemake remembers."""
    place = checkout.folder.with_name("clone")
    copy_without_times(checkout.folder, place)
    try:
        with then(Checkout(place)) as changed:
            yield changed
    finally:
        shutil.rmtree(place)


MORE_DRAWS = edit(TINY, "max_iter: 3", "max_iter: 4")
BOOSTING_SEARCHED = {
    "tune_classifier": FITS, "fit_classifier": FITS,
    "share_cell": CELLS // 2, "evaluate_classifier": CELLS // 2, **CONFIGURED,
}  # fmt: skip

CASES = {
    "nothing": Case("nothing", nothing, {}),
    "add a level": Case(
        "a level of `bpp` is added",
        configure('bpp: [0.12, 0.25, 1.0]\noperating_points: {"0.12": [3, -1069]}'),
        {
            "extract_latents": 2, "join_shards": 2, "join_level": 2, "build_features": 3,
            "tune_classifier": 6, "fit_classifier": 6,
            "share_cell": 12, "evaluate_classifier": 12, **CONFIGURED,
        },
    ),
    # Put before the level whose point it has: neither is made again. That one says that it is the
    # same; its cells are scored with its description.
    "add a level of a known point": Case(
        "a level is added that is the operating point of another one",
        configure('bpp: [0.24, 0.25, 1.0]\noperating_points: {"0.24": [3, -350]}'),
        {"join_level": 4, "share_cell": 12, "evaluate_classifier": 24, **CONFIGURED},
    ),
    "remove a level": Case("a level is removed", configure("bpp: [0.25]"), CONFIGURED),
    "drop a classifier": Case(
        "a classifier is dropped", configure("classifiers: [RF]"), CONFIGURED
    ),
    "drop a latent": Case('`y_hat` is dropped', configure('latents: ["y"]'), {
        "join_level": 4, "evaluate_classifier": CELLS // 2, **CONFIGURED,
    }),
    "n_patches": Case(
        "`n_patches`, the number of the multiple patches",
        edit(TINY, "n_patches: 3", "n_patches: 4"),
        {
            "build_features": POINTS, "fit_classifier": 6,
            "share_cell": 8, "evaluate_classifier": 8, **CONFIGURED,
        },
    ),
    "search space": Case("the search space of GB", MORE_DRAWS, BOOSTING_SEARCHED),
    "tools": Case(
        "`tools`: another `y_hat`, but never another `y`", configure("tools: false"),
        {
            "extract_latents": 4, "join_shards": 4, "join_level": 4, "build_features": 6,
            "fit_classifier": 12, "share_cell": 12, "evaluate_classifier": CELLS, **CONFIGURED,
        },
    ),
    "extras": Case(
        "`store.extras`: stores of `y_hat` hold more", configure("store: {extras: [q]}"),
        {
            "extract_latents": 4, "join_shards": 4, "join_level": 4, "build_features": 6,
            "fit_classifier": 12, "share_cell": 12, "evaluate_classifier": CELLS, **CONFIGURED,
        },
    ),
    "labels": Case("`labels: it`: tables and figures in Italian", configure("labels: it"), {
        "render_tables": 1, "plot_figures": 1, "render_audit": 1, "render_rd_curve": 1,
        "render_times": 1,
    }),
    "cues": Case(
        "a setting of `cues`, of which the experiment on latents knows nothing",
        edit(TINY, "  trees: 10", "  trees: 11"),
        {},
    ),
    "detectors": Case(
        "a setting of `detectors`, where none is looked into",
        configure("detectors: {folds: 4}"),
        {},
    ),
    "a colour": Case(
        "a colour of the charts (`figure_style.py`)",
        edit(f"{LIBRARY}/figure_style.py", "#2E86AB", "#2E86AC"),
        {"plot_figures": 1, "render_audit": 1, "render_rd_curve": 1, "render_times": 1},
    ),
    "features.py": Case(
        "`features.py`, which reads features files",
        edit(f"{LIBRARY}/features.py", "import json\n", "import json\n\nMARK = 1\n"),
        {**LEARNING, **SHARED, **GATHER},
    ),
    "feature_files.py": Case(
        "`feature_files.py`, which writes them",
        edit(f"{LIBRARY}/feature_files.py", "import json\n", "import json\n\nMARK = 1\n"),
        {"build_features": 9, **LEARNING, **SHARED, **GATHER},
    ),
    "codec": Case(
        "a module of the codec (`context.py`)",
        edit(f"{LIBRARY}/codec/context.py", "CONTEXT_GROUPS = 5", "CONTEXT_GROUPS = 4"),
        {**LATENTS, "build_features": 9, **LEARNING, **SHARED, **GATHER},
    ),
    "a comment": Case(
        "a comment, in a module that all steps reach",
        edit(f"{LIBRARY}/errors.py", "import sys\n", "import sys  # note\n"),
        {},
    ),
    "comment of an environment": Case(
        "a comment in `envs/learn.yaml`",
        edit("envs/learn.yaml", "channels:", "# note\nchannels:"), {},
    ),
    "package of an environment": Case(
        "a package in `envs/learn.yaml`",
        edit("envs/learn.yaml", "  - numba", "  - joblib=1.5\n  - numba"),
        {"audit_images": 1, "render_audit": 1, "build_features": 9, **LEARNING, **SHARED, **GATHER},
    ),
    "package of the report": Case(
        "a package in `envs/report.yaml`",
        edit("envs/report.yaml", "  - pyyaml", "  - pandas=3.1\n  - pyyaml"),
        {**PAGES, "render_audit": 1, "render_rd_curve": 1, "render_decisions": 1},
    ),
    "use-conda": Case("`--use-conda` is added", nothing, {}, ("--use-conda",)),
    "touch": Case("everything is touched: code, configuration, weights, stores", touch, {}),
    "branch": Case("another branch is checked out, and this one again", other_branch_and_back, {}),
    "move": Case("the checkout is moved", move, {}),
    "clone": Case("it is cloned, `results/` copied into the clone", clone, {}),
    "clone and change": Case(
        "the same, and the search space of GB is changed there",
        lambda checkout: clone(checkout, MORE_DRAWS), BOOSTING_SEARCHED,
    ),
}  # fmt: skip


def table() -> str:
    """Give the page's table."""
    lines = ["| what changes | what is made again, with the number of jobs | jobs |",
             "| --- | --- | ---: |"]  # fmt: skip
    for case in CASES.values():
        made = ", ".join(
            f"{rule} {count}" if count > 1 else rule for rule, count in case.planned.items()
        )
        lines.append(f"| {case.what} | {made or 'nothing'} | {sum(case.planned.values())} |")
    return "\n".join(lines)


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n\n{table()}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
