"""How long something takes, as a person reads it."""

from __future__ import annotations

_DAY_S = 86_400


def duration(seconds: float) -> str:
    """Such as 0:06, 12:30, 3:00:07, 2d 03:00."""
    whole = int(seconds + 0.5)
    days, rest = divmod(whole, _DAY_S)
    hours, minutes, second = rest // 3600, rest // 60 % 60, rest % 60
    if days:
        return f"{days}d {hours:02}:{minutes:02}"
    return f"{hours}:{minutes:02}:{second:02}" if hours else f"{minutes}:{second:02}"
