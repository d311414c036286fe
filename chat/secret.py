"""The site's secret: what signs cookies and forms, and what no name that is made with it can be guessed without."""

import os
import secrets
from pathlib import Path


def of(instance: Path) -> str:
    """Made on the first start, the same for all processes and for ever."""
    path = instance / "secret"
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    draft = instance / f"secret.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_hex(32))
    try:
        os.link(draft, path)  # fails where another process was first, and never shows half a key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text()
