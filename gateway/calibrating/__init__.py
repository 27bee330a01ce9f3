"""Measuring a bike: the session, with or without a daemon, and what is measured."""
