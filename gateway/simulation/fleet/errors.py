"""Why a fleet does not race."""

from gateway.host.errors import USAGE, GatewayError


class PlanError(GatewayError):
    """Such a fleet cannot be. The text says why and what would do."""

    exit_code = USAGE


class FleetError(GatewayError):
    """Machine, cloud or network do not let it race. The text says what to do."""
