"""Logs as JSON, an object a line; no text that anybody had spoken is in them."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("espnet_mtl.server.requests")


class JsonLines(logging.Formatter):
    """Writes a record as a JSON object.

    Messages of others may quote a text: of those that are not the server's own there is the place alone.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Returns the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower()}
        if record.name == LOGGER.name:
            line |= {"event": record.getMessage(), **getattr(record, "fields", {})}
        elif record.name.startswith("uvicorn"):
            line |= {"event": "uvicorn", "message": record.getMessage()}
        else:
            line |= {"event": "message", "at": f"{record.name} {record.module}:{record.lineno}"}
        if record.exc_info and record.exc_info[1]:
            line |= {"kind": type(record.exc_info[1]).__name__, "places": places(record.exc_info[1])}
        return json.dumps(line)


def log(event: str, fields: Mapping[str, object], level: int = logging.INFO) -> None:
    """Logs what happened, and what is known of it."""
    LOGGER.log(level, event, extra={"fields": fields})


def places(error: BaseException) -> list[str]:
    """Lists the lines that an error came through: its message may hold a text."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]


def log_as_json() -> None:
    """Has this process log to the standard error in this form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    LOGGER.setLevel(logging.INFO)
