"""What was said on the page of late, which is edited, or saved as another kind of file."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from espnet_mtl.errors import UserError
from espnet_mtl.server.page.form import Body

MOST_BYTES = 2**26
"""Of all texts, recordings and faces that are kept."""


class Spoken(NamedTuple):
    """What was said.

    Attributes:
        body: The request.
        files: Names of the files of its fields `reference` and `visual`, by the field.
    """

    body: Body
    files: Mapping[str, str] = {}

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        contents = [self.body["input"], *(self.body[field] for field in self.files)]
        return 1000 + sum(map(len, contents))


class Remembered:
    """What was said of late, by a key that the browser keeps; the oldest is forgotten first.

    Gradio's own state of a browser would need a connection that stays open, for which a server that is to end waits.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Spoken] = OrderedDict()
        self._size = 0

    def keep(self, spoken: Spoken) -> str:
        """Keeps what was said; returns its key, which nobody else can guess."""
        key = secrets.token_urlsafe(16)
        self._kept[key] = spoken
        self._size += spoken.size
        while self._size > MOST_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._size -= oldest.size
        return key

    def find(self, key: object) -> Spoken:
        """Returns what was said.

        Raises:
            UserError: It is not kept any more, or never was.
        """
        if not isinstance(key, str) or key not in self._kept:
            raise UserError("the server does not remember what was said: press Speak again")
        self._kept.move_to_end(key)
        return self._kept[key]
