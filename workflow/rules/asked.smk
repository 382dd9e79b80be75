# What the rules that score a user's images ask of the configuration: folder, detector, codec.

import shlex

from latentprint.scoring import listing

# CPU seconds of an image: y of all model ids with rate: match, else y and y_hat (docs/speed.md).
SCORING_S = (2.5 if MATCHED else 0.5) + 0.5 * len(CUE_SETTINGS["scored"])

# At once: not after the detector was trained.
if config["images"] and workflow.is_main_process:
    try:
        listing.list_folder(Path(config["images"]))
    except UserError as error:
        refuse(error)


def scores_wanted(wildcards):
    """Table and page of the folder that is to be scored."""
    if not config["images"]:
        refuse(
            "config: images is empty, expected a folder of images to score. Name it: "
            "snakemake score --cores 2 --config images=FOLDER, or make score IMAGES=FOLDER"
        )
    try:
        if CUE_SETTINGS["scored"]:
            check_cues()
    except UserError as error:
        refuse(error)
    folder = f"{RUN}/scores_of/{listing.scores_name(Path(config['images']))}"
    return [f"{folder}/scores.tsv", f"{folder}/index.html"]


def images_state(wildcards):
    """Names, sizes and times of the files: others of them are another request."""
    named = listing.scores_name(Path(config["images"])) if config["images"] else ""
    if named != wildcards.pictures:
        refuse(
            f"{RUN}/scores_of/{wildcards.pictures}: config images names "
            f"{config['images'] or 'no folder'}. Name the folder that it is made from: "
            "--config images=FOLDER"
        )
    try:
        return listing.folder_state(Path(config["images"]))
    except UserError as error:
        refuse(error)


def scoring_minutes(wildcards, attempt):
    """Minutes of a folder."""
    count = len(listing.list_folder(Path(config["images"])).paths)
    return attempt * job_limits.minutes(SCORING_S * count)


def scoring_cells():
    """The cells that may be the detector of the run: members of the average, or the best."""
    if DETECTORS["ensemble"]:
        return chosen_cells("members")
    return chosen_cells("chosen")[:1]


def scoring_points(wildcards):
    """Where they were trained."""
    return [POINTS.of(cell.bpp, cell.latent) for cell in scoring_cells()]


def scoring_weights(wildcards):
    """Files of the codec that make the latents that they were trained on."""
    named = scoring_points(wildcards)
    matched = [point for point in named if point.startswith(("matched", "models"))]
    entropy = [point for point in named if not is_model(point)]
    models = (
        grid.models(config)
        if matched
        else [int(point.removeprefix("model-")[0]) for point in named]
    )
    found = [
        path
        for model in models
        for path in existing(transform_files, config["operating_point"], model)
    ]
    return in_order([*found, *(quantiser_weights(models) if entropy else [])])


def scoring_inputs(wildcards):
    """Models, features and calibrations of the cells, and what was decided of their average."""
    cells = scoring_cells()
    fitted_cells = [POINTS.fitted(cell) for cell in cells]
    folders = [f"{RUN}/detectors/{cell.path}" for cell in cells]
    given = {
        "models": [f"{RUN}/cells/{one}/model.skops" for one in fitted_cells],
        "features": [
            f"{RUN}/features/{one.rpartition('/')[0]}.h5" for one in fitted_cells
        ],
        "held_out": [f"{folder}/held_out.tsv" for folder in folders],
        "calibrations": [f"{folder}/calibration.json" for folder in folders],
    }
    if DETECTORS["ensemble"]:
        given["detector"] = f"{RUN}/detectors/detector.yaml"
        given["together"] = f"{RUN}/detectors/ensemble/held_out.tsv"
        given["calibration"] = f"{RUN}/detectors/ensemble/calibration.json"
    return given


def scoring_options(wildcards, input):
    """The same as options of the step; not stored, since it is given the input."""
    options = [
        f"--{name.replace('_', '-')} {files}"
        for name, files in input.items()
        if name not in ("scores", "weights", "cues", "cue_weights")
    ]
    return " ".join(options)


def scoring_cell_names(wildcards):
    """The cells by name."""
    return [cell.path for cell in scoring_cells()]


def cue_detectors(wildcards):
    """Forests of the cues that are asked, and what is known of them."""
    return [
        f"{RUN}/cues/{cue}/{name}"
        for cue in CUE_SETTINGS["scored"]
        for name in ("model.skops", "detector.json")
    ]


def cue_options():
    """Where the cues and their codec are."""
    if not CUE_SETTINGS["scored"]:
        return ""
    folders = " ".join(f"{RUN}/cues/{cue}" for cue in CUE_SETTINGS["scored"])
    return (
        f"--cues {folders} --cue-weights {shlex.quote(CUE_WEIGHTS)}"
        f" --cue-operating-point {CUE_SETTINGS['operating_point']}"
    )
