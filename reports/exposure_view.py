"""Where the rest of a lot is: what can be called back, from whom, and what else is exposed."""

from reports import phrases
from reports.claims import Exposure, LotEvidence
from reports.parts import Cell, Table, line_of, place_of, record_list, rest
from reports.phrases import as_title, joined, number, packs, period
from reports.wording import lines, name, say, table

MOST_PLACES = 40
MOST_OTHER_LOTS = 25

IN_REACH = ("at_trader", "at_dispenser", "in_transit")
NOWHERE = ("unplaced", "asked", "unseen")
GONE = ("dispensed", "ended")

# Headings of the spreadsheet beside a lot's page: names for machines, in English like its cells.
EXPOSURE_FILE = (
    "GTIN",
    "Lot",
    "Why",
    "Place (GLN)",
    "Name",
    "Role",
    "Town",
    "Country",
    "Other lot",
    "Tier of the other lot",
    "Followed",
    "Patterns of the findings",
    "Packs that passed",
    "Packs named by findings",
    "Packs whose trail begins here, not made here",
    "Packs still there",
    "of which named by findings",
    "of which only inferred from a container",
    "There since (UTC)",
    "Packs on the way there",
    "Packs dispensed or otherwise gone there",
    "Packs that may be elsewhere",
    "First seen (UTC)",
    "Last seen (UTC)",
    "Records",
)


def reach_line(evidence: LotEvidence) -> str:
    """Say in a sentence or two what can still be called back and what cannot."""
    units = {row.fate: row.units for row in evidence.reach}
    near, lost, gone = (
        sum(units.get(fate, 0) for fate in fates) for fates in (IN_REACH, NOWHERE, GONE)
    )
    if not near + lost + gone:
        return ""
    parts = [
        say("exposure.near", figure=number(near)) if near else say("exposure.none_near"),
        say("exposure.lost", figure=number(lost)) if lost else "",
        _gone_words(gone, units.get("dispensed", 0)) if gone else "",
    ]
    fates = joined(part for part in parts if part)
    said = [say("exposure.reach", packs=packs(near + lost + gone), fates=fates)]
    doubted = sum(row.doubted_units for row in evidence.reach if row.fate not in NOWHERE)
    if doubted:
        said.append(say("exposure.doubted", packs=as_title(packs(doubted))))
    if evidence.standing.rows and not any(row.named_units for row in evidence.reach):
        said.append(say("exposure.no_single_packs"))
    return " ".join(said)


def _gone_words(gone: float, patients: float) -> str:
    text = say("exposure.one_gone" if gone == 1 else "exposure.gone", figure=number(gone))
    if patients == gone:
        return say("exposure.gone_to_patients", gone=text)
    if patients:
        return say("exposure.gone_partly_to_patients", gone=text, figure=number(patients))
    return text


def reach_table(evidence: LotEvidence) -> Table:
    """List what became of the packs: to call back, nowhere on record, gone."""
    known = {row.fate: row for row in evidence.reach}
    rows = [
        (
            as_title(words),
            number(row.units),
            number(row.named_units),
            number(row.doubted_units),
            number(row.inferred_units),
            number(row.site_count) if row.site_count else "",
            period(row.since_at, row.last_at) if row.since_at else "",
        )
        for fate, words in table("codes.fates").items()
        if (row := known.get(fate)) is not None
    ]
    return Table(
        lines("exposure.heads.reach"),
        tuple(rows),
        "tnnnnnt",
    )


def holders_table(evidence: LotEvidence) -> Table:
    """List where the packs were last known, those still in trade first."""
    rows = []
    for holding in evidence.holdings.rows:
        state = name("codes.states", holding.state)
        if holding.state == "ended" and holding.step:
            state = phrases.step(holding.step)
        if holding.state == "in_transit":
            place = line_of(evidence, holding.to_site_id)
            state = say("exposure.to", state=state, place=place)
        known = [name("codes.bases", holding.basis)]
        if holding.inferred_units:
            known.append(say("exposure.only_inferred", figure=number(holding.inferred_units)))
        if holding.doubted_units and holding.state != "asked":
            known.append(
                say("exposure.place_in_doubt")
                if holding.site_id is None
                else say("exposure.may_be_elsewhere", figure=number(holding.doubted_units))
            )
        holder = place_of(evidence, holding.site_id)
        rows.append(
            (
                number(holding.units),
                number(holding.named_units) if holding.named_units else "",
                line_of(evidence, holding.site_id),
                as_title(phrases.role(holder)) if holder else "",
                holder.gln if holder else "",
                as_title(state),
                period(holding.since_at, holding.last_at),
                "; ".join(known),
                record_list(holding.record_ids),
            )
        )
    return Table(
        lines("exposure.heads.holders"),
        tuple(rows),
        "nnttttttt",
        rest(evidence.holdings, "places"),
    )


