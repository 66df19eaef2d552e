"""Names and definitions of the codes, in plain words; `view.py` composes sentences from them.

Patterns are P01 to P40, honest explanations B01 to B28. Everything a reader sees that is not a
value comes from here or from ``view.py``, so that a translation has one place to work on.
"""

from dataclasses import dataclass

COPIED = "potentially counterfeit"
DIVERTED = "potentially diverted"
STOLEN = "potentially stolen"
FRAUDULENT = "possibly the subject of a fraudulent transaction"
UNFIT = "possibly unfit for distribution"


@dataclass(frozen=True)
class PatternWords:
    """A pattern for people: ``nature`` is the regulatory reading, ``clears`` what would end it."""

    title: str
    definition: str
    nature: str
    clears: str


PATTERNS: dict[str, PatternWords] = {
    "P01": PatternWords(
        "One pack in two distant places",
        "Two scans of the same serial number lie further apart than any transport could carry a "
        "pack in the time between them, clock doubt allowed for.",
        COPIED,
        "proof that one of the two scans was mistyped, delayed or wrongly timed",
    ),
    "P02": PatternWords(
        "One serial number in many hands",
        "At least three unrelated parties received, checked or dispensed the same serial number "
        "within a month, and no shipment links them.",
        COPIED,
        "shipping records that link the parties, or proof that they share one scanner or system",
    ),
    "P03": PatternWords(
        "Pack dispensed or ended more than once",
        "The same serial number was dispensed, sold or destroyed at least twice, with no reversal "
        "in between.",
        COPIED,
        "a reversal that was not reported, or proof that one pack was scanned twice",
    ),
    "P04": PatternWords(
        "Serial number nobody issued",
        "A serial number is in trade, yet no record shows that the maker commissioned it, although "
        "the maker's data for the lot is complete.",
        COPIED,
        "the maker's confirmation that it issued the serial number",
    ),
    "P05": PatternWords(
        "Serial number that does not look like the maker's",
        "The serial number breaks the length, alphabet or range that the maker uses for this "
        "product.",
        COPIED,
        "the maker's confirmation of the number, or a reading error shown on the pack",
    ),
    "P06": PatternWords(
        "Guessing of serial numbers",
        "One requester asked about many serial numbers of a product within a day, nearly all of "
        "them invalid and close to one another.",
        COPIED,
        "an explanation by the requester, such as a scanner fault or a test",
    ),
    "P07": PatternWords(
        "Serial number belongs to another lot",
        "The lot read with the serial number differs from the lot under which it was commissioned.",
        COPIED,
        "a reading error shown on the pack, or a correction by the maker",
    ),
    "P08": PatternWords(
        "Expiry date does not match",
        "The expiry date given in trade differs from the maker's, or the lot carries several.",
        COPIED,
        "the maker's confirmation of the printed date, or an extension by the authority",
    ),
    "P09": PatternWords(
        "Lot number nobody knows",
        "The lot is not on the maker's list for this product, or its form is not the maker's.",
        COPIED,
        "the maker's confirmation that it made the lot",
    ),
    "P10": PatternWords(
        "Shelf life longer than registered",
        "More time lies between manufacture and expiry than the registered shelf life allows.",
        COPIED,
        "a registered extension, or a corrected manufacturing date",
    ),
    "P11": PatternWords(
        "Pack moves after its end",
        "A pack that was dispensed, destroyed or taken out of trade appears in a later event.",
        DIVERTED,
        "a reversal or correction that was not reported",
    ),
    "P12": PatternWords(
        "Dispensed pack back in trade",
        "A pack that a dispenser had already handed out was later received, shipped or dispensed "
        "by another party.",
        DIVERTED,
        "a lawful return with its document, or proof that the first dispensing was a mistake",
    ),
    "P13": PatternWords(
        "Events in an impossible order",
        "A pack has an event before it was made, was commissioned twice, or an event was written "
        "down before it happened.",
        FRAUDULENT,
        "a corrected clock or time zone at the site concerned",
    ),
    "P14": PatternWords(
        "Expired packs still traded",
        "Packs were shipped, received or dispensed after their expiry, and not towards return or "
        "destruction.",
        UNFIT,
        "a valid extension of the expiry, or proof that they were on their way to be destroyed",
    ),
    "P15": PatternWords(
        "Recalled or held packs sent on",
        "Packs left a site while the lot was recalled or the packs were on hold.",
        UNFIT,
        "proof that the recall notice reached the site later, or that they went to a returns "
        "processor",
    ),
    "P16": PatternWords(
        "Packs reported stolen appear in trade",
        "A pack, container or lot named in a theft notice has a later event away from the place "
        "of the theft.",
        STOLEN,
        "the list of stolen serial numbers, if it does not name these packs",
    ),
    "P17": PatternWords(
        "Received but never shipped",
        "A site received packs that no site reports having sent to it.",
        FRAUDULENT,
        "the sender's shipping record, or a delivery note that names the packs",
    ),
    "P18": PatternWords(
        "Shipped but never received",
        "Packs were sent, and no receipt followed within the time usual on this lane.",
        DIVERTED,
        "the receiver's record of arrival, or a cancelled shipment",
    ),
    "P19": PatternWords(
        "Sent by someone who did not hold it",
        "A site shipped or ended packs that the records place elsewhere at that time.",
        FRAUDULENT,
        "the missing transfer, or proof that only the title and not the goods moved",
    ),
    "P20": PatternWords(
        "More went out than came in",
        "At some moment a site had shipped or dispensed more packs of the lot than had come in.",
        FRAUDULENT,
        "the missing receipt, or a stock count of the site",
    ),
    "P21": PatternWords(
        "More packs than were made",
        "More packs of the lot are in trade than the maker commissioned, or a buyer sold more of "
        "it than it bought.",
        COPIED,
        "the maker's batch record with a larger quantity, or proof of packs counted twice",
    ),
    "P22": PatternWords(
        "Delivered to another party than addressed",
        "The party or country that received the packs is not the one they were sent to.",
        DIVERTED,
        "a corrected address, or an agreed redirection",
    ),
    "P23": PatternWords(
        "Pack away from its case",
        "A pack was seen away from the case it is recorded to be in, with no unpacking before.",
        FRAUDULENT,
        "the unpacking record, or proof that the case was opened without one",
    ),
    "P24": PatternWords(
        "Contents of a case contradict each other",
        "A pack lies in two containers at once, or a container holds other packs on arrival than "
        "on departure, or its labels name another lot or expiry.",
        FRAUDULENT,
        "a corrected packing record, or an opened case with a count of what was in it",
    ),
    "P25": PatternWords(
        "Repackaging does not add up",
        "More packs came out of a repackaging step than went in, or no source lot is named, or the "
        "product changed without such a step.",
        COPIED,
        "the repackager's batch record with its inputs",
    ),
    "P26": PatternWords(
        "Party without a valid licence",
        "A party handled the packs with no licence on the list that fits its role and the date.",
        FRAUDULENT,
        "a licence valid on that day, from the register of the authority",
    ),
    "P27": PatternWords(
        "No unbroken path back to the maker",
        "The records show no chain of transfers, in order of time, from the maker to the present "
        "holder.",
        FRAUDULENT,
        "the missing transfers, from the seller or the maker",
    ),
    "P28": PatternWords(
        "New trading relation for a product at risk",
        "A buyer took a product that attracts counterfeiters from a seller it hardly knows.",
        FRAUDULENT,
        "the qualification file of the seller",
    ),
    "P29": PatternWords(
        "Unusually many owners",
        "The packs changed hands more often, or crossed more countries, than is usual for the "
        "product.",
        DIVERTED,
        "contracts that explain each change of owner",
    ),
    "P30": PatternWords(
        "Lot returned to an earlier owner",
        "The packs came back to a party that had sold them, and nothing marks it as a return.",
        FRAUDULENT,
        "the return document, or proof of a shipping error put right",
    ),
    "P31": PatternWords(
        "Large new trader with few sources",
        "A party active for a few months sells large volumes of products at risk to many buyers, "
        "and buys from very few.",
        FRAUDULENT,
        "the qualification file of the party and of its suppliers",
    ),
    "P32": PatternWords(
        "Dispenser sells to a wholesaler",
        "A pharmacy, clinic or hospital shipped packs up the chain, and not as a return of what it "
        "had bought.",
        DIVERTED,
        "the return document and the original purchase",
    ),
    "P33": PatternWords(
        "Goods only pass through",
        "A party received packs from one supplier and sent them to one buyer within hours, without "
        "storing them, and is not a logistics provider.",
        FRAUDULENT,
        "a logistics contract, or proof that only the title moved",
    ),
    "P34": PatternWords(
        "Packs in a market they were not made for",
        "Packs of the lot appear in a country, or under a product code, for which the lot was not "
        "released.",
        DIVERTED,
        "a parallel-trade licence, or a corrected list of markets",
    ),
    "P35": PatternWords(
        "Price or quantity out of line",
        "The price is far below the reference, or the quantity far above what this trade is used "
        "to.",
        FRAUDULENT,
        "the contract, a tender, a shortage or a season that explains it",
    ),
    "P36": PatternWords(
        "Unusual time on the way or in store",
        "The packs stayed or travelled much longer, or shorter, than is usual on this lane.",
        DIVERTED,
        "the carrier's record of the transport",
    ),
    "P37": PatternWords(
        "Cold chain broken or unrecorded",
        "The temperature left its limits for longer than the product tolerates, or was not "
        "recorded.",
        UNFIT,
        "the logger's file, with times of loading and receipt",
    ),
    "P38": PatternWords(
        "Many failed verifications",
        "Checks of this lot, site or seller failed far more often than chance allows.",
        COPIED,
        "one technical cause that explains the failures together",
    ),
    "P39": PatternWords(
        "Returned packs that were never sold",
        "A customer gave back packs that this wholesaler had not sold to it, or more than it had "
        "bought.",
        DIVERTED,
        "the sale that the return refers to",
    ),
    "P40": PatternWords(
        "Transaction history contradicts the maker",
        "The papers claim a sale that the maker does not report, a date before manufacture, or one "
        "document number with different contents.",
        FRAUDULENT,
        "the maker's own record of the sale",
    ),
}

