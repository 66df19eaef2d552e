"""The audit trail: continued after crashes, refused after changes, every flipped bit named."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from data.errors import RecordError, ResourceError, SettingsError
from data.record.canonical import canonical, parsed
from data.record.checks import check_trail
from data.record.entries import Act, Broken, Entry, Torn
from data.record.signing import Signer, load_public, load_signer
from data.record.trail import Trail, walk_trail
from flows.audit_command import export

AT = datetime(2026, 10, 1, 2, tzinfo=UTC)
ACTS = [
    Act("begin", "trail", new={"runs": 0}),
    Act("ingest", "file:1", version="ab" * 32, new={"kind": "epcis", "read": 7}),
    Act("configure", "threshold:P01.distance_km", old=50.0, new=80.5, reason="Größe der Inseln"),
    Act("score", "lot:09521234001010/1E260480", old="clear", new="hold", run="3f2a9c01b2d4"),
]


def trail(
    path: Path,
    *,
    at: Callable[[], datetime] = lambda: AT,
    signer: Signer | None = None,
    anchor: Path | None = None,
) -> Trail:
    return Trail(path, "night", "touchstone 0.1.0", at, signer, anchor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "w.trail.jsonl"
    trail(path).append(ACTS)
    return path


def faults(path: Path, public: str | None = None, anchor: Path | None = None) -> list[str]:
    remarks, _ = check_trail(path, public, anchor)
    return [remark.text for remark in remarks if remark.is_fault]


def test_entries_say_who_did_what_when_to_what_and_why(path: Path) -> None:
    entries = trail(path).read()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    third = entries[2]
    assert (third.actor, third.software) == ("night", "touchstone 0.1.0")
    assert (third.old, third.new, third.reason) == (50.0, 80.5, "Größe der Inseln")
    assert third.at == "2026-10-01T02:00:00.000000Z"
    assert third.previous == entries[1].hash
    assert faults(path) == []


def test_the_trail_reads_for_people_and_for_programs(path: Path) -> None:
    warehouse = path.with_name("w.duckdb")
    entries = [entry.fields for entry in trail(path).read()]
    assert json.loads("".join(export(warehouse, "json"))) == entries
    lines = list(export(warehouse, "jsonl"))
    assert [json.loads(line) for line in lines] == entries
    text = "\n".join(export(warehouse, "text"))
    for word in ("night", "configure", "50 -> 80.5", "because: Größe der Inseln"):
        assert word in text
    assert len(list(export(warehouse, "jsonl", action="score"))) == 1
    path.write_bytes(path.read_bytes().replace(b"80.5", b"80.6"))
    with pytest.raises(RecordError, match="entry 3"):
        list(export(warehouse, "text"))


def test_a_change_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        Act("configure", "threshold:P01.distance_km", old=50, new=80, reason=" ")
    with pytest.raises(ValueError, match="no action"):
        Act("tidy", "trail")


def test_two_writers_take_turns(path: Path) -> None:
    one, other = trail(path), trail(path)
    for _ in range(3):
        one.append([Act("annotate", "trail", reason="one")])
        other.append([Act("annotate", "trail", reason="other")])
    assert [entry.reason for entry in trail(path).read()][4:] == ["one", "other"] * 3


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.record.test_trail import trail, Act\n"
        "for n in range(20): trail(Path(sys.argv[1])).append([Act('annotate', 'x', reason='y')])"
    )
    root = Path(__file__).parents[2]
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=root) for _ in range(2)
    ]
    assert [child.wait() for child in children] == [0, 0]
    assert len(trail(path).read()) == 44
    assert faults(path) == []


@given(st.data())
def test_any_flipped_bit_is_found_at_its_entry(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("trail") / "w.trail.jsonl"
    signer = Signer(Ed25519PrivateKey.from_private_bytes(b"k" * 32))
    trail(path, signer=signer).append(ACTS)
    text = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(text) - 1))
    text[bit // 8] ^= 1 << bit % 8
    path.write_bytes(text)
    [found] = faults(path)
    entry = 1 + bytes(text[: bit // 8]).count(b"\n")
    # A flip may end a line early; then that line, the flipped entry's first part, is named.
    assert found.startswith((f"entry {entry} (line {entry})", f"line {entry}: the last line is"))


def test_every_flipped_bit_of_the_last_entry_stops_or_marks_the_next_writer(path: Path) -> None:
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for place in range(start, len(whole)):
        text = bytearray(whole)
        text[place] ^= 1
        path.write_bytes(text)
        try:
            trail(path).append([Act("annotate", "trail", reason="more")])
        except RecordError:
            assert path.read_bytes() == text, "nothing was added"
        else:  # the line end itself was flipped: taken for a crash, kept, and said
            assert [entry.action for entry in trail(path).read()][-2:] == ["repair", "annotate"]
            assert path.read_bytes().startswith(bytes(text))


def test_a_line_torn_at_any_byte_is_kept_closed_off_and_told(path: Path) -> None:
    whole = path.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for length in range(start + 1, len(whole)):
        path.write_bytes(whole[:length])
        assert "the last line is unfinished" in faults(path)[0]
        trail(path).append([Act("start", "run:2")])
        assert path.read_bytes().startswith(whole[:length]), "nothing is ever cut"
        assert [entry.action for entry in trail(path).read()][3:] == ["repair", "start"]
        assert faults(path) == []
        assert [type(item) for item in walk_trail(path)].count(Torn) == 1


def test_a_crash_while_a_torn_line_is_repaired_is_repaired_too(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])
    once = path.read_bytes()
    trail(path).append([Act("start", "run:2")])
    repaired = path.read_bytes()
    for length in range(len(once) + 1, len(repaired)):
        path.write_bytes(repaired[:length])
        trail(path).append([Act("start", "run:3")])
        assert [entry.action for entry in trail(path).read()][-1] == "start"
        assert faults(path) == []


def test_a_torn_line_that_nobody_accounts_for_is_a_break(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"action":"sco#torn\n', *lines[2:]]))
    assert "not accounted for" in faults(path)[0]


@pytest.mark.parametrize("gone", range(4))
def test_a_removed_entry_is_named(path: Path, gone: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    anchor = path.with_name("heads")
    anchor.write_text(f"4 {trail(path).read()[3].hash} {AT}\n".replace(" 02:", "T02:"))
    path.write_bytes(b"".join(lines[:gone] + lines[gone + 1 :]))
    assert f"entry {gone + 1}" in faults(path, anchor=anchor)[0]


def test_a_trail_written_anew_differs_from_the_anchor(tmp_path: Path) -> None:
    anchor = tmp_path / "elsewhere" / "heads"
    path = tmp_path / "w.trail.jsonl"
    trail(path, anchor=anchor).append(ACTS)
    assert faults(path, anchor=anchor) == []
    path.unlink()
    trail(path).append([*ACTS[:3], Act("score", "lot:09521234001010/1E260480", new="clear")])
    assert faults(path) == []
    assert "another one was anchored" in faults(path, anchor=anchor)[0]


def test_a_clock_that_goes_back_is_told_and_the_order_stays(path: Path) -> None:
    trail(path, at=lambda: AT - timedelta(hours=3)).append([Act("start", "run:2")])
    fourth, clock, start = trail(path).read()[3:]
    assert (clock.action, clock.old, clock.new) == ("clock", fourth.at, start.at)
    assert faults(path) == []


def keys(tmp_path: Path, seed: bytes) -> tuple[Path, Path]:
    private = Ed25519PrivateKey.from_private_bytes(seed * 32)
    secret, public = tmp_path / f"{seed.hex()}.key", tmp_path / f"{seed.hex()}.pub"
    secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    secret.chmod(0o600)
    key = private.public_key()
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return secret, public


def test_signatures_bind_the_trail_to_a_key(path: Path, tmp_path: Path) -> None:
    secret, public = keys(tmp_path, b"a")
    other = load_public(keys(tmp_path, b"b")[1])
    trail(path, signer=load_signer(secret)).append([Act("start", "run:2")])
    assert faults(path, load_public(public)) == []
    assert "another key" in faults(path, other)[0]
    trail(path).append([Act("start", "run:3")])
    assert "not signed" in faults(path, load_public(public))[0]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secret, public = keys(tmp_path, b"a")
    secret.chmod(0o640)
    with pytest.raises(SettingsError, match="others may read it"):
        load_signer(secret)
    public.chmod(0o600)
    with pytest.raises(SettingsError, match="not an Ed25519 key"):
        load_signer(public)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_signer(tmp_path / "absent")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_disk_stops_the_writer_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "anchor").symlink_to("/dev/full")
    with pytest.raises(ResourceError, match="the record cannot be written"):
        trail(tmp_path / "w.trail.jsonl", anchor=tmp_path / "anchor").append(ACTS)


def test_only_owner_and_group_may_read_it(path: Path) -> None:
    assert os.stat(path).st_mode & 0o777 == 0o640  # noqa: PTH116


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53) + 1, 2**53 - 1)
        | st.text()
        | st.floats(-1e9, 1e9),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_canonical_text_is_read_back_and_no_other_spelling_is(value: object) -> None:
    text = canonical(value)
    assert canonical(parsed(text)) == text
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="canonical"):
        parsed(text + b" ")


def test_walking_stops_at_the_first_break(path: Path) -> None:
    text = path.read_bytes().replace(b'"epcis"', b'"EPCIS"')
    path.write_bytes(text)
    kinds = [type(item) for item in walk_trail(path)]
    assert kinds == [Entry, Broken]
