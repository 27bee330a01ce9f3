"""Choosing the rider of a bike, joining a race and leaving it: what to do, and who may ask."""
