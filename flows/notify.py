"""The digest of a run, sent to where people look: an address of the web, mailboxes.

A run is never held up or failed by it. The address may hold a secret, so no message names it. No
serials and no names are in what is sent.
"""

import json
import logging
import smtplib
import urllib.request
from collections.abc import Sequence
from email.message import EmailMessage
from http.client import HTTPException

from flows.digest import digest_lines
from flows.settings import Settings
from flows.steps import Outcome

_LOG = logging.getLogger(__name__)
TIMEOUT_S = 10


def notify(settings: Settings, outcome: Outcome) -> None:
    """Send the digest wherever the settings say."""
    if settings.notify_url is not None:
        post(settings.notify_url, outcome)
    if settings.notify_mail:
        mail(settings.notify_mail, settings.mail_server, outcome)


def post(url: str, outcome: Outcome, timeout_s: float = TIMEOUT_S) -> bool:
    """Post where lots stand, what came in and where to read on; return whether it arrived.

    The body is JSON: ``text`` (the lines as one, as chats want it), ``lines``, ``run_id`` and
    ``link``.
    """
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
        _warn("notify_url", error)
        return False


def mail(
    addresses: Sequence[str], server: str, outcome: Outcome, timeout_s: float = TIMEOUT_S
) -> bool:
    """Mail the same lines; return whether the server took the mail for any of the addresses.

    ``server`` is the organisation's relay as ``host:port``, which asks for no password: settings
    hold no secrets. The line where lots stand is the subject.
    """
    lines = digest_lines(outcome)
    message = EmailMessage()
    message["Subject"] = f"Touchstone. {lines[0]}"
    message["From"] = addresses[0]
    message["To"] = ", ".join(addresses)
    message.set_content("\n".join([*lines, outcome.index.resolve().as_uri(), ""]))
    host, _, port = server.partition(":")
    try:
        with smtplib.SMTP(host, int(port or 25), timeout=timeout_s) as relay:
            relay.send_message(message)
            return True
    except (OSError, smtplib.SMTPException, ValueError) as error:
        _warn("notify_mail", error)
        return False


def _warn(setting: str, error: Exception) -> None:
    _LOG.warning(
        "the digest was not delivered to %s (%s); the run is not affected. Check the address and "
        "that this machine may reach it.",
        setting,
        type(error).__name__,
    )
