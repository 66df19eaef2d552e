"""A run of the past made again from the kept documents, and compared; one report of the past."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.cases.memory import Memory, read_memory, restore
from data.errors import NotFoundError, RecordError, WarehouseError
from data.readers.epcis_source import MAX_EPCS
from data.record import manifest
from data.record.disk import settle_folder
from data.record.known import KnownFile, known_files
from data.record.originals import Originals
from data.warehouse import suppressions
from data.warehouse.connection import open_read_only, open_warehouse
from data.warehouse.judgement import Judgement, find_judgement, put_judgement
from data.warehouse.snapshot import newest_snapshot
from data.warehouse.suppressions import SuppressionEntry
from flows import record
from flows.record import Recording
from flows.steps import LIMIT, Job, Progress, judge

if TYPE_CHECKING:
    from data.readers.layouts import Layout
    from data.record.trail import Trail
    from flows.settings import Settings

_COMPARED = (
    *(
        "run_id",
        "decisions",
        "cases",
        "acts",
        "suppressions",
        "tuning",
        "before",
        "judgement",
        "counts",
    ),
    "settings",
)


@dataclass(frozen=True)
class Past:
    """All that a run of the past stood on."""

    as_of: datetime
    files: Sequence[KnownFile]
    memory: Memory
    overrides: Mapping[str, Mapping[str, float]]
    tuning: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    suppressions: Sequence[SuppressionEntry] = ()
    before: Judgement | None = None
    pdf: bool = False
    earlier: Sequence[Judgement] = ()
    language: str = "en"


@dataclass(frozen=True)
class Reproduction:
    """What came of making a run again. Nothing differs where ``differences`` is empty.

    ``changed`` names what is not as it was then (rules, code, packages): where the result differs,
    there lies the cause.
    """

    run: manifest.RunFile
    files: int
    outputs: int
    differences: tuple[str, ...]
    changed: tuple[str, ...]


def reproduce(
    run: manifest.RunFile, warehouse: Path, reports: Path, limits: tuple[str, int], say: Progress
) -> Reproduction:
    """Make a run again in a temporary place and compare every published byte.

    Parameters
    ----------
    run
        Its manifest.
    warehouse
        Whose kept documents are read; the warehouse itself is not.
    reports
        Where the published pages lie, to say where in a page the first difference is.
    limits
        Memory limit and threads.
    say
        Told what is going on.

    Raises
    ------
    NotFoundError, RecordError
        Documents are gone, or are not what they were.
    """
    fields = run.fields
    before = _judgement(warehouse, fields.get("before"))
    past = Past(
        datetime.fromisoformat(fields["as_of"]),
        [KnownFile.from_plain(one) for one in fields["files"]],
        _entered(warehouse, fields),
        fields["overrides"],
        fields.get("tuning", {}),
        _suppressions(warehouse)[: fields.get("suppressions", {}).get("count", 0)],
        before,
        any(name.endswith(".pdf") for name in run.outputs),
        _earlier(warehouse, before),
        fields.get("language", "en"),
    )
    with _workplace(warehouse) as place:
        job = _job(place, past, limits)
        rereading = _land_again(job, past, Originals.of(warehouse))
        run_id, outputs = _judge(job, past, say)
        with open_warehouse(job.warehouse) as con:
            again = record.make_fields(con, run_id, past.overrides, outputs, past.language)
        published = reports if _is_published(reports, run) else None
        differences = [
            *(f"{path}: is read otherwise now" for path in rereading),
            *_differing(run.outputs, outputs, published, record.staging(job.reports)),
            *(
                f"the manifest's {name}"
                for name in _COMPARED
                if name in fields and again[name] != fields[name]
            ),
        ]
    changed = tuple(_changed(fields, again))
    return Reproduction(run, len(past.files), len(outputs), tuple(differences), changed)


def lines(result: Reproduction) -> Iterator[str]:
    """What came of it, for the terminal."""
    if result.changed:
        shown = ", ".join(result.changed[:5])
        more = f" and {len(result.changed) - 5} more" if len(result.changed) > 5 else ""
        yield f"Not as it was then: {shown}{more}."
    for difference in result.differences:
        yield f"Differs: {difference}"
    if not result.differences:
        yield (
            f"Run {result.run.run_id}, made again from {result.files:,} documents: all "
            f"{result.outputs:,} files are the same to the byte."
        )


def require(result: Reproduction) -> None:
    """Raise RecordError where the run came out otherwise."""
    if result.differences:
        cause = (
            "Rules, code or packages are not those of the run: install those, and compare again."
            if result.changed
            else "Nothing that it stood on has changed: touchstone verify says what else did."
        )
        raise RecordError(
            f"run {result.run.run_id} came out otherwise; the first difference: "
            f"{result.differences[0]}. {cause}"
        )


def write_page(
    gtin: str,
    lot: str,
    settings: "Settings",
    recording: Recording,
    moment: datetime | None,
    say: Progress,
    pdf: Path | None = None,
) -> Path:
    """Write one lot's report again: of the newest published warehouse, or as of a moment.

    A report of the past is one that a run at that moment would have written, from what the
    warehouse had landed by then; it goes to a folder of its own beside the reports. ``pdf`` names
    a file to write it to as PDF too.
    """
    from reports.write import write_lot

    readable = newest_snapshot(settings.warehouse) or settings.warehouse
    if moment is None:
        known = manifest.run_files(manifest.runs_folder(settings.warehouse))
        with record.recorded(settings.warehouse, recording) as trail:
            with open_read_only(readable) as con:
                page = write_lot(con, gtin, lot, settings.reports, settings.language)
            record.record_page(trail, page, settings.reports, known[-1] if known else None)
            _write_pdf(trail, page, pdf)
        return page
    limits = (settings.memory_limit, settings.threads)
    folder = settings.reports.with_name(f"{settings.reports.name}-{moment:%Y%m%dT%H%M%SZ}")
    past = _known_at(settings.warehouse, readable, moment, settings.patterns)
    with record.recorded(settings.warehouse, recording) as trail:
        with _workplace(settings.warehouse) as place:
            job = _job(place, past, limits)
            _land_again(job, past, Originals.of(settings.warehouse))
            _judge(job, past, say)
            with open_warehouse(job.warehouse) as con:
                page = write_lot(con, gtin, lot, folder, settings.language)
            settle_folder(folder)
        record.record_page(trail, page, folder, None)
        _write_pdf(trail, page, pdf)
    return page


def _write_pdf(trail: "Trail", page: Path, pdf: Path | None) -> None:
    """Write the report beside a page as PDF, where asked to, and record that it was."""
    if pdf is None:
        return
    from data.record.canonical import file_digest
    from data.record.disk import write_file
    from data.record.entries import Act
    from reports.pdf import lot_pdf

    write_file(pdf, lot_pdf(page.with_suffix(".json").read_text(encoding="utf-8")))
    trail.append([Act("export", f"pdf:{page.stem}", version=file_digest(pdf))])


def _known_at(
    warehouse: Path,
    readable: Path,
    moment: datetime,
    overrides: Mapping[str, Mapping[str, float]],
) -> Past:
    """What the warehouse knew at a moment, under the thresholds of the last run before it."""
    with open_read_only(readable) as con:
        files = known_files(con, moment)
    if not files:
        raise NotFoundError(
            f"nothing had been landed by {moment:%Y-%m-%d %H:%M} UTC; touchstone sql "
            "'FROM source_file' shows when each file was."
        )
    runs = manifest.run_files(manifest.runs_folder(warehouse))
    before = [run for run in runs if datetime.fromisoformat(run.fields["as_of"]) <= moment]
    last = before[-1].fields if before else None
    used = last["overrides"] if last else overrides
    compared = None
    if last is not None and datetime.fromisoformat(last["as_of"]) == moment:
        compared = _judgement(warehouse, last.get("before"))  # that very run, once more
    elif last is not None and last.get("judgement"):
        compared = _judgement(warehouse, {"run_id": last["run_id"], "sha256": last["judgement"]})
    return Past(
        moment,
        files,
        _remembered(warehouse, readable, moment),
        used,
        last.get("tuning", {}) if last else {},
        _suppressions(warehouse, moment),
        compared,
    )


def _entered(warehouse: Path, fields: Mapping[str, Any]) -> Memory:
    """The decisions and cases that had been entered when a run was made."""
    decisions = fields["decisions"]
    with open_read_only(newest_snapshot(warehouse) or warehouse) as con:
        return read_memory(
            con,
            last_decision=decisions.get("last", decisions["count"]),
            last_entry=fields.get("cases", {}).get("last", 0),
            last_act=fields.get("acts", {}).get("last", 0),
        )


def _remembered(warehouse: Path, readable: Path, moment: datetime) -> Memory:
    """The decisions and cases of a moment; those entered since the last run are in no copy yet."""
    try:
        with open_read_only(warehouse) as con:
            return read_memory(con, moment)
    except WarehouseError:  # a batch holds the working file
        with open_read_only(readable) as con:
            return read_memory(con, moment)


def _suppressions(warehouse: Path, until: datetime | None = None) -> list[SuppressionEntry]:
    readable = newest_snapshot(warehouse) or warehouse
    with open_read_only(readable) as con:
        return suppressions.entries(con, until)


def _judgement(warehouse: Path, wanted: Mapping[str, str] | None) -> Judgement | None:
    """What the run before judged, as the manifest names it.

    Raises RecordError where the warehouse holds it no more, or holds it changed.
    """
    if wanted is None:
        return None
    readable = newest_snapshot(warehouse) or warehouse
    with open_read_only(readable) as con:
        found = find_judgement(con, wanted["run_id"])
    if found is None or found.sha256 != wanted["sha256"]:
        raise RecordError(
            f"{readable}: what run {wanted['run_id']} judged is {'changed' if found else 'gone'}, "
            "and the run after it was compared with that. Keep the file as evidence and find out "
            "why."
        )
    return found


def _earlier(warehouse: Path, last: Judgement | None) -> list[Judgement]:
    """What the runs before the run before judged: the index shows how many lots they placed where.

    A judgement that was changed since gives another trend than the one that was published.
    """
    from reports.evidence import MOST_RUNS

    found: list[Judgement] = []
    readable = newest_snapshot(warehouse) or warehouse
    with open_read_only(readable) as con:
        while last is not None and last.run.before_run_id and len(found) < MOST_RUNS:
            last = find_judgement(con, last.run.before_run_id)
            found += [last] if last else []
    return found


@contextmanager
def _workplace(warehouse: Path) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix=".again-", dir=warehouse.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _job(place: Path, past: Past, limits: tuple[str, int]) -> Job:
    return Job(
        (),
        place / "w.duckdb",
        place / "reports",
        past.as_of,
        *limits,
        thresholds=past.overrides,
        tuning=past.tuning,
        pdf=past.pdf,
        language=past.language,
    )


def _land_again(job: Job, past: Past, originals: Originals) -> list[str]:
    from data.warehouse.landing_again import land_again

    with open_warehouse(job.warehouse, memory_limit=job.memory_limit, threads=job.threads) as con:
        differing = land_again(con, past.files, originals, partial(_reader, originals))
        restore(con, past.memory)
        suppressions.add_entries(con, list(past.suppressions))
        if past.before is not None:
            put_judgement(con, past.before)
        for judgement in past.earlier:
            put_judgement(con, judgement)
    return differing


def _reader(originals: Originals, layouts: tuple[str, ...]) -> Any:
    from data.warehouse.sources import read_source

    limits = [int(word.removeprefix(LIMIT)) for word in layouts if word.startswith(LIMIT)]
    hashes = [word for word in layouts if not word.startswith(LIMIT)]
    return partial(
        read_source,
        layouts=[_layout(originals, sha256) for sha256 in hashes],
        max_epcs=limits[0] if limits else MAX_EPCS,
    )


def _layout(originals: Originals, sha256: str) -> "Layout":
    from data.readers.layouts import parse_layout

    return parse_layout(originals.path(sha256).read_text(encoding="utf-8"), sha256[:12])


def _judge(job: Job, past: Past, say: Progress) -> tuple[str, dict[str, str]]:
    """Judge without leaving a record: this is no run of the warehouse's own."""
    from flows.steps import note_run

    run_id = note_run(job, past.before.run.run_id if past.before else None)
    _, outputs = judge(job, say, lambda step: step)
    return run_id, outputs


def _is_published(reports: Path, run: manifest.RunFile) -> bool:
    page = reports / manifest.NAME
    return page.is_file() and page.read_bytes() == run.path.read_bytes()


def _differing(
    then: Mapping[str, str], now: Mapping[str, str], published: Path | None, again: Path
) -> Iterator[str]:
    for name in sorted({*then, *now}):
        if name not in now:
            yield f"{name}: was written then, not now"
        elif name not in then:
            yield f"{name}: is written now, was not then"
        elif then[name] != now[name]:
            yield f"{name}: {_where(published and published / name, again / name)}"


def _where(old: Path | None, new: Path) -> str:
    if old is None or not old.is_file():
        return "differs (the old page is not here to say where)"
    before, after = old.read_bytes(), new.read_bytes()
    at = next(
        (n for n, pair in enumerate(zip(before, after, strict=False)) if pair[0] != pair[1]),
        min(len(before), len(after)),
    )
    return f"differs from byte {at:,} on, in line {before[:at].count(10) + 1:,}"


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for part in ("code", "packages", "sql"):
        for name in sorted({*then[part], *now[part]}):
            if then[part].get(name) != now[part].get(name):
                yield f"{part} {name}"
