"""The configuration against its schema: the first fault as one line that says where."""

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latentprint.errors import UserError

SHOWN = 80  # characters of a wrong value
TEXT_INSIDE = (
    " (with --config, Snakemake reads what is inside lists and dictionaries as text: give them in "
    "a config file)"
)
KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "keys with values",
    "string": "text",
}


def name_keys(config: Any) -> None:
    """Make all keys text, in place: without quotes YAML reads 0.25 as a number.

    Of two keys that are then one, the later stays: a user's file comes after the default.
    """
    if isinstance(config, list):
        for entry in config:
            name_keys(entry)
    elif isinstance(config, dict):
        for key in list(config):
            value = config.pop(key)
            name_keys(value)
            config[str(key)] = value


def meant(name: str, known: Sequence[str]) -> str:
    """Say what an unknown name may have meant: the one that is like it, or all."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"


def check_schema(config: Mapping[str, Any], schema: Path) -> None:
    """Compare a configuration with a JSON schema.

    Parameters
    ----------
    config : mapping
        After `name_keys`.
    schema : Path
        YAML file, JSON schema of 2020-12. Other than there, 24.0 is no integer: it would stand as
        "24.0" in the commands of the steps.

    Raises
    ------
    UserError
        Names the key by its path from the top, what was found and what was expected.
    """
    import jsonschema
    import yaml

    draft = jsonschema.Draft202012Validator
    checker = draft.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int)
    validator = jsonschema.validators.extend(draft, type_checker=checker)(
        yaml.safe_load(schema.read_text(encoding="utf-8"))
    )
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
            return f"{f'{where}.' if where else ''}{name} is not a key ({meant(name, known)})"
    expected = _expected(error.validator, error.validator_value, error.schema)
    if where and expected:
        verb = "has the key" if "propertyNames" in error.absolute_schema_path else "is"
        hint = TEXT_INSIDE if error.validator == "type" and _quoted_inside(error) else ""
        return f"{where} {verb} {_shown(error.instance)}, expected {expected}{hint}"
    return f"{where}: {error.message}" if where else error.message


def _quoted_inside(error: Any) -> bool:
    """Tell whether a value inside a list or dictionary would be right without its quotes."""
    import yaml

    if len(error.absolute_path) < 2 or not isinstance(error.instance, str):
        return False
    return isinstance(yaml.safe_load(error.instance), bool | int | float)


def _expected(keyword: str, value: Any, schema: Mapping[str, Any]) -> str | None:
    """Say in words what a keyword of the schema asks for; None where its own message is as good."""
    match keyword:
        case "type":
            kinds = [value] if isinstance(value, str) else value
            return " or ".join(KINDS[kind] for kind in kinds)
        case "enum":
            return f"one of {', '.join(map(str, value))}"
        case "minimum":
            return f"at least {value}"
        case "exclusiveMinimum":
            return f"more than {value}"
        case "maximum":
            return f"at most {value}"
        case "minItems":
            return f"at least {value} {'entry' if value == 1 else 'entries'}"
        case "maxItems":
            return f"at most {value} {'entry' if value == 1 else 'entries'}"
        case "uniqueItems":
            return "each entry once"
        case "oneOf" | "pattern":
            return schema.get("description")
    return None


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
