"""Bad configurations, and the line that stops a run before its first job."""

from pathlib import Path

from tests.bad_input.desk import Cases, Desk, See, refusal
from tests.image_sets import make_lists

KEYS = ". config/README.md describes every key"
NO_YAML = "bpp: [0.25\nseed: 1\n"


def config(*values: str) -> See:
    """Give values on the command line, on top of a small configuration."""
    small = ("--configfile", "tests/data/tiny.yaml", "--config")
    return lambda desk: refusal(desk.snakemake(*small, *values))


def config_file(text: str) -> See:
    """Give a file on top of the default."""

    return lambda desk: refusal(desk.snakemake("--configfile", write_config(desk, text)))


def write_config(desk: Desk, text: str | None) -> Path:
    path = desk.folder / "mine.yaml"
    if text is not None:
        path.write_text(text, encoding="latin-1")  # what is beyond ASCII is no utf-8
    return path


def snakemakes_own(text: str | None) -> See:
    """Give a file that Snakemake itself refuses, before any of our rules is read."""

    def see(desk: Desk) -> str:
        ended = desk.snakemake("--configfile", write_config(desk, text))
        assert ended.status == 1, ended
        return ended.stdout.strip().splitlines()[-1]

    return see


def selected(n_train: int, n_test: int) -> See:
    """Ask for so many images, of which none is for tests."""
    return lambda desk: select(desk, n_train, n_test)


def select(desk: Desk, n_train: int, n_test: int) -> str:
    rows = ["id\tlabel\tsplit\tpath\tsha256"]
    for split, label, count in (("train", "real", 30), ("train", "fake", 25)):
        rows += [f"{label}{k}\t{label}\t{split}\t{label}{k}.png\tab" for k in range(count)]
    (desk.folder / "images.tsv").write_text("\n".join(rows) + "\n")
    options = ("--sampling", "stratified", "--seed", 1, "--n-train", n_train)
    tables = ("--images", desk.folder / "images.tsv", "--output", desk.folder / "selection.tsv")
    return desk.step("select_images", *options, "--n-test", n_test, *tables)


def plan(desk: Desk, *options: str | Path) -> str:
    """Ask what a run would cost; `make plan` does, in the checkout."""
    command = ("latentprint.steps.print_plan", *options)
    return refusal(desk.door.run(*command, folder=desk.root, path=desk.root / "workflow/lib"))


def plan_of_lists(desk: Desk) -> str:
    make_lists(desk.folder)
    return plan(desk, "--images-root", desk.folder)


def plan_with(text: str | None) -> See:
    return lambda desk: plan(desk, "--config", write_config(desk, text))


