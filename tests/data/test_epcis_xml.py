"""What an EPCIS XML document says, whatever version and dialect it is written in."""

from datetime import date, datetime

import msgspec
import pytest

from tests.data.epcis_samples import (
    one_event,
    one_rejected,
    read,
    rows,
    whole,
    xml_document,
    xml_event,
)

SOURCES = """<sourceList>
  <source type="urn:epcglobal:cbv:sdt:owning_party">urn:epc:id:pgln:0614141.00000</source>
</sourceList>"""
ILMD = """<ilmd>
  <{0}:lotNumber>00123</{0}:lotNumber>
  <{0}:itemExpirationDate>2027-05-31</{0}:itemExpirationDate>
</ilmd>"""


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_parties_are_found_at_every_extension_depth(depth: int) -> None:
    fields = "<extension>" * depth + SOURCES + "</extension>" * depth
    (party,) = rows(xml_document(xml_event(fields)), "xml", "parties")
    assert party["direction"] == "source"
    assert party["type"] == "owning_party"
    assert party["text"] == "urn:epc:id:pgln:0614141.00000"


def test_all_extension_siblings_are_read_and_stray_text_in_them_is_not() -> None:
    fields = (
        f"<extension>stray text{SOURCES}</extension><extension>{ILMD.format('cbvmda')}</extension>"
    )
    batches = read(xml_document(xml_event(fields)), "xml")
    assert len(whole(batches, "parties")) == 1
    assert whole(batches, "events")["lot"].to_list() == ["00123"]


