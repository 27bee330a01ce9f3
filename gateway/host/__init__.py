"""The machine the gateway runs on: systemd, sockets, files, the log."""
