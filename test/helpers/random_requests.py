"""Requests to a server of synthesis that are wrong in many ways."""

import random

OTHER_PATHS = ("/v1/models/x", "/v1/audio/voices", "/nothing", "/v1/%ff", "//", "/health")
OTHER_TYPES = ("text/plain", "", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/")
TEXTS = (
    *('"Good morning."', '""', '" "', '"* * *"', '"\\ud800"', '"\\u0000"', '"\\ufffd"', '"Good\\u200b"', '"…"'),
    *('"<speak>"', '"<speak/>"', '"<speak>Good</speak>"', '"<speak><voice name=\\"m9\\">a</voice></speak>"'),
    *('"<speak><break time=\\"9999s\\"/>Good</speak>"', '"<!DOCTYPE a><speak>a</speak>"', '"' + "a" * 61 + '"'),
    *('"' + "a" * 60 + '"', '"مرحبا"', '"早上好"', '"\\ud83d\\ude00"', '"$5 & <b>"'),
)
NUMBERS = ("0", "1", "-1", "1.5", "1e308", "-1e308", "1e999", "NaN", "Infinity", "-Infinity", "9" * 400, "9" * 5000)
NAMES = (
    *('"f1"', '"m1"', '"f1-sad"', '"f1(.5)+m1(.5)"', '"f1(nan)+m1"', '"f1(inf)+m1(inf)"', '"f1(-1)+m1(2)"', '"alloy"'),
    *('"sad"', '"sad:0.5,happy:0.5"', '"sad:"', '":"', '"sad:nan"', '"\\ud800"', '{"f1": 1}', '{"id": "f1"}'),
    *('{"sad": NaN}', '{"sad": 1e308, "happy": 1e308}', "{}", '"mp3"', '"wav"', '"pcm"', '"sse"', '"tiny"', '"tts-1"'),
)
OTHERS = ("null", "true", "[]", "[[]]", '["a"]', "{}", '{"a": {"a": {}}}', '"' + "A" * 3000 + '"', '"UklGRg=="', '"="')
VALUES = (TEXTS, NUMBERS, NAMES, OTHERS)
CONTROLS = {
    **dict.fromkeys(("speaker", "emotion", "language"), NAMES),
    **dict.fromkeys(("intensity", "rate", "pitch", "pitch_range", "energy", "pause", "seed"), NUMBERS),
    "reference": OTHERS,
}
FIELDS = {
    "input": {
        **dict.fromkeys(("model", "voice", "response_format", "stream_format"), NAMES),
        **{"instructions": TEXTS, "speed": NUMBERS, **CONTROLS},
    },
    "text": {"voice": NAMES, **dict.fromkeys(("speaker_id", "length_scale", "noise_scale"), NUMBERS), **CONTROLS},
}
"""What each field may hold, by the field of the text."""
UNKNOWN = ("more", "", "\\ud800", "input", "text", "Voice")
BROKEN = (b"", b"\xff\xfe", b"[" * 20000, b'{"a":', b"NaN", b'"\\ud800"', b"null", b"[]", b"{}", b'{"input": "\xff"}')
LINES = (
    b"GET / HTTP/1.1\r\n",
    b"POST /v1/audio/speech HTTP/1.1\r\nContent-Length: -1\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
    b"GET /\xff HTTP/9.9\r\n",
    b"\x16\x03\x01\x02\x00\x01",
    b"Host: \xff\r\n",
    b"Host: 127.0.0.1\r\n",
    b"Authorization: \xff\xfe\r\n",
    b"\r\n\r\n",
    b"zz\r\n",
    b"\x00" * 100,
    b"A" * 70000,
)


def random_body(rng: random.Random, field: str) -> bytes:
    """Returns a body that may be right, is wrong in a field or two, or is no JSON at all; the text is in a field."""
    if rng.random() < 0.1:
        return rng.choice(BROKEN)
    sent = {field: rng.choice(TEXTS if rng.random() < 0.4 else TEXTS[:1])}
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        name = rng.choice(list(FIELDS[field]))
        sent[name] = rng.choice(FIELDS[field][name] if rng.random() < 0.7 else rng.choice(VALUES))
    if rng.random() < 0.1:
        sent[rng.choice(UNKNOWN)] = rng.choice(NUMBERS)
    pairs = ", ".join(f'"{name}": {value}' for name, value in sent.items())
    body = f"{{{pairs}}}".encode()
    if rng.random() < 0.1:
        place = rng.randrange(len(body))
        body = body[:place] + rng.randbytes(2) + body[place + 1 :]
    return body


def random_request(rng: random.Random) -> tuple[str, str, str, bytes]:
    """Returns method, path, type and body of a request."""
    path, field = rng.choice((("/v1/audio/speech", "input"), ("/v1/audio/speech", "input"), ("/", "text")))
    if rng.random() < 0.1:
        path = rng.choice(OTHER_PATHS)
    method = "POST" if rng.random() < 0.95 else rng.choice(("GET", "PUT", "DELETE", "OPTIONS"))
    kind = "application/json" if rng.random() < 0.9 else rng.choice(OTHER_TYPES)
    return method, path, kind, random_body(rng, field)


def random_bytes(rng: random.Random) -> bytes:
    """Returns what is hardly HTTP."""
    return b"".join(rng.choice(LINES) for _ in range(rng.randrange(1, 5)))
