"""The digest of a run, posted to an address of the operator's: a chat, a mail gateway, a monitor.

A run is never held up or failed by it. The address may hold a secret, so no message names it.
"""

import json
import logging
import urllib.request
from http.client import HTTPException

from flows.digest import digest_lines
from flows.steps import Outcome

_LOG = logging.getLogger(__name__)
TIMEOUT_S = 10


def notify(url: str | None, outcome: Outcome, timeout_s: float = TIMEOUT_S) -> bool:
    """Post where lots stand, what came in and where to read on; return whether it arrived.

    The body is JSON: ``text`` (the lines as one, as chats want it), ``lines``, ``run_id`` and
    ``link``. No serials and no names are in it.
    """
    if url is None:
        return False
    lines = digest_lines(outcome)
    link = outcome.index.resolve().as_uri()
    body = {"text": "\n".join(lines), "lines": lines, "run_id": outcome.run_id, "link": link}
    request = urllib.request.Request(  # noqa: S310 - settings allow http and https only
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "touchstone"},
    )
    try:
        with urllib.request.urlopen(request, timeout=timeout_s):  # noqa: S310
            return True
    except (OSError, HTTPException, ValueError) as error:
        _LOG.warning(
            "the digest was not delivered to notify_url (%s); the run is not affected. Check the "
            "address and that this machine may reach it.",
            type(error).__name__,
        )
        return False
