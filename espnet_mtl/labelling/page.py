"""The page on which people listen to recordings and label them, with the keyboard."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

import gradio
import numpy as np
from fastapi.middleware import Middleware

from espnet_mtl.errors import UserError, system_error
from espnet_mtl.labelling.manual import ManualLabels
from espnet_mtl.system.audio_files import read_channels
from espnet_mtl.system.sockets import OwnPagesOnly, bind

KEYBOARD_SCRIPT = """() => document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    const button = document.getElementById("key-" + (event.key === " " ? "space" : event.key.toLowerCase()));
    if (!button) return;
    event.preventDefault();
    button.click();
})"""
PLAY_SCRIPT = """() => {
    const audio = document.querySelector("#recording audio");
    if (audio) { audio.currentTime = 0; audio.play(); }
}"""
EMOTION_KEYS = "123456789abcdefghijklmopqtvwxyz"
"""The keys of the emotions; n, r, s and u are other buttons'."""
Shown = tuple[int, str, str, tuple[int, np.ndarray] | None]
"""Position, progress and text (HTML), and recording (sampling rate in Hz and samples) that the page shows."""


def build_page(work: ManualLabels) -> gradio.Blocks:
    """Builds the page: one recording at a time, least certain first, one key an emotion.

    All its state is on disk: closing it, or ending the server, loses nothing.

    Raises:
        UserError: There are more emotions than keys.
    """
    if len(work.emotions) > len(EMOTION_KEYS):
        raise UserError(f"{len(work.emotions)} emotions: the page has keys for {len(EMOTION_KEYS)}")
    with gradio.Blocks(title="Which emotion do you hear?", analytics_enabled=False) as page:
        gradio.Markdown("# Which emotion do you hear?")
        position = gradio.State(0)
        progress = gradio.HTML(elem_id="progress")
        text = gradio.HTML(elem_id="text")
        audio = gradio.Audio(
            autoplay=True,
            interactive=False,
            show_label=False,
            buttons=[],
            waveform_options=gradio.WaveformOptions(show_recording_waveform=False),
            elem_id="recording",
        )
        shown = [position, progress, text, audio]

        def button(key: str, caption: str, act: Callable[[int], Shown] | None) -> None:
            made = gradio.Button(
                f"{caption}  [{key}]",
                elem_id=f"key-{key}",
                variant="primary" if caption in work.emotions else "secondary",
            )
            if act:
                made.click(act, position, shown, show_progress="hidden", queue=False)
            else:
                made.click(None, js=PLAY_SCRIPT)

        with gradio.Row():
            for key, name in zip(EMOTION_KEYS, work.emotions, strict=False):
                button(key, name, partial(_choose, work, name))
        with gradio.Row():
            button("space", "play again", None)
            button("s", "skip", lambda position: _show(work, work.next(position + 1)))
            button("u", "back", lambda position: _show(work, max(0, position - 1)))
        page.load(lambda: _show(work, work.next()), None, shown)
    return page


def _choose(work: ManualLabels, emotion: str, position: int) -> Shown:
    if position < len(work.queue):
        try:
            work.save(work.queue[position], emotion)
        except OSError as error:  # such as a full disk: whoever labels is to know that this label is not saved
            raise gradio.Error(f"Not saved: {system_error(error) or error}", print_exception=False) from error
    return _show(work, work.next(position + 1))


def _show(work: ManualLabels, position: int) -> Shown:
    labels, total = work.labels(), len(work.queue)
    n_labelled = sum(utt in labels for utt in work.queue)
    done = f"{n_labelled} of {total} labelled"
    if position >= total:
        return total, done, "That was the last one: <b>back</b> goes through them again.", None
    utt = work.queue[position]
    samples, fs = read_channels(work.wavs[utt])
    recording = np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype(np.int16)
    label = f", labelled <b>{escape(labels[utt])}</b>" if utt in labels else ""
    return position, f"{done}; this is number {position + 1}{label}", escape(work.texts[utt]), (fs, recording)


def serve(directory: Path, output: Path, host: str, port: int) -> None:
    """Serves the page until it is interrupted, and prints where.

    Raises:
        UserError: `output` has no pseudo-labels, or the address cannot be had.
    """
    launch(build_page(ManualLabels(directory, output)), host, port).block_thread()


def launch(page: gradio.Blocks, host: str, port: int) -> gradio.Blocks:
    """Starts the server in the background; nothing of the page comes from the network.

    Raises:
        UserError: The address cannot be had.
    """
    font = ["system-ui", "sans-serif"]
    theme = gradio.themes.Default(font=font, font_mono=["monospace"])
    with bind(host, port) as taken:  # Gradio itself leaves a socket open where the address is taken
        free = taken.getsockname()[1]
    page.launch(
        server_name=host,
        server_port=free,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        footer_links=[],
        theme=theme,
        js=KEYBOARD_SCRIPT,
        app_kwargs={"middleware": [Middleware(OwnPagesOnly, host=host)]},
    )
    print(f"Label by ear: {page.local_url} (Ctrl-C ends it)", flush=True)
    return page
