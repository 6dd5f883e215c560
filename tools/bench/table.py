"""The table that a person reads."""

from __future__ import annotations

from .timing import SIDES, Row


def number(value: float | None) -> str:
    """Three significant digits."""
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def ratio(value: float | None) -> str:
    """A ratio with two digits behind the point."""
    return "-" if value is None else f"{value:.2f}"


def table(rows: list[Row]) -> str:
    """All rows in aligned columns, then what went wrong."""
    head = ["", "unit", *SIDES, "kgc/keras", "kgc/hand", "keras/hand"]
    lines = [head]
    for row in rows:
        values = [number(row.values.get(side)) for side in SIDES]
        ratios = [ratio(row.ratio(a, b)) for a, b in (("kgc", "keras"), ("kgc", "hand"), ("keras", "hand"))]
        lines.append([row.name, row.unit, *values, *ratios])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    text.insert(1, "-" * len(text[0]))
    notes = [f"{row.name}: {side}: {note}" for row in rows for side, note in row.notes.items() if side in SIDES]
    return "\n".join([*(line.rstrip() for line in text), *([""] if notes else []), *notes])
