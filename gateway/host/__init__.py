"""The computer that the gateway runs on: systemd, sockets, files, the log."""
