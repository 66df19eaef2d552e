"""Where the rest of a lot is: what can be called back, from whom, and what else is exposed."""

from reports import phrases, wording
from reports.claims import Exposure, LotEvidence
from reports.parts import Cell, Table, line_of, place_of, record_list, rest
from reports.phrases import as_title, counted, joined, number, packs, period

MOST_PLACES = 40
MOST_OTHER_LOTS = 25

IN_REACH = ("at_trader", "at_dispenser", "in_transit")
NOWHERE = ("unplaced", "asked", "unseen")
GONE = ("dispensed", "ended")


def reach_line(evidence: LotEvidence) -> str:
    """Say in a sentence or two what can still be called back and what cannot."""
    units = {row.fate: row.units for row in evidence.reach}
    near, lost, gone = (
        sum(units.get(fate, 0) for fate in fates) for fates in (IN_REACH, NOWHERE, GONE)
    )
    if not near + lost + gone:
        return ""
    parts = [f"{number(near)} can still be called back" if near else "none can be called back"]
    if lost:
        parts.append(f"for {number(lost)} no record says where they are")
    if gone:
        patients = units.get("dispensed", 0)
        share = "" if patients == gone else f"{number(patients)} of them "
        told = f", {share}dispensed to patients" if patients else ""
        parts.append(f"{number(gone)} {'is' if gone == 1 else 'are'} out of reach{told}")
    text = f"Of {packs(near + lost + gone)} {joined(parts)}."
    doubted = sum(row.doubted_units for row in evidence.reach if row.fate not in NOWHERE)
    if doubted:
        text += (
            f" {as_title(packs(doubted))} may be elsewhere than listed: the number is on more than "
            "one pack, or the pack was asked about at another place since."
        )
    if evidence.standing.rows and not any(row.named_units for row in evidence.reach):
        text += " What stands names no single packs: every pack of the lot is to be looked for."
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
        for fate, words in wording.FATES.items()
        if (row := known.get(fate)) is not None
    ]
    return Table(
        (
            "What became of them",
            "Packs",
            "Named by findings",
            "In doubt",
            "Only inferred",
            "Places",
            "By last records of (UTC)",
        ),
        tuple(rows),
        "tnnnnnt",
    )


def holders_table(evidence: LotEvidence) -> Table:
    """List where the packs were last known, those still in trade first."""
    rows = []
    for holding in evidence.holdings.rows:
        state = wording.STATES.get(holding.state, holding.state)
        if holding.state == "ended" and holding.step:
            state = phrases.step(holding.step)
        if holding.state == "in_transit":
            state += f" to {line_of(evidence, holding.to_site_id)}"
        known = [wording.BASES.get(holding.basis, holding.basis)]
        if holding.inferred_units:
            known.append(f"{number(holding.inferred_units)} only inferred")
        if holding.doubted_units and holding.state != "asked":
            known.append(
                "place in doubt"
                if holding.site_id is None
                else f"{number(holding.doubted_units)} may be elsewhere"
            )
        place = place_of(evidence, holding.site_id)
        rows.append(
            (
                number(holding.units),
                number(holding.named_units) if holding.named_units else "",
                line_of(evidence, holding.site_id),
                as_title(phrases.role(place)) if place else "",
                place.gln if place else "",
                as_title(state),
                period(holding.since_at, holding.last_at),
                "; ".join(known),
                record_list(holding.record_ids),
            )
        )
    return Table(
        (
            "Packs",
            "Named by findings",
            "Last known site",
            "Role",
            "GLN",
            "State",
            "Since (UTC)",
            "Known",
            "Records",
        ),
        tuple(rows),
        "nnttttttt",
        rest(evidence.holdings, "further places"),
    )


def exposed_table(evidence: LotEvidence) -> Table:
    """List the places the named packs came from and went to, then the others of the lot."""
    every = [row for row in evidence.exposure.rows if row.relation != "same_site"]
    shown, more = every[:MOST_PLACES], every[MOST_PLACES:]
    order = list(wording.RELATIONS)
    shown.sort(key=lambda row: order.index(row.relation))
    rows = tuple(
        (
            as_title(wording.RELATIONS[row.relation]),
            line_of(evidence, row.site_id),
            as_title(phrases.role(place)) if (place := place_of(evidence, row.site_id)) else "",
            "none named" if row.basis == "lane" else number(row.named_units),
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
        (
            "Why",
            "Site",
            "Role",
            "Named packs",
            "Packs of the lot",
            "Still there",
            "On the way there",
            "Gone there",
            "Seen (UTC)",
            "Remarks",
            "Records",
        ),
        rows,
        "tttnnnnnttt",
        _and_more(more, "place", "places"),
    )


def other_lots_table(evidence: LotEvidence) -> Table:
    """List other lots of the product that passed the places findings name, at about that time."""
    every = [row for row in evidence.exposure.rows if row.relation == "same_site"]
    shown, more = every[:MOST_OTHER_LOTS], every[MOST_OTHER_LOTS:]
    rows = tuple(
        (
            row.other_lot or "",
            wording.TIERS.get(row.other_tier or "", "not judged"),
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
        (
            "Lot",
            "Tier",
            "Site",
            "Packs that passed",
            "Still there",
            "On the way there",
            "Seen (UTC)",
            "Site named by",
            "Records",
        ),
        rows,
        "tttnnnttt",
        _and_more(more, "row", "rows"),
    )


def exposure_rows(evidence: LotEvidence) -> list[tuple[Cell, ...]]:
    """Return all that is exposed, row by row, under the headings ``wording.EXPOSURE_FILE``."""
    facts = evidence.facts
    rows: list[tuple[Cell, ...]] = []
    for row in evidence.exposure.rows:
        place = place_of(evidence, row.site_id)
        rows.append(
            (
                facts.gtin,
                facts.lot,
                wording.RELATIONS[row.relation],
                place.gln if place else None,
                place.name if place else None,
                phrases.role(place) if place else None,
                place.city if place else None,
                place.country if place else None,
                row.other_lot,
                wording.TIERS.get(row.other_tier or ""),
                wording.EXPOSURE_BASES[row.basis],
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
        remarks.append(f"{number(row.made_units)} of the named packs made here")
    if row.begins_units:
        remarks.append(
            f"the trail of {packs(row.begins_units)} begins here: no record says where "
            f"{'it' if row.begins_units == 1 else 'they'} came from"
        )
    if row.held_named_units:
        remarks.append(f"{number(row.held_named_units)} of the named packs still here")
    if row.held_inferred_units and row.relation != "unplaced":
        remarks.append(f"{number(row.held_inferred_units)} here only by inference")
    if row.relation == "unplaced":
        remarks.append("last record names no place, or no addressee")
    elif row.doubted_units:
        remarks.append(f"{number(row.doubted_units)} may be elsewhere")
    if row.basis == "lane" and row.relation != "named_site":
        remarks.append("by the lot's movements")
    return remarks


def _and_more(more: list[Exposure], one: str, many: str) -> str:
    if not more:
        return ""
    units = sum(row.held_units + row.coming_units for row in more)
    return (
        f"and {counted(len(more), f'more {one}', f'more {many}')} with {packs(units)} still there "
        "or on the way: see the spreadsheet."
    )
