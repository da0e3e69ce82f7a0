"""The log: one JSON object a line, of facts that we chose.

No header, query string, body or name of an uploaded file goes in, so that neither a secret nor
anything that an uploader wrote can come out.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final

LOGGER: Final = logging.getLogger("attest.hub")

Fact = str | int | float | None


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON: time, level, what happened, and the facts about it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Fact] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info is not None and record.exc_info[1] is not None:
            # The place and kind of a defect; its message may quote what somebody sent.
            line["error"] = type(record.exc_info[1]).__name__
            trace = record.exc_info[2]
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            if trace is not None:
                line["at"] = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        return json.dumps(line, ensure_ascii=True)


def log(event: str, **facts: Fact) -> None:
    """Write down that `event` happened."""
    LOGGER.info(event, extra={"facts": facts})


def warn(event: str, **facts: Fact) -> None:
    """Write down that `event` happened and may want attention."""
    LOGGER.warning(event, extra={"facts": facts})


def log_defect(event: str, **facts: Fact) -> None:
    """Write down an error that nobody foresaw, while it is being handled."""
    LOGGER.exception(event, extra={"facts": facts})


def log_to_stderr() -> None:
    """Send the log of this process, and what its libraries have to say, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name, level in (
        ("attest.hub", logging.INFO),
        ("uvicorn", logging.WARNING),
        ("uvicorn.error", logging.WARNING),
        ("dbos", logging.ERROR),
        ("alembic", logging.WARNING),
    ):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    # It would write query strings, in which careless callers put secrets.
    logging.getLogger("uvicorn.access").disabled = True
