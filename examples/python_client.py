#!/usr/bin/env python3
"""A client of the tour's search service in Python's standard library, written from PROTOCOL.md alone.

    python3 examples/python_client.py unix:/run/search.sock DIRECTORY QUERY

It lists what the server serves, has it index a directory, and prints a query's hits. `P-n` are the protocol's rules.
"""
import socket
import struct
import sys

MAGIC = b"\xffTWIRE\xfe\n"  # P-1
MAX_HELLO, MAX_FRAME, MAX_MESSAGE = 256 << 10, 512 << 10, 16 << 20  # P-3, P-4
CALL, REPLY, REPLY_DATA, PING, PONG, GO_AWAY = 1, 3, 4, 6, 7, 8  # P-11
PARTIAL, ERROR, FAILURE = 0x01, 0x04, 0x08  # P-12
UNIMPLEMENTED = b"\x04\x00\x16nothing is served here\x00\x00\x00"  # P-23

# The signatures that are known here, as `traitwire list --json` shows them: a peer with others is not called (P-8).
FINGERPRINTS = {"Search.index": 0x31B3A6ABE1EC78D9, "Search.search": 0x713949E782E229DE}


def check(holds, otherwise):
    if not holds:
        raise RuntimeError(otherwise)


def varint(number):  # P-13
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def text(string):
    return varint(len(string.encode())) + string.encode()


class Values:
    """Reads values one after another (P-60)."""
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(self.at + count <= len(self.data), "the bytes end before the value does")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self):
        number, shift, byte = 0, 0, 0x80
        while byte >= 0x80:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            check(shift <= 70 and number < 1 << 64, "a number is larger than any can be")  # P-13
        return number

    def text(self):
        return self.take(self.varint()).decode()

    def many(self, one):
        return [one() for _ in range(self.varint())]


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream, self.going = self.socket.makefile("rb"), None
        # P-4: max_frame, max_message, max_calls, max_inflight, stream_window, features, generation; no services.
        limits = [MAX_FRAME, MAX_MESSAGE, 1, 64 << 20, 256 << 10, 0, 0]
        body = b"".join(map(varint, limits)) + varint(0)
        self.socket.sendall(MAGIC + struct.pack("<HHI", 1, 1, len(body)) + body)  # P-2
        magic, lowest, highest, length = struct.unpack("<8sHHI", self.take(16))
        check(magic == MAGIC and lowest <= 1 <= highest and length <= MAX_HELLO, "no server of protocol version 1")
        hello = Values(self.take(length))
        [hello.varint() for _ in limits]
        self.services = hello.many(lambda: (hello.text(), hello.many(lambda: (hello.text(), hello.varint()))))

    def take(self, count):
        data = self.stream.read(count)
        check(len(data) == count, f"the server has closed the connection: {self.going or 'it has not said why'}")
        return data

    def send(self, kind, payload, flags=0, call=0):  # P-10; one call at a time, so its id is always 0 (P-21)
        self.socket.sendall(struct.pack("<IBBI", len(payload), kind, flags, call) + payload)

    def call(self, method, arguments, result, error):
        """Calls a method. `result` and `error` read what it gives, and its own error in words."""
        check(self.going is None, f"the server takes no more calls: {self.going}")  # P-43
        served = [(f"{name}.{inner}", known) for name, methods in self.services for inner, known in methods]
        check((method, FINGERPRINTS[method]) in served, f"the server has no {method} of this signature")  # P-8
        number = served.index((method, FINGERPRINTS[method]))  # P-7
        self.send(CALL, varint(number) + arguments)  # P-20
        flags, body, whole = 0, b"", None
        while whole is None or len(body) < whole:
            length, kind, bits, call = struct.unpack("<IBBI", self.take(10))
            check(length <= MAX_FRAME, "the server has sent too large a frame")
            payload = self.take(length)
            if kind == REPLY:  # P-22
                reply = Values(payload)
                flags, whole = bits, reply.varint() if bits & PARTIAL else length
                body = payload[reply.at:]
            elif kind == REPLY_DATA:  # P-30
                body += payload
            elif kind == CALL:  # P-22, P-50; what follows of the call is passed over (P-35)
                self.send(REPLY, UNIMPLEMENTED, FAILURE, call)
            elif kind == PING:  # P-41
                self.send(PONG, payload)
            elif kind == GO_AWAY:  # P-43: calls that are under way go on
                self.going = payload.decode(errors="replace")
            check(len(body) <= min(whole or 0, MAX_MESSAGE), "the server has sent more than it may")  # P-27, P-31
        value = Values(body)
        if flags & FAILURE:  # P-23
            code, _, message = value.varint(), value.varint(), value.text()
            raise RuntimeError(f"failure {code}: {message}")
        answer = error(value) if flags & ERROR else result(value)
        check(value.at == len(body), "the bytes go on after the value")  # P-60
        if flags & ERROR:
            raise RuntimeError(answer)
        return answer

    def close(self):  # P-44
        self.send(GO_AWAY, b"done")
        self.stream.close()
        self.socket.close()


# The methods of the tour's service, as `traitwire describe` shows them.
def index(connection, root):
    def error(value):
        variant = ["NoDocument", "OutsideRoot", "Unreadable"][value.varint()]
        return f"{variant}: {value.text()}" + (f": {value.text()}" if variant == "Unreadable" else "")
    names = ["documents", "lines", "bytes", "words"]
    return connection.call("Search.index", text(root), lambda value: {name: value.varint() for name in names}, error)


def search(connection, query):
    return connection.call("Search.search", text(query), lambda value: value.many(
        lambda: {"path": value.text(), "line": value.varint(), "excerpt": value.text()}), lambda _: "an unknown error")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: python_client.py unix:PATH DIRECTORY QUERY")
    connection = Connection(sys.argv[1].removeprefix("unix:"))
    for name, methods in connection.services:
        print(f"{name}: {', '.join(method for method, _ in methods)}")
    print(index(connection, sys.argv[2]))
    for hit in search(connection, sys.argv[3]):
        print(f"{hit['path']}:{hit['line']}: {hit['excerpt']}")
    connection.close()
