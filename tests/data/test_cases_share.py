"""Packs for partners: nothing of the warehouse stands in them, and others' are checked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from data.cases import coarse, share
from data.cases.library import BENIGN_CODES, MECHANISMS, PATTERN_CODES
from data.errors import InputError
from detectors.features import FEATURES

SALT = b"0123456789abcdef-of-the-test"
VALIDATOR = Draft202012Validator(json.loads(share.SCHEMA.read_text(encoding="utf-8")))
OWN = share.Own(
    case_id="own-0001",
    happened_on="2026-06-02",
    outcome="illegitimate",
    mechanism_class="clone",
    product_class="cold",
    chain_shape="long",
    visible_in_event_data="full",
    codes=("P01", "P12"),
    traits={"P01": 1.0, "B06": 0.5, "P21": None, "units": 120.0, "return_share": 0.3},
)


def told(case: share.Own = OWN, salt: bytes = SALT) -> dict:
    [one] = json.loads(share.pack([case], salt))["cases"]
    return one


def pack_file(folder: Path, *cases: object, **head: object) -> Path:
    path = folder / "pack.json"
    whole = {"format": share.FORMAT, "version": share.VERSION, "cases": list(cases)} | head
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def test_the_printed_schema_is_that_of_the_lists_and_is_one() -> None:
    assert VALIDATOR.schema == share.schema()
    Draft202012Validator.check_schema(share.schema())


def test_every_feature_that_a_case_is_remembered_by_can_be_told_coarsely() -> None:
    assert {feature.name for feature in FEATURES} == coarse.BINNED


def test_a_case_is_told_by_signals_bins_and_words_of_closed_lists() -> None:
    assert told() == {
        "id": share.shared_id("own-0001", SALT),
        "year": 2026,
        "outcome": "illegitimate",
        "mechanism_class": "clone",
        "product_class": "cold",
        "chain_shape": "long",
        "visible_in_event_data": "full",
        "signals": {"P01": "stands", "P12": "stands", "B06": "explained", "P21": "untested"},
        "features": {"units": 4, "return_share": 2},
    }


def test_the_salt_alone_decides_the_ids(tmp_path: Path) -> None:
    assert share.pack([OWN], SALT) == share.pack([OWN], SALT)
    assert told()["id"] != told(salt=b"another salt of sixteen")["id"]
    path = tmp_path / "kept.share-salt"
    salt = share.read_salt(path)
    assert share.read_salt(path) == salt
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("short", encoding="ascii")
    with pytest.raises(InputError, match="can be guessed"):
        share.read_salt(path)


FEATURE = st.sampled_from(sorted(coarse.BINNED))
CODE = st.sampled_from([*PATTERN_CODES, *BENIGN_CODES])
# What stands in a pack anyway: an identifier that is a part of it cannot be told from it.
FIXED = json.dumps(share.schema()) + '{"cases":[],"format":"touchstone-share","version":1}'
IDENTIFIER = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=6, max_size=40
).filter(lambda text: text.lower() not in FIXED.lower())


@given(
    words=st.lists(IDENTIFIER, min_size=8, max_size=8),
    codes=st.lists(CODE, min_size=1, max_size=5, unique=True),
    features=st.dictionaries(FEATURE, st.floats(-1e9, 1e9)),
)
def test_no_identifier_of_the_warehouse_stands_in_a_pack(words, codes, features) -> None:
    outcome, mechanism, product, chain, visible, case_id, trait, code = words
    case = share.Own(
        case_id=case_id,
        happened_on=f"2026-{trait}",
        outcome=outcome,
        mechanism_class=mechanism,
        product_class=product,
        chain_shape=chain,
        visible_in_event_data=visible,
        codes=(*codes, code),
        traits={**features, trait: 1.0},
    )
    text = share.pack([case], SALT)
    assume(not set("0123456789abcdef").issuperset("".join(words)))
    for word in words:
        assert word not in text.decode("utf-8")
        assert json.dumps(word)[1:-1] not in text.decode("utf-8")
    assert list(VALIDATOR.iter_errors(json.loads(text))) == []


@given(feature=FEATURE, value=st.floats(-1e15, 1e15))
def test_what_stands_for_a_bin_lies_in_it(feature: str, value: float) -> None:
    low, high = coarse.bins_of(feature)
    place = coarse.bin_of(feature, value)
    assert low <= place <= high
    assert coarse.bin_of(feature, coarse.value_of(feature, place)) == place


def test_a_pack_is_read_again_as_told_by_others(tmp_path: Path) -> None:
    path = tmp_path / "pack.json"
    path.write_bytes(share.pack([OWN], SALT))
    assert share.is_pack(path)
    [(name, (case, traits))] = share.read_pack(path).items()
    assert name == share.shared_id("own-0001", SALT)
    assert (case.kind, case.happened_on, case.outcome) == ("imported", "2026", "illegitimate")
    assert [signal.code for signal in case.signals] == ["B06", "P01", "P12"]
    assert (case.product_class, case.chain_shape) == ("cold", "long")
    assert case.case_id.startswith("imported-")
    assert traits["P21"] is None
    assert coarse.bin_of("units", traits["units"]) == coarse.bin_of("units", 120.0)


def test_a_case_on_which_nothing_was_found_is_not_told() -> None:
    empty = share.Own("own-2", None, "cleared", "benign", None, None, "full", (), {"P21": None})
    assert json.loads(share.pack([empty, OWN], SALT))["cases"] == [told()]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "own-0001"}, "id is not 16 hexadecimal"),
        ({"year": "2026"}, "year is none"),
        ({"year": True}, "year is none"),
        ({"outcome": "guilty"}, "outcome is none of"),
        ({"mechanism_class": ["clone"]}, "mechanism_class is none of"),
        ({"title": "Lot RV1"}, "and nothing else"),
        ({"signals": {"P41": "stands"}}, "signals names what is none"),
        ({"signals": {"P01": "perhaps"}}, "signals says what is none"),
        ({"signals": {"P01": "untested"}}, "signals shows none"),
        ({"signals": []}, "is no table"),
        ({"features": {"weight": 1}}, "no feature"),
        ({"features": {"units": 99}}, "no bin of it"),
        ({"features": {"units": 1.5}}, "no bin of it"),
    ],
)
def test_a_pack_with_a_fault_is_refused_as_a_whole(tmp_path, change, said) -> None:
    other = {**told(), "id": "ab" * 8}
    path = pack_file(tmp_path, other, {**told(), **change})
    with pytest.raises(InputError, match=f"case 2: .*{said}"):
        share.read_pack(path)
    assert not VALIDATOR.is_valid(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"version": 2}, "another version than 1"),
        ({"sender": "Partner & Co"}, "and nothing else"),
        ({"cases": {}}, "a list of cases"),
    ],
)
def test_a_pack_of_another_form_is_refused(tmp_path, head, said) -> None:
    with pytest.raises(InputError, match=said):
        share.read_pack(pack_file(tmp_path, **head))
    path = tmp_path / "text.json"
    path.write_text("touchstone-share", encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON"):
        share.read_pack(path)
    with pytest.raises(InputError, match="names an id twice"):
        share.read_pack(pack_file(tmp_path, told(), told()))


def test_every_mechanism_word_can_be_told() -> None:
    assert {told(replace(OWN, mechanism_class=m))["mechanism_class"] for m in MECHANISMS} == (
        set(MECHANISMS)
    )


@pytest.mark.parametrize(
    ("storage", "name"),
    [
        ("2-8 C", "cold"),
        ("2–8 °C", "cold"),
        ("Refrigerate", "cold"),
        ("-20 C", "frozen"),
        ("15-25 C", "room"),
        ("below 30 C", "room"),
        ("", "not_stated"),
        (None, "not_stated"),
    ],
)
def test_how_a_product_is_kept_is_read_from_its_list(storage, name) -> None:
    assert coarse.product_class(storage) == name


@pytest.mark.parametrize(
    ("signals", "traits", "shape"),
    [
        (["P12"], {"hops_max": 9}, "returning"),
        ([], {"return_share": 0.5}, "returning"),
        (["P27"], {}, "broken"),
        (["P34"], {}, "across_markets"),
        (["P29"], {}, "long"),
        ([], {"hops_max": 6}, "long"),
        (["P01"], {"hops_max": 2, "countries": None}, "straight"),
        ([], {}, "not_stated"),
    ],
)
def test_the_shape_of_a_chain_is_the_most_telling_one(signals, traits, shape) -> None:
    assert coarse.chain_shape(signals, traits) == shape
