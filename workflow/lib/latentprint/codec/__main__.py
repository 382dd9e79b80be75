"""Code a picture, decode it again, or say what a file holds.

python -m latentprint.codec encode picture.png
python -m latentprint.codec decode picture.npz
python -m latentprint.codec info   picture.npz
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from latentprint.codec import JpegAI, archive, tiles
from latentprint.codec import weights as weight_files
from latentprint.codec.archive import SYMBOLS, Archive
from latentprint.codec.coded import KEPT, Coded
from latentprint.codec.layouts import CHANNELS
from latentprint.codec.official import MD5
from latentprint.codec.weight_set import OPERATING_POINTS
from latentprint.errors import UserError, run
from latentprint.files import replacing
from latentprint.image_files import decode as read_picture

EMBEDDED = Path(__file__).resolve().parents[4] / "resources" / "codec"


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(
        prog="python -m latentprint.codec",
        description="JPEG AI latents of one picture. Without --weights the product's own, trained "
        "anew: their latents are not those of the standard.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _encode_options(commands.add_parser("encode", help="picture to symbols and latents (.npz)"))
    _decode_options(commands.add_parser("decode", help="symbols to a picture (.png)"))
    info = commands.add_parser("info", help="what a coded image, a picture or a weight file is")
    info.add_argument("file", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)  # more would move last bits (specification, section 10)
    {"encode": encode, "decode": decode, "info": describe}[options.command](options)


def _encode_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="8-bit picture of 64 x 64 pixels or more")
    parser.add_argument("-o", "--output", type=Path, help="default: beside the picture, .npz")
    _codec_options(parser)
    parser.add_argument("--model", type=int, help="model id, 0 to 3 (default 3)")
    parser.add_argument("--beta", type=int, help="displacement, -1069 to 702 (default 0)")
    parser.add_argument("--bpp", type=float, help="match this rate instead, bits per pixel")
    parser.add_argument("--no-tools", action="store_true", help="RVS, GRFS and LSBS off")
    parser.add_argument(
        "--latents",
        nargs="+",
        default=[],
        choices=KEPT,
        metavar="NAME",
        help=f"keep these as well: {', '.join(KEPT)}",
    )


def _decode_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="what encode has written")
    parser.add_argument("-o", "--output", type=Path, help="default: <name>.decoded.png beside it")
    _codec_options(parser)


def _codec_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", type=Path, default=EMBEDDED, help="folder, official layout")
    parser.add_argument(
        "--operating-point", choices=OPERATING_POINTS, help="default: HOP if the folder has it"
    )
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")


def encode(options: argparse.Namespace) -> None:
    """Code a picture and write an archive."""
    if options.bpp is not None and (options.model, options.beta) != (None, None):
        raise UserError("--bpp finds model id and displacement: leave out --model and --beta")
    beta = options.beta or 0
    pixels = read_picture(options.file, advice="Give an 8-bit picture")
    point = options.operating_point or _point(options.weights, "encoder")
    codec = JpegAI.load(options.weights, point, options.device)
    rgb = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    coded = codec.encode(
        rgb,
        model=3 if options.model is None else options.model,
        beta=(beta, beta),
        tools=not options.no_tools,
        latents=(*SYMBOLS, *options.latents),
        target_bpp=options.bpp,
    )
    used = codec.used_parts(("encoder", "entropy"), int(coded.model))
    made = Archive(
        coded,
        operating_point=point,
        weights_digest=_entropy_digest(options.weights, int(coded.model)),
        weights=weight_files.source(codec.folder, used),
    )
    output = options.output or options.file.with_suffix(".npz")
    archive.write(output, made, latents=options.latents)
    _print_coded(options.file, made)
    print(f"wrote {output} ({output.stat().st_size / 1000:.0f} kB: an archive, not a bit stream)")


def decode(options: argparse.Namespace) -> None:
    """Rebuild y_hat from an archive and write the picture."""
    found = archive.read(options.file)
    point = options.operating_point or found.operating_point
    if _entropy_digest(options.weights, int(found.coded.model)) != found.weights_digest:
        raise UserError(
            f"{options.file}: was coded with other entropy files ({found.weights}) than those in "
            f"{options.weights}. Name the folder that it was coded with: --weights FOLDER"
        )
    codec = JpegAI.load(options.weights, point, options.device)
    picture = codec.decode(codec.rebuild(found.coded))[0].permute(1, 2, 0).cpu().numpy()
    output = options.output or options.file.with_suffix(".decoded.png")
    with replacing(output) as temporary:
        Image.fromarray(np.ascontiguousarray(picture)).save(temporary, format="PNG")
    print(
        f"wrote {output} ({picture.shape[1]} x {picture.shape[0]} pixels, synthesis {point}, "
        "without the post filters of the standard's decoder)"
    )


def describe(options: argparse.Namespace) -> None:
    """Say what a file is: a coded image, a weight file, or a picture."""
    path: Path = options.file
    if path.suffix == ".npz":
        found = archive.read(path)
        _print_coded(path, found)
        for component in CHANNELS:
            latents = getattr(found.coded, component)
            for name in KEPT:
                value = getattr(latents, name)
                if value is not None:
                    shape = " x ".join(str(side) for side in value.shape[1:])
                    print(f"  {component + '.' + name:<24}{shape:<16}{value.numpy().dtype}")
    elif path.suffix == ".pth":
        _print_weight_file(path)
    else:
        height, width = read_picture(path, advice="Give an 8-bit picture").shape[:2]
        count = len(tiles.windows(height, width, tiles.LUMA))
        print(f"{path}: {width} x {height} pixels, coded in {count} tile{'s' if count > 1 else ''}")
        grid = f"{-(-height // 16)} x {-(-width // 16)}"
        for component, channels in CHANNELS.items():
            print(f"  {component + ' latents':<24}{channels} x {grid}")


def _print_weight_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such file. Name a weight file, a picture or a coded image")
    name = f"{path.resolve().parent.name}/{path.name}"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    expected = MD5.get(name)
    verdict = {None: "no name of the release", found: "the file of the release IS"}.get(
        expected, f"not the file of the release IS, whose MD5 is {expected}"
    )
    print(f"{path}: {path.stat().st_size:,} bytes, MD5 {found}: {verdict}")


def _print_coded(path: Path, found: Archive) -> None:
    coded: Coded = found.coded
    height, width = coded.size
    print(
        f"{path}: {width} x {height} pixels, {found.operating_point}, model {int(coded.model)}, "
        f"displacement {int(coded.beta[0, 0])}, tools {'on' if coded.tools else 'off'}, "
        f"weights {found.weights}"
    )
    rows = dict(
        zip(("luma z", "luma y", "chroma z", "chroma y"), coded.bits[0].tolist(), strict=True)
    )
    rows["together"] = sum(rows.values())
    print(f"  {'estimated':<12}{'bits':>12}{'bits a pixel':>16}")
    for name, bits in rows.items():
        print(f"  {name:<12}{bits:>12,.0f}{bits / (height * width):>16.4f}")


def _point(folder: Path, kind: str) -> str:
    """Give the first operating point that the folder has files of: HOP, else BOP."""
    for point in ("HOP", "BOP"):
        wanted = [part for part in weight_files.parts(point) if part.kind == kind]
        if any((folder / part.relative_path).is_file() for part in wanted):
            return point
    return "HOP"


def _entropy_digest(folder: Path, model: int) -> str:
    """Give the digest of a model id's entropy files; empty where they are not there."""
    used = [part for part in weight_files.parts("BOP", models=[model]) if part.kind == "entropy"]
    there = all((folder / part.relative_path).is_file() for part in used)
    return weight_files.digest(folder, used) if there else ""


if __name__ == "__main__":
    run(main)
