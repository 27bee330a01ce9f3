"""ANT+: the messages between a computer and an ANT radio, and the pages that devices transmit."""
