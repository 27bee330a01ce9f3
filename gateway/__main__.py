"""The entry point of the command `alleycat-gateway`, which is the same as `python -m gateway`."""

import signal


def main() -> None:
    """Run the command in the arguments of this process, and exit.

    While the command's modules are imported, Ctrl-C ends the process without a traceback.
    """
    is_asked = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_asked:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from gateway.cli.app import main as run_command

    if is_asked:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run_command()


if __name__ == "__main__":
    main()
