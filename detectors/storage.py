"""Fitted detectors as files: arrays and JSON in one ``.npz``, never pickle.

A file holds numbers only, so opening one from a stranger runs nothing. The JSON names the format's
version; a file of another version is refused, not guessed at.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from detectors.contrast import CaseContrast, Metric
from detectors.counterfeit import Component, CounterfeitDetector
from detectors.density import Layer, LocalDensity
from detectors.neighbours import NeighbourIndex
from detectors.prototype_classifier import PrototypeClassifier
from detectors.quantised import QuantisedPrototypeClassifier
from detectors.views import Views

FORMAT_VERSION = 2

_CLASSES = {
    cls.__name__: cls
    for cls in (
        CaseContrast, Component, CounterfeitDetector, Layer, LocalDensity, Metric, NeighbourIndex,
        PrototypeClassifier, QuantisedPrototypeClassifier, Views,
    )
}  # fmt: skip
_INDEX_FIELDS = ("rows", "weights", "relevance")  # the rest of an index is made from these


def save(detector: Any, path: Path) -> None:
    """Write a fitted detector to ``path`` (``.npz``)."""
    arrays: dict[str, Any] = {}
    tree = {"version": FORMAT_VERSION, "detector": _pack(detector, arrays)}
    text = json.dumps(tree, sort_keys=True)
    with path.open("wb") as file:
        np.savez_compressed(file, tree=np.frombuffer(text.encode(), dtype=np.uint8), **arrays)


def load(path: Path) -> Any:
    """Read a detector that answers as the saved one did."""
    with np.load(path, allow_pickle=False) as arrays:
        tree = json.loads(arrays["tree"].tobytes().decode())
        if tree.get("version") != FORMAT_VERSION:
            raise ValueError(
                f"{path.name} has format version {tree.get('version')}; this program reads "
                f"version {FORMAT_VERSION}. Fit the detector again and save it."
            )
        return _unpack(tree["detector"], arrays)


def _pack(value: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            value = value.astype(str)
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return {"list": [_pack(one, arrays) for one in value], "is_tuple": isinstance(value, tuple)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    name = type(value).__name__
    if name not in _CLASSES:
        raise TypeError(f"a {name} cannot be stored")
    chosen = _INDEX_FIELDS if isinstance(value, NeighbourIndex) else sorted(vars(value))
    return {"class": name, "fields": {f: _pack(getattr(value, f), arrays) for f in chosen}}


def _unpack(node: Any, arrays: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if "array" in node:
        return arrays[node["array"]]
    if "list" in node:
        items = [_unpack(one, arrays) for one in node["list"]]
        return tuple(items) if node["is_tuple"] else items
    cls: Any = _CLASSES[node["class"]]
    fields = {name: _unpack(one, arrays) for name, one in node["fields"].items()}
    if cls in (NeighbourIndex, Layer, Metric, Component, Views):
        return cls(**fields)
    made = cls.__new__(cls)
    vars(made).update(fields)
    return made
