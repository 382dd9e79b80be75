# What all rules share: the checked configuration, paths, wildcards, code digests.

import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake.utils import min_version

min_version("9.0")

if "://" in str(workflow.current_basedir):
    raise WorkflowError(
        "latentprint runs from a local clone: git clone it, then run it there"
    )

ROOT = Path(str(workflow.current_basedir)).resolve().parents[1]
LIBRARY = ROOT / "workflow" / "lib"
sys.path.insert(0, str(LIBRARY))

from latentprint import files, grid, image_folders, points, provenance, run_records
from latentprint.configuration import check_schema, name_keys
from latentprint.errors import UserError
from latentprint.protocol import apply_protocol

# The step's environment, our package, and nothing else. Runs after a conda env is activated.
# `log_to` puts everything into a log, and what tells the time that is left on the terminal, too.
shell.prefix(
    f"set -euo pipefail; export PYTHONNOUSERSITE=1 PYTHONPATH='{LIBRARY}'; "
    "log_to() {{ tee -i $1 | {{ grep --line-buffered ' left' || true; }}; }}; "
)


def refuse(error):
    """Stop before the first job with one line; a WorkflowError adds its place in the rules."""
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(2)


name_keys(config)
try:
    check_schema(config, ROOT / "workflow" / "schemas" / "config.schema.yaml")
    overridden = apply_protocol(config)
    grid.check(config)
except UserError as error:
    refuse(error)

if overridden and workflow.is_main_process:  # not again in every job
    logger.info(overridden)

# Jobs on this machine share its memory; a cluster has its own limits, and the user's word stands.
LOCAL = workflow.is_main_process and workflow.global_resources["_nodes"].value is None
if LOCAL and "mem_mb" not in workflow.global_resources:
    workflow.register_resource("mem_mb", grid.machine_memory_mb())


RUN = f"results/{config['run']}"

# A run that came without Snakemake's own records of it (a copy, a clone) brings its own.
if workflow.is_main_process:
    try:
        restored = run_records.restore(Path(RUN))
    except UserError as error:
        refuse(error)
    if restored:
        logger.info(f"{RUN}: records of {restored} files taken over from records.jsonl")


onstart:
    try:
        files.check_writable(Path(RUN))
    except UserError as error:
        refuse(error)
    if LOCAL:
        check_memory()


def keep_records():
    """Write what made each file beside the files; on a full disk the error above it stands alone."""
    try:
        run_records.keep(Path(RUN))
    except OSError as error:
        logger.warning(
            f"{RUN}/{run_records.NAME}: could not be written ({error.strerror}); it is written "
            "at the end of the next run"
        )


onsuccess:
    keep_records()


onerror:
    keep_records()


CELL_FILES = [
    "trials.tsv",
    "best.yaml",
    "model.skops",
    "fit.yaml",
    "predictions.tsv",
    "costs.json",
]

ENVIRONMENTS = {
    "codec": [
        "alter_images",
        "analyse_images",
        "codec_rd_curve",
        "compress_images",
        "extract_latents",
        "follow_passes",
        "gather_latents",
        "index_images",
        "index_sources",
        "join_level",
        "join_shards",
        "make_demo_images",
        "match_rates",
        "measure_cue",
        "select_images",
        "train_codec",
    ],
    "report": [
        "describe_run",
        "plot_figures",
        "render_cues",
        "render_audit",
        "render_decisions",
        "render_detectors",
        "render_rd_curve",
        "render_tables",
        "render_times",
        "write_model_card",
    ],
}


# Without wildcards: those of a path variable would escape the constraints below.
pathvars:
    results=RUN,
    logs=f"{RUN}/logs",
    benchmarks=f"{RUN}/benchmarks",


wildcard_constraints:
    split="train|test|valid",
    repeat="[0-9]+",
    shard="[0-9]+",
    model="[0-3]",
    bpp=r"[0-9]+(\.[0-9]+)?",
    mixed=points.MIXED,
    quantised=points.QUANTISED,
    point=f"{points.MODEL}|{points.MIXED}|{points.QUANTISED}",
    latent="y|y_hat",
    component="Y|YUV",
    feature="flatten|single|multiple|gap|screened",
    classifier="[A-Za-z][A-Za-z0-9]*",
    alteration="[a-z]+-[0-9]+",
    cue="[a-z]+",
    folder="[A-Za-z0-9_]+",
    test="(level|latent|altered|folders)-[A-Za-z0-9_.-]+",


def code_of(rule):
    """Digest of the code behind a rule: its step, what that imports, its environment file."""
    named = [env for env, rules in ENVIRONMENTS.items() if rule in rules]
    environment = ROOT / "envs" / f"{named[0] if named else 'learn'}.yaml"
    return provenance.code_digest(rule, environment=environment)


def settings(*keys):
    """The configuration values that a rule uses, as one dictionary."""
    return {key: config[key] for key in keys}


def store_settings(*keys):
    """The same of the key `store`."""
    return {key: config["store"][key] for key in keys}


def in_order(paths):
    """Paths without repetition, in the order given."""
    return list(dict.fromkeys(paths))


def own_folder(name):
    """A folder of the checkout, wherever the run's working directory is."""
    here = Path(name)
    return str(here) if here.is_dir() or here.is_absolute() else str(ROOT / name)


DRAWN = config["images_root"] == "drawn"
IMAGES = f"{RUN}/drawn" if DRAWN else config["images_root"]
WEIGHTS = own_folder(config["weights"])
