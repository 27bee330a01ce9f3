"""The topic of the results, which must not be one that the gateway itself uses."""

from gateway.race.commands import command_topic


def results_topic_problem(topic: str | None, telemetry_topic: str, thing_name: str) -> str | None:
    """Describe why results cannot be followed on `topic`; None if they can, or without a topic.

    The gateway would take its own messages, or commands and their responses, for results.
    """
    commands = command_topic(thing_name)
    if topic is None:
        return None
    if topic == telemetry_topic:
        use = "is cloud.topic, to which this gateway publishes"
    elif topic == commands or topic.startswith(f"{commands}/"):
        use = "is for race commands to this gateway"
    else:
        return None
    return f"{topic!r} {use}; expected the topic on which the backend publishes results"
