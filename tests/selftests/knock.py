# SPDX-License-Identifier: GPL-2.0
"""knock.py ADDRESS PORT INTERVAL_MS SECONDS: begins a connection every so often, and never minds
what becomes of it. Prints when it has begun."""

import errno
import resource
import _socket as socket
import sys
import time

address, port, interval, seconds = sys.argv[1], *map(int, sys.argv[2:])
# With the device of a link-local one. A name in bytes is not taken for an international one, which
# would have to be decoded.
family, _, _, _, target = socket.getaddrinfo(address.encode(), port, type=socket.SOCK_STREAM)[0]
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
begun = []
due = time.monotonic()
end = due + seconds
while due < end:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    error = sock.connect_ex(target)
    if error != errno.EINPROGRESS:
        sys.exit(errno.errorcode[error])
    begun.append(sock)
    if len(begun) == 1:
        print("begun", flush=True)
    # Not all at once if it was kept from it for a while: whoever has to find the way back to the
    # client first would drop the first of so many answers.
    due = max(due + interval / 1000, time.monotonic())
    time.sleep(max(0, due - time.monotonic()))
