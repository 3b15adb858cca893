"""The page's components, and what each of its buttons does."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio

from espnet_mtl.server.page.callbacks import Answer, Callbacks
from espnet_mtl.server.page.controls import DIRECT, add_controls
from espnet_mtl.server.page.form import MARKUP, TEXT
from espnet_mtl.server.page.marks import examples
from espnet_mtl.server.page.spoken import Remembered
from espnet_mtl.server.service import Service

TITLE = "Speech with emotion"
EXAMPLE = "The train leaves at noon. Nobody is on it but the cat."
BEGIN = "(...given) => espnetMtl.begin()"
END = "() => espnetMtl.end()"
"""Scripts before and behind what takes a while."""


def build_page(service: Service) -> gradio.Blocks:
    """Builds the page of a server."""
    with gradio.Blocks(title=TITLE, analytics_enabled=False, fill_width=True) as page:
        gradio.HTML(f"<h1>{TITLE}</h1><p>{_about(service)}</p>", elem_id="title")
        with gradio.Row(elem_id="page"):
            with gradio.Column(elem_id="say"):
                inputs, check = _add_texts(service)
            with gradio.Column(elem_id="how"):
                inputs |= add_controls(service)
            with gradio.Column(elem_id="said"):
                speak = gradio.Button("Speak", variant="primary", elem_id="speak")
                message = gradio.HTML(elem_id="message")
                # Gradio knows events of one's own by their names in the script
                result = gradio.HTML(
                    html_template='<div class="result"></div>',
                    js_on_load="espnetMtl.result(element, props, watch, trigger, ['again', 'save'])",
                    apply_default_css=False,
                    elem_id="result",
                )
                python, curl = _add_code()
        browser = gradio.Textbox(visible=False)
        file = gradio.JSON(visible=False)
        callbacks = Callbacks(service, list(inputs), Remembered())
        answer = list(Answer(message, check, result, python, curl))
        for event in (speak.click, inputs[TEXT].submit):
            _bind(event, callbacks.speak, browser, [browser, *inputs.values()], answer)
        _bind(result.again, callbacks.speak_again, browser, [browser], answer)
        saved = _bind(result.save, callbacks.save, browser, [browser], [message, file])
        saved.then(None, file, None, js="file => espnetMtl.save(file)")
        inputs[MARKUP].blur(callbacks.check, inputs[MARKUP], check, **DIRECT)
    return page


def _bind(event: Any, act: Any, browser: gradio.Textbox, inputs: list[Any], outputs: list[Any]) -> Any:
    """Has an event of the browser tell what its scripts know, and then call the server."""
    begun = event(None, None, browser, js=BEGIN)
    return begun.then(act, inputs, outputs, **DIRECT).then(None, js=END)


def _add_texts(service: Service) -> tuple[dict[str, Any], gradio.HTML]:
    """Adds the boxes for text and markup, and where a mistake is shown."""
    shown = examples(service.tts)
    most = service.options.characters
    with gradio.Tabs(elem_id="texts"):
        with gradio.Tab("Text", id=TEXT):
            text = gradio.Textbox(EXAMPLE, label="Text", lines=4, max_lines=12, max_length=most, elem_id="text")
        with gradio.Tab("SSML", id=MARKUP, elem_id="ssml"):
            first = next(reversed(shown.values()))
            markup = gradio.Textbox(first, label="SSML", lines=6, max_lines=16, max_length=most, elem_id="markup")
            check = gradio.HTML(elem_id="mistake")
            with gradio.Row(elem_id="examples"):
                for name, example in shown.items():
                    button = gradio.Button(name, size="sm", min_width=60)
                    button.click(lambda example=example: (example, ""), None, [markup, check], **DIRECT)
    return {TEXT: text, MARKUP: markup}, check


def _add_code() -> tuple[gradio.Code, gradio.Code]:
    with gradio.Accordion("The code that says this", open=False, elem_id="code"), gradio.Tabs():
        with gradio.Tab("Python"):
            python = gradio.Code(language="python", show_label=False, interactive=False, elem_id="python")
        with gradio.Tab("curl"):
            curl = gradio.Code(language="shell", show_label=False, interactive=False, elem_id="curl")
    return python, curl


def _about(service: Service) -> str:
    """Tells in HTML what is served."""
    tts = service.tts
    counts = {"voice": len(tts.speakers), "emotion": len(tts.emotions)}
    named = [f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items() if count]
    return escape(f"{service.options.name} ({tts.train_args.tts}): {', '.join(named) or 'one voice'}")
