"""What fails in place of something that works."""

import errno
from collections.abc import Callable
from typing import NoReturn

NO_FILES = OSError(errno.EMFILE, "Too many open files")


def failing(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*arguments: object, **named: object) -> NoReturn:
        raise error

    return fail