BENIGN: dict[str, str] = {
    "B01": "upper and lower case swapped by the scanner",
    "B02": "keyboard layout changed letters or symbols",
    "B03": "separator lost, so that fields ran together",
    "B04": "typed by hand, mistyped or cut short",
    "B05": "another barcode on the pack was scanned",
    "B06": "the maker's data came late or in part",
    "B07": "the same pack scanned twice in one go",
    "B08": "pack split, opened or lent between pharmacies",
    "B09": "old messages sent again with wrong times",
    "B10": "clock or time zone of a site wrong",
    "B11": "data late or out of order",
    "B12": "packing record inferred or not kept up to date",
    "B13": "reversal too late or by another user, or ended on arrival by habit",
    "B14": "lawful return",
    "B15": "shipping error: too many, too few, split or misaddressed",
    "B16": "two ways of writing the day of expiry",
    "B17": "expiry extended by the authority",
    "B18": "master data late or wrong",
    "B19": "licensed parallel trade or repackaging",
    "B20": "network fault, no answer from the service",
    "B21": "test, training or duplicate messages",
    "B22": "partner, licence or theft list out of date",
    "B23": "title moved without the goods, or through a logistics provider",
    "B24": "on the way to return or destruction",
    "B25": "season, shortage, tender or launch",
    "B26": "artefact of the temperature logger",
    "B27": "pack that needs no identifier",
    "B28": "poor print or a reprinted label",
}

