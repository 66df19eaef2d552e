"""Files of cases: what is written is read again, and what strangers write is distrusted."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.cases.exchange import MOST_BYTES, read_added, read_import, written
from data.errors import InputError

HEAD = {"format": "touchstone-cases", "version": 1}
CASE = {
    "case_id": "pens-2026",
    "title": "Pens from a parallel trader",
    "happened_on": "2026-03",
    "product": "Relvacept 1 mg pen",
    "mechanism_class": "relabelled",
    "mechanism": "Expired pens got new labels.",
    "outcome": "Destroyed.",
    "visible_in_event_data": "full",
    "markets": ["DE", "PL"],
    "lots": ["RV1"],
    "signals": [{"code": "P08", "why": "two expiry dates"}, {"code": "P11", "why": "sold twice"}],
    "traits": {"P08": 1, "P17": None, "km_total": 812.5},
    "sources": [{"title": "Letter", "url": "https://example.org/letter"}],
}


def file_of(folder: Path, *entries: object, head: object = HEAD) -> Path:
    path = folder / "cases.jsonl"
    path.write_text("\n".join(json.dumps(one) for one in (head, *entries)), encoding="utf-8")
    return path


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(written([CASE]))
    [(case, traits)] = read_import(path)
    assert (case.kind, case.title, case.lots) == ("imported", CASE["title"], ("RV1",))
    assert [signal.code for signal in case.signals] == ["P08", "P11"]
    assert traits == {"P08": 1.0, "P17": None, "km_total": 812.5}
    assert written([CASE]) == written([dict(reversed(CASE.items()))])


def test_a_case_from_elsewhere_is_named_by_its_content_and_never_as_ours(tmp_path: Path) -> None:
    other = {**CASE, "case_id": "own-0001", "title": "Other"}
    names = [case.case_id for case, _ in read_import(file_of(tmp_path, CASE, CASE, other))]
    assert len(names) == 2  # told twice is told once
    assert all(name.startswith("imported-") for name in names)


def test_toml_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "cases.toml"
    path.write_text(
        'format = "touchstone-cases"\nversion = 1\n[[case]]\ncase_id = "pens-2026"\n'
        'title = "t"\nmechanism_class = "relabelled"\noutcome = "o"\n'
        'visible_in_event_data = "full"\nsignals = [{code = "P08", why = "w"}]\n',
        encoding="utf-8",
    )
    [(case, _)] = read_import(path)
    assert case.title == "t"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "x" * 301}, "title has 301 characters"),
        ({"title": 7}, "title is no text"),
        ({"title": "a\x1b[2Jb"}, "title holds control characters"),
        ({"title": "a\u202eb"}, "title holds control characters"),
        ({"title": ""}, "lacks title"),
        ({"case_id": "../../etc"}, "case_id is not an id"),
        ({"happened_on": "yesterday"}, "happened_on is not a year"),
        ({"visible_in_event_data": "maybe"}, "visible_in_event_data is not full"),
        ({"signals": "P01"}, "signals is no list"),
        ({"signals": [{"code": "P41", "why": "w"}]}, "is none of P01 to P40"),
        ({"signals": [{"code": "P01"}]}, "needs code and why"),
        ({"signals": [{"code": "P01", "why": "w"}] * 2}, "names a signal twice"),
        ({"signals": [{"code": ["P01"], "why": "w"}]}, "is none of P01 to P40"),
        ({"traits": {"km": "far"}}, "traits holds what is no number"),
        ({"traits": {"km": True}}, "traits holds what is no number"),
        ({"traits": {"km": 10**400}}, "traits holds what is no number"),
        ({"traits": {"k m": 1}}, "traits has a name that is none"),
        ({"lots": ["a"] * 201}, "lots has 201 entries"),
        ({"lots": [["a"]]}, "lots is no text"),
        ({"sources": [{"title": "t", "url": "javascript:alert(1)"}]}, "url is no web address"),
        ({"product_class": "pills"}, "product_class is not cold"),
        ({"chain_shape": "odd"}, "chain_shape is not returning"),
        ({"serial": "A1"}, "'serial' is no field of a case"),
        ({"kind": "own"}, "'kind' is no field of a case"),
    ],
)
def test_a_field_of_the_wrong_kind_or_size_refuses_the_file(tmp_path, change, said) -> None:
    path = file_of(tmp_path, CASE, {**CASE, **change})
    with pytest.raises(InputError, match=f"line 3: .*{said}") as told:
        read_import(path)
    assert "\x1b" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is not JSON"),
        (b"{}", "no file of cases"),
        (b'{"format": "touchstone-cases", "version": 3}', "version 3 .* reads version 1 or 2"),
        (b'{"format": "touchstone-cases", "version": 1}\n[]', "line 2: is no case"),
        (b'{"format": "touchstone-cases", "version": 1}\n\xff', "line 2: is not JSON in UTF-8"),
        (b'{"format": "touchstone-cases", "version": 1}\n' + b"[" * 100_000, "line 2: is not JSON"),
        (b'{"format": "touchstone-cases", "version": 1}\n{"a": 1, "a": 2}', "line 2: is not JSON"),
        (b'{"format": "touchstone-cases", "version": 1}\n{"a": NaN}', "line 2: is not JSON"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(text)
    with pytest.raises(InputError, match=said):
        read_import(path)


def test_a_file_too_large_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match="Split the file"):
        read_import(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(field=st.sampled_from([*CASE]), value=JSON)
def test_whatever_stands_in_a_field_it_is_taken_or_refused(tmp_path_factory, field, value) -> None:
    path = tmp_path_factory.mktemp("any") / "cases.jsonl"
    path.write_text(f"{json.dumps(HEAD)}\n{json.dumps({**CASE, field: value})}", encoding="utf-8")
    try:
        [(case, _)] = read_import(path)
    except InputError:
        return
    assert case.kind == "imported"


ADDED = """
case_id = "pens-2026"
title = "Pens from a parallel trader"
mechanism_class = "relabelled"
mechanism = "Expired pens got new labels."
outcome = "Destroyed."
visible_in_event_data = "full"
signals = [{code = "P08", why = "two expiry dates"}]
"""


def test_a_case_written_down_is_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "pens.toml"
    path.write_text(ADDED, encoding="utf-8")
    case, _ = read_added(path)
    assert (case.kind, case.case_id) == ("own", "pens-2026")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"pens-2026"', '"own-0003"', "of those that Touchstone gives itself"),
        (
            'title = "Pens',
            'kind = "public"\ntitle = "Pens',
            "kind is 'public', expected own or simulated",
        ),
        ('"P08"', '"P99"', "is none of P01 to P40"),
        ("title = ", "title ", "is not TOML"),
    ],
)
def test_a_case_written_down_wrongly_is_refused(tmp_path, old, new, said) -> None:
    path = tmp_path / "pens.toml"
    path.write_text(ADDED.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_added(path)
