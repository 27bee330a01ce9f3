"""Tail: shows the messages of the running gateway as they go out, to readers of a socket."""
