# What the rules of the forensic cues ask of the configuration: sources, versions of their pictures,
# the codec that compresses them.

import json
import shlex

from latentprint.cues import versions
from latentprint.cues.registry import CUES, versions_of

CUE_SETTINGS = config["cues"]
CUE_WEIGHTS = own_folder(CUE_SETTINGS["weights"])
CUE_CLASSES = ("uncompressed", "synthetic", "decoded")
CUE_FOLDERS = {kind: CUE_SETTINGS[kind] for kind in CUE_CLASSES if CUE_SETTINGS[kind]}
CUE_MANIFEST = CUE_SETTINGS["manifest"]
LEAST_SIDE = 64  # pixels, of the codec
# Without folders and without a list the product draws the pictures.
CUES_DRAWN = not CUE_MANIFEST and not CUE_FOLDERS


def cue_models():
    """Model ids of the levels, all where settings are found for every picture."""
    if CUE_SETTINGS["rate"] == "match":
        return range(4)
    return sorted({model for model, _ in CUE_SETTINGS["operating_points"].values()})


def cue_codec(wildcards=None):
    """All files of the codec that the cues use."""
    files = []
    for model in cue_models():
        for kind in ("encoder", "decoder"):
            files += transform_files(
                CUE_WEIGHTS, CUE_SETTINGS["operating_point"], model, kind=kind
            )
        files += entropy_files(CUE_WEIGHTS, model)
    return files


def check_levels():
    """Refuse levels that the table does not have, and versions that cannot be made."""
    for name in (*CUE_SETTINGS["wanted"], *CUE_SETTINGS["scored"]):
        if name not in CUES:
            raise UserError(
                f"config: cues: {name} is no cue, expected some of {', '.join(CUES)}. "
                "config/README.md describes every key"
            )
    rd = CUE_SETTINGS["rd"]
    for level in [*CUE_SETTINGS["rates"], *rd["rates"], rd["analysis_bpp"]]:
        if level not in CUE_SETTINGS["operating_points"]:
            raise UserError(
                f"config: cues names the level {level}, which cues.operating_points does not have "
                f"({', '.join(CUE_SETTINGS['operating_points'])}). Add it: [model id, displacement]"
            )
    if rd["analysis_bpp"] not in rd["rates"]:
        raise UserError(
            f"config: cues.rd.analysis_bpp is {rd['analysis_bpp']}, expected one of cues.rd.rates "
            f"({', '.join(rd['rates'])})"
        )
    for name in versions_of(CUE_SETTINGS, tuple(CUES)):
        versions.last(name)


def check_cues():
    """Refuse folders and weights that are missing, and pictures that would be too small."""
    for text in CUE_SETTINGS["alterations"]:
        step, size = versions.last(text), config["image_size"]
        side = {
            "shift": size - int(step.value),
            "scale": round(size * int(step.value) / 100),
        }.get(step.kind, size)
        if side < LEAST_SIDE:
            raise UserError(
                f"config: cues.alterations names {text}, which leaves {side} of {size} pixels, "
                f"expected at least {LEAST_SIDE}. Leave it out, or make image_size larger"
            )
    for kind, named in CUE_FOLDERS.items():
        for name, folder in named.items():
            if not Path(folder).is_dir():
                raise UserError(
                    f"config: cues.{kind}.{name} is {folder}, which is no folder. Name one with "
                    "pictures, or leave it out"
                )
    if not CUES_DRAWN and not CUE_MANIFEST:
        for kind in CUE_CLASSES[:2]:
            if kind not in CUE_FOLDERS:
                raise UserError(
                    f"config: cues.{kind} is empty, but other folders are given. The cues need "
                    "photographs (cues.uncompressed) and generated pictures (cues.synthetic)"
                )
    if Path(CUE_WEIGHTS).is_dir():
        cue_codec()


# At once: the rules below name versions and levels.
try:
    check_levels()
    if "cues" in config["parts"]:
        check_cues()
except UserError as error:
    refuse(error)


