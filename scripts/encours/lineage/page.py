"""The lineage of a column as one HTML page that needs nothing from outside."""

import re
from collections.abc import Iterable, Sequence
from html import escape

from encours.lineage.graph import Branch, Graph, Node, Step, leaves
from encours.lineage.terms import ROWS, Kind

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #7779; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; }
body { padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
h3 { margin: 1.6rem 0 .3rem; font-family: ui-monospace, monospace; font-size: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem; }
th, td { border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
code, td:first-child, summary, li { font-family: ui-monospace, monospace; font-size: .86rem; }
ul { list-style: none; padding-left: 1.3rem; margin: 0; border-left: 1px solid var(--line); }
a { color: inherit; text-decoration-color: var(--soft); }
:target { background: #fd04; }
small, .how { font-family: system-ui, sans-serif; opacity: .7; font-size: .8rem; }
.condition > summary, .condition { font-style: italic; }
"""


def render(
    root: Node, graph: Graph, description: str, published: str, depth: int | None = None
) -> str:
    """Write the page.

    Args:
        root: The column.
        graph: The published lineage.
        description: What the column means, in Markdown.
        published: What is said of the publication, such as its run.
        depth: How many steps back the tree shows; None for all.
    """
    kinds: dict[Node, Kind] = {root: "value", **graph.kinds([root])}
    found = leaves(kinds)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Lineage of {escape(root.label)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(root.column)}</h1><p><code>{escape(root.label)}</code> · "
        f"{escape(published)}</p>",
        *(f"<p>{_marked(each)}</p>" for each in description.split("\n\n") if each.strip()),
        "<h2>The way back</h2><p>What the value is made of; of a count, what decides it "
        "<i>(in italics)</i>. Each column is opened where it stands first.</p><ul>",
        *_branches(graph.tree(root, depth), graph),
        "</ul><h2>Columns of the feeds and files</h2>",
        *_sources("Made of", found["value"], graph),
        *_sources("Decided by", found["condition"], graph),
        "<h2>Every step</h2><p>One step back from each column. Values go into it; conditions "
        "decide it: tests, filters, keys of joins, groups, windows.</p>",
        *_tables(kinds, graph),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """A paragraph of a description, which knows bold and code."""
    bold = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escape(text))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", bold)


def _branches(branch: Branch, graph: Graph) -> Iterable[str]:
    step = branch.step
    style = ' class="condition"' if step and step.kind == "condition" else ""
    text = _link(branch.node, branch.node.label, graph) + (_how(step) if step else "")
    if not branch.children:
        note = " <small>opened above</small>" if branch.is_repeated else ""
        if branch.hidden:
            note = f" <small>{branch.hidden} more steps back</small>"
        yield f"<li{style}>{text}{note}</li>"
        return
    yield f"<li><details open{style}><summary>{text}</summary><ul>"
    for child in branch.children:
        yield from _branches(child, graph)
    yield "</ul></details></li>"


def _sources(title: str, nodes: Sequence[Node], graph: Graph) -> Iterable[str]:
    feeds = [node for node in nodes if node.type == "feed" and not node.column.startswith("_")]
    yield f"<h3>{title}</h3>"
    if not feeds:
        yield "<p>Nothing.</p>"
        return
    yield "<table><tr><th>Column of a feed</th><th>Column of a file</th><th>By</th></tr>"
    for node in feeds:
        steps = graph.back(node)
        if node.column == ROWS and not steps:
            continue
        files = "<br>".join(escape(step.origin.label) for step in steps) or "not delivered"
        by = "<br>".join(dict.fromkeys(escape(step.expression or "") for step in steps))
        link = _link(node, node.label, graph)
        yield f"<tr><td>{link}</td><td>{files}</td><td><code>{by}</code></td></tr>"
    yield "</table>"


def _tables(kinds: dict[Node, Kind], graph: Graph) -> Iterable[str]:
    places: dict[str, list[Node]] = {}
    for node in kinds:
        if graph.back(node):
            places.setdefault(node.place, []).append(node)
    for place, nodes in places.items():
        yield f"<h3>{escape(place)}</h3>"
        yield "<table><tr><th>Column</th><th>Values</th><th>Conditions</th></tr>"
        for node in sorted(nodes):
            steps = graph.back(node)
            name = "(its rows)" if node.column == ROWS else node.column
            cells = "".join(
                f"<td>{_listed([step for step in steps if step.kind == kind], graph)}</td>"
                for kind in ("value", "condition")
            )
            yield f'<tr id="{_anchor(node)}"><td>{escape(name)}</td>{cells}</tr>'
        yield "</table>"


def _listed(steps: Sequence[Step], graph: Graph) -> str:
    """The columns that are read, under the tables that they are in."""
    places: dict[str, list[str]] = {}
    for step in steps:
        name = "its rows" if step.origin.column == ROWS else step.origin.column
        places.setdefault(step.origin.place, []).append(
            _link(step.origin, name, graph) + _how(step)
        )
    return "<br>".join(
        f"<code>{escape(place)}</code>: {', '.join(names)}" for place, names in places.items()
    )


def _link(node: Node, text: str, graph: Graph) -> str:
    """A link to the steps back from a column, if there are any."""
    return f'<a href="#{_anchor(node)}">{escape(text)}</a>' if graph.back(node) else escape(text)


def _how(step: Step) -> str:
    if step.transformations in ("identity", "rows"):
        return ""
    return f' <span class="how">{escape(step.transformations.replace("_", " "))}</span>'


def _anchor(node: Node) -> str:
    return escape(f"{node.schema}.{node.table}.{node.column}", quote=True).replace(" ", "_")
