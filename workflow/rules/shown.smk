# What a run shows in the end: cells, tables, figures, audit and curve, and where the report puts them.

import shlex

from latentprint import figure_plan, trace

# Scores, tables, figures

CELLS = [f"{RUN}/cells/{cell.path}" for cell in grid.cells(config)]
IMAGES_TEXT = "drawn by the product" if DRAWN else f"folder {Path(IMAGES).name}"


def scored(wildcards):
    """The cell's name: bpp, latent, component, feature, classifier."""
    return level_cell(wildcards).path


FACTORS = {
    "bpp": grid.levels(config),
    "latents": config["latents"],
    "components": config["components"],
    "features": config["features"],
    "classifiers": config["classifiers"],
}
PUBLISHED = own_folder("resources/thesis")
DECISIONS = f"{PUBLISHED}/decisions.yaml"
PUBLISHED_FILES = sorted(str(path) for path in Path(PUBLISHED).glob("*.csv"))
TABLE_CAPTIONS = {
    "table_2_1": ("table_dimensions", "Accuracy"),
    "table_2_2": ("table_factors", "Accuracy"),
    "table_3_3": ("table_times", "Cost"),
    "table_contrasts": ("table_contrasts", "Accuracy"),
}
FIGURE_KINDS = {
    "bars": ("figure_bars", "Accuracy"),
    "models": ("figure_models", "Accuracy"),
    "matrix": ("figure_matrix", "Accuracy"),
    "cells": ("figure_cells", "Accuracy"),
    "cost": ("figure_cost", "Cost"),
}


def table_in_report(stem):
    """A table as the report shows it: its page, with caption and place."""
    caption, category = TABLE_CAPTIONS.get(stem, ("table_accuracy", "Accuracy"))
    return report(
        f"{RUN}/tables/{stem}.html",
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory="Tables",
        labels={"table": figure_plan.shown_name(stem)},
    )


def figure_in_report(figure):
    """A figure as the report shows it, with a label for every factor that it fixes."""
    caption, category = FIGURE_KINDS[figure.kind]
    return report(
        f"{RUN}/figures/{figure.stem}.svg",
        caption=f"../report/{caption}.rst",
        category=category,
        subcategory=figure.group,
        labels=FIGURE_LABELS[figure.stem],
    )


def published_folder(wildcards, input):
    """Where the published numbers lie."""
    return str(Path(input.published[0]).parent)


def run_settings():
    """What the report's first page says of how the run was made, as JSON."""
    return json.dumps(
        settings(
            "image_size",
            "operating_point",
            "tools",
            "state",
            "rate",
            "y_hat",
            "protocol",
            "tuning",
            "tuning_from",
            "engine",
        )
    )


# Made by describe_run; read when the report is packed.
FIRST_PAGE = (
    str(Path(RUN, "landing.rst").resolve())
    if "thesis" in config["parts"]
    else str(ROOT / "workflow" / "report" / "cues.rst")
)
TABLE_STEMS = figure_plan.tables_planned(**FACTORS)
PLANNED = figure_plan.plan(**FACTORS)
FIGURE_LABELS = figure_plan.report_labels(PLANNED)
TABLES = [
    f"{RUN}/tables/{stem}.{kind}"
    for stem in TABLE_STEMS
    for kind in ("csv", "md", "tex", "html")
]
FIGURES = [
    f"{RUN}/figures/{figure.stem}.{kind}"
    for figure in PLANNED
    for kind in ("svg", "png", "tsv")
]


# Audit

AUDIT_CAPTIONS = {
    "summary.html": "table_audit",
    "baselines.html": "table_audit_baselines",
    "file_sizes.svg": "figure_audit",
}
AUDIT_SHOWN = [f"{RUN}/audit/{name}" for name in AUDIT_CAPTIONS]
AUDIT = [
    f"{RUN}/audit/{stem}.{kind}"
    for stem, kinds in (
        ("summary", ("csv", "md", "tex", "html")),
        ("baselines", ("csv", "md", "tex", "html")),
        ("file_sizes", ("svg", "png", "tsv")),
    )
    for kind in kinds
]


def audit_in_report(name):
    """A table or figure of the audit as the report shows it."""
    stem, kind = name.split(".")
    return report(
        f"{RUN}/audit/{name}",
        caption=f"../report/{AUDIT_CAPTIONS[name]}.rst",
        category="Audit",
        labels={"table" if kind == "html" else "figure": stem.replace("_", " ")},
    )


# Rate-distortion curve of the codec

MEASURED = f"{RUN}/rd_curve/measured"
EMBEDDED_CURVE = f"{WEIGHTS}/rd_curve"
# Of photographs if some are named, else the one that came with the weights, if one did.
CURVE = EMBEDDED_CURVE
if config["rd_curve"]["photos"] or not Path(f"{EMBEDDED_CURVE}.tsv").is_file():
    CURVE = MEASURED
