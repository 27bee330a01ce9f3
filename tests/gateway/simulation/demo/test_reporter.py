from dataclasses import replace

from gateway.bike.link import LinkState
from gateway.simulation.cloud.leaderboard import Leaderboard, Standing, StreamResult
from gateway.simulation.demo.reporter import DemoReporter
from gateway.simulation.scene import RaceStage, Scene
from gateway.status.snapshot import GatewayStatus
from gateway.timing.units import NS_PER_S
from tests.support.statuses import bike_status, buffer_status, gateway_status, offline
from tests.support.telemetry import message

RACE_S = 300
START_NS = 50 * NS_PER_S
NOTHING = StreamResult(0, 0, 0, 0, {}, [])


def racer(name: str, depth: int = 0, *, is_online: bool = True) -> GatewayStatus:
    status = gateway_status(bike_status(racer_name=name), buffer=buffer_status(depth=depth))
    return status if is_online else gateway_status(*status.bikes, cloud=offline())


def stream_of(*seconds: int) -> StreamResult:
    """What the backend makes of these seconds of "Hayden"."""
    backend = Leaderboard()
    for second in seconds:
        backend.add_poll("a", [message(second).to_json()])
    duplicates = len(seconds) - len(set(seconds))
    return StreamResult(len(seconds), duplicates, 0, 0, {1: ["a"]}, backend.standings())


def scene_at(second: int, *gateways: GatewayStatus, stream: StreamResult = NOTHING) -> Scene:
    reporter = DemoReporter(RACE_S, START_NS)
    return reporter.scene(gateways, stream, START_NS + second * NS_PER_S, network_is_up=True)


def test_demo_reporter_ranks_racers_as_the_backend_does_and_then_the_others() -> None:
    scene = scene_at(5, racer("Ada"), racer("Hayden"), stream=stream_of(1, 2, 2))
    assert [(row.name, row.standing is not None) for row in scene.board] == [
        ("Hayden", True),
        ("Ada", False),
    ]
    assert [(count.where, count.total) for count in scene.counts][-1] == ("in the stream", 2)


def test_demo_reporter_shows_the_places_gained_for_two_seconds() -> None:
    reporter = DemoReporter(RACE_S, START_NS)
    gateways = racer("Ada"), racer("Bruno")
    ada, bruno = (
        Standing(1, 1, racer_id, name, 100.0, None, None, 100.0, 1, 1)
        for racer_id, name in ((1, "Ada"), (2, "Bruno"))
    )
    boards = [[ada, bruno], [bruno, ada], [bruno, ada], [bruno, ada]]
    gained = []
    for second, board in zip((0, 2, 3, 4), boards, strict=True):
        stream = replace(NOTHING, standings=board)
        now_ns = START_NS + second * NS_PER_S
        scene = reporter.scene(gateways, stream, now_ns, network_is_up=True)
        gained.append([(row.name, row.gained) for row in scene.board])
    assert gained == [
        [("Ada", 0), ("Bruno", 0)],
        [("Bruno", 1), ("Ada", -1)],
        [("Bruno", 1), ("Ada", -1)],
        [("Bruno", 0), ("Ada", 0)],
    ]


def test_demo_reporter_waits_for_connections_before_the_start_only() -> None:
    gateways = racer("Ada"), racer("Bruno", is_online=False)
    before, after = scene_at(-2, *gateways), scene_at(2, *gateways)
    assert (before.moment.stage, before.connected) == (RaceStage.CONNECTING, 1)
    assert (after.moment.stage, after.connected) == (RaceStage.RACING, 1)
    assert scene_at(-2, racer("Ada")).moment.stage is RaceStage.COUNTDOWN


def test_demo_reporter_knows_what_each_gateway_does() -> None:
    lost = replace(bike_status(racer_name="Chiara"), state=LinkState.LOST)
    gateways = racer("Ada"), racer("Bruno", 5, is_online=False), gateway_status(lost)
    assert [state.value for state in scene_at(5, *gateways).gateways] == [
        "live",
        "keeping",
        "bike lost",
    ]


def test_demo_reporter_remembers_the_most_that_was_buffered() -> None:
    reporter = DemoReporter(RACE_S, START_NS)
    for depth in (1, 4, 2):
        gateways = racer("Ada", depth), racer("Bruno", depth)
        reporter.scene(gateways, NOTHING, START_NS, network_is_up=False)
    outage = reporter.summary(2, NOTHING, outage_s=9, seed=1).outage
    assert outage is not None
    assert (outage.outage_s, outage.most_buffered) == (9, 8)


def test_demo_reporter_tells_lost_from_duplicate() -> None:
    reporter = DemoReporter(RACE_S, START_NS)
    for second in (1, 2, 300):
        reporter.observe(message(second))
    assert (reporter.produced, reporter.finals) == (3, 1)
    lossy = reporter.summary(1, stream_of(1, 1, 300), outage_s=0, seed=1)
    assert lossy.stream is not None
    assert (lossy.produced - lossy.stream.arrived, lossy.stream.duplicates) == (1, 1)
    assert not lossy.ok
    assert reporter.summary(1, stream_of(1, 2, 2, 300), outage_s=0, seed=1).ok
