"""A bill, split between people."""


def shares(cents: int, people: int) -> list[int]:
    """Return what each pays, in cents: together exactly the bill, none over a cent apart."""
    if people < 1:
        raise ValueError("a bill needs somebody to pay it")
    return [round(cents / people)] * people
