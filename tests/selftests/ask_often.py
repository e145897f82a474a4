# SPDX-License-Identifier: GPL-2.0
"""ask_often.py ADDRESS PORT FLOWS SECONDS: so many flows of UDP ask in turn, one every two
milliseconds, until standard input ends. Then each is asked for SECONDS more; prints how many of them
are not answered any more.

ask_often.py --answer PORT: answers whoever asks."""

import select
import _socket as socket
import sys
import time


def answer(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", port))
    print("listening", flush=True)
    while True:
        data, peer = sock.recvfrom(100)
        sock.sendto(data, peer)


def flow(target):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(target)
    sock.setblocking(False)
    return sock


def hear(flows, at):
    """Marks those that were answered. An error is none."""
    for number, sock in enumerate(flows):
        try:
            while sock.recv(100):
                at[number] = time.monotonic()
        except (BlockingIOError, ConnectionError):
            pass


def ask(target, count, seconds):
    flows = [flow(target) for _ in range(count)]
    answered = [0.0] * count
    turn, end = 0, None
    print("asks", flush=True)
    while end is None or time.monotonic() < end:
        try:
            flows[turn % count].send(b"?")
        except ConnectionError:
            pass
        turn += 1
        time.sleep(0.002)
        if turn % count == 0:
            hear(flows, answered)
            if end is None and select.select([sys.stdin], [], [], 0)[0]:
                end = time.monotonic() + seconds
    hear(flows, answered)
    print(f"{sum(last < end - seconds / 2 for last in answered)} of {count} unanswered")


if sys.argv[1] == "--answer":
    answer(int(sys.argv[2]))
else:
    ask((sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), float(sys.argv[4]))
