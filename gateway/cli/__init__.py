"""The command `alleycat-gateway`: one file per verb; each imports what is heavy when it runs."""

import typer

from gateway.cli import config, decode, demo, run, schema

app = typer.Typer(
    name="alleycat-gateway",
    help="From an exercise bike to AWS IoT Core, every second of every race.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(demo.demo)
app.command()(decode.decode)
app.command()(schema.schema)
app.add_typer(config.app, name="config")


def main() -> None:
    app()
