"""The cloud on one machine: broker, IoT rule, Kinesis, leaderboard."""
