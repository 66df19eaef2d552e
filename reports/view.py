"""From the evidence on a lot to what its page says: order, rounding, wording, numbers of notes.

Every string that a reader sees is made in the ``*_view`` modules, with ``wording``, ``phrases`` and
``conclusion``; the template only places it. No value is looked up and none is invented here.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from markupsafe import Markup

from reports import phrases
from reports.change_view import change_words
from reports.claims import LotEvidence
from reports.comparison_view import (
    CaseView,
    ScoreView,
    cases_words,
    peers_words,
    view_case,
    view_score,
)
from reports.conclusion import Conclusion, conclude, headline
from reports.custody_graph import custody
from reports.decision_view import decisions_table, latest_words, proposed_words
from reports.exposure_view import (
    exposed_table,
    holders_table,
    other_lots_table,
    reach_line,
    reach_table,
)
from reports.feature_space import space_picture, space_table
from reports.finding_view import (
    FindingGroup,
    FindingView,
    explained_table,
    gaps_table,
    group_findings,
    number_notes,
    suppressed_table,
    view_finding,
)
from reports.full_lists import FINDINGS_END, PACKS_END, is_cut
from reports.map_view import map_note, map_picture, map_table
from reports.movement_view import (
    coverage_lines,
    custody_table,
    feeds_table,
    files_table,
    sites_table,
    timeline_table,
)
from reports.notices import Notice, draft_notices
from reports.parts import Query, Table, lot_filter, manifest_rows, rest
from reports.phrases import day, joined, moment, number, packs, period, place_line, tier_name
from reports.picture_view import custody_note, custody_picture, label_of, timeline_picture
from reports.pictures import timeline
from reports.route_map import route_map
from reports.wording import is_known, lines, name, say, spoken

NOTICE_END = "-notice.html"
TIER_RULE_NO = 1  # as the header of find_lot has it: the words of the rule are those of this number


@dataclass(frozen=True, slots=True, kw_only=True)
class LotView:
    """A lot page, as text and pictures."""

    language: str
    page_title: str
    heading: str
    product: str
    tier: str
    tier_words: str
    tier_meaning: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    notice_file: str
    notices: tuple[Notice, ...]
    conclusion: Conclusion
    since: str
    groups: tuple[FindingGroup, ...]
    findings: tuple[FindingView, ...]
    findings_rest: str
    findings_file: str
    packs_file: str
    explained: Table
    suppressed: Table
    gaps: Table
    timeline_picture: Markup | None
    timeline: Table
    custody_picture: Markup | None
    custody_note: str
    custody: Table
    map_picture: Markup | None
    map_note: str
    map: Table
    reach_line: str
    reach: Table
    holders: Table
    exposed: Table
    other_lots: Table
    exposure_file: str
    exposure_rest: str
    sites: Table
    cases: tuple[CaseView, ...]
    cases_words: str
    tier_rule_no: int
    tier_rule: tuple[str, ...]
    peers: str
    scores: tuple[ScoreView, ...]
    space_picture: Markup | None
    space: Table
    coverage: tuple[str, ...]
    feeds: Table
    files: Table
    limits: str
    examination: tuple[str, ...]
    decisions: Table
    queries: dict[str, Query]
    manifest: tuple[tuple[str, str], ...]


def view_lot(evidence: LotEvidence) -> LotView:
    """Word the evidence on one lot."""
    facts, tier = evidence.facts, evidence.risk.tier
    times = timeline_picture(evidence)
    routes = custody_picture(evidence)
    chart = map_picture(evidence)
    notes = number_notes(evidence)
    drafts = draft_notices(evidence)
    return LotView(
        language=spoken(),
        page_title=say("lot.title", tier=name("tiers.names", tier), lot=facts.lot, gtin=facts.gtin),
        heading=say("lot.heading_unstated")
        if facts.lot == phrases.UNSTATED
        else say("lot.heading", lot=facts.lot),
        product=_subtitle(evidence),
        tier=tier if is_known("tiers.names", tier) else "watch",
        tier_words=tier_name(tier),
        tier_meaning=name("tiers.meanings", tier, ""),
        headline=headline(evidence),
        facts=_facts(evidence),
        notice_file=_notice_file(evidence) if drafts else "",
        notices=drafts,
        conclusion=conclude(evidence),
        since=change_words(evidence),
        groups=group_findings(evidence),
        findings=tuple(
            view_finding(evidence, finding, label_of(index), notes)
            for index, finding in enumerate(evidence.standing.rows)
        ),
        findings_rest=rest(evidence.standing, "findings"),
        findings_file=_full_list(evidence, FINDINGS_END),
        packs_file=_full_list(evidence, PACKS_END),
        explained=explained_table(evidence),
        suppressed=suppressed_table(evidence),
        gaps=gaps_table(evidence),
        timeline_picture=timeline(times) if times else None,
        timeline=timeline_table(evidence),
        custody_picture=custody(routes) if routes else None,
        custody_note=custody_note(evidence),
        custody=custody_table(evidence),
        map_picture=route_map(chart) if chart else None,
        map_note=map_note(evidence),
        map=map_table(evidence) if chart else Table((), ()),
        reach_line=reach_line(evidence),
        reach=reach_table(evidence),
        holders=holders_table(evidence),
        exposed=exposed_table(evidence),
        other_lots=other_lots_table(evidence),
        exposure_file=_exposure_file(evidence),
        exposure_rest=rest(evidence.exposure, "exposure"),
        sites=sites_table(evidence),
        cases=tuple(view_case(case, evidence) for case in evidence.cases),
        cases_words=cases_words(evidence.cases),
        tier_rule_no=TIER_RULE_NO,
        tier_rule=lines("tiers.rule.lines"),
        peers=peers_words(evidence),
        scores=tuple(view_score(score) for score in evidence.scores),
        space_picture=space_picture(evidence),
        space=space_table(evidence),
        coverage=coverage_lines(evidence),
        feeds=feeds_table(evidence),
        files=files_table(evidence),
        limits=say("page.content_limit"),
        examination=lines("page.examination_steps"),
        decisions=decisions_table(evidence),
        queries=_queries(evidence),
        manifest=manifest_rows(evidence.run.manifest),
    )


def _exposure_file(evidence: LotEvidence) -> str:
    """Return the name of the spreadsheet beside the page; nothing where nothing is exposed."""
    if not evidence.exposure.rows or not evidence.risk.report:
        return ""
    return PurePosixPath(evidence.risk.report).with_suffix(".csv").name


def _full_list(evidence: LotEvidence, end: str) -> str:
    """Return the name of a full list beside the page; nothing where the page leaves nothing out."""
    report = evidence.risk.report
    return f"{PurePosixPath(report).stem}{end}" if report and is_cut(evidence) else ""


def _notice_file(evidence: LotEvidence) -> str:
    """Return the name of the page of drafts beside the lot's page."""
    report = evidence.risk.report
    return f"{PurePosixPath(report).stem}{NOTICE_END}" if report else ""


