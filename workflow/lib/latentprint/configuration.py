"""The configuration against its schema: the first fault as one line that says where."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentprint.errors import UserError


def check_schema(config: Mapping[str, Any], schema: Path) -> None:
    """Compare a configuration with a JSON schema.

    Parameters
    ----------
    config : mapping
    schema : Path
        YAML file, JSON schema of 2020-12.

    Raises
    ------
    UserError
        Names the key by its path from the top, what was found and what was expected.
    """
    import jsonschema
    import yaml

    validator = jsonschema.Draft202012Validator(yaml.safe_load(schema.read_text(encoding="utf-8")))
    error = jsonschema.exceptions.best_match(validator.iter_errors(dict(config)))
    if error is not None:
        raise UserError(f"config: {_described(error)}. config/README.md describes every key")


def _described(error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        known = sorted(error.schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        if unknown and known:
            name = unknown[0]
            close = difflib.get_close_matches(name, known, n=1)
            expected = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            return f"{f'{where}.' if where else ''}{name} is not a key ({expected})"
    return f"{where}: {error.message}" if where else error.message