@pytest.mark.parametrize("prefix", ["cbvmda", "gs1ushc"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_lot_and_expiry_are_known_by_local_name(prefix: str, wrapped: bool) -> None:
    ilmd = ILMD.format(prefix)
    event = one_event(
        xml_document(xml_event(f"<extension>{ilmd}</extension>" if wrapped else ilmd)), "xml"
    )
    assert (event["lot"], event["expiry"]) == ("00123", date(2027, 5, 31))


def test_an_expiry_that_is_no_date_keeps_its_text() -> None:
    ilmd = ILMD.format("cbvmda").replace("2027-05-31", "2020-12-12T11")
    event = one_event(xml_document(xml_event(ilmd)), "xml")
    assert (event["expiry"], event["expiry_text"]) == (None, "2020-12-12T11")


def test_two_different_lots_in_one_event_name_none() -> None:
    ilmd = (
        "<ilmd><cbvmda:lotNumber>A</cbvmda:lotNumber><cbvmda:lotNumber>B</cbvmda:lotNumber></ilmd>"
    )
    event = one_event(xml_document(xml_event(ilmd)), "xml")
    assert event["lot"] is None
    assert msgspec.json.decode(event["attributes"])["ilmd"]["ambiguous"] == {"lot": ["A", "B"]}


def test_qualified_children_are_the_same_as_unqualified_ones() -> None:
    plain = xml_event("<epcList><epc>urn:epc:id:sgtin:0614141.107346.2018</epc></epcList>")
    qualified = (
        plain.replace("</", "</epcis:")
        .replace("<", "<epcis:")
        .replace("<epcis:/epcis:", "</epcis:")
    )
    assert rows(xml_document(plain), "xml", "items") == rows(
        xml_document(qualified), "xml", "items"
    )
    assert one_event(xml_document(plain), "xml") == one_event(xml_document(qualified), "xml")


def test_a_default_namespace_a_lower_case_body_and_odd_prefixes_are_read() -> None:
    document = (
        '<n0:EPCISDocument xmlns:n0="urn:epcglobal:epcis:xsd:1"><epcisbody><EventList>'
        + xml_event("<epcList>\n<epc> urn:x:1\n</epc></epcList>")
        + "</EventList></epcisbody></n0:EPCISDocument>"
    )
    assert [item["text"] for item in rows(document.encode(), "xml", "items")] == ["urn:x:1"]
    default = document.replace("n0:", "").replace(":n0", "")
    assert [item["text"] for item in rows(default.encode(), "xml", "items")] == ["urn:x:1"]


def test_query_documents_and_bare_events_are_read() -> None:
    event = xml_event("")
    query = f"""<q:EPCISQueryDocument xmlns:q="urn:epcglobal:epcis-query:xsd:1"><EPCISBody>
      <q:QueryResults><queryName>x</queryName><resultsBody><EventList>{event}</EventList></resultsBody>
      </q:QueryResults></EPCISBody></q:EPCISQueryDocument>"""
    assert one_event(query.encode(), "xml") == one_event(event.encode(), "xml")


def test_every_list_gives_its_role_and_class_quantities_their_number() -> None:
    transformation = """<TransformationEvent>
      <eventTime>2025-03-01T10:00:00Z</eventTime><transformationID>urn:t:1</transformationID>
      <inputEPCList><epc>urn:in:1</epc><epc>urn:in:2</epc></inputEPCList>
      <inputQuantityList><quantityElement><epcClass>urn:c:1</epcClass><quantity>2.5</quantity>
        <uom>KGM</uom></quantityElement></inputQuantityList>
      <outputQuantityList><quantityElement><epcClass>urn:c:2</epcClass></quantityElement>
        </outputQuantityList>
      <outputEPCList><epc>urn:out:1</epc></outputEPCList></TransformationEvent>"""
    aggregation = xml_event(
        """<parentID>urn:p:1</parentID><childEPCs><epc>urn:ch:1</epc></childEPCs>
        <extension><childQuantityList><quantityElement><epcClass>urn:c:3</epcClass>
        <quantity>7</quantity></quantityElement></childQuantityList></extension>""",
        "AggregationEvent",
    )
    items = rows(xml_document(transformation + aggregation), "xml", "items")
    assert sorted(
        (i["position"], i["role"], i["text"], i["quantity"], i["uom"])
        for i in items
        if i["quantity"] is not None
    ) == [(1, "input", "urn:c:1", 2.5, "KGM"), (2, "child", "urn:c:3", 7.0, None)]
    assert sorted((i["position"], i["role"], i["text"]) for i in items) == [
        (1, "input", "urn:c:1"),
        (1, "input", "urn:in:1"),
        (1, "input", "urn:in:2"),
        (1, "output", "urn:c:2"),
        (1, "output", "urn:out:1"),
        (2, "child", "urn:c:3"),
        (2, "child", "urn:ch:1"),
        (2, "parent", "urn:p:1"),
    ]
    assert {i["text"] for i in items if i["is_class"]} == {"urn:c:1", "urn:c:2", "urn:c:3"}


def test_stray_text_in_an_identifier_list_is_no_part_of_an_identifier() -> None:
    fields = "<epcList>\n  note\n  <epc>urn:x:1</epc>\n  <epc>urn:x:2</epc></epcList>"
    items = rows(xml_document(xml_event(fields)), "xml", "items")
    assert [item["text"] for item in items] == ["urn:x:1", "urn:x:2"]


def test_an_identifier_is_whole_wherever_the_parser_is_fed() -> None:
    identifiers = [f"urn:epc:id:sgtin:0614141.107346.{n:012d}" for n in range(20_000)]
    fields = "<epcList>" + "".join(f"<epc>{text}</epc>" for text in identifiers) + "</epcList>"
    items = rows(xml_document(xml_event(fields)), "xml", "items")
    assert [item["text"] for item in items] == identifiers


def test_error_declarations_are_read_from_the_base_extension() -> None:
    event = one_event(
        xml_document(
            xml_event(
                """<baseExtension><eventID>urn:uuid:1</eventID><errorDeclaration>
                <declarationTime>2025-03-02T00:00:00+01:00</declarationTime>
                <reason>urn:epcglobal:cbv:er:incorrect_data</reason><correctiveEventIDs>
                <correctiveEventID>urn:uuid:2</correctiveEventID>
                <correctiveEventID>urn:uuid:3</correctiveEventID></correctiveEventIDs>
                </errorDeclaration></baseExtension>"""
            )
        ),
        "xml",
    )
    assert event["event_id"] == "urn:uuid:1"
    assert event["is_declaration"]
    assert event["declared_at"] == datetime(2025, 3, 1, 23)
    assert event["declared_reason"] == "incorrect_data"
    assert event["corrective_event_ids"] == ["urn:uuid:2", "urn:uuid:3"]


def test_master_data_header_and_statement_are_read() -> None:
    header = """<EPCISHeader>
      <sbdh:StandardBusinessDocumentHeader><sbdh:Sender>
        <sbdh:Identifier Authority="SGLN">urn:epc:id:sgln:030001.111124.0</sbdh:Identifier>
      </sbdh:Sender><sbdh:Receiver><sbdh:Identifier>0399999999991</sbdh:Identifier></sbdh:Receiver>
      <sbdh:DocumentIdentification><sbdh:CreationDateAndTime>2018-01-15T08:36:05
      </sbdh:CreationDateAndTime></sbdh:DocumentIdentification>
      </sbdh:StandardBusinessDocumentHeader>
      <extension><EPCISMasterData><VocabularyList>
        <Vocabulary type="urn:epcglobal:epcis:vtype:Location"><VocabularyElementList>
          <VocabularyElement id="urn:epc:id:sgln:030001.111124.0">
            <attribute id="urn:epcglobal:cbv:mda#latitude">+18.0000</attribute>
            <attribute id="urn:epcglobal:cbv:mda#address">
              <a:Address xmlns:a="urn:a"><City>Fancy</City></a:Address></attribute>
          </VocabularyElement>
          <VocabularyElement id="urn:epc:id:sgln:030001.111125.0"/>
          <VocabularyElement><attribute id="x">y</attribute></VocabularyElement>
        </VocabularyElementList></Vocabulary></VocabularyList></EPCISMasterData></extension>
      <gs1ushc:dscsaTransactionStatement>
        <gs1ushc:affirmTransactionStatement>true</gs1ushc:affirmTransactionStatement>
        <gs1ushc:legalNotice> Seller has complied. </gs1ushc:legalNotice>
      </gs1ushc:dscsaTransactionStatement></EPCISHeader>"""
    batches = read(xml_document(xml_event(""), header), "xml")
    assert [tuple(row.values()) for row in whole(batches, "master").to_dicts()] == [
        (1, "site", "urn:epc:id:sgln:030001.111124.0", "latitude", "+18.0000"),
        (1, "site", "urn:epc:id:sgln:030001.111124.0", "City", "Fancy"),
        (2, "site", "urn:epc:id:sgln:030001.111125.0", None, None),
    ]
    assert whole(batches, "rejected")["position"].to_list() == [3]
    assert whole(batches, "events")["position"].to_list() == [4]
    assert whole(batches, "documents").to_dicts() == [
        {
            "sender": "urn:epc:id:sgln:030001.111124.0",
            "receiver": "0399999999991",
            "created_text": "2018-01-15T08:36:05",
            "schema_version": "1.2",
            "is_statement_affirmed": True,
            "legal_notice": "Seller has complied.",
        }
    ]


def test_sensor_reports_give_rows_and_the_rest_as_json() -> None:
    fields = """<extension><extension><sensorElementList><sensorElement>
      <sensorMetadata startTime="2025-03-01T08:00:00Z" endTime="2025-03-01T09:00:00Z"/>
      <sensorReport type="gs1:MT-Temperature" minValue="2.1" maxValue="8.6" sDev="0.4" uom="CEL"
        exception="gs1:ALARM_CONDITION"/></sensorElement></sensorElementList></extension></extension>"""
    (sensor,) = rows(xml_document(xml_event(fields)), "xml", "sensors")
    assert (sensor["type"], sensor["uom"], sensor["exception"]) == (
        "Temperature",
        "CEL",
        "ALARM_CONDITION",
    )
    assert (sensor["min_value"], sensor["max_value"], sensor["value"]) == (2.1, 8.6, None)
    assert sensor["observed_at"] == datetime(2025, 3, 1, 9)
    assert msgspec.json.decode(sensor["report"])["sDev"] == 0.4


def test_vendor_fields_become_attributes_by_local_name() -> None:
    fields = """<gs1ushc:dropShipment>true</gs1ushc:dropShipment>
      <readPoint><id>urn:r:1</id><gs1ushc:dock>4</gs1ushc:dock></readPoint>
      <persistentDisposition><set>urn:epcglobal:cbv:disp:damaged</set></persistentDisposition>"""
    event = one_event(xml_document(xml_event(fields)), "xml")
    assert event["read_point"] == "urn:r:1"
    assert msgspec.json.decode(event["attributes"]) == {
        "dropShipment": "true",
        "persistentDisposition": {"set": ["damaged"]},
        "readPoint": {"dock": "4"},
    }


def test_an_odd_event_is_set_aside_with_its_line_and_the_others_land() -> None:
    bad = xml_event("").replace("OBSERVE", "OBSERV")
    document = xml_document(xml_event("") + "\n" + bad + "\n" + xml_event(""))
    row = one_rejected(document, "xml")
    line = 1 + document[: document.index(b"OBSERV<")].count(b"\n") - 3
    assert (row["position"], row["place"]) == (2, f"line {line}")
    assert "action" in row["reason"]
    assert whole(read(document, "xml"), "events")["position"].to_list() == [1, 3]


def test_what_hangs_on_an_event_set_aside_goes_with_it() -> None:
    bad = xml_event(SOURCES + "<epcList><epc>urn:x:1</epc></epcList>").replace("2025-03", "25-03")
    batches = read(xml_document(bad), "xml")
    assert [len(whole(batches, frame)) for frame in ("events", "items", "parties", "rejected")] == [
        0,
        0,
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (xml_event("", "QuantityEvent"), "QuantityEvent"),
        ("<x:Thing xmlns:x='urn:x'><a/></x:Thing>", "none of the five"),
        ("<extension><Thing/></extension>", "none of the five"),
        (xml_event("<quantityList><quantityElement><epcClass>c</epcClass><quantity>1,5</quantity>"
                   "</quantityElement></quantityList>"), "not a number"),
        (xml_event("<quantityList><quantityElement><epcClass>c</epcClass><quantity>-3</quantity>"
                   "</quantityElement></quantityList>"), "negative"),
        (xml_event("").replace("2025-03-01T10:00:00Z", "22-07-2026"), "eventTime is not"),
        (xml_event("").replace("2025-03-01T10:00:00Z", "1753142400000"), "epoch"),
        (xml_event("").replace("10:00:00Z", "10:00:00"), "no zone"),
        (xml_event("").replace("<action>OBSERVE</action>", ""), "no action"),
    ],
)  # fmt: skip
def test_what_is_no_readable_event_is_set_aside_with_its_reason(element: str, reason: str) -> None:
    document = xml_document(xml_event("") + element)
    assert reason in one_rejected(document, "xml")["reason"]
    assert len(rows(document, "xml", "events")) == 1


def test_events_before_a_break_land_and_the_rest_is_one_row() -> None:
    events = "\n".join(xml_event("") for _ in range(5))
    cut = xml_document(events + "\n<ObjectEvent><eventTime>2025")
    broken = cut[: cut.index(b"\n</EventList>")]
    row = one_rejected(broken, "xml")
    assert row["position"] is None
    assert "well-formed" in row["reason"]
    assert len(rows(broken, "xml", "events")) == 5


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<Envelope xmlns='http://schemas.xmlsoap.org/soap/envelope/'/>", "SOAP"),
        ("<e:EPCISCaptureJob xmlns:e='urn:epcglobal:epcis:xsd:2'/>", "capture job"),
        ("<html/>", "neither"),
        ("<e:EPCISDocument xmlns:e='http://example.com'/>", "namespace"),
        ("", "no element found"),
        ("<?xml version='1.0' encoding='no-such'?><a/>", "encoding"),
        ("<?xml version='1.0' encoding='UTF\u20108'?><a/>", "well-formed"),
    ],
)
def test_other_documents_are_refused_with_a_reason(document: str, reason: str) -> None:
    row = one_rejected(document.encode(), "xml")
    assert row["position"] is None
    assert reason in row["reason"]


def test_a_master_data_document_is_read() -> None:
    document = """<m:EPCISMasterDataDocument xmlns:m="urn:epcglobal:epcis-masterdata:xsd:2">
      <EPCISBody><VocabularyList><Vocabulary type="urn:epcglobal:epcis:vtype:BusinessLocation">
      <VocabularyElementList><VocabularyElement id="urn:a"><children><id>urn:b</id><id>urn:c</id>
      </children></VocabularyElement></VocabularyElementList></Vocabulary></VocabularyList>
      </EPCISBody></m:EPCISMasterDataDocument>"""
    master = rows(document.encode(), "xml", "master")
    assert [(row["kind"], row["attribute"], row["value"]) for row in master] == [
        ("site", "child", "urn:b"),
        ("site", "child", "urn:c"),
    ]
