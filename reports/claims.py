"""What a report may state, as values, codes and record ids: no sentence is written here.

A statement about what happened is a `Claim`, and a claim that names no source record cannot be
constructed.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class UncitedClaimError(ValueError):
    """A claim was built without a record that supports it; this is a fault of ours, not of data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of fact about a lot, with the records (``stg_record.record_id``) behind it."""

    record_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse to exist without a source."""
        if not self.record_ids:
            raise UncitedClaimError(f"{type(self).__name__} names no source record")


@dataclass(frozen=True, slots=True)
class Bounded(Generic[T_co]):
    """The rows that matter most, and how much more there is (``rest_units`` in packs)."""

    rows: tuple[T_co, ...] = ()
    rest_count: int = 0
    rest_units: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A site as master data names it; every part but the GLN may be unknown."""

    site_id: int
    gln: str
    name: str | None
    role: str | None
    city: str | None
    country: str | None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFacts:
    """What the warehouse holds on the lot as such."""

    lot_id: int
    gtin: str
    lot: str
    product: str | None
    ndc: str | None
    storage: str | None
    is_high_risk: bool
    is_synthetic: bool
    maker: Place | None
    expiry: date | None
    expiry_count: int
    made_on: date | None
    markets: tuple[str, ...]
    stated_quantity: float | None
    commissioned_units: int
    observed_units: int
    class_units: float
    coverage: float | None
    is_covered: bool
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """Where the run placed the lot. ``suspicion_pct`` 0 to 100, higher is worse."""

    tier: str
    suspicion_pct: float | None
    p_value: float | None
    standing: int
    explained: int
    gaps: int
    units_affected: float
    families_standing: int
    report: str | None
    suppressed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation(Claim):
    """One record that a finding cites, and where a person finds it."""

    kind: str
    event_id: str | None
    event_at: datetime | None
    recorded_at: datetime | None
    ingested_at: datetime | None
    step: str | None
    site_id: int | None
    path: str
    position: int | None


@dataclass(frozen=True, slots=True)
class Test:
    """One honest explanation that was tried: B code, result code, the numbers that decide."""

    code: str
    result: str
    numbers: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Claim):
    """A finding that stands, was explained away, or was set aside by a person."""

    finding_id: str
    pattern: str
    model: str | None
    family: str
    severity: str
    status: str
    benign: str | None
    history: str | None
    units: float
    serial: str | None
    sscc: str | None
    site_id: int | None
    other_site_id: int | None
    observed: tuple[tuple[str, Any], ...]
    threshold: tuple[tuple[str, Any], ...]
    tests: tuple[Test, ...]
    citations: Bounded[Citation] = field(default_factory=Bounded)
    suppression_id: int | None = None


@dataclass(frozen=True, slots=True)
class Untestable:
    """A pattern that nothing in the data could have answered, and what is missing."""

    pattern: str
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A question the data at hand could not answer: it asserts nothing about the lot."""

    finding_id: str
    pattern: str
    site_id: int | None
    observed: tuple[tuple[str, Any], ...]
    threshold: tuple[tuple[str, Any], ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow(Claim):
    """Events of one day, place and step. Packs are scanned, or inferred from their container."""

    first_at: datetime
    last_at: datetime
    step: str | None
    disposition: str | None
    site_id: int | None
    other_site_id: int | None
    units: float
    event_count: int
    is_inferred: bool
    is_cited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane(Claim):
    """Everything of the lot that went from one site to another."""

    from_site_id: int | None
    to_site_id: int | None
    units: float
    movement_count: int
    first_at: datetime | None
    last_at: datetime | None
    unshipped_units: float
    unreceived_units: float
    inferred_share: float | None
    is_cited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding(Claim):
    """Packs last known at one place, or on the way from it.

    ``basis`` is last_event, balance or verification; ``doubted_units`` may be elsewhere.
    """

    state: str
    basis: str
    site_id: int | None
    to_site_id: int | None
    step: str | None
    units: float
    inferred_units: float
    named_units: float
    doubted_units: float
    since_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How many packs of the lot share a fate: a sum over holdings, which name their records."""

    fate: str
    units: float
    named_units: float
    doubted_units: float
    inferred_units: float
    site_count: int
    since_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Claim):
    """A place, or another lot at a place, that the standing findings of the lot put in question."""

    relation: str
    site_id: int | None
    other_lot: str | None
    other_tier: str | None
    basis: str
    patterns: tuple[str, ...]
    passed_units: float
    named_units: float
    begins_units: float
    made_units: float
    held_units: float
    held_named_units: float
    held_inferred_units: float
    held_since_at: datetime | None
    coming_units: float
    ended_units: float
    doubted_units: float
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteVisit(Claim):
    """What the lot did at one site, in packs."""

    place: Place
    made: float
    came_in: float
    went_out: float
    ended: float
    returned: float
    seen_count: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """How well one site's own data covers what happened there (hours)."""

    site_id: int
    is_publishing: bool
    event_count: int
    lag_p50_h: float | None
    lag_p95_h: float | None
    longest_gap_h: float | None
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotFile:
    """A document that holds records of the lot."""

    path: str
    sha256: str
    kind: str
    record_count: int
    set_aside_count: int


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One feature's share of a detector's score."""

    feature: str
    value: float | None
    contribution: float
    neighbour: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One detector's judgement of the lot; the parts add up to the score where ``is_exact``."""

    detector: str
    score: float | None
    suspicion_pct: float | None
    p_value: float | None
    is_exact: bool
    parts: tuple[ScorePart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePoint:
    """A lot by two features. ``kind``: lot (the one reported), neighbour, same_product."""

    gtin: str
    lot: str
    kind: str
    x: float | None
    y: float | None


@dataclass(frozen=True, slots=True)
class FeatureSpace:
    """The two features that add most to the score of density, and lots by them; the lot first."""

    x: str
    y: str
    points: tuple[FeaturePoint, ...]


@dataclass(frozen=True, slots=True)
class Peers:
    """How many lots were scored, and how many are more suspicious. ``among``: product, all."""

    among: str
    lots: int
    above: int


@dataclass(frozen=True, slots=True)
class Source:
    """A published source of a case, as its file gives it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided on a lot, the run and page it was decided on, and who signed it.

    ``state`` is signed, proposed (a second person has to sign) or withdrawn.
    """

    decision_id: int
    outcome: str
    reason: str
    decided_by: str
    decided_at: datetime
    run_id: str | None
    report_sha256: str | None
    is_latest: bool
    state: str = "signed"
    second_by: str | None = None
    second_at: datetime | None = None
    second_meaning: str | None = None
    second_reason: str | None = None
    withdrawn_by: str | None = None
    withdrawn_at: datetime | None = None
    withdrawn_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedCase:
    """A past case set beside the lot; signals are P and B codes. ``distance`` 0 same, 1 apart."""

    rank: int
    case_id: str
    kind: str
    title: str
    happened_on: str | None
    product: str | None
    mechanism: str | None
    outcome: str | None
    distance: float
    is_near: bool
    shared: tuple[str, ...]
    unshared: tuple[str, ...]
    sources: tuple[Source, ...]
    is_benign: bool = False
    decision: Decision | None = None  # of a case that was decided here


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTally:
    """How often a pattern spoke on a lot, over all findings, however many are listed."""

    pattern: str
    severity: str
    findings: int
    units: float
    sites: int


@dataclass(frozen=True, slots=True)
class Run:
    """The run that judged. ``manifest`` is what it recorded about itself, flat or nested."""

    run_id: str
    as_of: datetime | None
    manifest: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Findings of one pattern set aside by a person until a day."""

    suppression_id: int
    pattern: str
    site_gln: str | None
    gtin: str | None
    lot: str | None
    reason: str
    suppressed_by: str
    suppressed_at: datetime
    until_on: date
    findings: int
    lots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LotChange:
    """A lot that is judged otherwise than in the run before; codes as in ``lot_change``."""

    gtin: str
    lot: str
    run_before: str
    tier_before: str | None
    tier: str | None
    standing_before: int
    standing: int
    changes: tuple[str, ...]
    causes: tuple[str, ...]
    records: int
    record_ids: tuple[int, ...]
    event_ids: tuple[str, ...]
    is_reopened: bool
    decision: Decision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LotEvidence:
    """Everything one lot page may say."""

    run: Run
    facts: LotFacts
    risk: Risk
    places: dict[int, Place]
    standing: Bounded[Finding]
    explained: Bounded[Finding]
    gaps: Bounded[Gap]
    timeline: Bounded[TimelineRow]
    lanes: Bounded[Lane]
    holdings: Bounded[Holding]
    reach: tuple[Reach, ...]
    exposure: Bounded[Exposure]
    sites: Bounded[SiteVisit]
    feeds: tuple[Feed, ...]
    files: Bounded[LotFile]
    scores: tuple[Score, ...]
    cases: tuple[CitedCase, ...]
    suppressed: Bounded[Finding] = field(default_factory=Bounded)
    suppressions: tuple[Suppression, ...] = ()
    change: LotChange | None = None
    decisions: tuple[Decision, ...] = ()
    untestable: tuple[Untestable, ...] = ()
    standing_tally: tuple[PatternTally, ...] = ()
    space: FeatureSpace | None = None
    peers: tuple[Peers, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedLot:
    """One row of the index."""

    gtin: str
    lot: str
    product: str | None
    tier: str
    suspicion_pct: float | None
    p_value: float | None
    top_pattern: str | None
    second_pattern: str | None
    standing: int
    explained: int
    gaps: int
    units: float | None
    units_affected: float
    coverage: float | None
    nearest_case: str | None
    nearest_title: str | None
    report: str | None
    suppressed: int = 0
    decided: str | None = None
    proposed: str | None = None


@dataclass(frozen=True, slots=True)
class RunCounts:
    """How many lots a run placed in each tier."""

    run_id: str
    as_of: datetime
    lots: dict[str, int]


@dataclass(frozen=True, slots=True)
class AlarmLine:
    """A line at a p-value: the lots at or below it, and the most of them that may be honest."""

    p_value: float
    lots: int
    false_share: float


@dataclass(frozen=True, slots=True)
class PatternCount:
    """How often a pattern spoke in this run, over all lots."""

    pattern: str
    standing: int
    explained: int
    gaps: int
    lots_standing: int
    suppressed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCount:
    """What became of one source file; read = accepted + duplicate + void + set aside."""

    path: str
    sha256: str | None
    kind: str
    read: int
    accepted: int
    duplicate: int
    void: int
    set_aside: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read, and what to do about it."""

    path: str
    place: str | None
    reason: str
    remedy: str | None


@dataclass(frozen=True, slots=True)
class UnusualMonth:
    """A month of a site's trade, or of the trade between two, unlike the months before."""

    month: date
    gln: str
    name: str | None
    to_gln: str | None  # None: the site's trade with all
    to_name: str | None
    suspicion_pct: float
    q_value: float
    units: float | None
    features: tuple[str, ...]
    nearest: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """A site's feed against its own habit."""

    gln: str
    name: str | None
    health: str
    signs: tuple[str, ...]
    silent_days: float | None
    usual_gap_days: float | None
    lag_p95_h: float | None
    lag_before_p95_h: float | None
    recent_events: int
    usual_events: float | None
    departure_untold_share: float | None
    arrival_untold_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEvidence:
    """Everything the index page may say."""

    run: Run
    tier_counts: dict[str, int]
    standing: int
    explained: int
    gaps: int
    lots: Bounded[RankedLot]
    patterns: tuple[PatternCount, ...]
    files: tuple[FileCount, ...]
    rejected: Bounded[Rejected]
    suppressed: int = 0
    suppressions: tuple[Suppression, ...] = ()
    run_before: str | None = None
    trend: tuple[RunCounts, ...] = ()
    lines: tuple[AlarmLine, ...] = ()
    changes: Bounded[LotChange] = field(default_factory=Bounded)
    unusual: tuple[UnusualMonth, ...] = ()
    decided: dict[str, int] = field(default_factory=dict)  # lots by the outcome that counts
    proposed: int = 0  # lots on which a decision waits for a second person
    feeds: Bounded[FeedHealth] = field(default_factory=Bounded)
    feeds_failing: int = 0
    feeds_doubtful: int = 0
