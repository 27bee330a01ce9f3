"""Counts, sizes and times in words. Pure."""


def counted(count: int, what: str) -> str:
    """Return the count with its noun, such as "1 race" or "2,161 races"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def number(value: float) -> str:
    """Return a sensor's number, rounded by its size: "437", "436.8", "2.61", "0.0437"."""
    places = 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 4
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def size(size_bytes: int) -> str:
    """Return a size such as "926 B", "350 KiB" or "1.4 MiB"."""
    if size_bytes < 1024:
        return f"{size_bytes} B"
    if size_bytes < 1024**2:
        return f"{size_bytes / 1024:.0f} KiB"
    return f"{size_bytes / 1024**2:.1f} MiB"


def duration(seconds: float) -> str:
    """Return a time such as "37 s", "12 min" or "3 days", in the largest unit that fits twice."""
    for unit_s, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"