TIERS = {"hold": "Hold", "investigate": "Investigate", "watch": "Watch", "clear": "Clear"}

TIER_MEANING = {
    "hold": "Evidence of the gravest kind stands after the honest explanations were tried.",
    "investigate": "Evidence stands that an officer should look into on the same day.",
    "watch": "Lesser findings stand; nothing here asks for quarantine.",
    "clear": "No finding stands.",
}

DICTIONARY = {
    "dictionary_title": "Data dictionary",
    "dictionary_skip": "To the contents",
    "dictionary_find": "Everything is on this page: find a word with the browser's own search.",
    "dictionary_caveats": "How it may mislead.",
    "dictionary_columns": "Columns of",
}
HEALTH = {"failing": "fails", "doubtful": "in doubt", "sound": "sound", "unknown": "not known"}
FEED_SIGNS = {
    "silent": "silent for longer than its habit",
    "less": "tells much less than its usual week",
    "late": "tells later than before",
    "leaky": "leaves departures or arrivals untold",
    "more": "tells much more than its usual week",
}

# The rule in words; its number stands in the header of find_lot too and changes with the SQL.
TIER_RULE_NO = 1
TIER_RULE = (
    "Hold: a finding of grade S1 stands.",
    "Investigate: one of grade S2 stands; or findings of grade S3 or graver from two families of "
    "evidence agree on the lot (where nobody stated lots, on one partner).",
    "Watch: anything else stands, or a detector alone finds the lot out of the ordinary.",
    "Findings that are explained, set aside or open for lack of data do not count, and several "
    "findings of one family count as one.",
)

SEVERITIES = {"S1": "hold now", "S2": "same day", "S3": "in turn", "S4": "note"}

FAMILIES = {
    "identity": "identity of packs",
    "lifecycle": "life of packs",
    "quantity": "quantities",
    "network": "partners and routes",
    "condition": "condition",
}

HISTORIES = {
    "conflicting": "Rests on records that are there and do not fit together.",
    "missing": "Rests on a record that should be there and is not.",
}

TEST_RESULTS = {
    "ruled_out": "ruled out",
    "supported": "supported",
    "not_testable": "could not be tested",
}

CASE_KINDS = {
    "public": "public incident",
    "own": "decided here",
    "imported": "from another company",
    "benign": "honest cause",
    "simulated": "simulated",
}

ROLES = {
    "third_party_logistics": "logistics provider",
    "parallel_trader": "parallel trader",
    "contract_packer": "contract packer",
    "reverse_distributor": "returns processor",
    "unknown": "role not stated",
}

STEPS = {
    "commissioning": "commissioned",
    "packing": "packed",
    "unpacking": "unpacked",
    "shipping": "shipped",
    "departing": "departed",
    "receiving": "received",
    "arriving": "arrived",
    "accepting": "accepted",
    "storing": "stored",
    "dispensing": "dispensed",
    "retail_selling": "sold at retail",
    "destroying": "destroyed",
    "decommissioning": "decommissioned",
    "verifying": "checked",
    "inspecting": "inspected",
    "loading": "loaded",
    "unloading": "unloaded",
    "picking": "picked",
    "repackaging": "repackaged",
    "void_shipping": "shipment cancelled",
}

