"""`python -m gateway` is `alleycat-gateway`."""

from gateway.cli.app import main

main()
