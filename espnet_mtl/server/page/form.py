"""What somebody has set on the page, as a request in OpenAI's dialect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from espnet_mtl.config.numbers import KNOBS
from espnet_mtl.errors import UserError
from espnet_mtl.labels import LARGEST

TEXT, MARKUP = "text", "markup"
"""The two boxes, of which the one is spoken whose tab is open."""
DECIMALS = 2
FILES = {"reference": "recording", "visual": "face"}
"""What the scripts of the page call the files that these fields of a request have."""
Body = dict[str, Any]
"""The fields of `espnet_mtl.server.routes.fields.SpeechRequest`."""


def request_body(values: Mapping[str, Any], state: Mapping[str, Any]) -> Body:
    """Makes the request that says what is set on the page.

    Fields that change nothing are left out, so that the code that is shown is short.

    Args:
        values: Of the page's components, by name; those that the model has no use for are missing.
        state: What the scripts of the page know: the open tab, the weights of the emotions, a recording, a face.
    """
    text = str(values[MARKUP if state.get("tab") == MARKUP else TEXT] or "")
    body: Body = {"input": text, "response_format": "wav"}
    body |= _voice(values) | _emotion(values, state)
    for name, knob in KNOBS.items():
        value = values.get(name)
        if value is not None and value != knob.neutral:
            body[name] = round(value, DECIMALS)
    if not values.get("own_pause"):
        body.pop("pause", None)
    if values.get("language"):
        body["language"] = values["language"]
    if values.get("seed"):
        body["seed"] = int(values["seed"])
    return body


def read_state(browser: str) -> dict[str, Any]:
    """Reads what the scripts of the page know.

    Raises:
        UserError: It is nothing that these scripts say.
    """
    try:
        state = json.loads(browser or "{}")
    except (ValueError, RecursionError) as error:
        raise UserError("the page sent what is no JSON: load it again") from error
    if not isinstance(state, dict):
        raise UserError("the page sent what is no JSON object: load it again")
    weights = state.get("weights") or {}
    if not isinstance(weights, dict) or not all(map(_is_weight, weights.values())):
        raise UserError("the page sent emotions without weights: load it again")
    for what in FILES.values():
        file = state.get(what)
        if file is not None and not _is_file(file):
            raise UserError(f"the page sent a {what} without a name or content: load it again")
    return state


def file_names(state: Mapping[str, Any]) -> dict[str, str]:
    """Returns the names of the files whose emotion is taken, by the fields of a request."""
    return {field: state[what]["name"] for field, what in FILES.items() if state.get(what)}


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_file(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("name", "content"))


def _voice(values: Mapping[str, Any]) -> Body:
    first, second, share = values.get("speaker"), values.get("second"), values.get("share")
    if not first:
        return {}
    if not second or second == first or not share:
        return {"speaker": first}
    part = round(share / 100, DECIMALS)
    return {"speaker": {first: round(1 - part, DECIMALS), second: part}}


def _emotion(values: Mapping[str, Any], state: Mapping[str, Any]) -> Body:
    body: Body = {}
    weights = state.get("weights") or {}
    for field, what in FILES.items():
        if state.get(what):
            body[field] = state[what]["content"]
    if weights and not body and not values.get("suggested"):
        body["emotion"] = _shares(weights)
    intensity = values.get("intensity")
    if intensity is not None and intensity != 1.0:
        body["intensity"] = round(intensity, DECIMALS)
    return body


def _shares(weights: Mapping[str, float]) -> str | dict[str, float]:
    """Returns a mixture as short as it can be said; a name alone where it is one emotion."""
    rounded = {name: round(float(weight), DECIMALS) for name, weight in weights.items()}
    shares = {name: weight for name, weight in rounded.items() if weight > 0}
    return next(iter(shares)) if len(shares) == 1 else shares
