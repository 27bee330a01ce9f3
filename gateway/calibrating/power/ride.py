"""PowerRide: measure the power of a bike, and the true power, while it is ridden."""

from collections.abc import Callable, Sequence

from drivers import Reading
from gateway.calibrating.measuring.cadence import NotUsable
from gateway.calibrating.measuring.power import RIDING_W, PowerPair, by_sensor, by_watts
from gateway.calibrating.power.view import PowerScreen
from gateway.calibrating.prompt import AnswerSource, Question
from gateway.calibrating.ride import PATIENCE_S, MeasuredRide
from gateway.calibrating.second_sensor import SecondSensor
from gateway.calibrating.view.screen import legend
from gateway.terminal.keyboard import ENTER

STEADY = "steady"

#: The efforts of a comparison, and what a simulated rider holds for each, W. They differ, because
#: a factor and an offset cannot be distinguished at a single power.
EFFORTS = (("easily", 90.0), ("harder", 150.0), ("harder still", 220.0))


class PowerRide(MeasuredRide[PowerScreen]):
    """A ride that measures the power of a bike in one of two ways.

    `hold` is called with each power that a simulated rider is to hold, in W.
    """

    quantity = "power"
    least = RIDING_W
    unheard = (
        "the bike reported no power",
        "if you did pedal, the option `power_from` can compute it from cadence and level",
    )

    async def by_watts(
        self,
        watts: Sequence[float],
        seconds: float,
        hold: Callable[[float], None],
        answers: AnswerSource,
    ) -> list[PowerPair]:
        """Measure for `seconds` at each power that a console or a trainer shows."""
        await self._until_pedalled()
        pairs = []
        for power_w in watts:
            hold(power_w)
            question = Question(
                f"Ride until the console or trainer shows {power_w:g} W. Once it is steady, press "
                "Enter.",
                {ENTER: STEADY},
            )
            if await self.ask(answers, question) is None:
                raise NotUsable(f"Enter was not pressed at {power_w:g} W within {PATIENCE_S:g} s")
            self._instruct(f"Keep {power_w:g} W.")
            span_ns = await self._measure(seconds)
            pairs.append(by_watts(self._said, power_w, *span_ns))
        return pairs

    async def by_sensor(
        self, sensor: SecondSensor, seconds: float, hold: Callable[[float], None]
    ) -> list[PowerPair]:
        """Measure with a second sensor for `seconds`, in equal parts at different efforts."""
        await self._listen_to(sensor)
        spans_ns = []
        for effort, power_w in EFFORTS:
            hold(power_w)
            self._instruct(f"Ride {effort}, and evenly.")
            spans_ns.append(await self._measure(seconds / len(EFFORTS)))
        start_ns, end_ns = spans_ns[0][0], spans_ns[-1][1]
        return by_sensor(self._said, self._others, start_ns, end_ns, sensor.calibration)

    def _value(self, reading: Reading) -> float | None:
        return reading.power_w

    def _screen(self, now_ns: int) -> PowerScreen:
        return PowerScreen(
            bike_id=self._session.state.bike_id,
            link=self._link,
            said_w=self._last(self._said),
            in_use=self._session.state.in_use,
            instruction=self._question.text,
            doing=self._doing,
            other=self._other_name,
            other_w=self._last(self._others),
            done=self._done(now_ns),
            keys=tuple(legend(self._question.words)),
        )