CONFIGURATIONS: Cases = {
    "misspelt key": (
        config("n_trian=10"),
        f"config: n_trian is not a key (did you mean n_train?){KEYS}",
    ),
    "misspelt key below the top": (
        config('search={"RF": {"drwas": 2}}'),
        f"config: search.RF.drwas is not a key (did you mean draws?){KEYS}",
    ),
    "unknown key": (
        config('store={"colour": 1}'),
        f"config: store.colour is not a key (known are extras, shard_images){KEYS}",
    ),
    "a number as key": (
        config_file("store: {1: 2}"),
        f"config: store.1 is not a key (known are extras, shard_images){KEYS}",
    ),
    "odd number of images": (
        config("n_train=11"),
        "config: n_train is 11, expected an even number (half of each class)",
    ),
    "negative number of images": (
        config("n_train=-2"),
        f"config: n_train is -2, expected at least 2{KEYS}",
    ),
    "more images than anybody has": (
        config("n_train=10000000000"),
        f"config: n_train is 10000000000, expected at most 10000000{KEYS}",
    ),
    "number of images in words": (
        config("n_train=ten"),
        'config: n_train is "ten", expected an even number of training images, half of each '
        f"class, or all{KEYS}",
    ),
    "number of images with a decimal point": (
        config("n_test=24.0"),
        "config: n_test is 24.0, expected an even number of test images, half of each class, or "
        f"all{KEYS}",
    ),
    "all of what is drawn": (
        config("n_test=all"),
        "config: n_test is all, expected a number where images are drawn",
    ),
    "no images of a split": (
        selected(50, 10),
        "n_test: 10 images need 5 of each class, found 0 real and 0 fake usable. Add images of "
        "both classes.",
    ),
    "more images than usable": (
        selected(100, 10),
        "n_train: 100 images need 50 of each class, found 30 real and 25 fake usable. Ask for at "
        "most 50, or add images.",
    ),
    "more images than listed": (
        plan_of_lists,
        "config: n_train is 180, expected at most 4, twice the smaller class of FOLDER. Lower "
        "n_train, or say all",
    ),
    "small images": (
        config("image_size=32"),
        f"config: image_size is 32, expected at least 64{KEYS}",
    ),
    "images that cannot be drawn": (
        config("image_size=100"),
        "config: image_size is 100, expected a multiple of 16 where images are drawn",
    ),
    "large images": (
        config("image_size=1040"),
        "config: image_size is 1040, expected at most 1024 where latents are quantised. Take "
        'latents: ["y"] and rate: table, or smaller images',
    ),
    "level without a line": (
        config_file("bpp: [0.3]"),
        "config: bpp 0.3 has no line in operating_points, which has 0.25, 1. Add its model id and "
        "displacement",
    ),
    "level on the command line": (
        config("bpp=[0.5]"),
        'config: bpp.0 is "0.5", expected a number (with --config, Snakemake reads what is inside '
        f"lists and dictionaries as text: give them in a config file){KEYS}",
    ),
    "level zero": (config_file("bpp: [0]"), f"config: bpp.0 is 0, expected more than 0{KEYS}"),
    "negative level": (
        config_file("bpp: [0.25, -1.0]"),
        f"config: bpp.1 is -1.0, expected more than 0{KEYS}",
    ),
    "infinite level": (
        config_file("{bpp: [.inf], rate: match}"),
        "config: bpp inf, expected at most 6 digits, from 0.0001 to 99999",
    ),
    "level in thousandths": (
        config_file("{bpp: [0.125], rate: match}"),
        "config: bpp 0.125, expected hundredths of a bit per pixel, 0.01 or more, where rates are "
        "matched. Round it, or set rate to table",
    ),
    "a level twice": (
        config_file("bpp: [1, 1.0]"),
        "config: bpp [1, 1.0] names a level twice. Give each level once",
    ),
    "no level": (config("bpp=[]"), f"config: bpp is [], expected at least 1 entry{KEYS}"),
    "a level that is no list": (
        config("bpp=0.25"),
        f"config: bpp is 0.25, expected a list{KEYS}",
    ),
    "a point in words": (
        config_file("operating_points: {high: [3, 0]}"),
        'config: operating_points has the key "high", expected a level in bits per pixel' + KEYS,
    ),
    "a point of no model": (
        config_file("operating_points: {0.25: [4, 0]}"),
        f"config: operating_points.0.25.0 is 4, expected at most 3{KEYS}",
    ),
    "half a point": (
        config_file("operating_points: {0.25: [3]}"),
        f"config: operating_points.0.25 is [3], expected at least 2 entries{KEYS}",
    ),
    "unknown latent": (
        config("latents=[y, z]"),
        f'config: latents.1 is "z", expected one of y, y_hat{KEYS}',
    ),
    "a latent twice": (
        config("latents=[y, y]"),
        f'config: latents is ["y", "y"], expected each entry once{KEYS}',
    ),
    "unknown alteration": (
        config("detectors={alterations: [jpeg-0]}"),
        "config, detectors.alterations: jpeg-0, expected jpeg-1 to jpeg-100, resize-1 to resize-99 "
        "or jpegai-<hundredths of a bit per pixel>. See config/README.md.",
    ),
    "alteration at a level that has no point": (
        config("detectors={alterations: [jpegai-50]}"),
        "config: detectors.alterations names jpegai-50, which detectors.recompression.levels does "
        "not have (100, 25). Add its model id and displacement",
    ),
    "folder of another generator that is not there": (
        config_file("detectors: {examined: 1, folders: {others: nowhere}}"),
        "config: detectors.folders.others is nowhere, which is no folder. Name one with pictures "
        "of another generator, or leave it out",
    ),
    "a level of the cues that the table does not have": (
        config_file('cues: {rates: ["0.3"]}'),
        "config: cues names the level 0.3, which cues.operating_points does not have "
        "(0.12, 0.25, 0.5, 1.0). Add it: [model id, displacement]",
    ),
    "a folder of the cues that is not there": (
        config_file("parts: [cues]\ncues: {synthetic: {six: nowhere}}"),
        "config: cues.synthetic.six is nowhere, which is no folder. Name one with pictures, or "
        "leave it out",
    ),
    "photographs for the cues and nothing generated": (
        config_file("parts: [cues]\ncues: {uncompressed: {photos: config}}"),
        "config: cues.synthetic is empty, but other folders are given. The cues need photographs "
        "(cues.uncompressed) and generated pictures (cues.synthetic)",
    ),
    "classifier without a feature": (
        config("features=[multiple]", "classifiers=[RF, SVM]"),
        "config: classifiers names SVM, which is fitted to flatten or single or gap or screened "
        "alone. Add one to features",
    ),
    "unknown hyperparameter of a classifier": (
        config("classifiers=[SVM]", "search={SVM: {space: {c: 3}}}"),
        "config: search.SVM.space.c is not a hyperparameter of engine sklearn "
        "(known are C, gamma, scale)",
    ),
    "unknown classifier": (
        config("classifiers=[RF, KNN]"),
        "config: classifiers names KNN, expected some of RF, GB, GBS, LR, ridge, SVM, CNN. Add "
        "an entry to classifiers.py for a new one",
    ),
    "unknown word": (
        config("sampling=last"),
        f'config: sampling is "last", expected one of stratified, listed, first{KEYS}',
    ),
    "text for a number": (
        config("seed=one"),
        f'config: seed is "one", expected a whole number{KEYS}',
    ),
    "text for a truth value": (
        config("tools=on"),
        f'config: tools is "on", expected true or false{KEYS}',
    ),
    "unknown range": (
        config_file("search: {RF: {space: {n_estimators: {integer: [5, 9]}}}}"),
        'config: search.RF.space.n_estimators is {"integer": [5, 9]}, expected a fixed value, or '
        "one of {integers: [low, high]}, {uniform: [low, high]}, {loguniform: [low, high]}, "
        "{choice: [...]}" + KEYS,
    ),
    "falling range": (
        config_file("search: {RF: {space: {max_depth: {integers: [35, 10]}}}}"),
        "config, search.RF.space.max_depth: {'integers': [35, 10]}, expected a fixed value or one "
        "of integers (two whole numbers, rising), uniform (two numbers, rising), loguniform (the "
        "same, above 0), choice (a list). See config/README.md.",
    ),
    "misspelt hyperparameter": (
        config_file("search: {RF: {space: {max_depht: 5}}}"),
        "config: search.RF.space.max_depht is not a hyperparameter of engine sklearn (did you "
        "mean max_depth?)",
    ),
    "more patches than positions": (
        config("n_patches=17"),
        "config: n_patches is 17, expected at most 16, the positions of a latent of 64 pixels",
    ),
    "name of a run with a slash": (
        config("run=a/b"),
        'config: run is "a/b", expected letters, digits, - and _, the name of the run; everything '
        f"it makes lies below results/<run>/{KEYS}",
    ),
    "section without content": (
        config_file("search:\n"),
        f"config: search is null, expected keys with values{KEYS}",
    ),
    "no image folder named": (
        config("images_root="),
        "config: images_root is empty. Give a folder in the config file or with --config "
        "images_root=FOLDER; config/README.md says what it must hold",
    ),
    "image folder that is not there": (
        config("images_root=nowhere"),
        "nowhere: no image set found. Put there either train.csv and test.csv (columns id, label, "
        "label_str, path) with the files below real_vs_fake/real-vs-fake/, or the folders "
        "train/real, train/fake, test/real, test/fake with the images in them.",
    ),
    "file that is not there": (
        snakemakes_own(None),
        "FileNotFoundError: [Errno 2] No such file or directory: 'FOLDER/mine.yaml'",
    ),
    "file that is not there, planned": (
        plan_with(None),
        "FOLDER/mine.yaml: cannot be read (No such file or directory). Name a configuration file",
    ),
    "file that is no YAML": (
        snakemakes_own(NO_YAML),
        "Config file is not valid JSON or YAML. In case of YAML, make sure to not mix whitespace "
        "and tab indentation.",
    ),
    "file that is no YAML, planned": (
        plan_with(NO_YAML),
        "FOLDER/mine.yaml: is no configuration: line 2: expected ',' or ']', but got ':'",
    ),
    "file with a list": (
        snakemakes_own("- bpp\n- seed\n"),
        "Config file must be given as JSON or YAML with keys at top level.",
    ),
    "file with a list, planned": (
        plan_with("- bpp\n- seed\n"),
        "FOLDER/mine.yaml: is no configuration: Config file must be given as JSON or YAML with "
        "keys at top level.",
    ),
    "file that is not utf-8, planned": (
        plan_with("run: Göttingen\n"),
        "FOLDER/mine.yaml: is not in utf-8. Save it with that encoding",
    ),
}
