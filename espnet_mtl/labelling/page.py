"""The page on which people listen to recordings and label them, with the keyboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
KEPT_S = 3600
"""Seconds for which Gradio keeps its copy of a recording that was shown; it deletes all of them when it ends."""
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
    title = "Which emotion do you hear?"
    with gradio.Blocks(title=title, analytics_enabled=False, delete_cache=(KEPT_S, KEPT_S)) as page:
        gradio.Markdown(f"# {title}")
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
            button("s", "skip", lambda position: _show_next(work, position + 1))
            button("u", "back", lambda position: _show(work, max(0, position - 1)))
        page.load(lambda: _show_next(work, 0), None, shown)
    return page


@contextmanager
def _told(what: str = "") -> Iterator[None]:
    """Tells on the page what went wrong, such as a full disk or a damaged table; Gradio would only say "Error"."""
    try:
        yield
    except (UserError, OSError) as error:
        reason = system_error(error) if isinstance(error, OSError) else None
        raise gradio.Error(f"{what}{reason or error}", print_exception=False) from error


def _choose(work: ManualLabels, emotion: str, position: int) -> Shown:
    if position < len(work.queue):
        with _told("Not saved: "):
            work.save(work.queue[position], emotion)
    return _show_next(work, position + 1)


@_told()
def _show_next(work: ManualLabels, position: int) -> Shown:
    return _show(work, work.next(position))


@_told()
def _show(work: ManualLabels, position: int) -> Shown:
    labels, total = work.labels(), len(work.queue)
    n_labelled = sum(utt in labels for utt in work.queue)
    done = f"{n_labelled} of {total} labelled"
    if position >= total:
        return total, done, "That was the last one: <b>back</b> goes through them again.", None
    utt = work.queue[position]
    label = f", labelled <b>{escape(labels[utt])}</b>" if utt in labels else ""
    progress, text = f"{done}; this is number {position + 1}{label}", escape(work.texts[utt])
    try:
        return position, progress, text, _recording(work.wavs[utt])
    except UserError as error:  # the others are there to be labelled
        return position, progress, f"{text}<br><b>{escape(str(error))}: skip it</b>", None


def _recording(path: str) -> tuple[int, np.ndarray]:
    """Returns sampling rate and samples (T_wav, channels), int16."""
    samples, fs = read_channels(path)
    return fs, np.clip(np.round(samples * 2**15), -(2**15), 2**15 - 1).astype(np.int16)


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
