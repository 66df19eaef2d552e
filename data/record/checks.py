"""The record checked: trail, manifests, kept documents, published files. Faults are named, not
raised, so that one verification shows them all."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import RecordError
from data.record.acts import decided, signed, withdrawn
from data.record.canonical import file_digest
from data.record.entries import Broken, Entry, Torn
from data.record.known import PROPOSED, SECOND, CaseAct, Decision
from data.record.manifest import NAME, RunFile, manifest_paths, run_files
from data.record.originals import Originals
from data.record.trail import walk_trail


@dataclass(frozen=True)
class Remark:
    """Something a verification found. ``is_fault``: something is not what it was."""

    about: str  # trail, anchor, manifest, document, report, copy, rules, ...
    text: str
    is_fault: bool = True


@dataclass
class TrailSummary:
    """What later checks need from a trail; filled while it is walked."""

    entries: int = 0
    lines: int = 0
    first_at: str = ""
    last_at: str = ""
    head: str = ""
    signed: int = 0
    finished: dict[str, str] = field(default_factory=dict)  # manifest hash: run id
    documents: dict[str, int] = field(default_factory=dict)  # hash: entry
    published: dict[str, str] = field(default_factory=dict)  # page or copy: latest hash
    published_run: str = ""  # manifest hash of the reports published last
    decided: dict[int, Entry] = field(default_factory=dict)  # by the decision's number
    archived: dict[str, str] = field(default_factory=dict)  # file of the archive: hash
    acted: dict[int, Entry] = field(default_factory=dict)  # second signatures and withdrawals

    def add(self, entry: Entry) -> None:
        """Take one entry in."""
        self.entries = entry.sequence
        self.first_at = self.first_at or entry.at
        self.last_at, self.head = entry.at, entry.hash
        self.signed += entry.signature is not None
        if entry.action == "finish":
            self.finished[entry.version] = entry.run
        elif entry.action == "ingest" and entry.version:
            self.documents.setdefault(entry.version, entry.sequence)
        elif entry.action == "decide" and entry.version:
            self.decided[int(entry.version.removeprefix("decision:"))] = entry
        elif entry.action in ("sign", "withdraw") and entry.version:
            self.acted[int(entry.version.removeprefix("act:"))] = entry
        elif entry.action == "archive" and entry.version:
            self.archived[entry.object.removeprefix("archive:")] = entry.version
        elif entry.action == "export" and entry.object == "reports":
            self.published_run = entry.version
        elif entry.action == "export":
            self.published[entry.object] = entry.version


def check_trail(
    path: Path, public: str | None = None, anchor: Path | None = None
) -> tuple[list[Remark], TrailSummary]:
    """Walk a trail from its first line; name the first entry that does not hold.

    ``public`` is the key that every signed entry must bear, and every entry from the first signed
    one on must be signed; ``anchor`` the file outside that was told the heads.
    """
    summary = TrailSummary()
    remarks: list[Remark] = []
    heads = _anchored(anchor)
    for item in walk_trail(path):
        summary.lines = item.line
        if isinstance(item, Broken):
            remarks.append(
                Remark("trail", f"entry {item.sequence} (line {item.line}): {item.reason}")
            )
            return remarks, summary
        if isinstance(item, Torn):
            remarks.append(_torn(item))
            continue
        if fault := _key_fault(item, public, summary.signed):
            remarks.append(Remark("trail", f"entry {item.sequence} (line {item.line}): {fault}"))
            return remarks, summary
        summary.add(item)
        if heads.pop(item.sequence, item.hash) != item.hash:
            text = f"entry {item.sequence}: another one was anchored; the trail was written anew"
            remarks.append(Remark("anchor", text))
            return remarks, summary
    if heads:
        text = f"entry {min(heads)} was anchored and is not in the trail; the trail was cut short"
        remarks.append(Remark("anchor", text))
    if not summary.entries:
        remarks.append(Remark("trail", f"{path}: there is no trail, or nothing in it"))
    return remarks, summary


def _torn(item: Torn) -> Remark:
    if item.is_closed:
        text = f"line {item.line}: left unfinished by a crash; closed off by the entry behind it"
        return Remark("trail", text, is_fault=False)
    return Remark(
        "trail",
        f"line {item.line}: the last line is unfinished: a crash, or a change. The next run closes "
        "it off and says so.",
    )


def _key_fault(entry: Entry, public: str | None, signed: int) -> str:
    if public is None:
        return ""
    if entry.key is not None and entry.key != public:
        return "it is signed with another key"
    return "it is not signed, although one before it is" if entry.key is None and signed else ""


def _anchored(anchor: Path | None) -> dict[int, str]:
    if anchor is None or not anchor.is_file():
        return {}
    lines = (
        line.split() for line in anchor.read_text(encoding="ascii", errors="replace").splitlines()
    )
    return {int(line[0]): line[1] for line in lines if len(line) == 3 and line[0].isdecimal()}


def check_manifests(folder: Path, summary: TrailSummary) -> tuple[list[Remark], list[RunFile]]:
    """Check the chain of manifests, and each against the trail."""
    kept = {file_digest(path): path for _, path in manifest_paths(folder)}
    remarks = [
        Remark("manifest", f"run {run_id}: its manifest is gone, or was changed")
        for sha256, run_id in summary.finished.items()
        if sha256 not in kept
    ]
    unknown = [path for sha256, path in kept.items() if sha256 not in summary.finished]
    if unknown and unknown == list(kept.values())[-1:] and not remarks:
        text = f"{unknown[0]}: its run was interrupted before it was published"
        remarks.append(Remark("manifest", text, is_fault=False))
    else:
        remarks += [Remark("manifest", f"{path}: is not what a run wrote") for path in unknown]
    try:
        return remarks, run_files(folder)
    except RecordError as error:
        return [*remarks, Remark("manifest", str(error))], []


def check_documents(hashes: Iterable[str], originals: Originals) -> Iterator[Remark]:
    """Check each kept document against its hash; those not kept make one remark."""
    gone = []
    for sha256 in hashes:
        whole = originals.is_whole(sha256)
        if whole is None:
            gone.append(sha256)
        elif not whole:
            yield Remark("document", f"{originals.path(sha256)}: is not what was landed")
    if gone:
        yield Remark(
            "document", f"{len(gone)} landed documents are not kept, the first is {gone[0]}", False
        )


def check_reports(folder: Path, runs: list[RunFile], summary: TrailSummary) -> Iterator[Remark]:
    """Check every published file against the manifest of the run that wrote it."""
    page = folder / NAME
    if not page.is_file():
        yield Remark("report", f"{page}: is missing; no run is published here", bool(runs))
        return
    sha256 = file_digest(page)
    run = next((run for run in runs if run.sha256 == sha256), None)
    if run is None:
        yield Remark("report", f"{page}: is no manifest that a run wrote")
        return
    if summary.published_run != sha256:
        newer = summary.finished.get(summary.published_run, "unknown")
        text = f"{folder}: run {newer} was interrupted before it appeared here; run it again"
        yield Remark("report", text, False)
    expected = dict(run.outputs)
    for name, version in summary.published.items():
        if name.startswith("page:"):
            expected[name.removeprefix("page:")] = version
    found = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and path != page
    }
    for name in sorted({*run.outputs, *found}):
        if name not in found:
            yield Remark("report", f"{folder / name}: is missing")
        elif name not in expected:
            yield Remark("report", f"{folder / name}: no run wrote it")
        elif file_digest(found[name]) not in (expected[name], run.outputs.get(name)):
            yield Remark("report", f"{folder / name}: is not what the run wrote")


def check_copies(copies: Iterable[Path], summary: TrailSummary) -> Iterator[Remark]:
    """Check the readable copies of the warehouse that are still there."""
    for path in copies:
        expected = summary.published.get(f"copy:{path.name}")
        if expected is None:
            yield Remark("copy", f"{path}: the trail knows no such copy")
        elif file_digest(path) != expected:
            yield Remark("copy", f"{path}: is not what was published")


def check_archive(folder: Path, summary: TrailSummary) -> Iterator[Remark]:
    """Check every file of the archive against the trail."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.glob("*/*/*.parquet")}
    for name, expected in sorted(summary.archived.items()):
        if name not in found:
            yield Remark("archive", f"{folder / name}: is missing")
        elif file_digest(found[name]) != expected:
            yield Remark("archive", f"{folder / name}: is not what was archived")
    if unknown := sorted(found.keys() - summary.archived.keys()):
        text = (
            f"{len(unknown)} files that the trail does not know, the first is "
            f"{folder / unknown[0]}: left by a run that was interrupted, or not ours; nothing "
            "reads them"
        )
        yield Remark("archive", text, is_fault=False)


def check_decisions(
    stored: Iterable[Decision], last: int, summary: TrailSummary
) -> Iterator[Remark]:
    """Check the decisions of a published copy against the trail; ``last`` was entered last then."""
    there = {one.decision_id: one for one in stored}
    for number, one in sorted(there.items()):
        entry = summary.decided.get(number)
        if entry is None:
            yield Remark("decision", f"decision {number}: the trail knows no such decision")
        elif decided(None, one).new | {"report": None} != _said(entry) or (
            (entry.object, entry.reason) != (f"lot:{one.gtin}/{one.lot}", one.reason)
        ):
            yield Remark("decision", f"decision {number}: is not what was decided")
    for number in sorted(summary.decided.keys() - there.keys()):
        if number <= last:
            text = (
                f"decision {number}: is recorded, yet not in the copy: deleted, or lost in a crash"
            )
            yield Remark("decision", text, is_fault=False)


def _said(entry: Entry) -> dict[str, object]:
    """What a decision's entry says of the decision itself."""
    beside = ("proposed", "s1")
    return {name: value for name, value in entry.new.items() if name not in beside} | {
        "report": None
    }


def check_acts(
    stored: Iterable[CaseAct], decisions: Iterable[Decision], last: int, summary: TrailSummary
) -> Iterator[Remark]:
    """Check second signatures and withdrawals of a published copy against the trail.

    ``last`` was entered last then. A proposal that is gone would let one person decide alone.
    """
    there = {one.act_no: one for one in stored}
    of_number = {one.decision_id: one for one in decisions}
    proposals = {
        entry.new["proposed"]: number
        for number, entry in summary.decided.items()
        if "proposed" in entry.new
    }
    for number, one in sorted(there.items()):
        decision = of_number.get(one.decision_id or 0)
        if one.act == PROPOSED:
            is_known = proposals.get(number) == one.decision_id
        elif number not in summary.acted:
            is_known = False
        else:
            entry = summary.acted[number]
            said = (
                signed(decision, one)
                if one.act == SECOND and decision is not None
                else withdrawn(entry.old, decision, one)
            )
            is_known = (said.action, said.object, said.new, said.reason) == (
                *(entry.action, entry.object, entry.new, entry.reason),
            )
        if not is_known:
            yield Remark("decision", f"act {number}: is not what the trail says was done")
    for number in sorted({*summary.acted, *proposals} - there.keys()):
        if number <= last:
            text = f"act {number}: is recorded, yet not in the copy: deleted, or lost in a crash"
            yield Remark("decision", text, is_fault=number in proposals)


def check_drift(
    then: Mapping[str, object], now: Mapping[str, object], what: str
) -> Iterator[Remark]:
    """What differs today from what a run stood on: no fault, but the reason for other results."""
    names = [name for name in sorted({*then, *now}) if then.get(name) != now.get(name)]
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        text = f"changed since the run: {', '.join(names[:3])}{more}"
        yield Remark(what, text, is_fault=False)


def check_settings(run: RunFile, stored: Mapping[str, float]) -> Iterator[Remark]:
    """Check the thresholds that a published copy holds against the run's manifest."""
    then = run.fields["settings"]
    for name in sorted({*then, *stored}):
        if then.get(name) != stored.get(name):
            said = json.dumps([then.get(name), stored.get(name)])
            yield Remark("settings", f"{name}: the manifest and the published copy say {said}")
