"""What a report's HTML shows and what it folds, and whether it is put together as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

ALLOWED = {
    "dl": {"dt", "dd"},
    "ul": {"li"},
    "ol": {"li"},
    "table": {"caption", "thead", "tbody"},
    "thead": {"tr"},
    "tbody": {"tr"},
    "tr": {"th", "td"},
    "p": {"b", "br", "code", "i"},
}
VOID = {"br"}


@dataclass
class Node:
    tag: str
    attributes: dict = field(default_factory=dict)
    children: list = field(default_factory=list)  # nodes and texts

    @property
    def nodes(self):
        return [child for child in self.children if isinstance(child, Node)]

    @property
    def text(self):
        return "".join(c if isinstance(c, str) else c.text or "\n" for c in self.children)

    def everywhere(self):
        yield self
        for node in self.nodes:
            yield from node.everywhere()


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Node("page")]

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop().tag == tag, f"</{tag}> closes what is not open"

    def handle_data(self, data):
        self.open[-1].children.append(data)


def parsed(html):
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert [node.tag for node in parser.open] == ["page"], "not all is closed"
    return parser.open[0]


def misplaced(html):
    """Elements where they may not be, lists without items, and table heads of nothing."""
    found = []
    for node in parsed(html).everywhere():
        inside = {child.tag for child in node.nodes}
        found += [f"{tag} in {node.tag}" for tag in inside - ALLOWED.get(node.tag, inside)]
        if node.tag in ("dl", "ul", "ol") and not inside:
            found.append(f"empty {node.tag}")
        if node.tag == "th" and node.attributes.get("scope") not in ("col", "row"):
            found.append("th without a scope")
        if node.tag == "details" and [n.tag for n in node.nodes].index("summary") != 0:
            found.append("details without a summary")
    return found


def folds(html):
    """The titles of all that is folded, but not of what is folded in it."""
    return [node.nodes[0].text for node in _outermost(parsed(html))]


def unfolded(html):
    """The text that is shown before anything is opened."""

    def shown(node):
        parts = node.children if node.tag != "details" else []
        return "".join(part if isinstance(part, str) else f"{shown(part)}\n" for part in parts)

    return shown(parsed(html))


def _outermost(node):
    for child in node.nodes:
        if child.tag == "details":
            yield child
        else:
            yield from _outermost(child)
