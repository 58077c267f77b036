"""What each capture of pcaps/ shows, and who acts in it. A scene's name is its files' name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.real.captures_lab import Lab


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One capture: `play` starts who acts in it, captures, and says what must be true."""

    name: str
    story: str
    play: Callable[[Lab], None]


SCENES: dict[str, Scene] = {}


def scene(name: str, story: str) -> Callable[[Callable[[Lab], None]], Callable[[Lab], None]]:
    """Make a scene of a function."""

    def register(play: Callable[[Lab], None]) -> Callable[[Lab], None]:
        SCENES[name] = Scene(name=name, story=story, play=play)
        return play

    return register


# Their modules fill SCENES.
from tests.real import captures_servers, captures_clients, captures_networks  # noqa: E402, F401, I001
