"""The config of a fresh installation: config/gateway.toml with a fake bike and no cloud."""

#: Until `alleycat-gateway setup` has been run there is no certificate, and plaintext is allowed to
#: this machine itself only. Old line, new line.
CHANGES = (
    (
        "# Alleycat Gateway: every option, with its default where it has one.",
        "# Alleycat Gateway, not set up yet: a fake bike, and a broker on this machine, if it has\n"
        "# one. `sudo alleycat-gateway setup` asks for what it needs and writes it here.\n"
        "#\n"
        "# Every option, with its default where it has one:",
    ),
    ('endpoint = "EXAMPLE-ats.iot.eu-west-1.amazonaws.com"', 'endpoint = "127.0.0.1"'),
    ("port = 8883", "port = 1883"),
    ("plaintext = false", "plaintext = true"),
)


def first_config(example: str) -> str:
    """The text of /etc/alleycat-gateway/gateway.toml, from that of config/gateway.toml.

    Raises ValueError if a line that is to be changed does not stand there exactly once.
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
