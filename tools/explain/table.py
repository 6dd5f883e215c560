"""The table that a person reads."""

from __future__ import annotations

from .costs import Memory
from .report import Report, Row

_HEAD = ("layer", "line", "params", "FLOPs", "backward", "moved", "kept", "FLOP/B", "bound", "time", "share")


def text(report: Report) -> str:
    """The whole report as aligned plain text."""
    train = report.mode == "train"
    total = report.total
    rows = [_HEAD, *(_cells(row, total.seconds) for row in report.rows)]
    if report.call:
        rows.append(("(call)", *[""] * 8, seconds(report.call), _share(report.call, total.seconds)))
    rows.append(_cells(total, total.seconds))
    if not train:
        rows = [row[:4] + row[5:] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    lines.insert(1, rule)
    lines.insert(-1, rule)
    sizes = "".join(f", {place}={size}" for place, size in report.sizes.items())
    what = "a step of training" if train else "predict"
    head = f"{report.name}: {what}, batch {report.batch}{sizes}, on {report.machine}"
    return "\n".join([head, "", *(line.rstrip() for line in lines), "", *_verdict(report, total)])


def _verdict(report: Report, total: Row) -> list[str]:
    time = f"time    predicted {seconds(total.seconds)}"
    if report.mode == "train":
        time += f" (forward {seconds(total.forward_seconds)})"
    memory = f"memory  predicted {_memory(report.memory)}"
    real = report.measured
    if real is not None:
        clock = "CPU time of one core, " if real.on_cpu_clock else ""
        time += f", measured {seconds(real.seconds)} ({clock}{seconds(real.least)} to {seconds(real.most)})"
        time += f": off by {_off(total.seconds, real.seconds)}"
        memory += f", by XLA's analysis {_memory(real.xla)}: off by {_off(report.memory.peak, real.xla.peak)}"
    return [time, memory, *(f"note: {note}" for note in report.notes)]


def _memory(memory: Memory) -> str:
    parts = f"{size(memory.arguments)} given, {size(memory.temporary)} temporary, {size(memory.results)} results"
    return f"{size(memory.peak)} ({parts})"


def _off(predicted: float, real: float) -> str:
    return f"{(predicted / real - 1) * 100:+.0f} %" if real else "?"


def _cells(row: Row, whole: float) -> tuple[str, ...]:
    return (
        row.layer,
        row.line,
        count(row.params),
        count(row.forward),
        count(row.backward),
        size(row.nbytes),
        size(row.kept),
        f"{row.intensity:.3g}" if row.nbytes else "",
        row.bound if row.layer != "total" else "",
        seconds(row.seconds),
        _share(row.seconds, whole),
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def count(number: float) -> str:
    """A number by thousands: 12.3k, 4.56M, 7.89G; nothing for 0."""
    return _scaled(number, 1000.0, ("", "k", "M", "G", "T", "P")) if number else ""


def size(nbytes: float) -> str:
    """Bytes: 12.3 KiB, 4.56 MiB; nothing for 0."""
    return _scaled(nbytes, 1024.0, (" B", " KiB", " MiB", " GiB", " TiB")) if nbytes else "0"


def seconds(value: float) -> str:
    """A time: 12.3 µs, 4.56 ms, 7.89 s."""
    if value < 1e-3:
        return f"{_digits(value * 1e6)} µs"
    return f"{_digits(value * 1e3)} ms" if value < 1.0 else f"{_digits(value)} s"


def _scaled(number: float, step: float, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if abs(number) < step * 0.9995:
            return f"{number:.0f}{unit}" if unit == units[0] else f"{_digits(number)}{unit}"
        number /= step
    return f"{_digits(number)}{units[-1]}"


def _digits(number: float) -> str:
    """Three significant digits."""
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"
