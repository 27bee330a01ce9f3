"""Every external number in docs/scaling.md, with its meaning and its source.

Quotas are the defaults of a new account in us-east-1. AWS changes them: the actual quotas of an
account are in its Service Quotas console.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A page of AWS. `copy`: the copy that was read, and its date."""

    title: str
    url: str
    copy: str


@dataclass(frozen=True, slots=True)
class Number:
    """A limit or a price. `source`: None = an assumption, since AWS's own text was not seen.

    `can_be_raised`: whether AWS raises it on request; None if it is not a limit.
    """

    value: float
    unit: str
    what: str
    source: Source | None
    can_be_raised: bool | None = None
    note: str = ""


IOT = Source(
    "AWS General Reference, AWS IoT Core endpoints and quotas",
    "https://docs.aws.amazon.com/general/latest/gr/iot-core.html",
    "copy of about 2023, in github.com/rafty/handson-llm at a91f173",
)
STREAMS = Source(
    "Kinesis Data Streams guide, Quotas and limits",
    "https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html",
    "undated copy",
)
STREAMS_API = Source(
    "Kinesis API reference, UpdateShardCount and PutRecord",
    "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html",
    "from botocore 1.44.5",
)
STREAM_MODES = Source(
    "Kinesis Data Streams guide, Choosing the data stream capacity mode",
    "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html",
    "github.com/awsdocs/amazon-kinesis-data-streams-developer-guide at fe9180a: how an on-demand"
    " stream splits its shards",
)
STREAM_PRICES = Source(
    "Kinesis Data Streams pricing",
    "https://aws.amazon.com/kinesis/data-streams/pricing/",
    "undated copy",
)
LAMBDA = Source(
    "Lambda guide, Using AWS Lambda with Amazon Kinesis",
    "https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html",
    "github.com/awsdocs/aws-lambda-developer-guide at 119ccaa",
)
LAMBDA_QUOTAS = Source(
    "Lambda guide, Lambda quotas",
    "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    "github.com/awsdocs/aws-lambda-developer-guide at 0168ba0",
)
IOT_PRICES = Source(
    "AWS IoT Core pricing, an example",
    "https://aws.amazon.com/iot-core/pricing/",
    "quoted on 2022-10-28 in gist.github.com/brianfoody/2c62cecc912dbd97bc759eba427e84cf",
)
KINESIS_ACTION = Source(
    "AWS IoT Core guide, Kinesis Data Streams action",
    "https://docs.aws.amazon.com/iot/latest/developerguide/kinesis-rule-action.html",
    "github.com/awsdocs/aws-iot-docs at 03d84d2: it has no explicit hash key",
)
BASIC_INGEST = Source(
    "AWS IoT Core guide, Basic Ingest",
    "https://docs.aws.amazon.com/iot/latest/developerguide/iot-basic-ingest.html",
    "github.com/awsdocs/aws-iot-docs at 0d559ed: no messaging costs",
)
IOT_METRICS = Source(
    "AWS IoT Core guide, Metrics and dimensions",
    "https://docs.aws.amazon.com/iot/latest/developerguide/metrics_dimensions.html",
    "github.com/awsdocs/aws-iot-docs at 0361377: the metrics of throttling",
)

# Limits of a connection.
CONNECTION_PUBLISHES = Number(100, "publishes/s", "of one connection, in and out", IOT, False)

# Limits of an account.
CONNECTIONS = Number(500_000, "connections", "at the same time", IOT, True)
CONNECTS = Number(
    500,
    "connects/s",
    "of all clients",
    IOT,
    True,
    "newer lists are reported to give 3,000; the lower number is used here",
)
SUBSCRIPTIONS = Number(500, "subscriptions/s", "of all clients", IOT, True)
PUBLISHES = Number(20_000, "publishes/s", "inbound, of all clients", IOT, True)
RULES = Number(20_000, "rule evaluations/s", "of all rules", IOT, True)
SHARDS = Number(20_000, "shards", "of all streams", STREAMS, True)
SHARD_RECORDS = Number(1_000, "records/s", "written to one shard", STREAMS, False)
SHARD_BYTES = Number(1_000_000, "bytes/s", "written to one shard, keys included", STREAMS, False)
SHARD_READS = Number(5, "reads/s", "of one shard, by all consumers", STREAMS, False)
CONSUMERS = Number(1_000, "executions", "of Lambda at the same time", LAMBDA_QUOTAS, True)
REGISTRATIONS = Number(10, "registrations/s", "of things, by fleet provisioning", IOT, True)
SHARD_GROWTH = Number(2, "× shards", "at most, in one change of a stream", STREAMS_API, False)
SHARD_CHANGES = Number(10, "changes/day", "of the number of shards", STREAMS_API, True)
BATCHES = Number(
    1, "execution", "of one function for one shard, unless configured otherwise", LAMBDA
)
POLLS = Number(1, "read/s", "of a shard by one function", LAMBDA)

# Prices, first tier.
CONNECTION_MINUTES = Number(0.08, "$/million minutes", "of connection", IOT_PRICES)
MESSAGES = Number(1.0, "$/million", "messages up to 5 KB; less above a billion a month", IOT_PRICES)
RULES_TRIGGERED = Number(0.15, "$/million", "rules triggered", None)
ACTIONS = Number(0.15, "$/million", "actions executed", None)
SHARD_HOURS = Number(0.015, "$/hour", "of a shard", None)
PUT_UNITS = Number(0.014, "$/million", "records up to 25 KB put", None)
ON_DEMAND_HOURS = Number(0.04, "$/hour", "of an on-demand stream", None)
ON_DEMAND_GB = Number(0.08, "$/GB", "written to an on-demand stream", None)
ON_DEMAND_ROUNDING = Number(
    1_024, "bytes", "to which an on-demand record is rounded up", STREAM_PRICES
)

LIMITS = (
    CONNECTION_PUBLISHES,
    CONNECTIONS,
    CONNECTS,
    SUBSCRIPTIONS,
    PUBLISHES,
    RULES,
    SHARDS,
    SHARD_RECORDS,
    SHARD_BYTES,
    SHARD_READS,
    CONSUMERS,
    REGISTRATIONS,
    SHARD_GROWTH,
    SHARD_CHANGES,
    BATCHES,
    POLLS,
)
PRICES = (
    CONNECTION_MINUTES,
    MESSAGES,
    RULES_TRIGGERED,
    ACTIONS,
    SHARD_HOURS,
    PUT_UNITS,
    ON_DEMAND_HOURS,
    ON_DEMAND_GB,
    ON_DEMAND_ROUNDING,
)
#: Sources of statements in the text that use no number.
MORE_SOURCES = (STREAM_MODES, KINESIS_ACTION, BASIC_INGEST, IOT_METRICS)
