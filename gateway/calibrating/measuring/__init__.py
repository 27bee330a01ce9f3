"""What is measured on a bike and what follows from it. Pure: no I/O, no clock."""
