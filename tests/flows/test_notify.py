"""The digest goes out as three lines and a link; whatever answers, the run stands."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from data.errors import SettingsError
from flows.notify import mail, notify, post
from flows.settings import load_settings
from flows.steps import Landed, Outcome

OUTCOME = Outcome(
    "run 7",
    Landed(files=3, known=1, read=1200, set_aside=2),
    {"hold": 1, "clear": 8},
    {"failing": 1, "doubtful": 2, "sound": 40},
    (),
    Path("/reports/index.html"),
    Path("/w.duckdb"),
)


@contextmanager
def listening(status: int = 200, silent_s: float = 0) -> Iterator[tuple[str, list[Any]]]:
    """A server on this machine that keeps what it is told."""
    told: list[Any] = []
    enough = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.headers["Content-Type"], json.loads(body)))
            enough.wait(silent_s)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/secret", told
    finally:
        enough.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_three_lines_and_the_link_are_posted() -> None:
    with listening() as (url, told):
        assert post(url, OUTCOME)
    [(kind, body)] = told
    assert kind == "application/json"
    assert body["lines"] == [
        "Lots: 1 hold, 0 investigate, 0 watch, 8 clear.",
        "Read 1,200 records in 3 new files, 1 known already; 2 set aside. "
        "Feeds: 1 failing, 2 doubtful.",
        "Run run 7. Open /reports/index.html",
    ]
    assert body["text"] == "\n".join(body["lines"])
    assert (body["run_id"], body["link"]) == ("run 7", "file:///reports/index.html")


def test_no_answer_no_server_and_a_refusal_only_warn(caplog: pytest.LogCaptureFixture) -> None:
    with listening(silent_s=30) as (url, _):
        assert not post(url, OUTCOME, timeout_s=0.2)
    with listening(status=500) as (url, _):
        assert not post(url, OUTCOME)
    assert not post(url, OUTCOME)  # nobody listens there any more
    assert len(caplog.records) == 3
    assert "secret" not in caplog.text


def test_without_an_address_nothing_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    notify(load_settings(), OUTCOME)
    assert not caplog.records


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "example.org"])
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(SettingsError, match="notify_url"):
        load_settings(notify_url=url)


class Relay(socketserver.StreamRequestHandler):
    """A mail server that takes what it is given."""

    taken: ClassVar[list[str]] = []

    def handle(self) -> None:
        self.wfile.write(b"220 relay\r\n")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.wfile.write(b"354 go on\r\n")
                lines = iter(self.rfile.readline, b".\r\n")
                self.taken.append(b"".join(lines).decode())
            self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 ok\r\n")


def test_the_same_lines_go_by_mail() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), Relay) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        address = f"127.0.0.1:{server.server_address[1]}"
        assert mail(["qa@example.org", "rp@example.org"], address, OUTCOME)
        thread.join()
    [text] = Relay.taken
    assert "Subject: Touchstone. Lots: 1 hold, 0 investigate, 0 watch, 8 clear." in text
    assert "To: qa@example.org, rp@example.org" in text
    assert "Run run 7. Open /reports/index.html" in text


def test_a_mail_server_that_is_not_there_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    assert not mail(["qa@example.org"], "127.0.0.1:9", OUTCOME)
    assert len(caplog.records) == 1
    assert "qa@example.org" not in caplog.text


def test_mail_addresses_are_checked() -> None:
    with pytest.raises(SettingsError, match="notify_mail"):
        load_settings(notify_mail=("qa@example.org\nBcc: x@example.org",))
