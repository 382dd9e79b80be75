# What the rules ask of the configuration: inputs, options and outputs that depend on it.

import json
import re
import shutil

from snakemake.exceptions import IncompleteCheckpointException

from latentprint import sidecar
from latentprint.weight_files import entropy_files, relative_path, transform_files

# Images

SPLITS = grid.splits(config)

if not DRAWN:
    try:
        image_folders.check_layout(Path(IMAGES), SPLITS)
    except UserError as error:
        refuse(error)


def image_lists():
    """The csv lists of the data set; none where it consists of folders alone."""
    if DRAWN:
        return [f"{IMAGES}/{split}.csv" for split in ("train", "test")]
    return [str(path) for path in image_folders.list_files(Path(IMAGES), SPLITS)]


def folder_state():
    """Digest of names and sizes where no csv list says which images there are."""
    return "" if image_lists() else image_folders.folder_digest(Path(IMAGES), SPLITS)


def valid_settings():
    """The second test split, where one is asked for; else nothing, so that no run depends on it."""
    return settings("n_valid") if config["n_valid"] else {}


def valid_options(option):
    """The same as an option of a step."""
    if not config["n_valid"]:
        return ""
    named = {"splits": " ".join(SPLITS), "n-valid": config["n_valid"]}
    return f"--{option} {named[option]}"


def images_root(wildcards):
    """The folder of the data set."""
    return IMAGES


# Latents


MATCHED = grid.matched(config)
# Read once in a process: a description does not change after its checkpoint has ended.
FOUND = {}


def found(bpp, split):
    """What the matcher found for a level; a checkpoint, so that jobs wait until it is known."""
    output = checkpoints.join_matched.get(bpp=bpp, split=split).output
    if (bpp, split) not in FOUND:
        FOUND[bpp, split] = sidecar.read_sidecar(output.digest)
    return FOUND[bpp, split]


POINTS = points.Points(
    config, found if MATCHED else None, IncompleteCheckpointException
)
LEVEL_STORES = [
    f"{RUN}/latents/bpp-{bpp}/{split}.json"
    for bpp in grid.levels(config)
    for split in points.SPLITS
]


def gpu_wanted(wildcards):
    """Whether a codec job needs a GPU: on a machine without one, jobs run side by side."""
    present = shutil.which("nvidia-smi") is not None
    return int(config["device"] == "cuda" or (config["device"] == "auto" and present))


def files_in(folder):
    """The files of a folder that a user names: others of them are another request."""
    if not folder:
        return []
    return sorted(str(path) for path in Path(folder).glob("*") if path.is_file())


def existing(files, *arguments):
    """Weight files, or one line that says what is missing and what to put where."""
    try:
        return files(WEIGHTS, *arguments)
    except UserError as error:
        raise WorkflowError(str(error))


# Checked at once, so that a wrong folder is never "nothing to be done"; but the embedded weights may
# be missing as a whole, since train_codec makes them.
if Path(WEIGHTS).is_dir() or config["weights"] != "resources/codec":
    try:
        for model in grid.models(config):
            transform_files(WEIGHTS, config["operating_point"], model)
            if grid.quantised(config):
                entropy_files(WEIGHTS, model)
    except UserError as error:
        refuse(error)


def encoder_weights(wildcards):
    """Encoder files of a model id."""
    return existing(transform_files, config["operating_point"], int(wildcards.model))


def stores(names, split):
    """Stores below latents/ and their descriptions, which alone decide about reruns."""
    stems = [f"{RUN}/latents/{name}/{split}" for name in names]
    return ancient([f"{stem}.h5" for stem in stems]), [f"{stem}.json" for stem in stems]


def shards_of(name, split, count):
    """All shards of a store below latents/, in order."""
    found, digests = [], []
    for shard in range(count):
        stem = f"{RUN}/latents/{name}/shards/{split}-{shard}"
        found.append(f"{stem}.h5")
        digests.append(f"{stem}.json")
    return {"shards": ancient(found), "digests": digests}


def point_shards(wildcards):
    """The shards of a point; those of model ids are never less than one for so many images."""
    count = grid.analysed_shards if is_model(wildcards.point) else grid.coded_shards
    name = wildcards.point
    return shards_of(name, wildcards.split, count(config, wildcards.split))


