"""A rider who does not exist on a bike that does not exist, as an ordinary driver."""

from drivers.fake.driver import FakeBike

__all__ = ["FakeBike"]
