"""A mail server on this machine: it speaks enough SMTP to take messages, and can refuse them."""

import email
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Self

LONGEST_LINE = 1000


@dataclass
class MailServer:
    """`refusal`: what it answers to each recipient instead of taking the message."""

    got: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refusal: str = ""

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mails = self
        self.port = int(self._server.server_address[1])
        Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True
    mails: MailServer


class _Handler(StreamRequestHandler):
    server: _Server
    timeout = 20

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        to = ""
        self.say("220 mail.example ready")
        for raw in self.rfile:
            line = raw.decode().strip()
            verb = line.partition(" ")[0].upper()
            if verb == "QUIT":
                self.say("221 bye")
                return
            if verb == "RCPT":
                to = line.partition("<")[2].partition(">")[0]
            if verb == "DATA":
                self.say("354 go on")
                message = email.message_from_bytes(self._body(), policy=default)
                assert isinstance(message, EmailMessage)
                self.server.mails.got.append((to, message))
            is_refused = verb == "RCPT" and self.server.mails.refusal
            self.say(self.server.mails.refusal if is_refused else "250 ok")

    def _body(self) -> bytes:
        lines = []
        for line in self.rfile:
            assert len(line) <= LONGEST_LINE, "a line is longer than SMTP allows"
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)
