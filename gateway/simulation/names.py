"""First names for simulated riders, short enough for the backend's columns. Pure."""

NAMES = (
    "Ada", "Bruno", "Chiara", "Deniz", "Emeka", "Freya", "Goran", "Hana", "Iker", "Jonas",
    "Kalani", "Lena", "Mateo", "Nadia", "Oskar", "Priya", "Quinn", "Rosa", "Sami", "Tove",
)  # fmt: skip


def name_of(number: int) -> str:
    """Return the name of rider `number` (1, 2, …); each rider's is different."""
    lap, name = divmod(number - 1, len(NAMES))
    return NAMES[name] + (str(lap + 1) if lap else "")
