"""`tools/load_server.py URL`: how a server of synthesis (`espnet_mtl.bin.serve`) answers several clients at once.

Each client asks for one text after the other, with voices and formats in turn. Printed are the requests, those that
failed, and how long it took to the first byte of sound and to the last.
"""

from __future__ import annotations

import argparse
import os
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle

import httpx

TEXTS = (
    "Good morning.",
    "The train leaves at noon. Nobody is on it.",
    "Your ticket is valid until the end of the month, but not in the night trains. Please keep it with you.",
)
FORMATS = ("pcm", "wav", "mp3", "opus", "flac")
TIMEOUT_S = 120.0


@dataclass
class Answers:
    """What became of requests: seconds to the first and the last byte, and how many failed, by their reason."""

    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)


def ask(client: httpx.Client, sent: dict[str, str], answers: Answers) -> None:
    """Asks for a text, and notes how it went."""
    begin, first = time.perf_counter(), 0.0
    try:
        with client.stream("POST", "/v1/audio/speech", json=sent) as reply:
            for _ in reply.iter_raw():
                first = first or time.perf_counter() - begin
    except httpx.TransportError as error:
        answers.failed[type(error).__name__] += 1
        return
    if reply.status_code != 200:
        answers.failed[str(reply.status_code)] += 1
        return
    answers.first.append(first)
    answers.last.append(time.perf_counter() - begin)


def work(url: str, number: int, voices: list[str], end: float, answers: Answers, headers: dict[str, str]) -> None:
    """Is one client until a time; each begins elsewhere in the rows of texts, voices and formats."""
    rows = zip(cycle(TEXTS), cycle(voices[number:] + voices[:number]), cycle(FORMATS), strict=False)
    with httpx.Client(base_url=url, timeout=TIMEOUT_S, headers=headers) as client:
        for text, voice, form in rows:
            if time.perf_counter() > end:
                return
            ask(client, {"input": text, "voice": voice, "response_format": form}, answers)


def load(url: str, clients: int, seconds: float) -> Answers:
    """Has several clients ask at once for some seconds."""
    token = os.environ.get("ESPNET_MTL_TOKEN", "")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    listed = httpx.get(f"{url}/v1/audio/voices", headers=headers).raise_for_status().json()
    voices = [voice["id"] for voice in listed["voices"]]
    answers, end = Answers(), time.perf_counter() + seconds
    given = [(url, number % len(voices), voices, end, answers, headers) for number in range(clients)]
    threads = [threading.Thread(target=work, args=own) for own in given]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def report(answers: Answers) -> str:
    """Says how it went."""
    failed = sum(answers.failed.values())
    lines = [f"{len(answers.last) + failed} requests, {failed} failed {dict(answers.failed) or ''}".rstrip()]
    for name, seconds in {"first byte": answers.first, "last byte": answers.last}.items():
        if len(seconds) > 1:
            cuts = statistics.quantiles(seconds, n=20)
            lines.append(f"{name}: p50 {cuts[9]:.3f} s, p95 {cuts[18]:.3f} s, most {max(seconds):.3f} s")
    return "\n".join(lines)


def main() -> None:
    """Parses the command line, and prints how it went."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="the server, such as http://127.0.0.1:8000")
    parser.add_argument("--clients", type=int, default=8, help="clients at once [%(default)s]")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long they ask [%(default)s]")
    args = parser.parse_args()
    answers = load(args.url.rstrip("/"), args.clients, args.seconds)
    print(report(answers))
    raise SystemExit(1 if answers.failed else 0)


if __name__ == "__main__":
    main()
