"""The cloud on one computer: broker, the shipped IoT rule, Kinesis and leaderboard.

gateways → network → broker → rule_engine (rule) → kinesis → leaderboard
"""
