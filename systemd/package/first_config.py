"""The config of a fresh installation: config/gateway.toml without a cloud.

gateway/config/first.py recognises it: with this config, the service only waits for `setup`.
"""

#: Pairs of old line and new line. Before `alleycat-gateway setup` there is no certificate, and
#: plaintext is only allowed for a broker on this computer.
CHANGES = (
    (
        "# Alleycat Gateway: every option, with its default where it has one.",
        "# Alleycat Gateway. `sudo alleycat-gateway setup` asks for your bike, its rider and your\n"
        "# cloud, and writes the answers to this file. Until then the service only waits.\n"
        "#\n"
        "# Every option, with its default where it has one:",
    ),
    ('endpoint = "EXAMPLE-ats.iot.eu-west-1.amazonaws.com"', 'endpoint = "127.0.0.1"'),
    ("port = 8883", "port = 1883"),
    ("plaintext = false", "plaintext = true"),
)


def first_config(example: str) -> str:
    """Return the text of /etc/alleycat-gateway/gateway.toml, from that of config/gateway.toml.

    Raises ValueError if a line to be changed does not occur exactly once.
    """
    lines = example.splitlines()
    for old, new in CHANGES:
        if lines.count(old) != 1:
            raise ValueError(
                f"config/gateway.toml: expected the line {old!r} once, found it "
                f"{lines.count(old)} times; adapt systemd/package/first_config.py"
            )
        lines[lines.index(old)] = new
    return "\n".join(lines) + "\n"
