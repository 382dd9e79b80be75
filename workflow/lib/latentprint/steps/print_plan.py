"""Step: a configuration -> a page that says what the run will do and cost; nothing is started."""

import argparse
import os
from pathlib import Path

from latentprint import grid
from latentprint.configuration import check_schema, name_keys
from latentprint.errors import UserError, run
from latentprint.plan_page import Machine, check_disk, check_given, page
from latentprint.protocol import apply_protocol

DEFAULT = Path("config/config.yaml")
SCHEMA = Path(__file__).parents[3] / "schemas/config.schema.yaml"


def merged(files: list[Path]) -> dict:
    """Merge configuration files as a run does, with Snakemake's own functions."""
    from snakemake.common.configfile import load_configfile
    from snakemake.exceptions import WorkflowError
    from snakemake.utils import update_config

    config: dict = {}
    for path in files:
        try:
            update_config(config, load_configfile(path))
        except OSError as error:
            raise UserError(
                f"{path}: cannot be read ({error.strerror}). Name a configuration file"
            ) from None
        except UnicodeDecodeError:
            raise UserError(f"{path}: is not in utf-8. Save it with that encoding") from None
        except WorkflowError as error:
            fault = _fault(path) or " ".join(str(error).split())
            raise UserError(f"{path}: is no configuration: {fault}") from None
    return config


def _fault(path: Path) -> str:
    """Say where a file is no YAML, which Snakemake does not; empty if it is."""
    import yaml

    try:
        yaml.safe_load(path.read_bytes())
    except yaml.MarkedYAMLError as error:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    except yaml.YAMLError as error:
        return " ".join(str(error).split())
    return ""


def main() -> None:
    """Print the plan to standard output; refuse if the disk is too small."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=DEFAULT, help="on top of config/config.yaml")
    parser.add_argument("--images-root", default="", help="in place of the configuration's")
    parser.add_argument("--weights", default="", help="in place of the configuration's")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--memory-mb", type=int, default=grid.machine_memory_mb())
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of all runs")
    options = parser.parse_args()

    files = list(dict.fromkeys((DEFAULT, options.config)))
    config = merged(files)
    given = {"images_root": options.images_root, "weights": options.weights}
    config |= {key: value for key, value in given.items() if value}
    name_keys(config)
    check_schema(config, SCHEMA)
    if "thesis" not in config["parts"]:
        raise UserError(
            f"{options.config}: parts is {', '.join(config['parts'])}, but the plan is of the "
            f"experiment on latents. See the jobs: snakemake -n --configfile {options.config}"
        )
    overridden = apply_protocol(config)
    check_given(config)
    machine = Machine(options.cores, options.memory_mb)
    named = [str(path) for path in files]
    print(page(config, machine, files=named, results=options.results), end="")
    if overridden:
        print(f"\n{overridden}")
    check_disk(config, options.results)


if __name__ == "__main__":
    run(main)