def _subtitle(evidence: LotEvidence) -> str:
    facts = evidence.facts
    parts = (
        facts.product or say("lot.no_product"),
        say("lot.gtin", gtin=facts.gtin),
        place_line(facts.maker) if facts.maker else "",
        say("lot.expires", day=day(facts.expiry)) if facts.expiry else "",
    )
    return " · ".join(part for part in parts if part)


def _facts(evidence: LotEvidence) -> tuple[tuple[str, str], ...]:
    facts, risk, run = evidence.facts, evidence.risk, evidence.run
    gtin = say("lot.in_house", gtin=facts.gtin) if facts.is_synthetic else facts.gtin
    expiry = day(facts.expiry)
    if facts.expiry_count > 1:
        expiry = say("lot.several_expiries", day=expiry, n=facts.expiry_count)
    values = {
        "gtin": gtin,
        "lot": facts.lot,
        "product": facts.product or say("lot.product_unnamed"),
        "ndc": facts.ndc or "",
        "maker": place_line(facts.maker) if facts.maker else say("lot.maker_unknown"),
        "made_on": day(facts.made_on) if facts.made_on else "",
        "expiry": expiry,
        "markets": ", ".join(facts.markets) or say("language.not_stated"),
        "storage": facts.storage or "",
        "at_risk": say("lot.at_risk") if facts.is_high_risk else "",
        "quantity": _quantity(evidence),
        "concerned": packs(risk.units_affected) if risk.standing else "",
        "seen": say("lot.utc", time=period(facts.first_at, facts.last_at))
        if facts.first_at
        else "",
        "suspicion": _suspicion(evidence),
        "decided": latest_words(evidence),
        "proposed": proposed_words(evidence),
        "as_of": say("lot.utc", time=moment(run.as_of))
        if run.as_of
        else say("language.not_recorded"),
        "run": run.run_id,
    }
    return tuple((name("lot.facts", code), value) for code, value in values.items() if value)


def _quantity(evidence: LotEvidence) -> str:
    facts = evidence.facts
    parts = []
    if facts.stated_quantity is not None:
        parts.append(say("lot.made", figure=number(facts.stated_quantity)))
    if facts.commissioned_units:
        parts.append(say("lot.commissioned", figure=number(facts.commissioned_units)))
    if facts.observed_units:
        parts.append(say("lot.seen", figure=number(facts.observed_units)))
    if facts.class_units:
        parts.append(say("lot.without_serials", figure=number(facts.class_units)))
    return joined(parts) or say("language.not_known")


def _suspicion(evidence: LotEvidence) -> str:
    risk = evidence.risk
    if risk.suspicion_pct is None:
        return say("lot.not_scored")
    figure = number(round(risk.suspicion_pct, 1))
    if risk.p_value is None:
        return say("lot.of_hundred", figure=figure)
    return say("lot.of_hundred_with_p", figure=figure, p=number(risk.p_value))


_MODELS = {
    "risk": ("lot_risk", ""),
    "findings": ("evid_lot_finding", " ORDER BY status, row_no"),
    "timeline": ("evid_lot_timeline", " ORDER BY row_no"),
    "custody": ("evid_lot_custody", " ORDER BY row_no"),
    "holders": ("evid_lot_holder", " ORDER BY row_no"),
    "reach": ("evid_lot_reach", " ORDER BY fate"),
    "exposure": ("exposure", " ORDER BY row_no"),
    "sites": ("evid_lot_site", " ORDER BY site_id"),
    "cases": ("cited_case", " ORDER BY rank"),
    "scores": ("score_part", ""),
    "feeds": ("evid_lot_coverage", " ORDER BY site_id"),
    "files": ("evid_lot_file", " ORDER BY file_id"),
    "decisions": ("find_decision", " ORDER BY decision_id"),
}


def _queries(evidence: LotEvidence) -> dict[str, Query]:
    lot = lot_filter(evidence)
    return {
        code: Query(name("lot.queries", code), f"SELECT * FROM {model} WHERE {lot}{order}")  # noqa: S608
        for code, (model, order) in _MODELS.items()
    }
