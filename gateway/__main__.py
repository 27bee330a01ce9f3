"""`python -m gateway` is `alleycat-gateway`."""

from gateway.cli import main

main()
