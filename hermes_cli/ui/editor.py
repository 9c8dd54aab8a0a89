"""The user's own editor, for a line that is being typed."""

import shlex
import shutil
import subprocess
from collections.abc import Mapping

_USUAL = ("editor", "nano", "vi")


def edit_file(environment: Mapping[str, str], path: str) -> bool:
    """
    Open a file in the user's editor, wait for its end, and say whether it ended well.

    It is what `$VISUAL` or else `$EDITOR` names, or one that is usual. `environment` is the
    whole one of the editor, which must hold no key: an editor starts whatever it likes.
    """
    named = (environment.get(name, "") for name in ("VISUAL", "EDITOR"))
    for editor in filter(None, (*named, *_USUAL)):
        try:
            words = shlex.split(editor)
        except ValueError:
            continue  # a quote that is never closed
        program = shutil.which(words[0], path=environment.get("PATH", "")) if words else None
        if program is not None:
            done = subprocess.run(  # noqa: S603 - the user's own setting, and no shell
                [program, *words[1:], path], env=dict(environment), check=False
            )
            return done.returncode == 0
    return False
