"""What a lot is compared with: past cases, and the lots and prototypes behind its score."""

from dataclasses import dataclass

from markupsafe import Markup

from reports import phrases
from reports.claims import CitedCase, LotEvidence, Score, Source
from reports.decision_view import decided_words
from reports.parts import Table
from reports.phrases import decimal, number
from reports.picture_view import feature_label, score_picture, signed
from reports.pictures import score_bars
from reports.wording import lines, name, say, spoken

_SHIPPED = ("public", "benign", "simulated")
_SHIPPED_IN = "en"


@dataclass(frozen=True, slots=True)
class Link:
    """A source link; ``url`` is empty unless it is plain http or https."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A past case beside the lot."""

    title: str
    language: str
    kind: str
    when: str
    distance: str
    is_benign: bool
    nearness: str
    mechanism: str
    outcome: str
    shared: tuple[str, ...]
    only_case: tuple[str, ...]
    only_lot: tuple[str, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A detector's score: its words, the waterfall, and the same as a table."""

    title: str
    summary: str
    picture: Markup
    table: Table


def cases_words(cases: tuple[CitedCase, ...]) -> str:
    """Say how to read the cited cases, or plainly that none is near."""
    if not cases:
        return say("comparison.no_case")
    if not any(case.is_near for case in cases):
        return say("comparison.none_near")
    return say("comparison.likeness")


def view_case(case: CitedCase, evidence: LotEvidence) -> CaseView:
    """Word one past case: what it shares with the lot, and what each has alone."""
    standing = dict.fromkeys(f.pattern for f in evidence.standing.rows)
    return CaseView(
        title=case.title,
        language=_told_in(case),
        kind=name("codes.case_kinds", case.kind),
        when=" · ".join(part for part in (case.happened_on, case.product) if part),
        distance=decimal(case.distance, 2),
        is_benign=case.is_benign or case.kind == "benign",
        nearness=say("comparison.near" if case.is_near else "comparison.not_near"),
        mechanism=case.mechanism or "",
        outcome=decided_words(case.decision) or _outcome(case),
        shared=tuple(phrases.signal(code) for code in case.shared),
        only_case=tuple(phrases.signal(code) for code in case.unshared),
        only_lot=tuple(phrases.signal(code) for code in standing if code not in case.shared),
        links=tuple(_link(source) for source in case.sources),
    )


def _told_in(case: CitedCase) -> str:
    """The language of a case that ships with the software, where the page speaks another."""
    return _SHIPPED_IN if case.kind in _SHIPPED and spoken() != _SHIPPED_IN else ""


def _outcome(case: CitedCase) -> str:
    """An outcome as the case tells it, or that of a decision, which is a code."""
    if not case.outcome:
        return say("language.not_recorded")
    return name("codes.outcomes", case.outcome, case.outcome)


def _link(source: Source) -> Link:
    """Make a link of plain web addresses only; anything else is shown and leads nowhere."""
    url = source.url.strip()
    is_web = url.lower().startswith(("https://", "http://"))
    return Link(source.title or url, url if is_web else "")


def peers_words(evidence: LotEvidence) -> str:
    """Say where the lot stands by suspicion among others; nothing where it was not scored."""
    return " ".join(
        say(f"comparison.place_{peers.among}", n=peers.lots, place=peers.above + 1)
        for peers in evidence.peers
    )


def view_score(score: Score) -> ScoreView:
    """Word one detector's score; the picture and the table hold the same parts."""
    picture = score_picture(score)
    total = -score.score if score.score is not None else None
    parts = (
        [say("comparison.suspicion", figure=number(round(score.suspicion_pct, 1)))]
        if (score.suspicion_pct is not None)
        else [say("comparison.not_placed")]
    )
    if score.p_value is not None:
        parts.append(say("comparison.p_value", figure=number(score.p_value)))
    if total is not None:
        parts.append(say("comparison.raw_score", figure=number(round(total, 3))))
    parts.append(say("comparison.adds_up" if score.is_exact else "comparison.approximate"))
    rows = tuple(
        (
            feature_label(part.feature, None),
            phrases.value_of(part.feature, part.value),
            signed(-part.contribution),
            part.neighbour or say("comparison.all_neighbours"),
        )
        for part in score.parts
    )
    return ScoreView(
        title=picture.title,
        summary="; ".join(parts) + ".",
        picture=score_bars(picture),
        table=Table(lines("comparison.heads.score"), rows, "tnnx"),
    )
