# What the rules that look into detectors ask of the configuration and of the checkpoint that chooses them.

import shlex

from latentprint.detectors.names import CODED, parsed, read_rows

DETECTORS = config["detectors"]


def coding_files(model, beta):
    """Files of the codec that codes images again, at a model id."""
    coding = DETECTORS["recompression"]
    folder, point = own_folder(coding["weights"]), coding["operating_point"]
    return [
        *transform_files(folder, point, model),
        *transform_files(folder, point, model, kind="decoder"),
        *entropy_files(folder, model),
    ]


# At once, where detectors are looked into: not after hours.
if DETECTORS["examined"]:
    try:
        for alteration in DETECTORS["alterations"]:
            kind, number = parsed(alteration)
            if kind == CODED:
                coding_files(*DETECTORS["recompression"]["levels"][str(number)])
        for name, folder in DETECTORS["folders"].items():
            if not Path(folder).is_dir():
                raise UserError(
                    f"config: detectors.folders.{name} is {folder}, which is no folder. Name one "
                    "with pictures of another generator, or leave it out"
                )
    except UserError as error:
        refuse(error)


def detector_folder(wildcards):
    """Where the fitted cell of a detector lies, below cells/."""
    return POINTS.fitted(level_cell(wildcards))


def detector_inputs(wildcards):
    """The features that a detector is fitted to, and its hyperparameters."""
    fitted_cell = detector_folder(wildcards)
    return {
        "features": f"{RUN}/features/{fitted_cell.rpartition('/')[0]}.h5",
        "best": f"{RUN}/cells/{fitted_cell}/best.yaml",
    }


def detector_file(name):
    """A file of the fitted cell of a detector."""
    return lambda wildcards: f"{RUN}/cells/{detector_folder(wildcards)}/{name}"


def validated_cells(wildcards):
    """Cross-validations of the fits that were not searched for themselves."""
    fits = dict.fromkeys(POINTS.fitted(cell) for cell in grid.cells(config))
    given = [fit for fit in fits if not POINTS.searched(fit)]
    return [f"{RUN}/detectors/validated/{fit}.json" for fit in given]


def chosen_cells(table):
    """The cells of a table of the checkpoint, best first."""
    path = checkpoints.choose_detectors.get().output[table]
    factors = grid.Cell.__dataclass_fields__
    return [grid.Cell(*(row[name] for name in factors)) for row in read_rows(path)]


def chosen_detectors():
    """The cells that are looked into."""
    return chosen_cells("chosen")


def member_files(name):
    """A file of every member of the average."""

    def files(wildcards):
        return [
            f"{RUN}/detectors/{cell.path}/{name}" for cell in chosen_cells("members")
        ]

    return files


def members_asked(wildcards):
    """What every member says: of test images, of the second test, of other images."""
    if wildcards.asked.startswith("cross/"):
        return member_files(f"{wildcards.asked}.tsv")(wildcards)
    return [
        f"{RUN}/cells/{POINTS.fitted(cell)}/{wildcards.asked}.tsv"
        for cell in chosen_cells("members")
    ]


def ensemble_tests():
    """Images that all members can be asked about, beside the test."""
    asked = [set(cross_tests(cell)) for cell in chosen_cells("members")]
    named = [f"altered-{name}" for name in DETECTORS["alterations"]]
    named += [f"folders-{name}" for name in DETECTORS["folders"]]
    return [test for test in named if all(test in tests for tests in asked)]


def ensemble_files(wildcards):
    """What was found of the average, where one is asked for."""
    if not DETECTORS["ensemble"]:
        return []
    names = ["calibration.json", "predictions.tsv"]
    names += ["valid.tsv"] if config["n_valid"] else []
    names += [f"cross/{test}.tsv" for test in ensemble_tests()]
    folder = f"{RUN}/detectors"
    return [f"{folder}/detector.yaml", *(f"{folder}/ensemble/{name}" for name in names)]


def average_decided():
    """What was decided of the average, where one is asked for."""
    if not DETECTORS["examined"] or not DETECTORS["ensemble"]:
        return []
    folder = f"{RUN}/detectors"
    return [f"{folder}/detector.yaml", f"{folder}/ensemble/predictions.tsv"]