def source_files(wildcards):
    """The files that pictures are cut out of: others of them are another experiment."""
    if CUE_MANIFEST:
        return [CUE_MANIFEST]
    return [
        path
        for named in CUE_FOLDERS.values()
        for folder in named.values()
        for path in sorted(str(p) for p in Path(folder).rglob("*") if p.is_file())
    ]


def source_options():
    """Where the step finds its pictures."""
    if CUE_MANIFEST:
        return f"--manifest {shlex.quote(CUE_MANIFEST)}"
    if CUES_DRAWN:
        return f"--drawn {CUE_SETTINGS['drawn']}"
    return f"--folders {shlex.quote(json.dumps(CUE_FOLDERS))}"


def cue_pictures(version):
    """Folder of the pictures of a version."""
    return f"{RUN}/cues/versions/{version}/pictures"


def cue_table(version):
    """Table with a digest of each: by it jobs notice other pictures, not by a folder's time."""
    if version == versions.SOURCE:
        return f"{RUN}/cues/sources.tsv"
    return f"{RUN}/cues/versions/{version}/pictures.tsv"


def version_table(wildcards):
    """Digests of the pictures of a version."""
    return cue_table(wildcards.version)


def version_before(wildcards):
    """Pictures that the last step of a version is done to."""
    return cue_pictures(versions.before(wildcards.version))


def table_before(wildcards):
    """Digests of those pictures."""
    return cue_table(versions.before(wildcards.version))


def version_kinds(wildcards):
    """Classes of the sources that have this version."""
    if wildcards.version == versions.SOURCE:
        return CUE_CLASSES
    coded = len(versions.levels(wildcards.version))
    if not coded:
        return CUE_CLASSES[:2]
    # What another decoder gave is coded once more, and nothing else is done to it.
    once_more = coded == 1 and wildcards.version == versions.ai(
        *versions.levels(wildcards.version)
    )
    return ("uncompressed", "decoded") if once_more else ("uncompressed",)


def codec_settings(levels):
    """What of the settings decides what the codec makes of pictures."""
    points = CUE_SETTINGS["operating_points"]
    named = {key: CUE_SETTINGS[key] for key in ("rate", "tools")}
    return named | {"operating_points": {level: points[level] for level in levels}}


def compressing_settings(wildcards):
    """Those of one version: of its last level."""
    return json.dumps(codec_settings(versions.levels(wildcards.version)[-1:]))


def measuring_settings(wildcards):
    """What of the settings decides the values of a cue."""
    cue = CUES[wildcards.cue]
    own = CUE_SETTINGS.get(wildcards.cue, {})
    found = {wildcards.cue: {key: own[key] for key in cue.measured_by}}
    if cue.coded:
        found |= codec_settings(CUE_SETTINGS["operating_points"])
        found["rates"] = CUE_SETTINGS["rates"]
    return json.dumps(found)


def measuring_weights(wildcards):
    """Files of the codec where the cue asks it."""
    return cue_codec() if CUES[wildcards.cue].coded else []


def classifying_settings(wildcards):
    """What of the settings decides the trials of a cue."""
    left_out = (
        *CUE_CLASSES,
        "manifest",
        "drawn",
        "most",
        "weights",
        "wanted",
        "scored",
        *CUES,
    )
    found = {key: value for key, value in CUE_SETTINGS.items() if key not in left_out}
    return json.dumps(found | {wildcards.cue: CUE_SETTINGS.get(wildcards.cue, {})})


def passes_settings():
    """What of the settings decides the row of passes."""
    rates, rd = CUE_SETTINGS["rates"], CUE_SETTINGS["rd"]
    curve = {key: rd[key] for key in ("curve_images", "curve_passes")}
    return json.dumps(codec_settings(rates) | {"rates": rates, "rd": curve})


def cue_versions(wildcards):
    """Versions that a cue is measured on."""
    return versions_of(CUE_SETTINGS, [wildcards.cue])


def measured_files(wildcards):
    """The measured versions of a cue, in their order."""
    return [
        f"{RUN}/cues/{wildcards.cue}/measured/{version}.h5"
        for version in cue_versions(wildcards)
    ]


