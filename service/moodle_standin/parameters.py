"""Generic check of what goes into and comes out of a function, driven by its recorded structure.

Source: functions-4.5.json; the texts of `debuginfo` are those of the recorded calls whose names
begin with `debug-` (tests/data/moodle/exchanges-4.5.jsonl).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.errors import (
    INVALID_PARAMETER,
    INVALID_RESPONSE,
    MoodleError,
    invalid_parameter,
    invalid_response,
    unfit_value,
)
from service.moodle_standin.param_types import VALID, is_int
from service.moodle_standin.settings import SiteSettings

Structure = Mapping[str, Any]


def read_parameters(structure: Structure, given: object, settings: SiteSettings) -> Any:
    """Return the given fields with defaults filled in and scalars in their own kind.

    Raises `MoodleError` (`invalidparameter`) for a missing, unknown or unfit field.
    """
    kind = structure["kind"]
    if kind == "value":
        return _read_value(structure, given, settings)
    if given is None and structure["allownull"]:
        return None
    if not isinstance(given, Mapping | list):
        raise invalid_parameter(f"Only arrays accepted. The bad value is: '{_php_text(given)}'")
    if kind == "multiple":
        items = given.values() if isinstance(given, Mapping) else given
        return [read_parameters(structure["content"], item, settings) for item in items]
    if isinstance(given, list):
        given = {str(index): item for index, item in enumerate(given)}
    return _read_single(structure["keys"], given, settings)


def _read_single(
    keys: Mapping[str, Structure], given: Mapping[str, Any], settings: SiteSettings
) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, structure in keys.items():
        if key in given:
            value = given[key]
        elif structure["presence"] == "required":
            raise invalid_parameter(f"Missing required key in single structure: {key}")
        elif structure["presence"] == "default":
            value = structure["default"]
        else:
            continue
        try:
            result[key] = read_parameters(structure, value, settings)
        except MoodleError as error:
            raise invalid_parameter(f"{key} => {INVALID_PARAMETER}: {error.debuginfo}") from error
    unknown = ",".join(key for key in given if key not in keys)
    if unknown:
        raise invalid_parameter(f"Unexpected keys ({unknown}) detected in parameter array.")
    return result


def _read_value(structure: Structure, given: object, settings: SiteSettings) -> Any:
    if isinstance(given, Mapping | list):
        raise invalid_parameter("Scalar type expected, array or object received.")
    if given is None:
        if structure["allownull"]:
            return None
        raise invalid_parameter("Invalid external api parameter: the value is null")
    kind: str = structure["type"]
    text = _php_text(given)
    if kind == "bool":
        if isinstance(given, bool) or text in ("0", "1"):
            return text == "1"
    elif kind == "int":
        if is_int(text):
            return int(text)
    elif VALID[kind](text, settings):
        return text
    raise unfit_value(text, kind)


def _php_text(value: object) -> str:
    """Return a scalar of a JSON argument as PHP turns it into text."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def read_answer(structure: Structure | None, answer: Any, settings: SiteSettings) -> Any:
    """Return the answer cut to what the function promises.

    Raises `MoodleError` (`invalidresponse`) where the answer breaks the promise: by then the work
    is done and stays done (docs/facts/moodle.md 2.7).
    """
    if structure is None:
        return None
    kind = structure["kind"]
    if kind == "value":
        return _answer_value(structure, answer, settings)
    if answer is None and structure["allownull"]:
        return None
    if kind == "multiple":
        return [read_answer(structure["content"], item, settings) for item in answer]
    result: dict[str, Any] = {}
    for key, below in structure["keys"].items():
        if key in answer:
            try:
                result[key] = read_answer(below, answer[key], settings)
            except MoodleError as error:
                raise invalid_response(f"{key} => {INVALID_RESPONSE}: {error.debuginfo}") from error
        elif below["presence"] == "required":
            text = "Error in response - Missing following required key in a single structure: "
            raise invalid_response(text + key)
        elif below["presence"] == "default":
            result[key] = below["default"]
    return result


def _answer_value(structure: Structure, answer: Any, settings: SiteSettings) -> Any:
    if answer is None:
        if structure["allownull"]:
            return None
        raise invalid_response("Invalid external api response: the value is null")
    kind: str = structure["type"]
    if kind == "int":
        return int(answer)
    if kind == "bool":
        return bool(answer)
    if kind in ("raw", "float"):
        return answer
    text = str(answer)
    if VALID[kind](text, settings):
        return text
    raise invalid_response(
        f'Invalid external api response: the value is "{text}" of PHP type "string", '
        f'the server was expecting "{kind}" type'
    )