def model_of(wildcards):
    """The one model id whose y a detector was trained on; None where images differ in it."""
    point = POINTS.of(wildcards.bpp, "y")
    return point.removeprefix("model-") if is_model(point) else None


def alteration_weights(wildcards):
    """Files of the codec, where it makes the alteration."""
    kind, number = parsed(wildcards.alteration)
    if kind != CODED:
        return []
    coding = DETECTORS["recompression"]
    return coding_files(*coding["levels"][str(number)])


def alteration_options(wildcards, input):
    """The same as options of the step; not stored, since it is given the input."""
    kind, number = parsed(wildcards.alteration)
    if kind != CODED:
        return ""
    coding = DETECTORS["recompression"]
    model, beta = coding["levels"][str(number)]
    return (
        f"--weights {shlex.quote(own_folder(coding['weights']))}"
        f" --operating-point {coding['operating_point']} --model {model} --beta={beta}"
    )


def named_folder(wildcards):
    """A folder of images of other generators."""
    return DETECTORS["folders"][wildcards.folder]


def folder_pictures(wildcards):
    """Its files: others of them are another test."""
    return sorted(
        str(path) for path in Path(named_folder(wildcards)).rglob("*") if path.is_file()
    )


def other_root(wildcards):
    """Where the pictures of a list lie."""
    if wildcards.source == "folders":
        return DETECTORS["folders"][wildcards.name]
    return f"{RUN}/detectors/altered/{wildcards.name}/pictures"


def cross_tests(cell):
    """What a detector is asked about beside its test images: other levels, latents, images."""
    here = POINTS.of(cell.bpp, cell.latent)
    levels = {POINTS.of(bpp, cell.latent): bpp for bpp in grid.levels(config)[::-1]}
    tests = [f"level-{bpp}" for point, bpp in levels.items() if point != here][::-1]
    tests += [f"latent-{other}" for other in config["latents"] if other != cell.latent]
    if cell.latent == "y" and is_model(here):
        tests += [f"altered-{name}" for name in DETECTORS["alterations"]]
        tests += [f"folders-{name}" for name in DETECTORS["folders"]]
    return tests


def cross_inputs(wildcards):
    """The model of a detector, and the store and the list of the images that it is asked about."""
    kind, _, name = wildcards.test.partition("-")
    given = {"model": detector_file("model.skops")(wildcards)}
    given["features"] = detector_inputs(wildcards)["features"]
    if kind in ("level", "latent"):
        bpp = name if kind == "level" else wildcards.bpp
        latent = cross_latent(wildcards)
        store, digest = stores([POINTS.of(bpp, latent)], "test")
        return given | {
            "store": store,
            "digest": digest,
            "list": f"{RUN}/selection.tsv",
        }
    folder = f"{RUN}/detectors/{kind}/{name}"
    stem = f"{folder}/model-{model_of(wildcards)}"
    return given | {
        "store": ancient(f"{stem}.h5"),
        "digest": f"{stem}.json",
        "list": f"{folder}/images.tsv",
    }


def cross_latent(wildcards):
    """The latents that are read in a test."""
    kind, _, name = wildcards.test.partition("-")
    return name if kind == "latent" else wildcards.latent


def pixel_scores():
    """What came of network and support vector machine on pixels, where they are asked for."""
    asked = DETECTORS["pixels"]
    names = [
        *(["scores"] if asked["members"] else []),
        *(["machine"] if asked["side"] else []),
    ]
    return [f"{RUN}/detectors/pixels/{name}.json" for name in names]


def chosen_files(name):
    """A file of every chosen detector, best first."""

    def files(wildcards):
        return [f"{RUN}/detectors/{cell.path}/{name}" for cell in chosen_detectors()]

    return files


def chosen_tests(wildcards):
    """Predictions of the test images by every chosen detector."""
    return [
        f"{RUN}/cells/{POINTS.fitted(cell)}/predictions.tsv"
        for cell in chosen_detectors()
    ]


def chosen_cross(wildcards):
    """All cross tests of the chosen detectors."""
    return [
        f"{RUN}/detectors/{cell.path}/cross/{test}.tsv"
        for cell in chosen_detectors()
        for test in cross_tests(cell)
    ]
