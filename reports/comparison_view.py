"""What a lot is compared with: past cases, and the lots and prototypes behind its score."""

from dataclasses import dataclass

from markupsafe import Markup

from reports import phrases, wording
from reports.claims import CitedCase, LotEvidence, Score, Source
from reports.decision_view import decided_words
from reports.parts import Table
from reports.phrases import number
from reports.picture_view import feature_label, score_picture, signed
from reports.pictures import score_bars


@dataclass(frozen=True, slots=True)
class Link:
    """A source link; ``url`` is empty unless it is plain http or https."""

    text: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A past case beside the lot."""

    title: str
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
        return "None of the known cases is near: no past case shares a signal with this lot."
    if not any(case.is_near for case in cases):
        return (
            "None of the known cases is near. The nearest there are stand below for comparison; "
            "they explain nothing."
        )
    return (
        "Likeness is a lead, not proof: each case names what it shares with the lot and what it "
        "does not. Distance runs from 0, the same, to 1, nothing in common."
    )


def view_case(case: CitedCase, evidence: LotEvidence) -> CaseView:
    """Word one past case: what it shares with the lot, and what each has alone."""
    standing = dict.fromkeys(f.pattern for f in evidence.standing.rows)
    kind = wording.CASE_KINDS.get(case.kind, case.kind)
    return CaseView(
        title=case.title,
        kind=kind,
        when=" · ".join(part for part in (case.happened_on, case.product) if part),
        distance=f"{case.distance:.2f}",
        is_benign=case.is_benign or case.kind == "benign",
        nearness="near" if case.is_near else "not near",
        mechanism=case.mechanism or "",
        outcome=decided_words(case.decision) or case.outcome or "not recorded",
        shared=tuple(phrases.signal(code) for code in case.shared),
        only_case=tuple(phrases.signal(code) for code in case.unshared),
        only_lot=tuple(phrases.signal(code) for code in standing if code not in case.shared),
        links=tuple(_link(source) for source in case.sources),
    )


def _link(source: Source) -> Link:
    """Make a link of plain web addresses only; anything else is shown and leads nowhere."""
    url = source.url.strip()
    is_web = url.lower().startswith(("https://", "http://"))
    return Link(source.title or url, url if is_web else "")


def view_score(score: Score) -> ScoreView:
    """Word one detector's score; the picture and the table hold the same parts."""
    picture = score_picture(score)
    total = -score.score if score.score is not None else None
    parts = (
        [f"Suspicion {number(round(score.suspicion_pct, 1))} of 100"]
        if (score.suspicion_pct is not None)
        else ["Not placed on the scale of 0 to 100"]
    )
    if score.p_value is not None:
        parts.append(f"p = {number(score.p_value)} among lots where nothing stands")
    if total is not None:
        parts.append(f"raw score {number(round(total, 3))}, higher is more unusual")
    parts.append(
        "the contributions add up to it" if score.is_exact else "the contributions are approximate"
    )
    rows = tuple(
        (
            feature_label(part.feature, None),
            "not known" if part.value is None else phrases.value_of(part.feature, part.value),
            signed(-part.contribution),
            part.neighbour or "all neighbours together",
        )
        for part in score.parts
    )
    return ScoreView(
        title=picture.title,
        summary="; ".join(parts) + ".",
        picture=score_bars(picture),
        table=Table(("Contribution of", "Value", "Adds", "Compared with"), rows, "tnnx"),
    )