STATES = {
    "at_site": "at the site",
    "in_transit": "on the way",
    "ended": "out of trade",
    "asked": "only asked about here",
}

BASES = {
    "last_event": "by serial number, from the last event",
    "balance": "by balance, in less out",
    "verification": "by verification only, no event tells of it",
}

# What is not there where a pattern could not be tested at all.
MISSING = {
    "containers": "no packing of cases",
    "expiry": "no expiry of the lot",
    "licences": "no licence list",
    "lot_master": "no list of lots",
    "markets": "no list of the lot's markets",
    "places": "no place on the map",
    "prices": "no prices of the product",
    "readings": "no temperature readings",
    "recalls": "no recalls",
    "serials": "no serial numbers",
    "thefts": "no theft notices",
    "transformations": "no repacking told",
    "verifications": "no verification log",
}

# What became of the packs: those to call back first, then those nobody places, then those gone.
FATES = {
    "at_trader": "in stock with makers, traders and others",
    "at_dispenser": "at pharmacies, hospitals and clinics",
    "in_transit": "on the way, no arrival on record",
    "unplaced": "in trade, no record says where",
    "asked": "known by verification only",
    "unseen": "made, as stated, and in no record",
    "dispensed": "dispensed to patients",
    "ended": "destroyed or otherwise out of trade",
}

# How a place or lot is exposed, in the order of the story: from where, where, to whom.
RELATIONS = {
    "source": "had them before",
    "named_site": "named by a finding",
    "recipient": "got them after",
    "same_lot": "had other packs of the lot",
    "unplaced": "no place on record",
    "same_site": "other lot at the same place",
}

EXPOSURE_BASES = {
    "serial": "pack by pack",
    "lane": "by the lot's movements, no pack named",
    "lot": "the whole lot",
}

# Headings of the spreadsheet beside a lot's page.
# Behind the packs and findings of a pattern, where the page lists only some of them.
LISTED_OF = "; the {count} gravest are listed"

FINDINGS_FILE = (
    "GTIN",
    "Lot",
    "Status",
    "Pattern",
    "Code",
    "Severity",
    "Packs",
    "Serial number",
    "Container",
    "Place (GLN)",
    "Second place (GLN)",
    "Honest cause",
    "Finding",
    "Records cited",
    "Records, the first",
)

PACKS_FILE = (
    "GTIN",
    "Lot",
    "Serial number",
    "Patterns",
    "Findings",
    "Number on more than one pack",
    "First cited (UTC)",
    "Identifier",
)

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

DETECTORS = {
    "local_density": "How unlike its nearest neighbours the lot is",
    "nearest_prototype": "How close the lot is to past suspect cases",
}

# Unit of a number, by the end of its name; the longest end that fits is taken.
UNITS = {
    "_km": "km",
    "_kmh": "km/h",
    "_h": "h",
    "_min": "min",
    "_c": "°C",
    "_d": "days",
    "_days": "days",
    "_pct": "%",
    "_units": "packs",
    "_log10": "power of ten",
}

