"""What the writers write, the readers read back; and the standard's own schemas accept it."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.readers import gs1
from data.simulator import documents
from data.simulator.records import EVENTS, SITES
from data.simulator.spelling import event_names
from data.warehouse.connection import open_memory
from data.warehouse.landing import land
from data.warehouse.sources import read_source
from tests.data.batches import AT
from tests.shared_data import SHARED

SCHEMAS = SHARED / "epcis" / "schemas"
needs_schemas = pytest.mark.skipif(
    not SCHEMAS.is_dir(), reason="the GS1 schemas (../shared/data/epcis/schemas) are not here"
)
Row = dict[str, Any]

# --- frames --------------------------------------------------------------------------------------

AI82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def closed(digits: str) -> str:
    return f"{digits}{gs1.check_digit(digits)}"


def sites() -> pl.DataFrame:
    rows = []
    for number, name in enumerate(("Löwen & Söhne", 'The "Old" <Depot>', "C", "D", "E")):
        base = f"9521234{number * 977:05d}"
        urn = f"urn:epc:id:sgln:9521234.{base[7:]}.0"
        rows.append((number, closed(base), urn, name, "P & Q", "Köln", "DE", 50.9, 6.5 + number))
    return pl.DataFrame(rows, schema=SITES, orient="row")


def frame(rows: list[Row]) -> pl.DataFrame:
    full = [
        {name: row.get(name) for name in EVENTS} | {"event_no": number}
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=EVENTS)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=count, max_size=count)


# A lone star stands for all serials of a product (Tag Data Standard 2.1, section 8).
TEXT = st.text(AI82, min_size=1, max_size=20).filter(lambda text: text != "*")
GTIN = digits(13).map(closed)
PACK = st.builds("01/{}/21/{}".format, GTIN, TEXT)
UNIT = st.builds("00/{}".format, digits(17).map(closed))
ITEM = st.one_of(PACK, UNIT)
CLASS = st.fixed_dictionaries(
    {
        "key": st.builds("01/{}/10/{}".format, GTIN, TEXT),
        "quantity": st.one_of(st.integers(0, 10**7).map(float), st.sampled_from([0.5, 12.25])),
    }
)
MOMENT = st.integers(1_600_000_000, 2_000_000_000).map(lambda second: second * 1_000_000)
SITE = st.one_of(st.none(), st.integers(0, 4))
DATE = st.one_of(st.none(), st.dates(date(2020, 1, 1), date(2039, 12, 31)))
TEMPERATURE = st.fixed_dictionaries(
    {"observed_us": MOMENT, "value": st.integers(-400, 900).map(lambda tenth: tenth / 10)}
)


def items(least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(ITEM, min_size=least, max_size=4, unique=True)


COMMON = {
    "event_id": st.integers(0, 2**62),
    "at_us": MOMENT,
    "recorded_us": MOMENT,
    "offset_min": st.integers(-13 * 60 - 59, 14 * 60),
    "site": st.integers(0, 4),
    "reporter": st.integers(0, 4),
    "step": st.sampled_from(["shipping", "receiving", "commissioning", "packing"]),
    "disposition": st.sampled_from([None, "in_transit", "active"]),
    "owner_from": SITE,
    "owner_to": SITE,
    "place_from": SITE,
    "place_to": SITE,
    "classes": st.one_of(st.none(), st.lists(CLASS, min_size=1, max_size=3)),
    "declared_us": st.one_of(st.none(), MOMENT),
    "temperatures": st.one_of(st.none(), st.lists(TEMPERATURE, min_size=1, max_size=3)),
}
ACTION = st.sampled_from(["ADD", "OBSERVE", "DELETE"])
MASTER = {"lot": st.one_of(st.none(), TEXT), "expiry": DATE, "made_on": DATE}
KINDS = (
    {"event_type": st.just("ObjectEvent"), "action": ACTION, "epcs": items()},
    {"event_type": st.just("ObjectEvent"), "action": st.just("ADD"), "epcs": items(), **MASTER},
    {
        "event_type": st.just("AggregationEvent"),
        "action": ACTION,
        "parent": ITEM,
        "children": items(1),
    },
    {
        "event_type": st.just("TransformationEvent"),
        "epcs": items(1),
        "outputs": items(1),
        **MASTER,
    },
)
DOCUMENT = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {
            "document_kind": st.sampled_from(["po", "desadv", "inv", "recadv", "rma"]),
            "document": TEXT,
        }
    ),
)
ROW = st.builds(
    lambda row, document: row | document,
    st.one_of(*(st.fixed_dictionaries(COMMON | kind) for kind in KINDS)),
    DOCUMENT,
)
FRAMES = st.lists(ROW, min_size=1, max_size=8).map(frame)

# --- formats -------------------------------------------------------------------------------------


def write_json(path: Path, events: pl.DataFrame, places: pl.DataFrame) -> None:
    documents.write_json20(path, events, places, "urn")


def write_links(path: Path, events: pl.DataFrame, places: pl.DataFrame) -> None:
    documents.write_json20(path, events, places, "digital_link")


def write_lines(path: Path, events: pl.DataFrame, places: pl.DataFrame) -> None:
    documents.write_lines(path, events, places, "digital_link")


Write = Callable[[Path, pl.DataFrame, pl.DataFrame], None]
FORMATS: dict[str, Write] = {
    "a.xml": documents.write_xml12,
    "a.json": write_json,
    "links.json": write_links,
    "a.ndjson": write_lines,
    "a.csv": documents.write_events_table,
    "a.parquet": documents.write_events_table,
}
formats = pytest.mark.parametrize("name", FORMATS)


# --- what should be read, and what is ------------------------------------------------------------


def moment(micros: int | None) -> datetime | None:
    return None if micros is None else datetime(1970, 1, 1) + timedelta(microseconds=micros)


def link(key: str) -> str:
    finest = gs1.encode(key[21:])
    return f"https://id.gs1.org/{key[:21]}{finest}"


def told(row: Row, places: pl.DataFrame, name: str) -> Row:
    """What a file of this format says of an event, in plain words."""
    glns = places["gln"].to_list()
    kind = row["event_type"]
    is_made = kind == "TransformationEvent"
    roles = {"epcs": "input" if is_made else "epc", "children": "child", "outputs": "output"}
    items = [
        (role, link(key), None, False)
        for column, role in roles.items()
        for key in row[column] or ()
    ]
    if row["parent"]:
        items.append(("parent", link(row["parent"]), None, False))
    role = {"ObjectEvent": "epc", "AggregationEvent": "child"}.get(kind, "input")
    items += [(role, link(one["key"]), one["quantity"], True) for one in row["classes"] or ()]
    parties = [
        (end, kind, row[column])
        for end, kind, column in (
            ("source", "owning_party", "owner_from"),
            ("destination", "owning_party", "owner_to"),
            ("source", "location", "place_from"),
            ("destination", "location", "place_to"),
        )
        if row[column] is not None
    ]
    seller = row["site"] if row["owner_from"] is None else row["owner_from"]
    number = row["document"] and gs1.encode(row["document"])
    is_table = name in ("a.csv", "a.parquet")
    return {
        "event_type": kind,
        "action": row["action"],
        "event_id": event_names(pl.Series([row["event_id"]])).item(),
        "event_at": moment(row["at_us"]),
        # Timestamps of a Parquet file are UTC.
        "zone_offset_min": 0 if name == "a.parquet" else row["offset_min"],
        "recorded_at": moment(row["recorded_us"]),
        "step": row["step"],
        "disposition": row["disposition"],
        "read_point": f"https://id.gs1.org/414/{glns[row['site']]}",
        "biz_location": f"https://id.gs1.org/414/{glns[row['site']]}",
        "transformation_id": None,
        "lot": row["lot"],
        "expiry": row["expiry"],
        "expiry_text": row["expiry"] and row["expiry"].isoformat(),
        "made_on": row["made_on"],
        "is_declaration": row["declared_us"] is not None,
        "declared_at": moment(row["declared_us"]),
        "declared_reason": None if is_table or row["declared_us"] is None else "incorrect_data",
        "corrective_event_ids": None,
        "attributes": None,
        "items": items,
        "parties": [(end, of, f"https://id.gs1.org/414/{glns[n]}") for end, of, n in parties],
        "documents": [(row["document_kind"], f"urn:epcglobal:cbv:bt:{glns[seller]}:{number}")]
        * (number is not None),
        "temperatures": []
        if is_table or name == "a.xml"
        else [(moment(t["observed_us"]), t["value"]) for t in row["temperatures"] or ()],
    }


LISTS = ("items", "parties", "documents", "temperatures")


def ordered(row: Row) -> Row:
    """The event with its lists in an order of their own: none of them means one."""
    return row | {name: sorted(row[name], key=repr) for name in LISTS}


def canonical(text: str) -> str:
    return gs1.parse(text).canonical


def heard(path: Path) -> list[Row]:
    """The events that the readers find in a file."""
    rows: list[Row] = []
    for member in read_source(path).members:
        for batch in member.batches:
            assert batch.rejected.is_empty()
            by_event: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
            for one in batch.items.iter_rows(named=True):
                item = one["role"], canonical(one["text"]), one["quantity"], one["is_class"]
                by_event[one["position"]]["items"].append(item)
            for position, end, kind, text in batch.parties.rows():
                by_event[position]["parties"].append((end, kind, canonical(text)))
            for position, kind, text in batch.transactions.rows():
                by_event[position]["documents"].append((kind, text))
            for one in batch.sensors.iter_rows(named=True):
                assert (one["type"], one["uom"]) == ("Temperature", "CEL")
                by_event[one["position"]]["temperatures"].append((one["observed_at"], one["value"]))
            for row in batch.events.sort("position").iter_rows(named=True):
                hanging = by_event[row.pop("position")]
                del row["event_time_text"]
                row["read_point"] = canonical(row["read_point"])
                row["biz_location"] = canonical(row["biz_location"])
                rows.append(row | {name: hanging[name] for name in LISTS})
    return rows


SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@formats
@SETTINGS
@given(events=FRAMES)
def test_readers_hear_what_writers_tell(tmp_path: Path, name: str, events: pl.DataFrame) -> None:
    path = tmp_path / name
    FORMATS[name](path, events, sites())
    for found, row in zip(heard(path), events.to_dicts(), strict=True):
        assert ordered(found) == ordered(told(row, sites(), name))


def some(count: int = 40) -> pl.DataFrame:
    """Events of all kinds, always the same."""
    packs = [f"01/{closed(f'1952123400{n:03d}')}/21/{AI82[n : n + 20]}" for n in range(count)]
    units = [f"00/{closed(f'3952123400{n:07d}')}" for n in range(count)]
    kinds: list[Callable[[int], Row]] = [
        lambda n: {
            "event_type": "ObjectEvent",
            "action": "ADD",
            "epcs": [packs[n]],
            "lot": 'L<1>&"',
            "expiry": date(2030, 1, 31),
            "made_on": date(2026, 1, 5),
        },
        lambda n: {
            "event_type": "AggregationEvent",
            "action": "ADD",
            "parent": units[n],
            "children": packs[n : n + 3],
        },
        lambda n: {
            "event_type": "ObjectEvent",
            "action": "OBSERVE",
            "step": "shipping",
            "classes": [{"key": f"01/{closed(f'1952123400{n:03d}')}/10/L/1", "quantity": 4.0}],
            "owner_from": n % 5,
            "owner_to": (n + 1) % 5,
            "place_from": n % 5,
            "place_to": (n + 1) % 5,
            "document_kind": "desadv",
            "document": f"D{n}",
        },
        lambda n: {
            "event_type": "TransformationEvent",
            "epcs": packs[n : n + 1],
            "outputs": [packs[-n - 1]],
            "declared_us": 1_780_000_000_000_000,
        },
    ]
    return frame(
        [
            {
                "event_id": n,
                "at_us": (1_770_000_000 + n) * 1_000_000,
                "recorded_us": (1_770_000_600 + n) * 1_000_000,
                "offset_min": 60,
                "site": n % 5,
                "reporter": 1,
                "step": "packing",
                **kinds[n % 4](n),
            }
            for n in range(count)
        ]
    )


@formats
def test_the_same_events_give_the_same_bytes_in_slices_of_any_size(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for size in (50_000, 50_000, 7, 1):
        monkeypatch.setattr(documents, "_SLICE", size)
        FORMATS[name](tmp_path / name, some(), sites())
        written.append((tmp_path / name).read_bytes())
    assert len(set(written)) == 1


def test_an_event_has_one_content_whatever_the_format(tmp_path: Path) -> None:
    for name, write in FORMATS.items():
        write(tmp_path / name, some(), sites())
    with open_memory() as con:
        receipts = land(con, [tmp_path], AT)
        assert {one.status for one in receipts} == {"landed"}
        assert [one.read_count for one in receipts] == [
            41 if one.kind == "epcis" and one.path.endswith("xml") else 40 for one in receipts
        ]
        keys = con.execute(
            "SELECT count(DISTINCT content_key), count(DISTINCT event_id) FROM raw_event"
        ).fetchall()
    assert keys == [(40, 40)]


def test_numbers_of_events_have_distinct_names_that_look_like_random_uuids() -> None:
    numbers = pl.Series([*range(20_000), *(n << 22 for n in range(1, 20_000)), 2**63 - 1])
    names = event_names(numbers)
    assert names.n_unique() == len(numbers)
    assert names.equals(event_names(numbers))
    for name in names.head(500):
        uuid = UUID(name)
        assert name == uuid.urn
        assert (uuid.version, uuid.variant) == (4, RFC_4122)


def test_the_document_is_as_old_as_its_latest_record(tmp_path: Path) -> None:
    latest = datetime.fromtimestamp(1_770_000_639, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ("a.xml", "a.json"):
        FORMATS[name](tmp_path / name, some(), sites())
        found = re.findall('creationDate"?[=:]"([^"]+)"', (tmp_path / name).read_text())
        assert found == [latest]


def test_the_header_tells_where_the_reporter_is(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    documents.write_xml12(path, some(), sites())
    members = list(read_source(path).members)
    rows = pl.concat([batch.master for batch in members[0].batches])
    assert rows["text"].unique().to_list() == [sites()["sgln_urn"][1]]
    assert dict(rows.select("attribute", "value").rows()) == {
        "name": 'The "Old" <Depot>',
        "owner": "P & Q",
        "city": "Köln",
        "countryCode": "DE",
        "latitude": "50.9",
        "longitude": "7.5",
    }
    documents.write_xml12(path, some(), sites(), with_places=False)
    assert "EPCISHeader" not in path.read_text(encoding="utf-8")


# --- schemas -------------------------------------------------------------------------------------


# RFC 3986: a scheme, then only characters that are allowed as they are.
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-F]{2})+")


@pytest.fixture(scope="module")
def accepts_json() -> Callable[[Any], None]:
    import jsonschema
    from referencing import Registry, Resource

    folder = SCHEMAS / "JSON-Schema"
    found = [*folder.glob("*.json"), *(folder / "schemas").glob("*.json")]
    schemas = [json.loads(path.read_text(encoding="utf-8")) for path in found]
    registry = Registry().with_resources(
        (one["$id"], Resource.from_contents(one)) for one in schemas
    )
    root = json.loads((folder / "EPCIS-Document-JSON-Schema.json").read_text(encoding="utf-8"))
    formats = jsonschema.FormatChecker()
    formats.checks("uri")(lambda text: not isinstance(text, str) or URI.fullmatch(text))
    validator = jsonschema.Draft7Validator(root, registry=registry, format_checker=formats)
    return validator.validate


@pytest.fixture(scope="module")
def accepts_xml() -> Callable[[bytes], None]:
    from lxml import etree

    schema = etree.XMLSchema(etree.parse(SCHEMAS / "XSD" / "EPCglobal-epcis-2_0.xsd"))
    return lambda text: schema.assertValid(etree.fromstring(text))


# Where EPCIS 1.2 keeps what came after 1.0 (EPCglobal-epcis-1_2.xsd), in its order.
BASE = {"baseExtension": ["eventID", "errorDeclaration"]}
EXTENSIONS = {
    "EventList": {"extension": ["TransformationEvent"]},
    "ObjectEvent": BASE | {"extension": ["quantityList", "sourceList", "destinationList", "ilmd"]},
    "AggregationEvent": BASE
    | {"extension": ["childQuantityList", "sourceList", "destinationList"]},
    "TransformationEvent": BASE,
}


def assert_extended(parent: ElementTree.Element) -> None:
    """Extensions, and nothing else, hold what belongs into them."""
    known = EXTENSIONS.get(parent.tag, {})
    for child in parent:
        if child.tag in known:
            found = [one.tag for one in child]
            assert found == [name for name in known[child.tag] if name in found] != []
        else:
            assert child.tag not in {
                "extension",
                *BASE,
                *(n for some in known.values() for n in some),
            }
    if parent.tag == "EventList":
        for child in parent:
            assert_extended(child[0] if child.tag == "extension" else child)


def lifted(text: str) -> bytes:
    """A document of EPCIS 1.2 as one of 2.0, which has the same fields but no extensions."""
    head, events = text.split("<EventList>")
    head = head.replace("urn:epcglobal:epcis:xsd:1", "urn:epcglobal:epcis:xsd:2")
    return (head + "<EventList>" + re.sub("</?(baseE|e)xtension>", "", events)).encode()


@needs_schemas
@pytest.mark.parametrize("name", ["a.json", "links.json"])
@SETTINGS
@given(events=FRAMES)
def test_the_json_schema_accepts_the_document(
    tmp_path: Path, name: str, accepts_json: Callable[[Any], None], events: pl.DataFrame
) -> None:
    FORMATS[name](tmp_path / name, events, sites())
    accepts_json(json.loads((tmp_path / name).read_bytes()))


@needs_schemas
@SETTINGS
@given(events=FRAMES)
def test_the_xml_schema_accepts_the_document(
    tmp_path: Path, accepts_xml: Callable[[bytes], None], events: pl.DataFrame
) -> None:
    """The schemas at hand are those of EPCIS 2.0; what 1.2 does otherwise is looked at here."""
    documents.write_xml12(tmp_path / "a.xml", events, sites())
    text = (tmp_path / "a.xml").read_text(encoding="utf-8")
    found = ElementTree.fromstring(text).find("EPCISBody/EventList")  # noqa: S314 - ours
    assert found is not None
    assert_extended(found)
    accepts_xml(lifted(text))
