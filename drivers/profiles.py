"""Device profiles: what is known of particular models, kept as data in `profiles.toml`."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import Field

from drivers.tuning import Tuning


class BikeProfile(Tuning):
    """One model of bike, or a family of them; known by the name it has on Bluetooth."""

    #: For people.
    name: str
    #: Beginnings of Bluetooth names, in any case of letters.
    bluetooth_names: tuple[str, ...] = ()
    #: What to write to the control point when nothing streams, in hex; None: as the protocol does.
    start: tuple[str, ...] | None = None
    #: Protocols to listen to beside the main one, on the same connection.
    services: tuple[str, ...] = ()
    #: It hangs up unless it gets the connection parameters that it asks for.
    update_parameters: bool = False
    #: What its rider should know.
    note: str = ""
    #: Where all this was learnt.
    source: str = Field(min_length=1)


class UnknownModel(BikeProfile):
    """What holds for a bike that no profile names."""

    name: str = "unknown model"
    source: str = "nothing is known of it"


@cache
def load_profiles() -> tuple[BikeProfile, ...]:
    """All profiles. Raises pydantic's ValidationError if the shipped file is wrong."""
    text = files("drivers").joinpath("profiles.toml").read_text(encoding="utf-8")
    return tuple(BikeProfile.model_validate(one) for one in tomllib.loads(text)["profiles"])


def profile_of(bluetooth_name: str) -> BikeProfile:
    """The profile with the longest matching name; UnknownModel if none matches."""
    matching = [
        (len(start), profile)
        for profile in load_profiles()
        for start in profile.bluetooth_names
        if bluetooth_name.casefold().startswith(start.casefold())
    ]
    return max(matching, key=lambda one: one[0])[1] if matching else UnknownModel()
