"""Tests for drivers, to be run with pytest: see docs/writing-a-driver.md.

A test module of a driver defines a fixture `bike`, and imports the tests:

    from drivers.testing import BikeUnderTest, DriverContract

    class TestMyBike(DriverContract): ...

It needs the extra `testing` of this package. The gateway never imports it.
"""

import pytest

# Before the import, so that a failing assertion shows its values.
pytest.register_assert_rewrite("drivers.testing.driver_contract")

from drivers.testing.bike_under_test import BikeUnderTest  # noqa: E402 see above
from drivers.testing.driver_contract import DriverContract  # noqa: E402
from drivers.testing.fast_clock import FastClock  # noqa: E402

__all__ = ["BikeUnderTest", "DriverContract", "FastClock"]
