from app.money import format_amount


def bill(lines: list[tuple[str, int]]) -> str:
    rows = [f"{name}: {format_amount(cents)}" for name, cents in lines]
    return "\n".join([*rows, f"Sum: {format_amount(sum(cents for _, cents in lines))}"])
