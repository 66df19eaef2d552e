"""An odd event put into the strict shape, where its meaning is certain."""

from typing import Any, NamedTuple

from data.readers import vocabulary
from data.readers.epcis_parts import each, number_of, text_of
from data.readers.epcis_source import MAX_EPCS

TEXT_FIELDS = (
    ("event_type", "type"),
    ("action", "action"),
    ("event_id", "eventID"),
    ("event_time", "eventTime"),
    ("zone_offset", "eventTimeZoneOffset"),
    ("record_time", "recordTime"),
    ("step", "bizStep"),
    ("disposition", "disposition"),
    ("transformation_id", "transformationID"),
)
PLACE_FIELDS = (("read_point", "readPoint"), ("biz_location", "bizLocation"))
# The role codes index ``epcis_columns.ROLES``.
EPC_LISTS = ((0, "epcList"), (2, "childEPCs"), (3, "inputEPCList"), (4, "outputEPCList"))
QUANTITY_LISTS = (
    (0, "quantityList"),
    (2, "childQuantityList"),
    (3, "inputQuantityList"),
    (4, "outputQuantityList"),
)
PARTY_LISTS = (("source", "sourceList"), ("destination", "destinationList"))
ELEMENT_NAMES = {
    "quantityList": "quantityElement",
    "childQuantityList": "quantityElement",
    "inputQuantityList": "quantityElement",
    "outputQuantityList": "quantityElement",
    "sourceList": "source",
    "destinationList": "destination",
    "bizTransactionList": "bizTransaction",
}
# Fields that the columns take whole; all others of an event are looked at one by one.
PLAIN_FIELDS = frozenset(
    {
        *(name for _, name in (*TEXT_FIELDS, *PLACE_FIELDS, *EPC_LISTS, *QUANTITY_LISTS)),
        *(name for _, name in PARTY_LISTS),
        "bizTransactionList",
        "parentID",
        "@context",
    }
)
_LISTS = tuple(
    name
    for name in (
        *(name for _, name in (*EPC_LISTS, *QUANTITY_LISTS, *PARTY_LISTS)),
        "bizTransactionList",
    )
)
_ASK_SENDER = "Ask the sender to correct and resend the event."


class UnreadableError(Exception):
    """An event whose meaning is not certain; says why and what to do."""

    def __init__(self, reason: str, remedy: str = _ASK_SENDER) -> None:
        """Say why and what to do, in words for people."""
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


class Unparsed(NamedTuple):
    """Stands in the place of an event whose bytes could not be made a value: why, what to do."""

    reason: str
    remedy: str


class Omitted(int):
    """Stands in a list for so many members, which a reader left out to spare the memory."""


def tidy(value: Any, max_epcs: int = MAX_EPCS) -> dict[str, Any]:
    """Return an event in the strict shape: texts as text, lists as lists, places as objects.

    ``value`` is anything a JSON document may hold in the place of an event. Raises
    ``UnreadableError`` where it is no event, its meaning is not certain, or its lists have more
    than ``max_epcs`` members.
    """
    if not isinstance(value, dict):
        is_unparsed = isinstance(value, Unparsed)
        why = value if is_unparsed else (f"where an event is expected stands {_kind(value)}",)
        raise UnreadableError(*why)
    event = dict(value)
    event["type"] = event_type(event)
    if (count := _members(event)) > max_epcs:
        raise UnreadableError(*too_many_epcs(count, max_epcs))
    event.pop("isA", None)
    for _, name in (*TEXT_FIELDS, ("", "parentID")):
        if name in event:
            event[name] = _text(name, event[name])
    for _, name in PLACE_FIELDS:
        if name in event:
            event[name] = _place(name, event[name])
    for _, name in EPC_LISTS:
        if name in event:
            event[name] = _epcs(name, event[name])
    for _, name in QUANTITY_LISTS:
        if name in event:
            event[name] = [_quantity(name, element) for element in _elements(name, event[name])]
    for name, element in (
        ("bizTransactionList", "bizTransaction"),
        ("sourceList", "source"),
        ("destinationList", "destination"),
    ):
        if name in event:
            event[name] = [_typed(name, element, member) for member in _elements(name, event[name])]
    return event