# Words for names of measured values where the name itself would not read well.
MEASURES = {
    "ends": "times ended",
    "one_pack": "chance of such scans if it is one pack",
    "two_packs": "chance if there are two",
    "ratio": "two packs are likelier by a factor of",
    "chance": "chance of such a serial",
    "best_path_missed_reads": "places that must have missed it",
    "q_value": "expected share of false alarms among such findings",
    "missing_departures": "departures without a record",
    "expected_departures": "departures that usually go unrecorded",
    "first_here": "time until it was first seen here",
    "sent_back_or_on": "sent back to the sender or on to the addressee",
    "units_in_a_later_list": "packs named in a later list of what was stolen",
    "listed_suppliers_since_lapse": "suppliers on the list that went on supplying",
    "traded_lots": "lots it traded",
    "packs_of_the_buyer_before": "packs that had been with the buyer before",
    "requests_for_packs_of_a_near_lot": "requests for packs of a lot that reads nearly the same",
    "elapsed": "time between",
    "gap": "time between",
    "doubt": "clock doubt",
    "shift": "clock shift",
    "needed": "shift needed",
    "lag": "delay of the record",
    "norm": "usual delay",
    "lag_norm": "usual delay",
    "first": "first end",
    "second": "second end",
    "age": "age of the record",
    "return": "time to return",
    "in": "came in",
    "out": "went out",
    "late": "arrived late",
    "undone": "undone",
    "unreceived": "sent here without receipt",
    "ended_at_goods_in": "ended on arrival",
    "deficit": "short by",
    "excess": "too many by",
    "to_nowhere": "sent to nobody named",
    "units_to_nowhere": "packs sent to nobody named",
    "units_outside_markets": "packs outside the markets",
    "units_without_shipping": "packs without a shipment",
    "lots_without_shipping": "lots without a shipment",
    "later": "later by",
    "hours": "time",
    "month_units": "in the month",
    "month": "month",
    "price_share": "price against the reference",
    "away": "away from their case",
    "over_master": "above the stated quantity",
    "told_twice": "reported twice",
    "elsewhere_made": "made elsewhere",
    "class": "without serial numbers",
    "ways_from_maker": "paths from the maker",
    "silent_traders": "traders without data of their own",
    "owner_events": "events of title only",
    "class_traders": "parties of this kind",
    "class_listed": "of which on the list",
    "class_lapsed": "share of this kind lapsed",
    "unlicensed_trade": "trade without licence",
    "unlicensed": "time without licence",
    "days_since_lapse": "days since the licence lapsed",
    "buyers": "buyers at this price",
    "nominal_share": "share of the reference below which a price is a placeholder",
    "seller_known": "seller known for",
    "buyer_history": "history of the buyer",
    "value_rank": "rank by value",
    "units_without_receipt": "packs without a receipt",
    "other_consignments": "other consignments to this receiver",
    "received_consignments": "of which received on record",
    "told_before": "received on record just before",
    "at_receiver": "seen at the receiver afterwards",
    "received_in_container": "received in their container",
    "at_sender": "still at the sender",
    "counterpart": "counterpart of the same size",
    "at_owner": "seen at the stated owner",
    "units_held_elsewhere": "packs that the records place elsewhere",
    "on_the_way": "of which on the way between others",
    "actor_other_lots": "other lots of the acting party",
    "holder_other_lots": "other lots of the holder",
    "received_late": "received there afterwards",
    "known_by_container": "known by a container only",
    "out_of_container": "taken out of a container that came",
    "title_only": "title only",
    "units_received_elsewhere": "packs received by another than addressed",
    "other_party": "another party",
    "received_in_country": "received in",
    "addressed_to_country": "addressed to",
    "corrected": "sent on or back",
    "service_only": "logistics only",
    "habit_lots": "lots that usually arrive there",
    "habit_share": "share of what is so addressed",
    "owner_changes": "changes of owner",
    "other_packs_share": "share of other packs with as many",
    "parallel_trader_changes": "changes to a parallel trader",
    "custody_only_changes": "changes of custody only",
    "active": "active for",
    "volume_rank": "rank by volume",
    "buyer_count": "buyers",
    "buyer_count_rank": "rank by number of buyers",
    "high_risk_share": "share of products at risk",
    "silent": "silent since",
    "licensed_before": "licensed before its first trade by",
    "same_buyer_share": "share of buyers taken over",
    "new_peers": "other new sellers of these products",
    "launched_share": "share of products just launched",
    "sold_up_the_chain": "sold up the chain",
    "bought_there": "had come from there",
    "bought_before": "bought before by",
    "with_document": "with a return document",
    "median_stay": "median stay",
    "one_supplier_share": "share from one supplier",
    "one_buyer_share": "share to one buyer",
    "licensed_logistics": "licensed as a logistics provider",
    "foreign_owner_share": "shipments owned by another",
    "time": "took",
    "usual_time": "usual",
    "own_trips": "trips or stays to compare with",
    "slow_that_day": "other slow bookings of that day",
    "receipt_lag": "receipt recorded after",
    "slow_peer_share": "share of other trips that were slow",
    "outside_limits": "outside the limits",
    "unrecorded": "without a reading",
    "spikes": "in short spikes",
    "after_receipt": "after the receipt",
    "left": "left over",
    "units_returned_unsold": "packs returned without such a sale",
    "bought": "bought there",
    "returned": "returned in all",
    "undelivered": "sent to another address and never received",
    "sent_back": "sent back to the customer",
    "units_on_paper": "packs claimed",
    "maker_shipped": "shipped by the maker on record",
    "before_made": "before manufacture by",
    "buyers_of_document": "buyers named by one document",
    "lots_of_line": "contents told for one line",
    "records_at_that_instant": "records of that instant",
    "same_party": "same party",
    "one_event_id": "same event id",
    "robust_z": "robust z",
    "p_value": "p",
    "units": "packs",
    "other_features": "all other features",
    "span": "time from first to last record",
    "terminal": "packs dispensed or ended",
    "return_share": "movements stated as returns",
    "commissioned_share": "packs whose birth is in the data",
    "inferred_share": "pack events only inferred",
    "broken_hop": "transfers with one end missing",
    "dwell_h_max": "longest stay at a site in hours",
    "expiry_days_left": "days left to expiry at the last record",
    "km_per_day_max": "most km in a day",
    "km_total": "distance in all",
    "hops_max": "most transfers of a pack",
    "hops_mean": "transfers of a pack, mean",
    "hops_from_maker_max": "most transfers from the maker",
    "transit_h_median": "hours on the way, median",
    "dwell_h_median": "hours at a site, median",
    "lag_h_p95": "delay of records in hours, 95th percentile",
    "price_ratio_min": "lowest price against the usual",
    "out_in_ratio": "packs out against packs in",
    "new_edge_share": "share of new trading relations",
    "hop_no_mean": "moves the packs had made",
    "km": "distance",
    "role_rarity": "who sells to whom by role",
    "role_rarity_max": "who sells to whom by role",
    "abroad": "trade across a border",
    "share_of_origin": "share of what the origin sends",
    "share_of_target": "share of what the destination gets",
    "transit_ratio": "time on the way against the usual",
    "price_ratio": "price against the usual",
    "units_in": "packs in",
    "units_out": "packs out",
    "supplier_count": "suppliers",
    "in_growth_ratio": "growth of packs in",
    "out_growth_ratio": "growth of packs out",
    "new_supplier_share": "share from new suppliers",
    "new_buyer_share": "share to new buyers",
    "return_in_share": "share of packs in that come back",
    "return_out_share": "share of packs out that go back",
    "top_supplier_share": "share of the largest supplier",
    "top_buyer_share": "share of the largest buyer",
    "buy_price_ratio": "buying price against the usual",
    "sell_price_ratio": "selling price against the usual",
    "requests": "verification requests",
    "refused_share": "share of requests refused",
}

