# SPDX-License-Identifier: GPL-2.0
"""serve.py NAME PORT [ADDRESS]: tells who connects the NAME of this server and the client's own
address, and then repeats what it is told. Without an address, at all of either family. Prints
"listening", or why not.

serve.py --bind ADDRESS: only whether that would go."""

import errno
import resource
import select
import _socket as socket
import sys


def bound(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address == "::":
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((address, port))
    except OSError as error:
        sys.exit(errno.errorcode[error.errno])
    return listener


def plain(address):
    """Without the clothes that IPv4 wears on a socket of both families."""
    return address.removeprefix("::ffff:")


def serve(name, listener):
    # Those who knock never leave.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener.listen(1024)
    print("listening", flush=True)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients = {}
    while True:
        for number, _ in poll.poll():
            try:
                if number == listener.fileno():
                    number, peer = listener._accept()
                    clients[number] = socket.socket(fileno=number)
                    poll.register(number, select.EPOLLIN)
                    clients[number].sendall(f"{name} {plain(peer[0])}\n".encode())
                elif data := clients[number].recv(4096):
                    clients[number].sendall(data)
                else:
                    raise ConnectionResetError
            except OSError:
                if number in clients:
                    poll.unregister(number)
                    clients.pop(number).close()


if sys.argv[1] == "--bind":
    bound(sys.argv[2], 0)
    print("bound")
else:
    serve(sys.argv[1], bound(sys.argv[3] if len(sys.argv) > 3 else "::", int(sys.argv[2])))
