"""Rows of master data, document headers, from the plain dicts that both readers make of them."""

from collections.abc import Iterator
from typing import Any

from data.readers import vocabulary
from data.readers.epcis_columns import Columns
from data.readers.epcis_parts import by_local_name, each, text_of
from data.readers.epcis_tidy import UnreadableError

_TRUE = frozenset({"true", "1", "yes"})
_FALSE = frozenset({"false", "0", "no"})
_MAX_TEXT = 2_000


def take_element(
    position: int, vocabulary_type: str | None, element: Any, columns: Columns
) -> None:
    """Append the rows of one vocabulary element: one an attribute, one a child.

    Attributes that hold fields of their own (an address) give a row for each innermost field.
    An element without any attribute gives one row with a null attribute. Raises
    ``UnreadableError`` where the element does not say whom it describes.
    """
    plain = by_local_name(element)
    subject = text_of(plain.get("id")) if isinstance(plain, dict) else None
    if subject is None:
        raise UnreadableError(
            "a master-data element does not say whom it describes",
            "Ask the sender for master data in which every element has an id.",
        )
    if len(subject) > _MAX_TEXT:
        raise UnreadableError(f"the id of a master-data element is longer than {_MAX_TEXT:,}")
    kind = vocabulary.vocabulary_kind(vocabulary_type) if vocabulary_type else "other"
    rows = [
        (position, kind, subject, name, value)
        for attribute in each(plain.get("attributes", plain.get("attribute")))
        if isinstance(attribute, dict)
        for name, value in _attribute(attribute)
    ]
    children = plain.get("children")
    if isinstance(children, dict):
        children = children.get("id")
    rows += [
        (position, kind, subject, "child", child)
        for child in map(text_of, each(children))
        if child is not None
    ]
    columns.master.extend(rows or [(position, kind, subject, None, None)])


def _attribute(attribute: dict[str, Any]) -> Iterator[tuple[str, str]]:
    stated = text_of(attribute.get("id"))
    name = vocabulary.local_name(stated) if stated else "unnamed"
    if "attribute" in attribute:
        yield from _leaves(name, attribute["attribute"])
    else:
        others = {key: value for key, value in attribute.items() if key != "id"}
        yield from _leaves(name, others.pop("#text", others))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(name if key in {"#text", "@value"} else key, member)
    elif isinstance(value, list):
        for member in value:
            yield from _leaves(name, member)
    elif isinstance(value, bool | float):
        yield name, str(value).lower()
    else:
        text = text_of(value)
        if text is not None:
            yield name, text[:_MAX_TEXT]


def document_row(
    root: dict[str, Any], business_header: Any, statement: Any
) -> tuple[str | None, str | None, str | None, str | None, bool | None, str | None]:
    """Return the row of the documents frame.

    ``root`` has the document's own fields (schemaVersion, creationDate, sender, receiver),
    ``business_header`` is the StandardBusinessDocumentHeader, ``statement`` the DSCSA transaction
    statement, the latter two as plain values or None.
    """
    version = root.get("schemaVersion")
    header = by_local_name(business_header)
    dscsa = by_local_name(statement)
    affirmed = _find(dscsa, "affirmTransactionStatement")
    stated = "" if affirmed is None else str(_flat(affirmed)).strip().lower()
    notice = text_of(_find(dscsa, "legalNotice"))
    return (
        _partner(header, "Sender") or text_of(root.get("sender")),
        _partner(header, "Receiver") or text_of(root.get("receiver")),
        text_of(_find(header, "CreationDateAndTime")) or text_of(root.get("creationDate")),
        str(version) if isinstance(version, float) else text_of(version),
        True if stated in _TRUE else False if stated in _FALSE else None,
        notice and notice[:_MAX_TEXT],
    )


def _flat(value: Any) -> Any:
    return value if isinstance(value, bool) else text_of(value)


def _partner(header: Any, name: str) -> str | None:
    partner = _find(header, name)
    if isinstance(partner, list):
        partner = partner[0] if partner else None
    if isinstance(partner, dict):
        identifier = _find(partner, "Identifier")
        return text_of(identifier) or text_of(partner)
    return text_of(partner)


def _find(tree: Any, name: str) -> Any:
    """Return the first value under a name, whatever its capitals, anywhere in a tree."""
    if isinstance(tree, list):
        for member in tree:
            found = _find(member, name)
            if found is not None:
                return found
    if isinstance(tree, dict):
        for key, member in tree.items():
            if key.lower() == name.lower():
                return member
        for member in tree.values():
            found = _find(member, name)
            if found is not None:
                return found
    return None
