"""The entry point of `python -m gateway`, which is the same as `alleycat-gateway`."""

from gateway.cli.app import main

main()