CONTENT_LIMIT = (
    "Event data shows identifiers, places and times. It cannot see what is in a pack: content, "
    "print, leaflet, seal and temperature without a logger stay unexamined. A genuine identifier "
    "on a copied pack and genuine packs whose content was swapped look alike here."
)

EXAMINATION = (
    "Compare lot, expiry and serial number on pack, inner label and shipping case.",
    "Look at tamper seal, glue, print, spelling and language, and the leaflet.",
    "Weigh or count the contents and compare dosage form, colour and imprint with a known pack.",
    "Keep packs, case, pallet label and delivery papers together; photograph before opening.",
)

# What a lot's judgement did since the run before, and because of what; codes of lot_change.
CHANGES = {
    "new": "new",
    "risen": "risen",
    "fallen": "fallen",
    "explained": "explained",
    "suppressed": "set aside by a person",
    "closed": "closed",
    "changed": "another pattern weighs most",
    "reopened": "open again",
}

CAUSES = {
    "correction": "records withdrawn since",
    "late_upload": "records that came late",
    "new_events": "new records",
    "settings": "other thresholds or rules",
    "suppression": "findings set aside, or no longer",
    "decision": "a person's decision",
    "elsewhere": "records of other lots, partners or lists",
    "time": "the time that has passed",
}

# What a decision is, where it is not the one that counts, with its outcome.
DECISION_STATES = {
    "signed": "{outcome} (replaced)",
    "proposed": "{outcome} (proposed: a second person has to sign)",
    "withdrawn": "{outcome} (withdrawn)",
}
DECISION_SECOND = "{by}, second person ({meaning}), {day}"
DECISION_WITHDRAWN = "withdrawn by {by}, {day}: {reason}"
DECISIONS_PROPOSED = {
    "one": "On 1 lot a proposed decision waits for a second person's signature.",
    "many": "On {count} lots a proposed decision waits for a second person's signature.",
}

# How it is known what went along a lane, behind the number of packs.
KNOWING = {"inferred": ", inferred", "mixed": ", partly inferred", "scanned": ""}

# What a point in the picture of features is.
POINTS = {
    "lot": "this lot",
    "neighbour": "neighbour that the score compares with",
    "same_product": "other lot of the product",
}

NOTICE_TITLES = {
    "fda_3911": "Drug notification, Form FDA 3911 (United States)",
    "eu": "Notice of a suspected falsification (European Union)",
}

# The form takes one class; by the regulatory reading of the gravest finding.
CLASSES_3911 = {
    COPIED: "Counterfeit",
    DIVERTED: "Diverted",
    STOLEN: "Stolen",
    FRAUDULENT: "Fraudulent transaction",
    UNFIT: "Unfit for distribution",
}

# Fields of Form FDA 3911: key of the value, number on the form, name, and a note for the officer.
FORM_3911: tuple[tuple[str, str, str, str], ...] = (
    ("type", "1", "Type of report", ""),
    ("incident", "2", "Incident number", "FDA's; blank in a first notification"),
    ("notified_on", "3", "Date of initial notification", ""),
    (
        "determined_on",
        "4",
        "Date the product was determined to be what is notified",
        "the signed decision of a person; the 24 hours run from it",
    ),
    ("classification", "5", "Classification", "proposed from the gravest finding; only one"),
    ("product", "6", "Name of the product as on the label", "as the data names it"),
    ("ingredients", "7", "Primary ingredients", ""),
    ("use", "8", "Drug use", ""),
    ("kind", "9", "Drug description", ""),
    ("strength", "10", "Strength", ""),
    ("form", "11", "Dosage form", ""),
    ("quantity", "12", "Quantity and unit", ""),
    ("ndc", "13", "NDC", ""),
    ("serials", "14", "Serial numbers", "those that findings name"),
    ("lot", "15", "Lot numbers", ""),
    ("expiry", "16", "Expiration dates", ""),
    ("description", "17", "Description of the event", ""),
    ("termination", "18", "Why the notification is no longer needed", "only to terminate"),
    ("other_reports", "19", "Other reports (BPDR, FAR, MedWatch)", ""),
    ("company", "20", "Company name and address", ""),
    ("category", "21", "Company category", ""),
    ("facility", "22", "Unique facility identifier", ""),
    ("contact", "23", "Contact", ""),
    ("submitter", "24", "Submitter", ""),
    ("signed_on", "25", "Date of submission", ""),
    ("discovered", "", "Date discovered", "the moment of the run that raised it; for item 17"),
    ("places", "", "Geographic location of the incident", "asked for by the draft form of 2025"),
    ("partners", "", "Trading partners", "to be told too, within the same 24 hours"),
    ("code", "", "Product code", ""),
)