def cue_sources_text():
    """Where the pictures come from, in a few words."""
    if CUES_DRAWN:
        return "pictures drawn by the product"
    if CUE_MANIFEST:
        return f"list {Path(CUE_MANIFEST).name}"
    return "; ".join(
        f"{kind}: {', '.join(named)}" for kind, named in CUE_FOLDERS.items()
    )


def cue_learnt_text():
    """What of it forests learn from."""
    if CUES_DRAWN or CUE_MANIFEST:
        return cue_sources_text()
    learnt = {kind: named for kind, named in CUE_FOLDERS.items() if kind != "decoded"}
    return "; ".join(f"{kind}: {', '.join(named)}" for kind, named in learnt.items())


def cue_weights_text():
    """The weights of the codec, in a few words."""
    folder = CUE_SETTINGS["weights"]
    return (
        "embedded weights"
        if folder == "resources/codec"
        else f"weights {Path(folder).name}"
    )


CUE_RESULTS = [
    f"{RUN}/cues/{cue}/{name}"
    for cue in CUE_SETTINGS["wanted"]
    for name in (
        "accuracy.tsv",
        "importance.tsv",
        "projection.tsv",
        "features.tsv",
        "detector.json",
    )
]


def cues_altered():
    """Whether a cue is asked about altered pictures."""
    asked = {"colour", "quantisation"} & set(CUE_SETTINGS["wanted"])
    return bool(CUE_SETTINGS["alterations"] and asked)


CUE_TABLES = [
    "material",
    *(f"{cue}{kind}" for cue in CUE_SETTINGS["wanted"] for kind in ("", "_elsewhere")),
]
CUE_FIGURES = [
    *(
        ["colour_histograms", "colour_accuracy"]
        if "colour" in CUE_SETTINGS["wanted"]
        else []
    ),
    *(
        ["rd_curves", "rd_accuracy", "rd_importance"]
        if "rd" in CUE_SETTINGS["wanted"]
        else []
    ),
    *(["quantisation_map"] if "quantisation" in CUE_SETTINGS["wanted"] else []),
    "spectra",
    *(["robustness"] if cues_altered() else []),
]
CUES_SHOWN = [
    *(f"{RUN}/cues/shown/{stem}.html" for stem in CUE_TABLES),
    *(f"{RUN}/cues/shown/{stem}.svg" for stem in CUE_FIGURES),
]
CUE_FILES = [
    *(
        f"{RUN}/cues/shown/{stem}.{kind}"
        for stem in CUE_TABLES
        for kind in ("csv", "md", "tex", "html")
    ),
    *(
        f"{RUN}/cues/shown/{stem}.{kind}"
        for stem in CUE_FIGURES
        for kind in ("svg", "png", "tsv")
    ),
]

CUE_LOWEST = versions.ai(min(CUE_SETTINGS["rates"], key=float))


def shown_versions():
    """The versions that figures compare with the source."""
    jpeg = CUE_SETTINGS["colour"]["jpeg"][:1]
    return f"--lowest {CUE_LOWEST}" + "".join(f" --jpeg {name}" for name in jpeg)


def cue_in_report(path):
    """A table or figure of the cues as the report shows it."""
    kind = "table" if path.endswith(".html") else "figure"
    stem = Path(path).stem
    return report(
        path,
        caption=f"../report/cues_{kind}.rst",
        category="Forensic cues",
        subcategory=f"{kind.capitalize()}s",
        labels={kind: stem.replace("_", " ")},
    )


def cues_origin():
    """Pictures and weights, in a sentence at the foot of tables and figures."""
    return (
        f"{cue_sources_text()[0].upper()}{cue_sources_text()[1:]}. JPEG AI: {cue_weights_text()}, "
        f"{CUE_SETTINGS['operating_point']}, tools {'on' if CUE_SETTINGS['tools'] else 'off'}, "
        "bits estimated."
    )


def cues_wanted():
    """What of the cues belongs to a run."""
    return [*CUE_RESULTS, *CUE_FILES]


def cues_asked(wildcards):
    """The same, once it is known that it can be done."""
    try:
        check_cues()
    except UserError as error:
        refuse(error)
    return cues_wanted()
