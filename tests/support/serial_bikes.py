"""The bike's end of the serial protocols."""

from collections.abc import Mapping

from drivers.protocols.serial import daum, kettler, monark
from drivers.protocols.serial.peloton import (
    PelotonOp,
    PelotonRequest,
    PelotonResponse,
    decode_request,
    encode_response,
)
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE


class PelotonBike:
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


class KettlerBike:
    """A bike that answers `ST`; at a wrong baud rate it receives only noise."""

    STATUS = kettler.KettlerStatus(0, 75, 266, 1, 70, 12, 36, 65)

    def answer(self, data: bytes) -> bytes:
        return kettler.encode_status(self.STATUS) * data.count(b"ST\r\n")


class DaumBike:
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


class MonarkBike:
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
