"""The command line: one module per verb, gathered in app.py."""
