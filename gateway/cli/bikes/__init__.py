"""The commands on single bikes and their captures; none of them needs a running gateway."""
