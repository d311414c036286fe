"""A loop that a test turns by hand, and the other ends of the connections that are parked in it."""

import select

from chat.runtime import threads


class Turns:
    """A loop that a test turns by hand: what is to run later, and what is watched."""

    can_park = has_loop = True

    def __init__(self) -> None:
        self.due = []
        self.watched = []

    def waiter(self):
        return threads.Threads().waiter()

    def later(self, seconds, function):
        self.due.append((seconds, function))

    def start(self, target, name):
        self.due.append((0, target))

    def watch(self, fd, function):
        self.watched.append((fd, function))

    def poller(self):
        return select.epoll()

    def breathe(self):
        pass

    def turn(self):
        """Run what is due now, and what the kernel has to tell; what that brings about is left for the next turn."""
        due, self.due = self.due, []
        for _, function in due:
            function()
        for fd, function in self.watched:
            if select.select([fd], [], [], 0)[0]:
                function()

    def settle(self):
        while self.due:
            self.turn()
        self.turn()


def received(end):
    pieces = []
    try:
        while piece := end.recv(1 << 20):
            pieces.append(piece)
    except BlockingIOError:
        pass
    return b"".join(pieces)
