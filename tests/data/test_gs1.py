"""Identifiers in all their spellings become one canonical Digital Link, and nothing is lost."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.readers import gs1
from tests.shared_data import SHARED, needs_shared

AI82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
SERIALS = st.text(AI82, min_size=1, max_size=20)
URN_ESCAPES = {c: f"%{ord(c):02X}" for c in '"%&/<>?'}


def link(path: str) -> str:
    return f"https://id.gs1.org{path}"


@pytest.mark.parametrize(
    ("text", "scheme", "path"),
    [
        ("urn:epc:id:sgtin:0355154.094495.1", "sgtin", "/01/00355154944954/21/1"),
        ("urn:epc:id:sgtin:0614141.812345.6%2F78", "sgtin", "/01/80614141123458/21/6%2F78"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345.6789", "sgtin", "/01/80614141123458/21/6789"),
        ("URN:EPC:ID:SGTIN:0614141.812345.a.b", "sgtin", "/01/80614141123458/21/a.b"),
        ("urn:epc:class:lgtin:4012345.012345.998877", "lgtin", "/01/04012345123456/10/998877"),
        ("urn:epc:idpat:sgtin:0614141.812345.*", "gtin", "/01/80614141123458"),
        ("urn:epc:id:sscc:08600145491.003360", "sscc", "/00/008600145491033608"),
        ("urn:epc:id:sgln:08600145491.9.0", "sgln", "/414/0860014549199"),
        ("urn:epc:id:sgln:120014419287..0", "sgln", "/414/1200144192879"),
        ("urn:epc:id:sgln:4012345.00011.987", "sgln", "/414/4012345000115/254/987"),
        ("urn:epc:id:pgln:4012345.00000", "pgln", "/417/4012345000009"),
        ("urn:epc:id:giai:4000001.111", "giai", "/8004/4000001111"),
        ("urn:epc:id:grai:4012345.55555.987", "grai", "/8003/04012345555554987"),
        ("urn:epc:idpat:grai:4012345.66666.*", "grai", "/8003/04012345666663"),
        ("urn:epc:id:gdti:4012345.11111.123", "gdti", "/253/4012345111118123"),
        ("urn:epc:id:gsrn:4012345.9876540000", "gsrn", "/8018/401234598765400000"),
        ("urn:epc:id:gsrnp:4012345.0000098765", "gsrnp", "/8017/401234500000987658"),
        ("urn:epc:id:cpi:4012345.ABC.123", "cpi", "/8010/4012345ABC/8011/123"),
        ("urn:epc:id:ginc:4012345.333", "ginc", "/401/4012345333"),
        ("urn:epc:id:gsin:4012345.999987654", "gsin", "/402/40123459999876541"),
        ("urn:epc:id:sgcn:4012345.99999.44", "sgcn", "/255/401234599999044"),
        ("urn:epc:id:upui:4012345.012345.AB12", "upui", "/01/04012345123456/235/AB12"),
        (
            "urn:epc:id:itip:4012345.012345.01.02.999",
            "itip",
            "/8006/040123451234560102/21/999",
        ),
        (
            "https://example.com/01/09506000134352/10/ABC/21/123?17=221222",
            "sgtin",
            "/01/09506000134352/21/123",
        ),
        ("http://shop.example/a/b/01/09506000134352/", "gtin", "/01/09506000134352"),
        ("https://x.org/gtin/09506000134352/ser/1", "sgtin", "/01/09506000134352/21/1"),
        ("https://x.org/01/9506000134352", "gtin", "/01/09506000134352"),
        ("https://x.org/01/9506000134352/22/2A/10/L%2F7", "lgtin", "/01/09506000134352/10/L%2F7"),
        ("https://x.org/01/09506000134352/21/6%2f78#frag", "sgtin", "/01/09506000134352/21/6%2F78"),
        ("https://x.org/414/4012345000115/254/0", "sgln", "/414/4012345000115"),
        ("(01)09506000134352(21)A-1(17)251200(10)007", "sgtin", "/01/09506000134352/21/A-1"),
        ("(01)9506000134352(10)007", "lgtin", "/01/09506000134352/10/007"),
        ("010950600013435221A-1\x1d1725120010007", "sgtin", "/01/09506000134352/21/A-1"),
        ("]d2010950600013435221A-1\x1d17251200", "sgtin", "/01/09506000134352/21/A-1"),
        ("\x1d17251200010950600013435221A-1", "sgtin", "/01/09506000134352/21/A-1"),
        ("(00)008600145491033608", "sscc", "/00/008600145491033608"),
        ("00008600145491033608", "sscc", "/00/008600145491033608"),
        ("(414)4012345000115(254)987", "sgln", "/414/4012345000115/254/987"),
        ("008600145491033608", "sscc", "/00/008600145491033608"),
        ("80614141123458", "gtin", "/01/80614141123458"),
        ("614141007349", "gtin", "/01/00614141007349"),
        ("96385074", "gtin", "/01/00000096385074"),
    ],
)
def test_every_spelling_has_one_canonical_link(text: str, scheme: str, path: str) -> None:
    found = gs1.parse(text)
    assert (found.scheme, found.canonical, found.note) == (scheme, link(path), None)
    assert found.text == text


def test_values_are_decoded_text_and_keep_leading_zeros() -> None:
    unit = gs1.parse("https://x.org/01/09506000134352/10/007/21/6%2F78?17=251200")
    assert (unit.gtin, unit.serial, unit.lot) == ("09506000134352", "6/78", "007")
    assert unit.expiry == date(2025, 12, 31)
    place = gs1.parse("urn:epc:id:sgln:4012345.00011.a%2Fb")
    assert (place.gln, place.extension) == ("4012345000115", "a/b")


def test_a_query_tells_lot_and_expiry_without_changing_what_is_named() -> None:
    found = gs1.parse("https://x.org/01/09506000134352?10=L1&exp=260131")
    assert (found.scheme, found.canonical) == ("gtin", link("/01/09506000134352"))
    assert (found.lot, found.expiry) == ("L1", date(2026, 1, 31))


def test_thirteen_bare_digits_may_be_a_product_or_a_place() -> None:
    found = gs1.parse("9506000134352")
    assert (found.gtin, found.gln) == ("09506000134352", "9506000134352")
    assert found.note == "gtin_or_gln"


@pytest.mark.parametrize(
    "text",
    [
        "https://id.gs1.org/01/09506000134351",
        "https://id.gs1.org/00/008600145491033600",
        "(414)4012345000110",
        "9506000134351",
        "https://id.gs1.org/8003/04012345555550987",
    ],
)
def test_a_bad_check_digit_is_a_note_not_a_rejection(text: str) -> None:
    found = gs1.parse(text)
    assert found.scheme != "opaque"
    assert found.note == "bad_check_digit"


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("urn:epc:id:sgln:Building_Pink", "bad_structure"),
        ("urn:epc:id:sgln:5813513247221", "bad_structure"),
        ("urn:epc:id:sgln:581351.24722.0", "bad_length"),
        ("urn:epc:id:sgtin:Batch_1.PINK.2", "not_numeric"),
        ("urn:epc:id:sgtin:0614141.12345.1", "bad_length"),
        ("urn:epc:id:sgtin:0614141.812345.", "bad_structure"),
        ("urn:epc:id:sgtin:0614141.812345", "bad_structure"),
        ("urn:epc:idpat:sgtin:0614141.*.*", "not_numeric"),
        ("urn:epc:idpat:sscc:0614141.*", "pattern"),
        ("urn:epc:id:gid:1.2.3", "unknown_scheme"),
        ("https://id.gs1.org/01/123", "bad_length"),
        ("http://epcis.gs1us.org/hc/dea/loc/512333444", None),
        ("http://www.w3.org/2000/01/rdf-schema#label", None),
        ("01095212343434" + "34" * 3_000, "bad_length"),  # each pair more, the slower the next
        ("]C1" + "10A\x1d" * 60, "bad_structure"),
        ("urn:uuid:0b4f9a1a-4f4c-4d6f-9e1c-6a8a1f0c2d11", None),
        ("dock 4", None),
        ("", "empty"),
    ],
)
def test_vendor_nonsense_stays_as_it_is(text: str, note: str | None) -> None:
    found = gs1.parse(f" {text}\n")
    assert (found.scheme, found.canonical, found.note) == ("opaque", text, note)


def test_serials_that_break_the_standard_are_kept_and_noted() -> None:
    long = gs1.parse("urn:epc:id:sgtin:0614141.812345." + "7" * 21)
    assert (long.scheme, long.serial, long.note) == ("sgtin", "7" * 21, "long_serial")
    odd = gs1.parse("urn:epc:id:sgtin:0614141.812345.caf%C3%A9")
    assert (odd.serial, odd.note) == ("café", "bad_characters")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("251200", date(2025, 12, 31)),
        ("240200", date(2024, 2, 29)),
        ("260131", date(2026, 1, 31)),
        ("261301", None),
        ("260230", None),
        ("26-01-31", None),
        ("", None),
    ],
)
def test_printed_dates(text: str, expected: date | None) -> None:
    assert gs1.printed_date(text) == expected


def test_check_digit_refuses_what_are_not_digits() -> None:
    assert gs1.check_digit("950600013435") == 2
    for text in ("12a", "１２", ""):
        with pytest.raises(ValueError, match=r"."):
            gs1.check_digit(text) if text else gs1.check_digit("x")


@given(st.text())
def test_never_raises_and_never_loses_the_text(text: str) -> None:
    found = gs1.parse(text)
    assert found.text == text
    assert gs1.parse(found.canonical).canonical == found.canonical


GS1_LIKE = st.from_regex(
    r"(urn:epc:(id|class|idpat|tag):(sgtin|lgtin|sscc|sgln|pgln|grai|gdti|giai|cpi|itip|sgcn|ginc)"
    r":[0-9]{5,13}(\.[0-9A%.*/]{0,12}){0,4}"
    r"|https?://[a-z.]{1,8}(/(01|00|414|254|8003|8004|10|21|gtin|ser|lot|[0-9A%]{1,18})){1,6}"
    r"(\?[0-9a-z=&%]{0,12})?"
    r"|(\]d2)?(\(?(01|00|10|17|21|8004)\)?[0-9A\x1d(]{0,18}){1,4})",
    fullmatch=True,
)


@given(GS1_LIKE)
def test_canonical_links_are_their_own_canonical_form(text: str) -> None:
    found = gs1.parse(text)
    again = gs1.parse(found.canonical)
    assert again.canonical == found.canonical
    if found.scheme != "opaque":
        assert (again.scheme, again.gtin, again.serial, again.sscc) == (
            found.scheme,
            found.gtin,
            found.serial,
            found.sscc,
        )


@given(st.integers(6, 12), st.text("0123456789", min_size=13, max_size=13), SERIALS)
def test_urn_link_and_element_string_agree(length: int, digits: str, serial: str) -> None:
    item = digits[0] + digits[length + 1 :]
    spelled = "".join(URN_ESCAPES.get(c, c) for c in serial)
    urn = gs1.parse(f"urn:epc:id:sgtin:{digits[1 : length + 1]}.{item}.{spelled}")
    if spelled == "*":
        assert urn.scheme == "opaque"  # a pattern, not a pack
        return
    gtin = f"{digits}{gs1.check_digit(digits)}"
    assert (urn.gtin, urn.serial, urn.scheme) == (gtin, serial, "sgtin")
    assert urn.canonical.endswith(f"/21/{spelled}")
    assert gs1.parse(urn.canonical).serial == serial
    raw = gs1.parse(f"01{gtin}21{serial}\x1d10L1")
    assert (raw.canonical, raw.lot) == (urn.canonical, "L1")


@given(st.text("0123456789", min_size=1, max_size=17))
def test_one_wrong_digit_is_always_noticed(digits: str) -> None:
    closed = f"{digits}{gs1.check_digit(digits)}"
    assert gs1.has_valid_check_digit(closed)
    for place, digit in enumerate(closed):
        other = str((int(digit) + 1) % 10)
        assert not gs1.has_valid_check_digit(closed[:place] + other + closed[place + 1 :])


@needs_shared
def test_agrees_with_the_reference_translation_of_published_documents() -> None:
    folder = SHARED / "epcis" / "hash-vectors"
    compared = 0
    for vectors in sorted(folder.glob("*.prehashes")):
        expected = vectors.read_text()
        for document in (vectors.with_suffix(".xml"), vectors.with_suffix(".jsonld")):
            if not document.exists():
                continue
            urns = re.findall(r'urn:epc:(?:id|class|idpat):[^"<\s]+', document.read_text())
            for urn in sorted(set(urns)):
                found = gs1.parse(urn)
                if found.scheme != "opaque" and "errorDeclaration" not in document.read_text():
                    assert found.canonical in expected, urn
                    compared += 1
    assert compared >= 38