def matched_shards(wildcards):
    """The shards of what was matched for a level."""
    name = f"bpp-{wildcards.bpp}/matched"
    return shards_of(name, wildcards.split, grid.coded_shards(config, wildcards.split))


def is_model(point):
    """Whether a point is the y of one model id."""
    return bool(re.fullmatch(points.MODEL, point))


def quantiser_weights(models):
    """Entropy files of model ids."""
    return [path for model in models for path in existing(entropy_files, model)]


def level_at(point):
    """A level that is a point: with the matcher known only after a checkpoint."""
    try:
        return POINTS.level_at(point)
    except UserError as error:
        raise WorkflowError(str(error))


def models_at(point, split):
    """The model ids that the images of a point have."""
    if MATCHED:
        return POINTS.models(level_at(point), split)
    return [points.table_entry(point)[0]]


def part_of(wildcards):
    """The file of a shard; state goes through all images, which are then one shard of all."""
    if config["state"] == "carried":
        return wildcards.split
    return f"shards/{wildcards.split}-{wildcards.shard}"


def analysed_inputs(models, wildcards):
    """y of model ids, of the images of a shard."""
    analysed, digests = stores([f"model-{m}" for m in models], part_of(wildcards))
    return {"analysed": analysed, "digests": digests}


def matcher_inputs(wildcards):
    """y of all models, and all that quantises it."""
    models = grid.models(config)
    inputs = analysed_inputs(models, wildcards)
    return inputs | {"weights": quantiser_weights(models)}


def gathered_inputs(wildcards):
    """y of the models that occur at a point."""
    return analysed_inputs(models_at(wildcards.mixed, wildcards.split), wildcards)


def quantiser_inputs(wildcards):
    """y of the models that occur at a point, and all that quantises it."""
    models = models_at(wildcards.quantised, wildcards.split)
    inputs = analysed_inputs(models, wildcards)
    return inputs | {"weights": quantiser_weights(models)}


def matched_at(point, wildcards):
    """Where the operating point of every image of a shard stands.

    Not an input: a point is named by a digest of it, so that other content is another point. As an
    input it would be another file, and a reason to rerun, when a level of the same point is added.
    """
    shard = f"shards/{wildcards.split}-{wildcards.shard}"
    return f"{RUN}/latents/bpp-{level_at(point)}/matched/{shard}.h5"


def gathered_options(wildcards, input):
    """Where the model id of every image stands; not stored, since it is given the input."""
    return f"--matched {matched_at(wildcards.mixed, wildcards)}"


def point_options(wildcards, input):
    """Model id and displacement of a point, or where they stand for every image; not stored."""
    if MATCHED:
        return f"--matched {matched_at(wildcards.quantised, wildcards)}"
    model, beta = points.table_entry(wildcards.quantised)
    return f"--model {model} --beta {beta}"


def level_matched(wildcards):
    """What was matched for a level; asked for by name, so that all levels are matched at once."""
    if not MATCHED:
        return []
    return f"{RUN}/latents/bpp-{wildcards.bpp}/matched/{wildcards.split}.json"


def level_inputs(wildcards):
    """Where the latents of a level are kept."""
    bpp, split = wildcards.bpp, wildcards.split
    # A checkpoint that a param waits for must be one that the input waits for.
    same_as(wildcards)
    inputs = {"digests": []}
    for latent in dict.fromkeys(["y", *config["latents"]]):
        inputs[latent], digests = stores([POINTS.of(bpp, latent)], split)
        inputs["digests"] += digests
    if MATCHED:
        inputs["found"], _ = stores([f"bpp-{bpp}/matched"], split)
    return inputs


def level_options(wildcards, input):
    """The same as options of the step."""
    kinds = ("y", "y_hat", "found")
    return " ".join(
        f"--{kind.replace('_', '-')} {input.get(kind)}"
        for kind in kinds
        if kind in input.keys()
    )


def level_beta(wildcards):
    """The table's displacement, where no store of y_hat holds it."""
    if MATCHED or "y_hat" in config["latents"]:
        return ""
    return f"--beta {grid.operating_point(config, wildcards.bpp)[1]}"


def same_as(wildcards):
    """The levels before this one that are the same point."""
    return POINTS.same_as(wildcards.bpp)


# Features


def patch_settings(wildcards):
    """What features depend on beside the store: nothing, where positions are not drawn."""
    if wildcards.feature != "multiple":
        return {}
    return settings("seed", "n_patches", "protocol")


