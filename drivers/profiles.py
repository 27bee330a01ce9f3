"""Profiles of bikes: what is known of particular models, kept as data in `profiles.toml`."""

import re
import tomllib
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from pydantic import Field

from drivers.tuning import Tuning


class BikeProfile(Tuning):
    """A model of bike, or a family of models, recognised by its Bluetooth name."""

    #: The name of the model, for people.
    name: str
    #: Patterns of its Bluetooth names, as in `fnmatch`, upper or lower case.
    bluetooth_names: tuple[str, ...] = ()
    #: Whether these are bikes. Treadmills and rowers of the same make have similar names.
    is_bike: bool = True
    #: The protocol that only these models speak, so that it identifies them without their name.
    protocol: str | None = None
    #: Protocols that give nothing useful with these models, although they offer the service.
    mute: tuple[str, ...] = ()
    #: Commands for the FTMS control point, in hex, sent if the bike sends nothing or only zeros;
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
    """Return the profile with the most specific matching name; UnknownModel if none matches."""
    matching = [
        (_specificity(pattern), profile)
        for profile in load_profiles()
        for pattern in profile.bluetooth_names
        if fnmatchcase(bluetooth_name.casefold(), pattern.casefold())
    ]
    return max(matching, key=lambda one: one[0])[1] if matching else UnknownModel()


def _specificity(pattern: str) -> tuple[int, int, bool]:
    """Return what a pattern demands: literal characters, characters in all, a fixed length."""
    one_each = re.sub(r"\[[^]]+\]", "?", pattern).replace("*", "")
    return len(one_each.replace("?", "")), len(one_each), "*" not in pattern


def profile_speaking(protocol: str, bluetooth_name: str = "") -> BikeProfile:
    """Return the profile of a name; if it matches none, that of the only models with the protocol.

    UnknownModel without either.
    """
    named = profile_of(bluetooth_name)
    if not isinstance(named, UnknownModel):
        return named
    speaking = (profile for profile in load_profiles() if profile.protocol == protocol)
    return next(speaking, named)
