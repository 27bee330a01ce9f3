"""The page of demo and fleet: the race in a browser, from the same scenes as the terminal.

scenes (frame, ticker, account) → show → differences (patch) → server → gateway/web/static/demo.js
"""
