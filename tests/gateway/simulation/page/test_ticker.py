from dataclasses import replace

from gateway.simulation.page.ticker import News, Ticker
from gateway.simulation.scene import GatewayState, RaceMoment, RaceStage, Scene
from tests.gateway.simulation.test_view import DEMO

LIVE, KEEPING, LATE = GatewayState.LIVE, GatewayState.KEEPING, GatewayState.CATCHING_UP


def texts(*scenes: Scene) -> list[str]:
    """Return the news of the last scene."""
    ticker = Ticker()
    for scene in scenes[:-1]:
        ticker.news(scene)
    return [news.text for news in ticker.news(scenes[-1])]


def of(*states: GatewayState) -> Scene:
    return replace(DEMO, gateways=states)


def test_ticker_tells_the_network_and_the_stages_in_the_terminals_words() -> None:
    assert texts(DEMO, replace(DEMO, network_is_up=False)) == ["network cut"]
    over = replace(DEMO, moment=RaceMoment(RaceStage.ARRIVING, 300))
    assert texts(DEMO, over) == ["race over, waiting for the last messages"]


def test_ticker_tells_who_takes_the_lead() -> None:
    nobody = replace(DEMO, board=DEMO.board[2:])
    assert texts(nobody, DEMO) == ["Racer2 leads"]
    overtaken = replace(DEMO, board=(DEMO.board[1], DEMO.board[0]))
    assert texts(DEMO, overtaken) == ["Racer1 takes the lead from Racer2"]
    assert texts(DEMO, DEMO) == []


def test_ticker_counts_the_gateways_that_lose_the_network_and_return() -> None:
    assert texts(of(LIVE, LIVE, LIVE), of(KEEPING, KEEPING, LIVE)) == [
        "2 gateways keep messages on disk"
    ]
    assert texts(of(LIVE, KEEPING), of(KEEPING, KEEPING)) == ["1 gateway keeps messages on disk"]
    assert texts(of(KEEPING, LIVE), of(LATE, LIVE)) == ["1 gateway connected again"]
    assert texts(of(LATE, LIVE), of(LIVE, LIVE)) == ["all gateways are live"]
    assert texts(of(), of(KEEPING, KEEPING)) == []


def test_ticker_news_have_their_second_of_the_race_and_0_before_it() -> None:
    ticker = Ticker()
    countdown = replace(DEMO, moment=RaceMoment(RaceStage.COUNTDOWN, 3))
    ticker.news(countdown)
    assert ticker.news(replace(countdown, network_is_up=False)) == [News(0, "network cut")]
    assert ticker.news(DEMO) == [News(37, "network restored"), News(37, "the race starts")]