def too_many_epcs(count: int, max_epcs: int) -> tuple[str, str]:
    """Why an event with so many members is set aside, and what to do."""
    return (
        f"the lists of the event have {count:,} members, more than {max_epcs:,}",
        "Ask the sender to split the event, or raise max_epcs_per_event in the settings before "
        "the file is read.",
    )


def _members(event: dict[str, Any]) -> int:
    """How many members the lists of an event have."""
    count = 0
    for name in _LISTS:
        value = event.get(name)
        if isinstance(value, dict):
            value = next(iter(value.values()), None)
        if isinstance(value, list):
            count += len(value)
            if value and type(value[0]) is Omitted:
                count += value[0] - 1
    return count


def _kind(value: Any) -> str:
    names = {str: "text", list: "a list", dict: "an object", bool: "a truth value"}
    return "nothing" if value is None else names.get(type(value), "a number")


def event_type(event: dict[str, Any]) -> str:
    """The type that an event states; raises ``UnreadableError`` where it is none of EPCIS."""
    stated = text_of(event.get("type")) or text_of(event.get("isA")) or text_of(event.get("@type"))
    if stated is None:
        raise UnreadableError("the event does not say which type of event it is")
    name = vocabulary.event_type(stated)
    if name == "QuantityEvent":
        raise UnreadableError(
            "QuantityEvent is an EPCIS 1.0 type that later versions withdrew",
            "Ask the sender for an ObjectEvent with a quantityList instead.",
        )
    if name not in vocabulary.EVENT_TYPES:
        raise UnreadableError("the event's type is none of the five of EPCIS")
    return name


def _text(name: str, value: Any) -> str | None:
    if value is None or value in ("", []):
        return None
    text = text_of(value)
    if text is None and not (isinstance(value, str) and not value.strip()):
        raise UnreadableError(f"{name} should be one text and is {_kind(value)}")
    return text


def _place(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return {}
    if isinstance(value, dict):
        others = {key: member for key, member in value.items() if key not in {"id", "@id"}}
        stated = _text(name, value.get("id", value.get("@id")))
        return {"id": stated, **others}
    return {"id": _text(name, value)}


def _epcs(name: str, value: Any) -> list[str]:
    if isinstance(value, dict) and "epc" in value:
        value = value["epc"]
    texts = []
    for member in each(value):
        text = text_of(member)
        if text is not None:
            texts.append(text)
        elif member is not None and member != "":
            raise UnreadableError(f"an identifier in {name} should be text and is {_kind(member)}")
    return texts


def _elements(name: str, value: Any) -> list[Any]:
    if isinstance(value, dict) and isinstance(value.get(ELEMENT_NAMES[name]), list | dict):
        value = value[ELEMENT_NAMES[name]]
    return [member for member in each(value) if member is not None]


def _quantity(name: str, element: Any) -> dict[str, Any]:
    if not isinstance(element, dict):
        raise UnreadableError(f"a member of {name} should be an object and is {_kind(element)}")
    stated = element.get("quantity")
    quantity = number_of(stated)
    if quantity is None and not _is_blank(stated):
        raise UnreadableError(f"a quantity in {name} is not a number")
    if quantity is not None and quantity < 0:
        raise UnreadableError(f"a quantity in {name} is negative")
    identifier = _text("epcClass", element.get("epcClass"))
    if identifier is None:
        raise UnreadableError(f"a quantity in {name} does not say of which class it is")
    return {"epcClass": identifier, "quantity": quantity, "uom": _text("uom", element.get("uom"))}


def _is_blank(value: Any) -> bool:
    return value in (None, {}, [], "") or (isinstance(value, str) and not value.strip())


def _typed(name: str, element: str, member: Any) -> dict[str, Any]:
    """Return a transaction or party: an object with its type, or the bare text without one."""
    if not isinstance(member, dict):
        return {element: _text(name, member)}
    return {
        element: _text(name, member.get(element, member.get("#text", member.get("id")))),
        "type": _text("type", member.get("type", member.get("@type"))),
    }