def exposed_table(evidence: LotEvidence) -> Table:
    """List the places the named packs came from and went to, then the others of the lot."""
    every = [row for row in evidence.exposure.rows if row.relation != "same_site"]
    shown, more = every[:MOST_PLACES], every[MOST_PLACES:]
    order = list(table("codes.relations"))
    shown.sort(key=lambda row: order.index(row.relation))
    rows = tuple(
        (
            as_title(name("codes.relations", row.relation)),
            line_of(evidence, row.site_id),
            as_title(phrases.role(place)) if (place := place_of(evidence, row.site_id)) else "",
            say("exposure.none_named") if row.basis == "lane" else number(row.named_units),
            number(row.passed_units),
            number(row.held_units),
            number(row.coming_units),
            number(row.ended_units),
            period(row.first_at, row.last_at),
            "; ".join(_remarks(row)),
            record_list(row.record_ids),
        )
        for row in shown
    )
    return Table(
        lines("exposure.heads.exposed"),
        rows,
        "tttnnnnnttt",
        _and_more(more, "more_places"),
    )


def other_lots_table(evidence: LotEvidence) -> Table:
    """List other lots of the product that passed the places findings name, at about that time."""
    every = [row for row in evidence.exposure.rows if row.relation == "same_site"]
    shown, more = every[:MOST_OTHER_LOTS], every[MOST_OTHER_LOTS:]
    rows = tuple(
        (
            row.other_lot or "",
            name("tiers.names", row.other_tier, say("exposure.not_judged")),
            line_of(evidence, row.site_id),
            number(row.passed_units),
            number(row.held_units),
            number(row.coming_units),
            period(row.first_at, row.last_at),
            ", ".join(row.patterns),
            record_list(row.record_ids),
        )
        for row in shown
    )
    return Table(
        lines("exposure.heads.other_lots"),
        rows,
        "tttnnnttt",
        _and_more(more, "more_rows"),
    )


def exposure_rows(evidence: LotEvidence) -> list[tuple[Cell, ...]]:
    """Return all that is exposed, row by row, under the headings ``EXPOSURE_FILE``."""
    facts = evidence.facts
    rows: list[tuple[Cell, ...]] = []
    for row in evidence.exposure.rows:
        place = place_of(evidence, row.site_id)
        rows.append(
            (
                facts.gtin,
                facts.lot,
                name("codes.relations", row.relation),
                place.gln if place else None,
                place.name if place else None,
                phrases.role(place) if place else None,
                place.city if place else None,
                place.country if place else None,
                row.other_lot,
                name("tiers.names", row.other_tier, "") or None,
                name("codes.exposure_bases", row.basis),
                " ".join(row.patterns),
                row.passed_units,
                row.named_units,
                row.begins_units,
                row.held_units,
                row.held_named_units,
                row.held_inferred_units,
                row.held_since_at,
                row.coming_units,
                row.ended_units,
                row.doubted_units,
                row.first_at,
                row.last_at,
                " ".join(str(record_id) for record_id in row.record_ids),
            )
        )
    return rows


def _remarks(row: Exposure) -> list[str]:
    remarks = []
    if row.made_units:
        remarks.append(say("exposure.made_here", figure=number(row.made_units)))
    if row.begins_units:
        remarks.append(say("exposure.begins", n=row.begins_units, packs=packs(row.begins_units)))
    if row.held_named_units:
        remarks.append(say("exposure.named_still_here", figure=number(row.held_named_units)))
    if row.held_inferred_units and row.relation != "unplaced":
        remarks.append(say("exposure.here_by_inference", figure=number(row.held_inferred_units)))
    if row.relation == "unplaced":
        remarks.append(say("exposure.no_last_place"))
    elif row.doubted_units:
        remarks.append(say("exposure.may_be_elsewhere", figure=number(row.doubted_units)))
    if row.basis == "lane" and row.relation != "named_site":
        remarks.append(say("exposure.by_movements"))
    return remarks


def _and_more(more: list[Exposure], what: str) -> str:
    if not more:
        return ""
    units = sum(row.held_units + row.coming_units for row in more)
    return say(f"exposure.{what}", n=len(more), packs=packs(units))
