"""The controls of the page: those that the model has, with the ranges of `KNOBS`."""

from __future__ import annotations

from typing import Any

import gradio

from espnet_mtl.config.numbers import INTENSITY_SLIDER, KNOBS
from espnet_mtl.inference.base import BaseText2Speech
from espnet_mtl.inference.request.controls import LACKING
from espnet_mtl.labels import NEUTRAL
from espnet_mtl.registry import BACKBONES
from espnet_mtl.server.page.form import FILES
from espnet_mtl.server.service import Service

LABELS = {
    "rate": "Rate (×)",
    "pitch": "Pitch (semitones)",
    "pitch_range": "Pitch range (×)",
    "energy": "Energy (dB)",
    "pause": "Pauses within a sentence (s)",
}
USUAL_PAUSE = 0.3
"""Where the slider of pauses stands at first."""
NOBODY = "—"
DIRECT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""Of each event: not in Gradio's own queue, since the server's is the one with a limit, and in no API of Gradio's."""
SECOND_SHARE = 50


def add_controls(service: Service) -> dict[str, Any]:
    """Adds the controls; returns those that are there, by name."""
    tts = service.tts
    added: dict[str, Any] = {}
    if tts.speakers:
        added |= _add_voices(tts.speakers)
    if len(tts.languages) > 1:
        choices = [("the speaker's own", ""), *((name, name) for name in tts.languages)]
        added["language"] = gradio.Dropdown(choices, value="", label="Language", elem_id="language")
    if tts.emotions:
        added |= _add_emotions(tts)
        _add_sources(service)
    added |= _add_knobs(tts.train_args.tts)
    return added


def _add_voices(speakers: list[str]) -> dict[str, Any]:
    added: dict[str, Any] = {}
    with gradio.Row(elem_id="voices"):
        added["speaker"] = gradio.Dropdown(speakers, value=speakers[0], label="Voice", min_width=120, elem_id="voice")
        if len(speakers) > 1:
            choices = [(NOBODY, ""), *((name, name) for name in speakers)]
            second = gradio.Dropdown(choices, value="", label="mixed with", min_width=120, elem_id="second")
            share = gradio.Slider(
                *(0, 100, SECOND_SHARE), step=1, label="Share of the second voice (%)", visible=False, elem_id="share"
            )
            second.change(lambda name: gradio.update(visible=bool(name)), second, share, **DIRECT)
            added |= {"second": second, "share": share}
    return added


def _add_emotions(tts: BaseText2Speech) -> dict[str, Any]:
    added: dict[str, Any] = {}
    neutral = NEUTRAL if NEUTRAL in tts.emotions else None
    gradio.HTML(
        {"emotions": tts.emotions, "neutral": neutral},
        html_template='<div class="emotion"></div>',
        js_on_load="espnetMtl.emotions(element, props)",
        apply_default_css=False,
        elem_id="emotion",
    )
    if neutral:
        low, high, step = INTENSITY_SLIDER
        added["intensity"] = gradio.Slider(low, high, 1.0, step=step, label="Intensity (×)", elem_id="intensity")
    if tts.reader.network.tells_emotion:
        label = "The emotion that the text suggests, in place of the wheel's"
        added["suggested"] = gradio.Checkbox(label=label, elem_id="suggested")
    return added


def _add_sources(service: Service) -> None:
    """Adds where files are chosen whose emotion is taken: the scripts know them, and no component does."""
    options = service.options
    limits = {"most": options.megabytes * 2**20, "seconds": options.visual_seconds}
    for field in service.emotion_sources:
        what = FILES[field]
        with gradio.Accordion(f"The emotion of a {what}", open=False, elem_id=what):
            gradio.HTML(
                limits,
                html_template='<div class="source"></div>',
                js_on_load=f"espnetMtl.{what}(element, props)",
                apply_default_css=False,
                elem_id=f"{what}_file",
            )


def _add_knobs(backbone: str) -> dict[str, Any]:
    added: dict[str, Any] = {}
    contours = BACKBONES.spec(backbone).contours
    with gradio.Accordion("Rate, pitch and energy", open=True, elem_id="knobs"):
        for name, knob in KNOBS.items():
            if not knob.contour or knob.contour in contours:
                added |= _add_knob(name)
        lacking = [name for name, knob in KNOBS.items() if knob.contour and knob.contour not in contours]
        if lacking:
            gradio.HTML(f'<div class="note">No {", ".join(lacking)}: {backbone} {LACKING}</div>')
    return added


def _add_knob(name: str) -> dict[str, Any]:
    low, high, step = KNOBS[name].slider
    if name != "pause":
        slider = gradio.Slider(low, high, KNOBS[name].neutral, step=step, label=LABELS[name], elem_id=name)
        return {name: slider}
    own = gradio.Checkbox(label="Set the length of pauses", elem_id="own_pause")
    slider = gradio.Slider(low, high, USUAL_PAUSE, step=step, label=LABELS[name], visible=False, elem_id=name)
    own.change(lambda wanted: gradio.update(visible=wanted), own, slider, **DIRECT)
    return {"own_pause": own, name: slider}
