"""The name of the pages in the local network, published over multicast DNS."""
