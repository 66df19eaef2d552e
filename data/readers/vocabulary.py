"""One bare word for each of the spellings a vocabulary value is written in.

The Core Business Vocabulary (CBV 1.2 and 2.0) allows ``urn:epcglobal:cbv:bizstep:shipping``,
``https://ref.gs1.org/cbv/BizStep-shipping``, the CURIE ``cbv:BizStep-shipping`` and, in JSON, the
bare ``shipping``. A partner's own value, such as a web address of his, stays as it is written.
"""

import re
from functools import lru_cache

EVENT_TYPES = frozenset(
    {
        "ObjectEvent",
        "AggregationEvent",
        "TransactionEvent",
        "TransformationEvent",
        "AssociationEvent",
    }
)
ACTIONS = frozenset({"ADD", "OBSERVE", "DELETE"})

_CBV = re.compile(
    r"(?:urn:epcglobal:cbv:(?:bizstep|disp|btt|sdt|er):"
    r"|(?:https?://(?:ref\.)?gs1\.org/cbv/|cbv:)(?:bizstep|disp|btt|sdt|er)-)(?P<word>.+)",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_WORD = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)*")
_GS1 = re.compile(r"(?:gs1:|https?://(?:ref\.)?gs1\.org/voc/)(?:MT-)?", re.IGNORECASE)

_VOCABULARY_KINDS = {
    "epcclass": "product",
    "location": "site",
    "businesslocation": "site",
    "readpoint": "site",
    "site": "site",
    "party": "party",
    "sourcedest": "party",
    "legalentity": "party",
    "owningparty": "party",
    "possessingparty": "party",
}


@lru_cache(maxsize=4096)
def bare_word(text: str) -> str:
    """Return the bare word of a business step, disposition, transaction or party type, or reason.

    ``text`` is any of the CBV spellings, or anything else. CBV words have no capitals, so that
    ``Shipping`` is the word ``shipping``; text that is no single word is returned as it is.
    """
    stated = text.strip()
    cbv = _CBV.fullmatch(stated)
    word = cbv["word"] if cbv else stated
    return word.lower() if _PLAIN_WORD.fullmatch(word) else word


@lru_cache(maxsize=1024)
def event_type(text: str) -> str:
    """Return the local name of an event type: ``ObjectEvent`` of ``epcis:ObjectEvent``."""
    return local_name(text.strip())


@lru_cache(maxsize=1024)
def measurement(text: str) -> str:
    """Return a sensor's measurement type or exception without its GS1 prefix: ``Temperature``."""
    return _GS1.sub("", text.strip(), count=1)


@lru_cache(maxsize=1024)
def vocabulary_kind(text: str) -> str:
    """Return what a master-data vocabulary describes: site, product, party or other."""
    return _VOCABULARY_KINDS.get(local_name(text.strip()).lower(), "other")


@lru_cache(maxsize=4096)
def local_name(text: str) -> str:
    """Return what follows the last ``:``, ``/``, ``#`` of a prefixed name or web address."""
    name = re.split(r"[:/#]", text.rstrip("/#:"))[-1]
    return name or text