def patch_options(wildcards, input):
    """The same as options of the step; not stored, since it is given the input."""
    values = patch_settings(wildcards)
    return " ".join(
        f"--{key.replace('_', '-')} {value}" for key, value in values.items()
    )


# Classifiers


def fitted(wildcards):
    """The cell in the form that `Points.study` reads."""
    return "/".join(
        (
            wildcards.point,
            wildcards.latent,
            wildcards.component,
            wildcards.feature,
            wildcards.classifier,
        )
    )


def searched_here(wildcards):
    """Whether the cell has a search of its own, or takes another cell's."""
    cell = fitted(wildcards)
    return config["tuning"] == "published" or POINTS.study(cell) == cell


def search_folds(wildcards):
    """Folds of a search of the cell's classifier."""
    return config["search"][wildcards.classifier]["folds"]


def search_inputs(wildcards):
    """The features to search on, or the outcome of the search that is reused."""
    if not searched_here(wildcards):
        study = f"{RUN}/cells/{POINTS.study(fitted(wildcards))}"
        return {"best": f"{study}/best.yaml", "trials": f"{study}/trials.tsv"}
    if config["tuning"] == "published":
        return {}
    return {"features": f"{RUN}/features/{fitted(wildcards).rpartition('/')[0]}.h5"}


def search_options(wildcards, input):
    """The same as options of the step."""
    if not searched_here(wildcards):
        return f"--study {Path(input.best).parent}"
    if config["tuning"] == "published":
        return "--tuning published"
    return f"--tuning {config['tuning']} --features {input.features}"


def classifier_settings(*keys):
    """The slices of these keys that belong to the cell's classifier, and the seed."""

    def values(wildcards):
        slices = {key: json.dumps(config[key][wildcards.classifier]) for key in keys}
        return slices | {"seed": config["seed"]}

    return values


# What one way of tuning does not read is no reason to rerun it.
SEARCH_UNREAD = {"search": ("halving",), "halving": ("draws", "grid")}


def search_settings(wildcards):
    """The slices of the configuration that a search of the cell's classifier reads."""
    values = classifier_settings("engine")(wildcards)
    search = config["search"][wildcards.classifier]
    unread = SEARCH_UNREAD.get(config["tuning"], ())
    read = {key: value for key, value in search.items() if key not in unread}
    if wildcards.feature == grid.SCREENED:
        read["space"] = read["space"] | config["screening"]
    return values | {"search": json.dumps(read)}


def check_memory():
    """Stop before the first job where a fit could not run for want of memory."""
    try:
        grid.check_memory(config, workflow.global_resources["mem_mb"].value)
    except UserError as error:
        refuse(error)


def level_cell(wildcards):
    """The cell of a level."""
    return grid.Cell(*(wildcards[name] for name in grid.Cell.__dataclass_fields__))


def fitted_files(wildcards):
    """The files of the cell that was fitted at the level's point."""
    where = POINTS.fitted(level_cell(wildcards))
    return [f"{RUN}/cells/{where}/{name}" for name in CELL_FILES]


# Scores


def second_test(wildcards):
    """What a cell says of the second test split, where one is asked for."""
    if not config["n_valid"]:
        return []
    return f"{RUN}/cells/{POINTS.fitted(level_cell(wildcards))}/valid.tsv"


def other_seeds(wildcards):
    """What a cell says with other random numbers, where more than one fit is asked for."""
    repeats = range(2, config["seeds"] + 1)
    if not repeats:
        return []
    folder = f"{RUN}/cells/{POINTS.fitted(level_cell(wildcards))}/seeds"
    return [f"{folder}/{repeat}.tsv" for repeat in repeats]


# Embedded weights

EMBEDDED_FILES = [
    relative_path(kind, point, component, 3)
    for kind, point in (("encoder", "BOP"), ("decoder", "BOP"), ("entropy", ""))
    for component in ("luma", "chroma")
]


def training_photographs(wildcards):
    """Photographs to train on."""
    return files_in(config["training"]["photos"])


def start_files(wildcards):
    """The weights that training goes on from."""
    named = EMBEDDED_FILES if config["training"]["start"] else []
    return [f"{RUN}/start/{path}" for path in named]


def training_settings():
    """Settings of the training of the embedded weights, as JSON."""
    kept = {key: value for key, value in config["training"].items() if key != "photos"}
    return json.dumps(kept | {"seed": config["seed"]})
