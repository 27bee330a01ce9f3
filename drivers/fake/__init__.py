"""A simulated rider on a simulated bike, as an ordinary driver."""

from drivers.fake.driver import FakeBike

__all__ = ["FakeBike"]
