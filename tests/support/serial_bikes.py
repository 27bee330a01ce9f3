"""The bike's end of the serial protocols."""

from collections.abc import Callable, Mapping

from drivers.protocols.serial import (
    computrainer,
    daum,
    daum_premium,
    kettler,
    lines,
    monark,
)
from drivers.protocols.serial.peloton import (
    PelotonOp,
    PelotonRequest,
    PelotonResponse,
    decode_request,
    encode_response,
)
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE


class WiredBike:
    """A bike at the other end of a line, which answers, or sends by itself."""

    def answer(self, data: bytes) -> bytes:
        """Return the answer to the bytes that arrived."""
        del data
        return b""

    def says(self) -> bytes:
        """Return what the bike sends by itself now, ten times a second."""
        return b""


class LinesBike(WiredBike):
    def says(self) -> bytes:
        return lines.encode_pairs(rpm=70, res=417)


class PelotonBike(WiredBike):
    """A bike that answers requests, whole or in pieces. Its table is 7 above the default."""

    def __init__(self, cadence_rpm: int = 90) -> None:
        self.cadence_rpm = cadence_rpm
        self.table = [raw + 7 for raw in DEFAULT_RESISTANCE_TABLE]
        self.asked: list[PelotonRequest] = []
        self._held = b""

    def answer(self, data: bytes) -> bytes:
        answers = b""
        *whole, self._held = (self._held + data).split(b"\xf6")
        for one in whole:
            request = decode_request(one + b"\xf6")
            if request is not None:
                self.asked.append(request)
                answers += self._answer(request)
        return answers

    def _answer(self, request: PelotonRequest) -> bytes:
        values = {
            PelotonOp.CADENCE: self.cadence_rpm,
            PelotonOp.POWER: 1500,
            PelotonOp.RESISTANCE_RAW: self.table[15],
        }
        if request.table_index is not None:
            return encode_response(PelotonResponse(request.op, self.table[request.table_index]))
        if request.op not in values:
            return b""
        return encode_response(PelotonResponse(request.op, values[request.op]))


class KettlerBike(WiredBike):
    """A bike that answers `ST`; at a wrong baud rate it receives only noise."""

    STATUS = kettler.KettlerStatus(0, 75, 266, 1, 70, 12, 36, 65)

    def answer(self, data: bytes) -> bytes:
        return kettler.encode_status(self.STATUS) * data.count(b"ST\r\n")


class DaumBike(WiredBike):
    ADDRESS = 0
    RIDE = daum.DaumRide(ADDRESS, True, 19, 60, 22, 1017, 11816, 0, 7)

    def answer(self, data: bytes) -> bytes:
        match daum.decode_request(data):
            case daum.DaumRequest(daum.DaumOp.ADDRESS):
                return daum.encode_address(self.ADDRESS)
            case daum.DaumRequest(daum.DaumOp.RIDE, self.ADDRESS):
                return daum.encode_ride(self.RIDE)
            case _:
                return b""


class DaumPremiumBike(WiredBike):
    """A bike that takes no request before its last answer was confirmed."""

    RIDE = daum_premium.PremiumRide(
        time_s=10,
        heart_rate_bpm=99,
        speed_m_per_s=10.0,
        distance_m=150,
        cadence_rpm=90.1,
        power_w=130,
        gear_plus_1=11,
    )

    def __init__(self) -> None:
        self._held = b""
        self._is_unconfirmed = False

    def answer(self, data: bytes) -> bytes:
        self._held += data
        if daum_premium.CONFIRM in self._held:
            self._is_unconfirmed = False
        *requests, self._held = self._held.replace(daum_premium.CONFIRM, b"").split(b"\x17")
        return b"".join(self._answer(request + b"\x17") for request in requests)

    def _answer(self, data: bytes) -> bytes:
        if self._is_unconfirmed:
            return b""
        if daum_premium.decode_message(data) != daum_premium.DaumMessage(daum_premium.RIDE):
            return daum_premium.REFUSE
        self._is_unconfirmed = True
        answer = daum_premium.encode_message(daum_premium.encode_ride(self.RIDE))
        return daum_premium.CONFIRM + answer


class MonarkBike(WiredBike):
    VALUES: Mapping[monark.MonarkQuestion, int] = {
        monark.MonarkQuestion.POWER: 120,
        monark.MonarkQuestion.PULSE: 0,
        monark.MonarkQuestion.PEDAL: 61,
    }

    def answer(self, data: bytes) -> bytes:
        question = monark.decode_question(data)
        if question is monark.MonarkQuestion.ID:
            return b"LC4\r"
        return b"" if question is None else monark.encode_answer(self.VALUES[question])


class CompuTrainerBike(WiredBike):
    """A trainer that begins to send after seven settings, and ends 1.5 s after the last one."""

    #: How often `says` is called in 1.5 s.
    TURNS = 15

    def __init__(self) -> None:
        self.settings: list[computrainer.BrakeSetting] = []
        self._held = b""
        self._turns_left = 0

    def answer(self, data: bytes) -> bytes:
        self._held += data
        if self._held.endswith(computrainer.CHALLENGE):
            self.settings, self._held, self._turns_left = [], b"", self.TURNS
            return computrainer.ACCEPTANCE
        while self._turns_left and len(self._held) >= computrainer.PACKET_BYTES:
            packet = self._held[: computrainer.PACKET_BYTES]
            self._held = self._held[computrainer.PACKET_BYTES :]
            setting = computrainer.decode_setting(packet)
            if setting is not None:
                self.settings.append(setting)
                self._turns_left = self.TURNS
        return b""

    def says(self) -> bytes:
        self._turns_left = max(0, self._turns_left - 1)
        if not self._turns_left or len(self.settings) < 7:
            return b""
        return b"".join(
            computrainer.encode_message(computrainer.TrainerMessage(kind, value))
            for kind, value in ((1, 1000), (2, 205), (3, 0xC00), (6, 0x85A))
        )


#: One bike of each protocol on a serial line.
BIKES: Mapping[str, Callable[[], WiredBike]] = {
    "lines": LinesBike,
    "peloton": PelotonBike,
    "kettler": KettlerBike,
    "daum": DaumBike,
    "daum_premium": DaumPremiumBike,
    "monark": MonarkBike,
    "computrainer": CompuTrainerBike,
}