# What competent authorities and verification organisations in the EU ask for.
FORM_EU: tuple[tuple[str, str, str, str], ...] = (
    ("authority", "1", "Competent authority and verification organisation addressed", ""),
    ("discovered", "2", "Date discovered", "the moment of the run that raised it"),
    ("product", "3", "Name, strength and form of the product", "as the data names it"),
    ("holder", "4", "Marketing authorisation holder or maker", "as the data names the maker"),
    ("licence", "5", "Marketing authorisation number", ""),
    ("code", "6", "Product code", ""),
    ("lot", "7", "Batch number", ""),
    ("expiry", "8", "Expiry date", ""),
    ("serials", "9", "Serial numbers", "those that findings name"),
    ("alerts", "10", "Alert numbers of the verification system", ""),
    ("quantity", "11", "Quantity", ""),
    ("places", "12", "Where it was found", ""),
    ("partners", "13", "Suppliers and recipients", ""),
    ("kind", "14", "Kind of the suspicion", "potential, until a person decides"),
    ("description", "15", "Description", ""),
    ("excluded", "16", "Honest explanations ruled out by test", ""),
    ("patients", "17", "Did packs reach patients", ""),
    ("examination", "18", "Result of the physical examination, device against tampering", ""),
    ("measures", "19", "Measures taken: quarantine, recall, partners informed", ""),
    ("samples", "20", "Where samples and photographs are kept", ""),
    ("company", "21", "Company, licence number and contact", ""),
    ("signed_on", "22", "Signature and date", ""),
)

