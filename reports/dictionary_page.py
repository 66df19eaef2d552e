"""The data dictionary as one page by itself; everything shows, so a browser's search finds it."""

from importlib.resources.abc import Traversable

from data.warehouse.dictionary import INTRODUCTION, sections
from reports import wording
from reports.write import environment


def dictionary_page(root: Traversable | None = None) -> str:
    """Return the HTML of the dictionary. Raises ModelError where a header does not hold."""
    page = environment().get_template("dictionary.html.j2")
    found = sections(root)
    known = {entry.name for section in found for entry in section.entries}
    return page.render(
        introduction=INTRODUCTION.replace("`", ""),
        sections=found,
        known=known,
        words=wording.page() | wording.table("dictionary"),
    )
