"""Our log records in the files that Ray Serve keeps: one for each replica, in the encoding and from the level on that
`logging_config` of the serve file says, with what Serve knows beside what we do: application, deployment, replica.
"""

from __future__ import annotations

import logging
import sys

from sonant.edge.logs import Event

_OURS = ("sonant", "serve_apps")
_SERVE = "ray.serve"


class ToServe(logging.Handler):
    """Hands records on to whatever handlers Serve's logger has at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        serve = logging.getLogger(_SERVE)
        if isinstance(record.msg, Event) and _as_json(serve):
            record.msg = record.msg.name  # its fields are keys of the object already
        serve.handle(record)


def log_with_serve() -> None:
    """[ray] In a replica: everything that we log goes where Serve logs. Otherwise, and the second time, nothing."""
    if "ray.serve" not in sys.modules or not _in_replica():
        return
    for name in _OURS:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, ToServe) for handler in logger.handlers):
            logger.addHandler(ToServe())
            logger.setLevel(logging.getLogger(_SERVE).level)
            logger.propagate = False


def _in_replica() -> bool:
    from ray import serve
    from ray.serve.exceptions import RayServeException

    try:
        return bool(serve.get_replica_context().replica_tag)
    except RayServeException:
        return False


def _as_json(serve: logging.Logger) -> bool:
    from ray._common.formatters import JSONFormatter

    return any(isinstance(getattr(one, "target", one).formatter, JSONFormatter) for one in serve.handlers)
