"""The pages: a web server in a thread of its own, which no race waits for."""