RD_CAPTIONS = {
    "rd_curve.svg": "figure_rd_curve",
    "rd_differences.html": "table_rd_differences",
    "rd_points.html": "table_rd_points",
}
RD_SHOWN = [f"{RUN}/rd_curve/{name}" for name in RD_CAPTIONS]
RD_CURVE = [
    f"{RUN}/rd_curve/{stem}.{kind}"
    for stem, kinds in (
        ("rd_curve", ("svg", "png", "tsv")),
        ("rd_differences", ("csv", "md", "tex", "html")),
        ("rd_points", ("csv", "md", "tex", "html")),
    )
    for kind in kinds
]


def rd_weights(wildcards):
    """All files of the operating point that are there; the step says which model ids that makes."""
    folder = Path(WEIGHTS)
    point = config["operating_point"].lower()
    if not config["rd_curve"]["photos"]:
        raise WorkflowError(
            "rd_curve.photos is empty. Name a folder of photographs to measure the codec on: "
            "--config rd_curve='{photos: FOLDER}'"
        )
    return sorted(
        str(path)
        for name in {f"VM_{point}", "VM_bop", "VM_common_int"}
        for path in (folder / name).glob("*.pth")
    )


def rd_photographs(wildcards):
    """Photographs to measure on, and the transforms to compare with."""
    asked = config["rd_curve"]
    transforms = f"{asked['transforms']}/VM_bop" if asked["transforms"] else ""
    return files_in(asked["photos"]) + files_in(transforms)


def rd_transforms(wildcards):
    """The option that names transforms to compare with, if some are named."""
    folder = config["rd_curve"]["transforms"]
    return f"--transforms {shlex.quote(folder)}" if folder else ""


def rd_in_report(name):
    """The curve or a table of it as the report shows it."""
    stem, kind = name.split(".")
    return report(
        f"{RUN}/rd_curve/{name}",
        caption=f"../report/{RD_CAPTIONS[name]}.rst",
        category="Codec",
        labels={"table" if kind == "html" else "figure": stem.replace("_", " ")},
    )


def rd_curve_wanted():
    """What of the curve belongs to a run: nothing where there is neither curve nor photographs."""
    known = config["rd_curve"]["photos"] or CURVE == EMBEDDED_CURVE
    return RD_CURVE if known else []


# Where the time went

TIMES = [
    f"{RUN}/times/times.{kind}"
    for kind in ("csv", "md", "tex", "html", "svg", "png", "tsv")
]
TIMES_SHOWN = [path for path in TIMES if path.endswith((".html", ".svg"))]
TIMED_ENDS = [
    f"{RUN}/costs.tsv",
    f"{RUN}/audit/audit.json",
    *([f"{MEASURED}.json"] if config["rd_curve"]["photos"] else []),
]


def times_in_report(path):
    """Times of the run as the report shows them."""
    kind = "table" if path.endswith(".html") else "figure"
    return report(
        path,
        caption="../report/times.rst",
        category="Cost",
        subcategory=f"{kind.capitalize()}s",
        labels={kind: "where the time went"},
    )


# Detectors, looked into

DETECTOR_TABLES = ["ranking", "calibration", "cross"]
DETECTOR_FIGURES = [
    "costs",
    "learning_curves",
    "reliability",
    "importance",
    "cross_tests",
]
DETECTORS_SHOWN = [
    *(f"{RUN}/detectors/shown/{stem}.html" for stem in DETECTOR_TABLES),
    *(f"{RUN}/detectors/shown/{stem}.svg" for stem in DETECTOR_FIGURES),
]
DETECTOR_FILES = [
    *(
        f"{RUN}/detectors/shown/{stem}.{kind}"
        for stem in DETECTOR_TABLES
        for kind in ("csv", "md", "tex", "html")
    ),
    *(
        f"{RUN}/detectors/shown/{stem}.{kind}"
        for stem in DETECTOR_FIGURES
        for kind in ("svg", "png", "tsv")
    ),
]


def detectors_wanted():
    """What of the detectors belongs to a run: nothing where none is looked into."""
    return DETECTOR_FILES if DETECTORS["examined"] else []


def detector_in_report(path):
    """A table or figure of the detectors as the report shows it."""
    kind = "table" if path.endswith(".html") else "figure"
    stem = Path(path).stem
    return report(
        path,
        caption=f"../report/detectors_{stem}.rst",
        category="Detectors",
        subcategory=f"{kind.capitalize()}s",
        labels={kind: stem.replace("_", " ")},
    )


def coded_with():
    """The weights that make jpegai alterations, in words."""
    folder = DETECTORS["recompression"]["weights"]
    return "embedded weights" if folder == "resources/codec" else Path(folder).name


def thesis_wanted():
    """Everything of the experiment on latents."""
    return [
        f"{RUN}/scores.tsv",
        f"{RUN}/costs.tsv",
        f"{RUN}/selected.yaml",
        f"{RUN}/landing.rst",
        f"{RUN}/decisions.html",
        *TABLES,
        *FIGURES,
        *TIMES,
        *AUDIT,
        *rd_curve_wanted(),
        *detectors_wanted(),
        *LEVEL_STORES,
        f"{RUN}/audit/near_duplicates.tsv",
    ]
