# SPDX-License-Identifier: MIT
"""A real terminal for a screen program: tmux draws it, the test types and reads the screen."""

import os
import pathlib
import subprocess

import harness


class Terminal:
    """A command in a terminal of `columns` by `lines`; with `with`, it ends with the test."""

    def __init__(self, *argv, columns=80, lines=24, term=None):
        # A socket's path must be short: it is in the folder of the live segments.
        self.socket = os.path.join(os.environ["MEMSHIM_DIR"], f"tmux-{os.getpid()}-{id(self)}")
        self.status = f"{self.socket}-status"
        self.argv = [str(a) for a in argv]
        self.size = (columns, lines)
        self.term = term

    def _tmux(self, *argv, check=True):
        done = subprocess.run(["tmux", "-S", self.socket, "-f", "/dev/null", *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=harness.TIMEOUT_S)
        assert done.returncode == 0 or not check, (argv, done.stderr)
        return done.stdout.decode("utf-8", "replace")

    def __enter__(self):
        harness.need("tmux")
        columns, lines = self.size
        term = ["env", f"TERM={self.term}"] if self.term else []
        # The shell keeps the terminal open after the program has ended, so that its last output can be read.
        keep = 'trap : INT; "$@"; echo $? >"$0"; exec sleep infinity'
        self._tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "sh", "-c", keep, self.status, *term, *self.argv,
                   ";", "set", "-g", "status", "off", ";", "resize-window", "-x", str(columns), "-y", str(lines))
        return self

    def __exit__(self, *failure):
        self._tmux("kill-server", check=False)

    @property
    def pid(self):
        """The program's pid, once it has started."""
        shell = int(self._tmux("display-message", "-p", "#{pane_pid}"))
        children = f"/proc/{shell}/task/{shell}/children"
        harness.wait_until(lambda: pathlib.Path(children).read_text(encoding="ascii"), "the program runs")
        return int(pathlib.Path(children).read_text(encoding="ascii").split()[0])

    def screen(self):
        """All lines, without blanks at their ends. Two equal readings: the program writes a screen in several pieces."""
        seen = [self._tmux("capture-pane", "-p")]

        def settled():
            seen.append(self._tmux("capture-pane", "-p"))
            return seen[-1] == seen[-2]

        harness.wait_until(settled, "a screen that stays")
        return [line.rstrip() for line in seen[-1].split("\n")[:self.size[1]]]

    def colored(self):
        return self._tmux("capture-pane", "-p", "-e")

    def text(self):
        return "\n".join(self.screen())

    def type(self, *keys):
        for key in keys:
            self._tmux("send-keys", *(["-l", key] if len(key) == 1 else [key]))

    def resize(self, columns, lines):
        self.size = (columns, lines)
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))

    def wait_for(self, *words):
        """Waits until all these texts are on the screen at once; returns the screen."""
        seen = [""]

        def there():
            over = self.is_over() is not None
            seen[0] = self.text()
            found = all(word in seen[0] for word in words)
            assert found or not over, "it has ended"
            return found

        try:
            harness.wait_until(there, words)
        except AssertionError as error:
            raise AssertionError(f"{words} did not come:\n{seen[0]}") from error
        return seen[0]

    def wait_without(self, word):
        harness.wait_until(lambda: word not in self.text(), f"{word!r} is gone")
        return self.text()

    def is_over(self):
        """The program's exit status; None while it runs."""
        try:
            text = pathlib.Path(self.status).read_text(encoding="ascii")
        except OSError:
            return None
        return int(text) if text.endswith("\n") else None

    def end(self):
        harness.wait_until(lambda: self.is_over() is not None, "the program has ended")
        return self.is_over()
