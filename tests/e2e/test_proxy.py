"""A gateway that reaches its broker only through an HTTP proxy."""

from tests.support.connect_proxy import ConnectProxy
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber


def test_daemon_and_check_go_through_the_proxy_with_its_credentials(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    file = gateway.config_file.with_name("proxy")
    file.touch(mode=0o600)
    file.write_text("ada:secret\n")
    with ConnectProxy(credentials="ada:secret") as proxy:
        gateway.cloud |= {
            "port": broker.port,
            "proxy": proxy.url,
            "proxy_credentials_file": file,
        }
        gateway.write_config()
        checked = alleycat_gateway("check", "--config", str(gateway.config_file))
        assert f"with TLS through the proxy 127.0.0.1:{proxy.port}" in " ".join(
            checked.stdout.split()
        )
        gateway.start()
        subscriber.wait_for(lambda all_: len(all_) >= 6)
        gateway.terminate()
    assert len(proxy.asked) == 2
    assert "secret" not in gateway.log