# Headings and fixed sentences of the pages, by the name that the templates use.
PAGE = {
    "language": "en",
    "skip": "Skip to the conclusion",
    "skip_notice": "Skip to the drafts",
    "table": "table",
    "all_lots": "All lots",
    "lot_report": "Investigation report on one lot",
    "conclusion": "Conclusion",
    "certainty": "How sure.",
    "change": "What would change it.",
    "actions": "What to do",
    "facts": "The lot",
    "notices": "Drafts for the authorities",
    "notice_file": "Drafts of the notices to FDA and the EU's authorities",
    "draft": "draft, not submitted",
    "draft_intro": (
        "Filled from the evidence on this lot. Nothing was sent, and nothing is decided: whether "
        "to notify, and whom, is the decision of a person, who completes, checks and signs it."
    ),
    "blanks": "Fields left for you",
    "blank": "to be filled in",
    "item_no": "No.",
    "item": "Field",
    "filled": "From the evidence",
    "note": "Note",
    "back": "The report on the lot",
    "initial_notice": "Initial notification",
    "not_falsified": (
        "No finding that stands speaks of falsification. Whether this notice applies is for you "
        "to judge."
    ),
    "fact": "What",
    "value": "Value",
    "attached": "The same report as data",
    "contents": "Contents",
    "standing": "Findings that stand",
    "none_stands": "No finding stands.",
    "pattern": "pattern",
    "observed": "Observed",
    "concerns": "Concerns",
    "definition": "Definition",
    "history": "History",
    "records": "Records cited",
    "tests": "Honest explanations tried",
    "no_tests": "No test for an honest explanation could be run.",
    "queries": "Queries that reproduce this finding",
    "query": "Query that reproduces this section",
    "explained": "Findings explained away",
    "explained_intro": "Each of these fits a pattern, and a test showed an honest cause.",
    "none_explained": "No finding needed explaining.",
    "suppressed": "Set aside by people",
    "suppressed_intro": (
        "Each of these would stand. A person set it aside until a date; it raises no tier, and its "
        "evidence stays."
    ),
    "since": "Since the last run.",
    "changes": "What changed since the last run",
    "feed_health": "Feeds to look after",
    "unusual": "Partners and trade relations out of the ordinary",
    "gaps": "Questions the data cannot answer",
    "gaps_intro": "Here a rule needs records that the data does not hold. It accuses nobody.",
    "no_gaps": "Every rule that applies had the records it needs.",
    "timeline": "Timeline",
    "no_timeline": "No event of the lot carries a time.",
    "as_table": "The same as a table",
    "custody": "Who had the packs",
    "custody_key": (
        "From left to right by transfers. Lines are as wide as the packs are many; dashed: "
        "inferred from the container, not scanned. Lines and boxes marked F belong to findings; a "
        "dashed box is a party that no master data names."
    ),
    "no_custody": "The data holds no movement between sites.",
    "map": "Map of the movements",
    "map_key": (
        "North is up. There are no coastlines: the pages load nothing from outside. Lines are as "
        "wide as the packs are many; dashed: inferred from the container. Numbers are those of the "
        "table; red belongs to findings, labelled F."
    ),
    "map_description": (
        "{places} and {lanes} by latitude and longitude, {cited} cited by findings. The table "
        "below has the same."
    ),
    "space": "The lot among others",
    "space_key": (
        "By the two measures that add most to how unlike its neighbours the lot is. Diamond: this "
        "lot; numbered rings: neighbours that its score compares with; dots: other lots of the "
        "product. The score itself uses all measures."
    ),
    "space_description": (
        "The lot, {near} and {peers} of the product by {x} and {y}. The table below has the same."
    ),
    "trend": "Lots by tier over the last runs",
    "trend_intro": "The latest run first; each was compared with the one below it.",
    "no_trend": "No earlier run was compared with this one.",
    "line": "If you draw the line yourself",
    "line_intro": (
        "Choose how unusual a lot must be before you look at it. The bound holds with a chance of "
        "95 % for every line at once, also for one chosen after reading: of the lots at or below "
        "it, no more than this many are as honest as the lots that nothing stands against. It "
        "speaks of the detectors' p-values alone; findings of patterns do not enter."
    ),
    "line_at": "Line at",
    "line_lots": "Lots at or below",
    "line_false": "Of them false, at most",
    "line_share": "As a share, at most",
    "sites": "All sites, with packs in, out and left",
    "holders": "Where the rest is: whom to call",
    "holders_intro": "Last known places, those still in trade first: quarantine and call here.",
    "holders_list": "Who holds packs of the lot",
    "no_holders": "The data does not show where packs of this lot are.",
    "reach": "What became of the lot",
    "exposed": "Where the packs came from, and who got them",
    "exposed_intro": (
        "From the packs and places that findings name, back to where the trail begins and on to "
        "whoever received them; then the other places of the lot. To be listed here accuses "
        "nobody: it says whom to ask."
    ),
    "other_lots": "Other lots of the product at the places that findings name",
    "other_lots_intro": (
        "They were there at about the same time. They are exposed, not suspect: check them too."
    ),
    "no_other_lots": (
        "No other lot of the product is on record at these places at about that time."
    ),
    "findings_file": "All findings of the lot, as a spreadsheet (CSV)",
    "packs_file": "All packs that standing findings name, as a spreadsheet (CSV)",
    "exposure_file": "What is exposed, as a spreadsheet (CSV)",
    "cases": "Similar past cases",
    "distance": "distance",
    "shared": "Both show",
    "only_case": "Only the past case shows",
    "only_lot": "Only this lot shows",
    "nothing": "nothing",
    "outcome": "Outcome",
    "sources": "Sources",
    "score": "How tier and score came about",
    "tier_rule": "Rule of tiers, version",
    "no_score": "The lot was not scored.",
    "coverage": "Coverage and limits",
    "feeds": "Data of each site: how late, how complete",
    "files": "Documents that the history was read from",
    "examination": "When a pack is in hand",
    "decisions": "Decisions on this lot",
    "decisions_intro": (
        "Decisions are added and never changed; the latest signed one counts, and becomes a case "
        "that other lots are compared with. Where an S1 finding stands, two persons sign what is "
        "final."
    ),
    "no_decisions": (
        "Nobody had decided on this lot when the run looked back. Record a decision with "
        "touchstone decide: it is kept, and the next run learns from it."
    ),
    "manifest": "Record of the run",
    "manifest_intro": (
        "The same inputs, settings and rules give this page again, byte for byte. Times are UTC."
    ),
    "index_kicker": "Touchstone",
    "index_title": "Lots by suspicion",
    "index_limits": (
        "Suspect means reason to look, and never proof. Each report names the honest explanations "
        "that were tried, and what event data cannot see."
    ),
    "as_of": "as of",
    "run": "run",
    "tiers": "Lots in each tier",
    "lots": "Lots to look at",
    "no_lots": "Every lot is clear.",
    "show": "Show:",
    "rank": "Rank",
    "lot": "Lot, GTIN, product",
    "tier": "Tier",
    "suspicion": "Suspicion of 100",
    "reason": "What stands",
    "stand": "Stand",
    "explained_short": "Explained",
    "gaps_short": "Open",
    "affected": "Packs concerned",
    "coverage_short": "Coverage",
    "nearest": "Nearest past case",
    "patterns": "Patterns over all lots",
    "no_patterns": "No pattern spoke.",
    "source_files": "Source files",
    "rejected": "What was set aside",
}

# Anchors and titles of a lot page, in order.
SECTIONS = tuple(
    (name, PAGE[name])
    for name in (
        "standing",
        "explained",
        "gaps",
        "timeline",
        "custody",
        "holders",
        "cases",
        "score",
        "coverage",
        "decisions",
    )
)
