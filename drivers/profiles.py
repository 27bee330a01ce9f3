"""Profiles of bikes: what is known of particular models, kept as data in `profiles.toml`."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import Field

from drivers.tuning import Tuning


class BikeProfile(Tuning):
    """A model of bike, or a family of models, recognised by its Bluetooth name."""

    #: The name of the model, for people.
    name: str
    #: Prefixes of its Bluetooth names, upper or lower case.
    bluetooth_names: tuple[str, ...] = ()
    #: The protocol that only these models speak, so that it identifies them without their name.
    protocol: str | None = None
    #: Commands for the FTMS control point, in hex, sent if the bike does not stream by itself;
    #: None: those of the protocol.
    start: tuple[str, ...] | None = None
    #: Protocols to listen to in addition to the main one, on the same connection.
    services: tuple[str, ...] = ()
    #: The bike disconnects unless it gets the connection parameters that it requests.
    update_parameters: bool = False
    #: What its rider should know.
    note: str = ""
    #: The project and issue or file from which this is known.
    source: str = Field(min_length=1)


class UnknownModel(BikeProfile):
    """The profile of a bike that matches no other."""

    name: str = "unknown model"
    source: str = "not in profiles.toml"


@cache
def load_profiles() -> tuple[BikeProfile, ...]:
    """Return all profiles. Raises pydantic's ValidationError if the shipped file is invalid."""
    text = files("drivers").joinpath("profiles.toml").read_text(encoding="utf-8")
    return tuple(BikeProfile.model_validate(one) for one in tomllib.loads(text)["profiles"])


def profile_of(bluetooth_name: str) -> BikeProfile:
    """Return the profile with the longest matching name prefix; UnknownModel if none matches."""
    matching = [
        (len(start), profile)
        for profile in load_profiles()
        for start in profile.bluetooth_names
        if bluetooth_name.casefold().startswith(start.casefold())
    ]
    return max(matching, key=lambda one: one[0])[1] if matching else UnknownModel()


def profile_speaking(protocol: str) -> BikeProfile:
    """Return the profile of the only models that speak a protocol; UnknownModel without one."""
    speaking = (profile for profile in load_profiles() if profile.protocol == protocol)
    return next(speaking, UnknownModel())
