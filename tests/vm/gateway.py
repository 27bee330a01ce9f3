"""The gateway on a machine: its package, its config, what its service manager says of it."""

import time
from pathlib import Path

from tests.support.mosquitto import Authority
from tests.vm.machine import Machine, progress

SERVICE = "alleycat-gateway.service"
CONFIG_DIR = "/etc/alleycat-gateway"
STATE_DIR = "/var/lib/alleycat-gateway"
CODE = "/usr/lib/alleycat-gateway/lib/python3.11/site-packages"
#: Where its config looks for the cloud: on its own loopback.
CLOUD_PORT = 8883
RACE_S = 20
#: Only guards against a hang: a start in software emulation on a busy machine takes minutes.
START_TIMEOUT_S = 720.0
INSTALL_TIMEOUT_S = 900.0

CONFIG = f"""\
thing_name = "gateway-1"
state_dir = "{STATE_DIR}"
[cloud]
endpoint = "127.0.0.1"
port = {CLOUD_PORT}
ca_file = "{CONFIG_DIR}/ca.pem"
certificate_file = "{CONFIG_DIR}/certificate.pem"
private_key_file = "{CONFIG_DIR}/private.key"
reconnect_max_s = 1
[race]
join = "always"
length_s = {RACE_S}
"""


def bike(bike_id: str, driver: str, options: str) -> str:
    """One bike of a config; `options` is the inside of a TOML table."""
    return (
        f'[[bikes]]\nid = "{bike_id}"\nracer_id = 7\nracer_name = "Hayden"\nclass_id = 1\n'
        f'driver = "{driver}"\noptions = {{ {options} }}\n'
    )


#: As tests/e2e and tests/durability know them.
FAKE_BIKES = tuple(bike(f"bike-{number}", "fake", f"seed = {number}") for number in (1, 2))


class Gateway:
    """What a user does with it, as root."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def install(self, package: Path) -> str:
        """As README says, without a network; the machine has the package's folder as `deb`."""
        began = time.monotonic()
        self.machine.qmp.ask("set_link", name="cable", up=False)
        self.machine.run("mount -t 9p -o ro,trans=virtio deb /mnt && cp /mnt/*_amd64.deb /root")
        command = f"cd /root && apt-get install --yes ./{package.name}"
        said = self.machine.run(command, timeout_s=INSTALL_TIMEOUT_S)
        self.machine.run("umount /mnt")
        self.machine.qmp.ask("set_link", name="cable", up=True)
        progress(f"installed in {time.monotonic() - began:.0f} s")
        return said

    def set_up(self, authority: Authority) -> None:
        """Certificates, and a config with two fake bikes; it is not started."""
        mine = authority.issue("gateway-1")
        for name, file in (
            ("ca.pem", mine.ca_file),
            ("certificate.pem", mine.certificate_file),
            ("private.key", mine.private_key_file),
        ):
            self.machine.write(f"{CONFIG_DIR}/{name}", file.read_bytes(), "alleycat-gateway")
        self.ride(*FAKE_BIKES)

    def ride(self, *bikes: str) -> None:
        """These bikes, from the next start on."""
        config = CONFIG + "".join(bikes)
        self.machine.write(f"{CONFIG_DIR}/gateway.toml", config, "alleycat-gateway")

    def restart(self) -> None:
        """Returns when it says that it is ready."""
        self.machine.run(f"systemctl restart {SERVICE}", timeout_s=START_TIMEOUT_S)

    def wait_until_it_runs(self) -> None:
        self.machine.wait_for(
            f"systemctl is-active --quiet {SERVICE} && echo yes", "yes", START_TIMEOUT_S
        )

    def connect(self, broker_port: int) -> None:
        """To this broker of ours, and to no other any more."""
        self.disconnect()
        self.machine.open_line(CLOUD_PORT, broker_port)

    def disconnect(self) -> None:
        self.machine.cut_line(CLOUD_PORT)

    def log(self) -> str:
        """Of this boot."""
        return self.machine.run(f"journalctl --boot --output cat --unit {SERVICE}")

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Until the text stands so often in the log of this boot."""
        command = f"journalctl --boot --output cat --unit {SERVICE} | grep -c '{text}'"
        enough = f'[ "$({command})" -ge {times} ] && echo enough'
        self.machine.wait_for(enough, "enough", START_TIMEOUT_S)

    def property(self, name: str) -> str:
        """Of the unit, as systemd has it."""
        return self.machine.run(f"systemctl show --value -p {name} {SERVICE}").strip()
