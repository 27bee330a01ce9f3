"""Why a fleet does not race."""


class PlanError(Exception):
    """Such a fleet cannot be. The text says why and what would do."""


class FleetError(Exception):
    """Machine, cloud or network do not let it race. The text says what to do."""
