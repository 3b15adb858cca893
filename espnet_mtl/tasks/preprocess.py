"""From what the data say of an utterance to the numbers of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from espnet_mtl.errors import UserError
from espnet_mtl.labels import LABELS, ClassLabel


class LabelEncoder:
    """ESPnet's preprocessing with lines of label files turned into numbers (`espnet_mtl.labels`).

    Soft labels such as `emotion` become float weights (K,); other classes, such as `sids` and `lids`, become an id,
    int64 (1,); continuous labels become float (D,). Numbers stay as they are.

    Args:
        tables: The names of the classes of each label.
        preprocess: ESPnet's preprocessing of the text.
        line: What becomes of a line of text before ESPnet reads it; None: it stays as it is.
    """

    def __init__(
        self,
        tables: Mapping[str, Sequence[str]],
        preprocess: Callable,
        line: Callable[[str], str] | None = None,
    ):
        self.tables, self.preprocess, self.line = tables, preprocess, line

    def __call__(self, utt: str, data: dict) -> dict[str, np.ndarray]:
        """Encodes the data of one utterance.

        Raises:
            UserError: A name that is not in its table, or a line that is no label; the message names the utterance.
        """
        data = dict(data)
        for label in LABELS.values():
            line = data.get(label.batch_key)
            if not isinstance(line, str):
                continue
            try:
                if isinstance(label, ClassLabel):
                    data[label.batch_key] = label.read(line, self.tables[label.name])
                else:
                    data[label.batch_key] = label.read(line)
            except UserError as error:
                raise UserError(f"utterance {utt}: {error}") from error
        text = data.get("text")
        if self.line and isinstance(text, str):
            data["text"] = self.line(text)
        return self.preprocess(utt, data)
